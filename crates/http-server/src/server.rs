use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::body::Body;
use http_api::EdgeKey;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use settings::SettingError;
use socket2::SockRef;
use telemetry::{Exposition, Telemetry};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};

use crate::{
    Door, HttpConfig, KEYS_PAUSE, KEYS_REFRESH, KeySet, KeySource, Patience, Probes, Route, Routes, Tokens, answers,
    serve_probes,
};

/// The most connections at once. Who comes when there are as many waits, in the queue of the operating system.
const CONNECTIONS_MAX: usize = 1024;

/// The longest headers of a request, in bytes, with its first line: more than the 10,240 that API Gateway takes.
const HEADERS_BYTES_MAX: usize = 16 * 1024;

/// The pause after a connection could not be accepted, for instance because there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What was in work when a service was told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// Every request that was accepted was answered.
    Everything,
    /// Some were not in time.
    NotEverything,
}

/// Becomes ready when the process is told to end: at SIGTERM, as Kubernetes says it, or SIGINT, as a terminal does.
pub fn terminated() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Becomes true when the process is told to end, for the several consumers of one process.
///
/// # Errors
/// The signals cannot be received.
pub fn shutdown() -> io::Result<watch::Receiver<bool>> {
    let terminated = terminated()?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        terminated.await;
        // Nobody listens if everything has ended already.
        let _ = sender.send(true);
    });
    Ok(receiver)
}

/// A service: answers the requests of these routes with this state, and its probes, until it is told to end.
pub async fn run<S: Send + Sync + 'static>(
    config: &HttpConfig,
    routes: &'static [Route<S>],
    state: S,
    telemetry: Telemetry,
    exposition: &Exposition,
) -> Result<Served, RunError> {
    let edge = EdgeKey::from_env()?;
    let keys = KeySet::start(KeySource::new(&config.tokens), KEYS_REFRESH, KEYS_PAUSE);
    let tokens = Tokens::new(&config.tokens, keys.clone());
    let probes = Probes::new(exposition, move || keys.is_known());
    let shutdown = terminated().map_err(RunError::Signals)?;
    let listener = listen(config.listen.public).await?;
    start_probes(config.listen.internal, &probes).await?;
    let routes = Routes::new(routes, state, Door::new(config, tokens, edge, telemetry));
    Ok(serve(listener, routes, probes, config.patience, shutdown).await)
}

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A variable of the environment.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// Somebody else listens there, or nobody may.
    #[error("listening at {address} failed")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The process cannot be told to end.
    #[error("the signals that end the process cannot be received")]
    Signals(#[source] io::Error),
}

/// Answers probes there from now on, for as long as the process runs. All that a consumer needs of this crate.
pub async fn start_probes(address: SocketAddr, probes: &Probes) -> Result<(), RunError> {
    tokio::spawn(serve_probes(listen(address).await?, probes.clone()));
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })
}

/// Answers requests until `shutdown` is ready. Then the probes say so, and after a while for everybody to have seen that, no
/// connection is accepted any more; those that there are end with the request that they are at.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    probes: Probes,
    patience: Patience,
    shutdown: impl Future<Output = ()>,
) -> Served {
    let routes = Arc::new(routes);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience.headers)
        .max_header_size(HEADERS_BYTES_MAX)
        .max_buf_size(2 * HEADERS_BYTES_MAX);
    let connections = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut drained = pin!(async {
        shutdown.await;
        probes.end();
        sleep(patience.drain).await;
    });
    loop {
        let (stream, place) = tokio::select! {
            accepted = accept(&listener, &room, patience.unread) => accepted,
            () = &mut drained => break,
        };
        let (routes, probes) = (Arc::clone(&routes), probes.clone());
        let respond = service_fn(move |request: Request<Incoming>| {
            let (routes, probes) = (Arc::clone(&routes), probes.clone());
            async move {
                let response = routes.respond(request.map(Body::new)).await;
                // The next request goes to a process that stays.
                Ok::<_, Infallible>(if probes.is_ending() { answers::closing(response) } else { response })
            }
        });
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), respond));
        tokio::spawn(async move {
            let _place = place;
            // A client that goes away or sends what is no HTTP is its own affair.
            let _ = connection.await;
        });
    }
    drop(listener);
    match timeout(patience.body + patience.answer, connections.shutdown()).await {
        Ok(()) => Served::Everything,
        Err(_) => Served::NotEverything,
    }
}

/// The next connection, once there is room for it. It ends when the client has taken nothing of what waits to be sent for this long.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    unread: Duration,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    loop {
        // Nobody closes the semaphore.
        let place = Arc::clone(room).acquire_owned().await.ok();
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small, and must not wait for company.
                let _ = stream.set_nodelay(true);
                // TCP_USER_TIMEOUT of tcp(7): also of a client that is there and keeps its window shut.
                let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(unread));
                return (stream, place);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
