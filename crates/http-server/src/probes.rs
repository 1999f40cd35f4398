use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    http::{StatusCode, header::CONTENT_TYPE},
    routing::get,
};
use telemetry::Exposition;
use tokio::net::TcpListener;

/// How a process is, for Kubernetes, and what it has done, for Prometheus. No store has a say in it: if one fails, it fails for all
/// processes, and taking them out of service or starting them again would only add to that.
#[derive(Clone)]
pub struct Probes {
    is_ending: Arc<AtomicBool>,
    is_ready: Arc<dyn Fn() -> bool + Send + Sync>,
    exposition: Exposition,
}

impl Probes {
    /// A process that is ready whenever this says so, and not ending.
    pub fn new(exposition: &Exposition, is_ready: impl Fn() -> bool + Send + Sync + 'static) -> Probes {
        Probes { is_ending: Arc::default(), is_ready: Arc::new(is_ready), exposition: exposition.clone() }
    }

    /// From now on it is not ready: it is about to end.
    pub fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }

    fn readiness(&self) -> (StatusCode, &'static str) {
        if self.is_ending() {
            (StatusCode::SERVICE_UNAVAILABLE, "ending\n")
        } else if !(self.is_ready)() {
            (StatusCode::SERVICE_UNAVAILABLE, "starting\n")
        } else {
            (StatusCode::OK, "ready\n")
        }
    }

    fn router(self) -> Router {
        let metrics = self.exposition.clone();
        // The type that Prometheus asks for in its text format.
        let metrics = async move || ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.text());
        Router::new()
            .route("/livez", get(async || "alive\n"))
            .route("/readyz", get(async move || self.readiness()))
            .route("/metrics", get(metrics))
    }
}

/// Answers `/livez`, `/readyz` and `/metrics`, for as long as the process runs: not to the outside.
pub async fn serve_probes(listener: TcpListener, probes: Probes) -> io::Result<()> {
    axum::serve(listener, probes.router()).await
}
