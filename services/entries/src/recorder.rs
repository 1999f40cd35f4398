use std::sync::Arc;

use cashflow::MerchantId;
use entry_log::{AppendError, EntryLog, Headers, Message, Topic};
use intake::{Recorder, Start};
use telemetry::Store;

/// Records entries by appending them to the log. Only `serve` has one: who may write `fluxo.entries` says whose the entries are. What is read
/// from topics of retries is believed as well (docs/adr/0031).
#[derive(Clone)]
pub struct LogRecorder(Arc<EntryLog>);

impl LogRecorder {
    /// Appends to this log.
    pub fn new(log: EntryLog) -> LogRecorder {
        LogRecorder(Arc::new(log))
    }
}

impl Recorder for LogRecorder {
    type Error = AppendError;

    /// Once it is acknowledged, it is safe. Appended again, as after an outcome that is unknown, it is posted once: the ledger tells.
    async fn start(
        &self,
        merchant: &MerchantId,
        name: &str,
        input: String,
        trace_header: Option<String>,
    ) -> Result<Start, AppendError> {
        let headers = Headers {
            execution: Some(name.to_owned()),
            trace: trace_header,
            request_id: telemetry::api_request_id(),
            ..Headers::default()
        };
        let message = Message { key: merchant.as_str().to_owned(), value: input.into_bytes(), headers };
        telemetry::call(Store::EntryLog, self.0.append(Topic::Entries, &message)).await?;
        Ok(Start::Started)
    }

    /// The log finds nothing by its name.
    async fn input_of(&self, _: &str) -> Result<Option<String>, AppendError> {
        Ok(None)
    }

    /// The topic does.
    fn keeps_no_inputs(&self) -> bool {
        false
    }

    /// The name stands in logs, and in a header of the record.
    fn shows_executions(&self) -> bool {
        false
    }
}
