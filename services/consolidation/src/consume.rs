//! `consolidation consume`: writes the totals of the log to the read model, of each period only the newest.
//!
//! Records are handled at least once, in any order: a total replaces only an older one. What cannot be read goes to the dead-letter
//! topic or waits for a newer release, each by itself. While DynamoDB does not answer at all, the records stay where they are; if
//! some periods alone cannot be written, those wait in a topic of retries, and all others go on.

use std::time::Duration;

use aws_clients::AwsLimits;
use balances::{BalanceTable, Write, WriteError};
use cashflow::{MerchantId, PeriodTotals};
use entry_log::{
    ConsumeError, Consumption, EntryLog, Handler, KafkaConfig, Members, Moved, NotHandled, Record, Step, Topic,
    consume, moved,
};
use futures::{StreamExt, future::try_join_all, stream};
use jiff::Timestamp;
use telemetry::{Causes, ConsolidationMetrics, Invocation, LagMetrics, LateMetrics, Line, StoreMetrics, Telemetry};
use tokio::sync::watch;
use workflow::{ErrorName, PostedEntries, TaskError};

use crate::newest::{Coalesced, Newest};

/// The group that writes totals.
pub const CONSUME_GROUP: &str = "consolidation-consume";

/// The group that writes totals that could not be written at first.
pub const RETRY_GROUP: &str = "worker";

/// How often all totals are written again together before those that alone cannot be written wait elsewhere, when no other is among
/// them: DynamoDB may refuse one partition, and must not stop all others.
const ATTEMPTS_TOGETHER: u32 = 3;

/// How many writes are on their way at once.
const CONCURRENT_WRITES: usize = 64;

/// Attempts of a moment are the SDK's, so that one that fails does not send its totals round a topic of retries.
pub const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(2), operation_timeout: Duration::from_secs(6), attempts: 3 };

/// What writes totals.
#[derive(Debug)]
pub struct Consolidator<'a> {
    /// Where they are written.
    pub table: &'a BalanceTable,
    /// Where those go that cannot be written.
    pub log: &'a EntryLog,
    /// Where logs and metrics go.
    pub telemetry: &'a Telemetry,
    /// Which records are meant for it.
    pub source: Source,
}

/// Where records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From where they are appended after posting: all of them are totals, whatever their headers say.
    Posted,
    /// From the topics of retries, which have records of another step, too. Those of no step that this release knows are its
    /// business as well, because somebody has to take them.
    Retries,
}

/// What `consolidation consume` consumes.
pub fn of_posted() -> Vec<(Source, Consumption)> {
    vec![consumption(Source::Posted, CONSUME_GROUP, Topic::Totals)]
}

/// What `worker` consumes.
pub fn of_retries() -> Vec<(Source, Consumption)> {
    [Topic::Retry1m, Topic::Retry15m].map(|topic| consumption(Source::Retries, RETRY_GROUP, topic)).into()
}

fn consumption(source: Source, group: &'static str, topic: Topic) -> (Source, Consumption) {
    (source, Consumption { group, topic, delay: topic.delay() })
}

/// Writes what these consumers are given, until `shutdown` is true or its sender is gone.
///
/// # Errors
/// One of the consumers cannot go on.
pub async fn run(
    kafka: &KafkaConfig,
    table: &BalanceTable,
    log: &EntryLog,
    telemetry: &Telemetry,
    consumptions: Vec<(Source, Consumption)>,
    members: &Members,
    shutdown: &watch::Receiver<bool>,
) -> Result<(), ConsumeError> {
    let consumers = consumptions.into_iter().map(|(source, consumption)| async move {
        let mut shutdown = shutdown.clone();
        let consolidator = Consolidator { table, log, telemetry, source };
        let ended = async { drop(shutdown.wait_for(|ends| *ends).await) };
        consume(kafka, &consumption, &consolidator, members, ended).await
    });
    try_join_all(consumers).await.map(drop)
}

impl Handler for Consolidator<'_> {
    fn concerns(&self, record: &Record) -> bool {
        match self.source {
            Source::Posted => true,
            Source::Retries => record.headers.step != Some(Step::Record),
        }
    }

    async fn handle(&self, records: &[Record], attempt: u32) -> Result<(), NotHandled> {
        let first = records.first().map(|record| record.origin.to_string()).unwrap_or_default();
        let consolidated = self.consolidate(records, attempt, Timestamp::now);
        self.telemetry.observe(Invocation::new(&first, None), consolidated).await
    }

    fn lag(&self, topic: Topic, records: u64) {
        self.telemetry.metrics.measure(LagMetrics { topic: topic.suffix(), records });
    }

    fn late(&self, topic: Topic, by: Duration) {
        self.telemetry.metrics.measure(LateMetrics { topic: topic.suffix(), by });
    }
}

impl Consolidator<'_> {
    async fn consolidate(
        &self,
        records: &[Record],
        attempt: u32,
        now: impl Fn() -> Timestamp,
    ) -> Result<(), NotHandled> {
        let mut coalesced = Coalesced::default();
        let mut unread = Vec::new();
        for record in records {
            match self.read(record) {
                Ok((merchant, totals, posted)) => {
                    totals.into_iter().for_each(|totals| coalesced.add(&merchant, totals, &posted, record));
                }
                Err(name) => unread.push(moved(record, self.step(record), name, now())),
            }
        }
        let unwritten =
            self.write(coalesced.into_all(), attempt, &now).await.map_err(|error| NotHandled(error.into()))?;
        let unwritten = unwritten.iter().map(|newest| unwritten_alone(newest, now()));
        let moved = unread.into_iter().chain(unwritten).collect();
        self.log.move_on(&self.telemetry.metrics, moved).await.map_err(|error| NotHandled(error.into()))
    }

    /// At which step a record is, if this release knows it.
    fn step(&self, record: &Record) -> Option<Step> {
        match self.source {
            Source::Posted => Some(Step::Consolidate),
            Source::Retries => record.headers.step,
        }
    }

    fn read(&self, record: &Record) -> Result<(MerchantId, Vec<PeriodTotals>, PostedEntries), ErrorName> {
        let refusal = |name: ErrorName, error: &(dyn std::error::Error + 'static)| {
            let error = TaskError::new(name, error);
            tracing::error!(origin = %record.origin, error = %Causes(&error), "totals cannot be read");
            name
        };
        // A newer release knows the step, and what the value is at it.
        if self.step(record).is_none() {
            tracing::error!(origin = %record.origin, "this release does not know the step of a record");
            return Err(ErrorName::NewerInput);
        }
        let posted: PostedEntries =
            serde_json::from_slice(&record.value).map_err(|error| refusal(ErrorName::InvalidInput, &error))?;
        let (merchant, totals) = posted.parse_totals().map_err(|error| refusal(error.name(), &error))?;
        Ok((merchant, totals, posted))
    }

    /// Writes each, and answers which were not written; an error if DynamoDB may be the reason, and not these totals.
    async fn write<'r>(
        &self,
        all: Vec<Newest<'r>>,
        attempt: u32,
        now: &impl Fn() -> Timestamp,
    ) -> Result<Vec<Newest<'r>>, WriteError> {
        let writes = stream::iter(all).map(|newest| async {
            let written = self.table.write_if_newer(&newest.merchant, &newest.totals, newest.epoch, newest.totals_at);
            (written.await, newest)
        });
        let writes: Vec<_> = writes.buffer_unordered(CONCURRENT_WRITES).collect().await;
        let count = |kind: Write| writes.iter().filter(|(write, _)| write.as_ref().ok() == Some(&kind)).count() as u64;
        let (written, up_to_date) = (count(Write::Written), count(Write::UpToDate));
        let since =
            writes.iter().filter(|(write, _)| write.is_ok()).filter_map(|(_, newest)| newest.waiting_since).min();
        let mut failure = None;
        let mut unwritten = Vec::new();
        for (write, newest) in writes {
            if let Err(error) = write {
                failure = Some(error);
                unwritten.push(newest);
            }
        }
        match failure {
            Some(error) if written + up_to_date == 0 && self.may_be_of_all(attempt).await => return Err(error),
            Some(error) => tracing::error!(error = %Causes(&error), periods = unwritten.len(), "totals not written"),
            None => {}
        }
        let counted = ConsolidationMetrics {
            balances_written: written,
            balances_up_to_date: up_to_date,
            consolidation_lag: since.map(|since| milliseconds_between(since, now())),
            stores: StoreMetrics::take(),
        };
        self.telemetry.metrics.emit(&Line::new("balances consolidated"), counted);
        Ok(unwritten)
    }

    /// Whether DynamoDB may write nothing at all, when it has written none of what it was asked to.
    async fn may_be_of_all(&self, attempt: u32) -> bool {
        // On the heap: the compiler would otherwise look through more layers of futures than it is allowed to.
        attempt < ATTEMPTS_TOGETHER || Box::pin(self.table.probe_writes()).await.is_err()
    }
}

/// Totals that could not be written go on without the others of their record.
fn unwritten_alone(newest: &Newest<'_>, now: Timestamp) -> Moved {
    let mut moved = moved(newest.record, Step::Consolidate, ErrorName::BalancesUnavailable, now);
    moved.message.value = serde_json::json!(newest.to_posted_entries()).to_string().into_bytes();
    moved.message.key = newest.merchant.to_string();
    moved
}

/// 0 if the clock of the brokers is ahead of this one.
fn milliseconds_between(since: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(since).as_millis()).unwrap_or_default()
}
