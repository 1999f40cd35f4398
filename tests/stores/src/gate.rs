use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::HeaderMap,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// What a program that is tested asks of others, counted: it can be stopped at any of its steps.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<State>);

#[derive(Debug, Default)]
struct State {
    steps: AtomicUsize,
    /// The step at which it is stopped, and whether the other side has done what it was asked.
    stop_at: AtomicUsize,
    is_done: AtomicBool,
    stopped: Notify,
    resumed: Notify,
}

impl Gate {
    /// From here on: the answer to the step of this number, from 1, never comes. It was done, or it was not.
    pub fn stop_at(&self, step: usize, is_done: bool) {
        self.0.steps.store(0, Ordering::SeqCst);
        self.0.is_done.store(is_done, Ordering::SeqCst);
        self.0.stop_at.store(step, Ordering::SeqCst);
    }

    /// From here on: all steps are answered.
    pub fn open(&self) {
        self.0.stop_at.store(0, Ordering::SeqCst);
    }

    /// The step that was stopped goes on.
    pub fn resume(&self) {
        self.0.resumed.notify_one();
    }

    /// Waits until the step was reached. Whoever made it is not answered any more, unless it is resumed.
    pub async fn stopped(&self) {
        self.0.stopped.notified().await;
    }

    async fn pass<T>(&self, work: impl Future<Output = T>) -> T {
        let step = self.0.steps.fetch_add(1, Ordering::SeqCst) + 1;
        if step != self.0.stop_at.load(Ordering::SeqCst) {
            return work.await;
        }
        if self.0.is_done.load(Ordering::SeqCst) {
            let answer = work.await;
            self.stop().await;
            return answer;
        }
        self.stop().await;
        work.await
    }

    async fn stop(&self) {
        self.0.stopped.notify_one();
        self.0.resumed.notified().await;
    }
}

/// A request as a server in a test gets it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its path.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// An HTTP server in this process; it ends with the value.
pub struct HttpServer {
    /// Where it listens.
    pub url: String,
    listener: JoinHandle<()>,
}

impl HttpServer {
    /// Starts a server that answers each request with this, once the gate lets it pass.
    pub async fn start<F, A>(gate: &Gate, answer: F) -> HttpServer
    where
        F: Fn(Asked) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Full<Bytes>>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let gate = gate.clone();
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (gate, answer) = (gate.clone(), answer.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request: Request<Incoming>| {
                        let (gate, answer) = (gate.clone(), answer.clone());
                        async move {
                            let (parts, body) = request.into_parts();
                            let body = body.collect().await?.to_bytes();
                            let asked = Asked { path: parts.uri.path().to_owned(), headers: parts.headers, body };
                            Ok::<_, hyper::Error>(gate.pass(async { answer(asked).await }).await)
                        }
                    });
                    // A client that is stopped leaves in the middle.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        HttpServer { url, listener }
    }

    /// Starts one that hands requests on to another.
    pub async fn before(gate: &Gate, address: &str) -> HttpServer {
        let address = address.trim_start_matches("http://").to_owned();
        HttpServer::start(gate, move |asked: Asked| {
            let address = address.clone();
            async move { hand_on(&address, asked).await.expect("the server behind answers") }
        })
        .await
    }
}

async fn hand_on(
    address: &str,
    asked: Asked,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TokioIo::new(TcpStream::connect(address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::post(asked.path);
    for (name, value) in &asked.headers {
        request = request.header(name, value);
    }
    let (parts, body) = sender.send_request(request.body(Full::new(asked.body))?).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    connection.abort();
    Ok(Response::from_parts(parts, Full::new(body)))
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
