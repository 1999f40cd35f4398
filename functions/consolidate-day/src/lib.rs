//! `ConsolidateDay`: writes the totals of the affected days and months to the read model, unless newer ones are there.
//!
//! It writes absolute totals with their version, so it may run any number of times, late, and in any order.

use balances::{BalanceTable, Write};
use futures::{StreamExt, TryStreamExt, stream};
use telemetry::{ConsolidationMetrics, Metrics};
use workflow::{Consolidation, ErrorName, PostedEntries, TaskError};

/// How many writes are on their way at once: a batch can touch 500 days and as many months.
const CONCURRENT_WRITES: usize = 32;

/// Runs the task on one state of the workflow.
pub async fn handle(
    table: &BalanceTable,
    metrics: &Metrics,
    state: serde_json::Value,
) -> Result<Consolidation, TaskError> {
    let consolidated = consolidate(table, state).await;
    match &consolidated {
        Ok(consolidation) => metrics.emit(ConsolidationMetrics {
            balances_written: consolidation.written.into(),
            balances_up_to_date: consolidation.up_to_date.into(),
        }),
        Err(error) => tracing::error!(error = error as &dyn std::error::Error, "balances not consolidated"),
    }
    consolidated
}

async fn consolidate(table: &BalanceTable, state: serde_json::Value) -> Result<Consolidation, TaskError> {
    let invalid = |error: &dyn std::error::Error| TaskError::new(ErrorName::InvalidInput, error);
    let posted: PostedEntries = serde_json::from_value(state).map_err(|error| invalid(&error))?;
    let (merchant, totals) = posted.parse_totals().map_err(|error| invalid(&error))?;

    let writes: Vec<Write> = stream::iter(&totals)
        .map(|totals| table.write_if_newer(&merchant, totals, posted.epoch, posted.totals_at))
        .buffer_unordered(CONCURRENT_WRITES)
        .try_collect()
        .await
        .map_err(|error| TaskError::new(ErrorName::BalancesUnavailable, &error))?;

    let count = |kind: Write| writes.iter().map(|write| u32::from(*write == kind)).sum();
    let consolidation = Consolidation {
        outcomes: posted.outcomes,
        conflicts: posted.conflicts,
        already_reversed: posted.already_reversed,
        written: count(Write::Written),
        up_to_date: count(Write::UpToDate),
    };
    tracing::info!(%merchant, written = consolidation.written, up_to_date = consolidation.up_to_date, "balances consolidated");
    Ok(consolidation)
}
