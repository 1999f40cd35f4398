use std::io;

use settings::SettingError;

use crate::{
    Daemon, Exposition, Line, Metrics, StoreMetrics,
    correlation::CorrelationIds,
    logs,
    store::{Calls, Segment},
    trace_header::TraceHeader,
};

/// Where logs, metrics and subsegments of a function go, built once when it starts.
#[derive(Debug)]
pub struct Telemetry {
    /// Where the metrics go.
    pub metrics: Metrics,
    daemon: Option<Daemon>,
}

/// Correlation ids of an invocation: each of its log lines carries them.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    request_id: &'a str,
    trace_header: Option<&'a str>,
    api_request_id: Option<&'a str>,
    execution: Option<&'a str>,
    edge: Option<bool>,
}

impl<'a> Invocation<'a> {
    /// An invocation with Lambda's own id for it and what Lambda says about its trace.
    pub fn new(request_id: &'a str, trace_header: Option<&'a str>) -> Invocation<'a> {
        Invocation { request_id, trace_header, api_request_id: None, execution: None, edge: None }
    }

    /// For a request with this id of API Gateway: the one in the access log and in the client's header `apigw-requestid`.
    pub fn of_request(self, api_request_id: Option<&'a str>) -> Invocation<'a> {
        Invocation { api_request_id, ..self }
    }

    /// For a request that came through the console's distribution, or did not; none where there is no console.
    pub fn through_edge(self, edge: Option<bool>) -> Invocation<'a> {
        Invocation { edge, ..self }
    }

    /// For a task of the execution of this name.
    pub fn of_execution(self, execution: Option<&'a str>) -> Invocation<'a> {
        Invocation { execution, ..self }
    }

    fn correlation_ids(&self, trace: Option<TraceHeader<'_>>) -> CorrelationIds {
        CorrelationIds {
            request_id: self.request_id.to_owned(),
            api_request_id: self.api_request_id.map(str::to_owned),
            execution: self.execution.map(|name| name.to_owned().into()).unwrap_or_default(),
            edge: self.edge,
            trace_id: trace.filter(|trace| trace.sampled_parent.is_some()).map(|trace| trace.trace_id.to_owned()),
        }
    }
}

impl Telemetry {
    /// Starts the logs, at `AWS_LAMBDA_LOG_LEVEL`; metrics go into the namespace `METRICS_NAMESPACE`, subsegments to
    /// `AWS_XRAY_DAEMON_ADDRESS`, which Lambda sets where tracing is on.
    pub fn start() -> Result<Telemetry, SettingError> {
        logs::start();
        Ok(Telemetry::new(Metrics::from_env()?, Daemon::from_env()))
    }

    /// Starts the logs of a service, at `AWS_LAMBDA_LOG_LEVEL`; its metrics are answered to whoever asks for the exposition.
    pub fn start_exposed(exposition: &Exposition) -> Telemetry {
        logs::start();
        Telemetry::new(Metrics::exposed(exposition, io::stdout()), Daemon::from_env())
    }

    /// Metrics and subsegments that go there.
    pub fn new(metrics: Metrics, daemon: Option<Daemon>) -> Telemetry {
        Telemetry { metrics, daemon }
    }

    /// Does the work of one invocation: its log lines carry its correlation ids, and its calls of stores are measured.
    pub async fn observe<T>(&self, invocation: Invocation<'_>, work: impl Future<Output = T>) -> T {
        // On the heap: what surrounds a future would otherwise double its size at every layer.
        let work = Box::pin(work);
        let trace = invocation.trace_header.and_then(TraceHeader::parse);
        let work = async {
            let result = work.await;
            // The line of the work holds the latencies of its calls. Without one, as after a failure, they get a line here.
            let unlogged = StoreMetrics::take();
            if !unlogged.is_empty() {
                self.metrics.emit(&Line::new("stores called"), unlogged);
            }
            result
        };
        invocation.correlation_ids(trace).scope(Calls::of(self.segment(trace), work)).await
    }

    fn segment(&self, trace: Option<TraceHeader<'_>>) -> Option<Segment> {
        let (daemon, trace) = (self.daemon.clone()?, trace?);
        let parent_id = trace.sampled_parent?.to_owned();
        Some(Segment { daemon, trace_id: trace.trace_id.to_owned(), parent_id })
    }
}
