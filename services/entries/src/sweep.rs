//! `entries sweep`: posts a part of the log again. All of it should be in the ledger; what is not, is found here.
//!
//! It goes as far as the recorder has handled the log, so that what is merely late is not taken for lost. Entries that wait in a
//! topic of retries are found too if their time has come meanwhile, which is no harm: they are posted once.

use std::time::Duration;

use entry_log::{AppendError, EntryLog, KafkaConfig, Part, ReadError, Reader, Record, Topic};
use jiff::Timestamp;
use ledger::{Ledger, PostError};
use telemetry::{Causes, Invocation, Line, StoreMetrics, SweepMetrics, Telemetry};
use tokio::time::sleep;

use crate::record::{Attempt, RECORD_GROUP, append_totals, post};

/// How often a batch is posted before the sweep gives up, and how long it waits in between.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_secs(3);

/// What a sweep has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Records that were read.
    pub records: u64,
    /// Entries that were not in the ledger and are now.
    pub entries_posted: u64,
    /// Records that could not be posted. They are in a topic of retries or of dead letters, or were.
    pub records_unposted: u64,
    /// Whether the recorder has handled this part to its end, so that all of it was read.
    pub is_whole: bool,
}

/// A sweep ended before its time, and what it had found by then is in what it is told to fill. It can be run again.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The ledger gave no answer.
    #[error("posting a part of the log again failed {ATTEMPTS} times")]
    Post(#[source] PostError),
    /// Totals could not be appended. Entries that were posted are in the ledger; reconciliation repairs their balances.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Posts again what was appended from one time until before another, and notes in `swept` what it finds, also if it fails: run again
/// it would not find that any more.
pub async fn sweep(
    kafka: &KafkaConfig,
    ledger: &Ledger,
    log: &EntryLog,
    telemetry: &Telemetry,
    (from, to): (Timestamp, Timestamp),
    swept: &mut Swept,
) -> Result<(), SweepError> {
    let topic = kafka.topics.name(Topic::Entries);
    let mut reader = Reader::open(kafka, RECORD_GROUP, &topic, Part::Handled { from, to }).await?;
    swept.is_whole = reader.is_whole();
    loop {
        let records = reader.next().await?;
        let Some(first) = records.first() else { return Ok(()) };
        let first = first.origin.to_string();
        let batch = sweep_batch(ledger, log, telemetry, &records, swept);
        telemetry.observe(Invocation::new(&first, None), batch).await?;
    }
}

async fn sweep_batch(
    ledger: &Ledger,
    log: &EntryLog,
    telemetry: &Telemetry,
    records: &[Record],
    swept: &mut Swept,
) -> Result<(), SweepError> {
    let metrics = &telemetry.metrics;
    let posted_before = swept.entries_posted;
    let mut unposted = 0;
    for attempt in 1.. {
        // What one attempt has posted, the next one finds posted.
        let Attempt { posted, mut unanswered } = post(ledger, metrics, records, attempt - 1).await;
        for totals in &posted.totals {
            swept.entries_posted += u64::from(totals.outcomes.posted);
            append_totals(log, totals).await?;
        }
        let Some((_, error)) = unanswered.pop() else {
            unposted = u64::try_from(posted.unposted.len()).unwrap_or(u64::MAX);
            break;
        };
        if attempt == ATTEMPTS {
            return Err(SweepError::Post(error));
        }
        tracing::error!(error = %Causes(&error), attempt, "a part of the log not posted again; trying again");
        sleep(PAUSE).await;
    }
    swept.records += u64::try_from(records.len()).unwrap_or(u64::MAX);
    swept.records_unposted += unposted;
    let line = Line::new("log swept").text("records", records.len()).text("records_unposted", unposted);
    let entries_swept = swept.entries_posted - posted_before;
    metrics.emit(&line, SweepMetrics { entries_swept, stores: StoreMetrics::take() });
    Ok(())
}
