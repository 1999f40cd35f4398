//! `ConsolidateDay`: writes the totals of the affected days and months to the read model, unless newer ones are there.
//!
//! It writes absolute totals with their version, so it may run any number of times, at any time and in any order.

use balances::{BalanceTable, Write};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use telemetry::{Causes, ConsolidationMetrics, Line, Metrics, StoreMetrics};
use workflow::{Consolidation, ErrorName, PostedEntries, Task, TaskError};

/// How many writes are on their way at once: a batch can touch 500 days and as many months.
const CONCURRENT_WRITES: usize = 32;

/// Runs the task on one state of the workflow; `now` is asked when its balances are written.
pub async fn handle(
    table: &BalanceTable,
    metrics: &Metrics,
    task: Task,
    now: impl Fn() -> Timestamp,
) -> Result<Consolidation, TaskError> {
    let consolidated = consolidate(table, metrics, task, now).await;
    if let Err(error) = &consolidated {
        tracing::error!(error = %Causes(error), "balances not consolidated");
    }
    consolidated
}

async fn consolidate(
    table: &BalanceTable,
    metrics: &Metrics,
    task: Task,
    now: impl Fn() -> Timestamp,
) -> Result<Consolidation, TaskError> {
    let posted: PostedEntries = task.state().map_err(|error| TaskError::new(ErrorName::InvalidInput, &error))?;
    let (merchant, totals) = posted.parse_totals().map_err(|error| TaskError::new(error.name(), &error))?;

    let writes: Vec<Write> = stream::iter(&totals)
        .map(|totals| table.write_if_newer(&merchant, totals, posted.epoch, posted.totals_at))
        .buffer_unordered(CONCURRENT_WRITES)
        .try_collect()
        .await
        .map_err(|error| TaskError::new(ErrorName::BalancesUnavailable, &error))?;
    let lag = posted.waiting_since.map(|since| milliseconds_between(since, now()));

    let count = |kind: Write| writes.iter().map(|write| u32::from(*write == kind)).sum();
    let consolidation = Consolidation {
        outcomes: posted.outcomes,
        conflicts: posted.conflicts,
        already_reversed: posted.already_reversed,
        written: count(Write::Written),
        up_to_date: count(Write::UpToDate),
    };
    let counted = ConsolidationMetrics {
        balances_written: consolidation.written.into(),
        balances_up_to_date: consolidation.up_to_date.into(),
        consolidation_lag: lag,
        stores: StoreMetrics::take(),
    };
    metrics.emit(&Line::new("balances consolidated").text("merchant", &merchant), counted);
    Ok(consolidation)
}

/// 0 if the clock of the state machine is ahead of this one.
fn milliseconds_between(since: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(since).as_millis()).unwrap_or_default()
}
