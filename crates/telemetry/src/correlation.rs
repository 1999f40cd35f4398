use std::cell::OnceCell;

use serde::ser::SerializeMap;

use crate::line::Object;

tokio::task_local! {
    static CORRELATION_IDS: CorrelationIds;
}

/// Correlation ids of an invocation. Every log line of the invocation carries them, at every level.
#[derive(Debug, Default)]
pub(crate) struct CorrelationIds {
    /// Lambda's id of the invocation.
    pub(crate) request_id: String,
    /// API Gateway's id of the request.
    pub(crate) api_request_id: Option<String>,
    /// The name of the execution of the state machine.
    pub(crate) execution: OnceCell<String>,
    /// Whether the request came through the console's distribution, where there is one.
    pub(crate) edge: Option<bool>,
    /// X-Ray's id of the trace, if the trace is sampled: X-Ray keeps no other.
    pub(crate) trace_id: Option<String>,
}

/// Adds the name of the execution that this invocation works for to its correlation ids.
pub fn correlate_with_execution(name: &str) {
    // The first one stays: an invocation works for one execution.
    let _ = CORRELATION_IDS.try_with(|ids| ids.execution.set(name.to_owned()));
}

/// API Gateway's id of the request that this invocation answers, or that of the service in its place.
pub fn api_request_id() -> Option<String> {
    CORRELATION_IDS.try_with(|ids| ids.api_request_id.clone()).ok().flatten()
}

impl CorrelationIds {
    /// Does the work of the invocation that has these ids.
    pub(crate) async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        CORRELATION_IDS.scope(self, work).await
    }

    /// Writes the ids into a line. Outside of an invocation there are none.
    pub(crate) fn write(object: &mut Object<'_>) -> serde_json::Result<()> {
        CORRELATION_IDS
            .try_with(|ids| {
                let CorrelationIds { request_id, api_request_id, execution, edge, trace_id } = ids;
                object.serialize_entry("request_id", request_id)?;
                if let Some(edge) = edge {
                    object.serialize_entry("edge", edge)?;
                }
                let others = [
                    ("api_request_id", api_request_id.as_ref()),
                    ("execution", execution.get()),
                    ("trace_id", trace_id.as_ref()),
                ];
                others
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?)))
                    .try_for_each(|(name, value)| object.serialize_entry(name, value))
            })
            .unwrap_or(Ok(()))
    }
}
