//! `entries record`: posts the entries of the log to the ledger, and appends the totals after them.
//!
//! Records are handled at least once, and posting is idempotent. What the ledger refuses for good goes to the dead-letter topic by
//! itself; what has to wait for something goes to a topic of retries. While the ledger or the log does not answer, the records
//! stay where they are: the topic is the queue.

mod groups;
mod posting;
mod totals;

use std::time::Duration;

use entry_log::{
    AppendError, ConsumeError, Consumption, EntryLog, Handler, Headers, KafkaConfig, Members, Message, NotHandled,
    Record, Step, Topic, consume, moved,
};
use futures::future::{try_join, try_join_all};
use jiff::Timestamp;
use ledger::Ledger;
use telemetry::{Invocation, LagMetrics, LateMetrics, Telemetry};
use tokio::sync::watch;
use workflow::PostedEntries;

use posting::Posted;
pub(crate) use posting::{Attempt, post};

/// The group that posts accepted entries.
pub const RECORD_GROUP: &str = "entries-record";

/// The group that posts entries that could not be posted at first.
pub const RETRY_GROUP: &str = "entries-retry";

/// What posts entries.
#[derive(Debug)]
pub struct Recorder<'a> {
    /// Where they are posted.
    pub ledger: &'a Ledger,
    /// Where the totals after them go.
    pub log: &'a EntryLog,
    /// Where logs and metrics go.
    pub telemetry: &'a Telemetry,
    /// Which records are meant for it.
    pub source: Source,
}

/// Where records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From where they are accepted: all of them are entries, whatever their headers say.
    Accepted,
    /// From the topics of retries, which have records of another step, too.
    Retries,
}

/// What is consumed.
pub fn consumptions() -> [(Source, Consumption); 3] {
    let consumption = |source, group, topic: Topic| (source, Consumption { group, topic, delay: topic.delay() });
    [
        consumption(Source::Accepted, RECORD_GROUP, Topic::Entries),
        consumption(Source::Retries, RETRY_GROUP, Topic::Retry1m),
        consumption(Source::Retries, RETRY_GROUP, Topic::Retry15m),
    ]
}

/// Posts what is accepted, and what could not be posted before, as these consumers, until `shutdown` is true or its sender is gone.
///
/// # Errors
/// One of the consumers cannot go on.
pub async fn run(
    kafka: &KafkaConfig,
    ledger: &Ledger,
    log: &EntryLog,
    telemetry: &Telemetry,
    members: &Members,
    shutdown: &watch::Receiver<bool>,
) -> Result<(), ConsumeError> {
    let consumers = consumptions().map(|(source, consumption)| async move {
        let mut shutdown = shutdown.clone();
        let recorder = Recorder { ledger, log, telemetry, source };
        let ended = async { drop(shutdown.wait_for(|ends| *ends).await) };
        consume(kafka, &consumption, &recorder, members, ended).await
    });
    try_join_all(consumers).await.map(drop)
}

impl Handler for Recorder<'_> {
    fn concerns(&self, record: &Record) -> bool {
        match self.source {
            Source::Accepted => true,
            Source::Retries => record.headers.step == Some(Step::Record),
        }
    }

    async fn handle(&self, records: &[Record], attempt: u32) -> Result<(), NotHandled> {
        let first = records.first().map(|record| record.origin.to_string()).unwrap_or_default();
        let recorded = self.record(records, attempt, Timestamp::now());
        self.telemetry.observe(Invocation::new(&first, None), recorded).await
    }

    fn lag(&self, topic: Topic, records: u64) {
        self.telemetry.metrics.measure(LagMetrics { topic: topic.suffix(), records });
    }

    fn late(&self, topic: Topic, by: Duration) {
        self.telemetry.metrics.measure(LateMetrics { topic: topic.suffix(), by });
    }
}

impl Recorder<'_> {
    async fn record(&self, records: &[Record], attempt: u32, now: Timestamp) -> Result<(), NotHandled> {
        let metrics = &self.telemetry.metrics;
        let Posted { totals, unposted } = post(self.ledger, metrics, records, attempt)
            .await
            .unless_all_have_to_wait(self.ledger, attempt)
            .await
            .map_err(|error| NotHandled(error.into()))?;
        let totals = try_join_all(totals.iter().map(|totals| append_totals(self.log, totals)));
        let unposted = unposted.iter().map(|unposted| moved(unposted.record, Step::Record, unposted.error, now));
        let appended = try_join(totals, self.log.move_on(metrics, unposted.collect())).await;
        appended.map(drop).map_err(|error| NotHandled(error.into()))
    }
}

/// Appends totals for those who write them to the read model.
pub(crate) async fn append_totals(log: &EntryLog, totals: &PostedEntries) -> Result<(), AppendError> {
    let value = serde_json::json!(totals).to_string().into_bytes();
    let message = Message { key: totals.merchant_id.clone(), value, headers: Headers::default() };
    log.append(Topic::Totals, &message).await
}
