use std::cell::OnceCell;

use serde::ser::SerializeMap;

use crate::line::Object;

tokio::task_local! {
    static NAMES: Names;
}

/// What an invocation is called by others. Every line that is written meanwhile carries it, at whatever level.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Lambda's id of the invocation.
    pub(crate) request_id: String,
    /// API Gateway's id of the request.
    pub(crate) api_request_id: Option<String>,
    /// The name of the execution of the state machine.
    pub(crate) execution: OnceCell<String>,
    /// X-Ray's id of the trace, if the trace is kept: the id of another one leads nowhere.
    pub(crate) trace_id: Option<String>,
}

/// Says that the work of this invocation belongs to the execution of this name, from here on.
pub fn belongs_to_execution(name: &str) {
    // The first one stays: an invocation works for one execution.
    let _ = NAMES.try_with(|names| names.execution.set(name.to_owned()));
}

impl Names {
    /// Does some work of an invocation that is called so.
    pub(crate) async fn of<T>(self, work: impl Future<Output = T>) -> T {
        NAMES.scope(self, work).await
    }

    /// Writes what this invocation is called into a line. Outside of an invocation that is nothing.
    pub(crate) fn write(object: &mut Object<'_>) -> serde_json::Result<()> {
        NAMES
            .try_with(|names| {
                let Names { request_id, api_request_id, execution, trace_id } = names;
                object.serialize_entry("request_id", request_id)?;
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
