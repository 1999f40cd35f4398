//! Some months side by side. One that cannot be compared is set aside, and the others are compared all the same.

use std::future::ready;

use balances::{ProbeError, ReadError};
use futures::{StreamExt, stream};
use ledger::MonthKey;
use telemetry::Causes;

use crate::{
    MonthError, ReconcileBalances, RunError,
    month::Comparison,
    run::{Clock, Run},
};

/// How many months are compared between two looks at what failed, and between two savings of the cursor.
pub(crate) const BATCH_MAX: usize = 32;

/// How many months are compared at once. The ledger answers one after the other, over its one connection; what goes on beside
/// that is waiting for DynamoDB.
const AT_ONCE: usize = 8;

impl ReconcileBalances {
    /// Compares months in their order until it is out of time, and answers how many it compared: all, or those before the first
    /// that it did not begin.
    pub(crate) async fn reconcile_batch(
        &self,
        keys: &[MonthKey],
        clock: Clock<'_>,
        run: &mut Run,
    ) -> Result<usize, RunError> {
        let comparison = Comparison { ledger: &self.ledger, table: &self.table };
        let comparison = &comparison;
        let outcomes: Vec<_> = stream::iter(keys)
            .take_while(|_| ready(clock.has_time()))
            .map(|key| async move { (key, comparison.month(key).await) })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let came_to = outcomes.len();
        let (mut compared, mut failed) = (Vec::new(), Vec::new());
        for (key, (report, outcome)) in outcomes {
            run.report.add(&report);
            match outcome {
                Ok(()) => compared.push(key),
                Err(error) => failed.push((key, error)),
            }
        }
        if run.finds_months_set_aside && !compared.is_empty() {
            self.ledger.take_back_months(&compared).await?;
        }
        self.set_aside(failed, run).await?;
        Ok(came_to)
    }

    /// What failed is set aside, unless all that is asked now would fail: then it is nothing about these months, and the run ends.
    async fn set_aside(&self, failed: Vec<(&MonthKey, MonthError)>, run: &mut Run) -> Result<(), RunError> {
        for (key, error) in &failed {
            let MonthKey { merchant, currency, month } = key;
            tracing::error!(%merchant, %currency, %month, error = %Causes(error), "month not compared");
        }
        if let Some(index) = failed.iter().position(|(_, error)| is_of_the_whole_ledger(error)) {
            let (_, error) = { failed }.swap_remove(index);
            return Err(RunError::Stores(error));
        }
        if failed.iter().any(|(_, error)| may_be_of_the_whole_table(error)) {
            self.table.probe().await.map_err(|error| {
                RunError::Stores(match error {
                    ProbeError::Read(error) => MonthError::Read(error),
                    ProbeError::Write(error) => MonthError::Write(error),
                })
            })?;
        }
        for (key, error) in failed {
            self.ledger.set_month_aside(key, &Causes(&error).to_string()).await?;
            run.report.failed += 1;
            run.finds_months_set_aside = true;
        }
        Ok(())
    }
}

fn is_of_the_whole_ledger(error: &MonthError) -> bool {
    matches!(error, MonthError::Ledger(error) if error.is_of_whole_ledger())
}

/// An item that cannot be read is one item. A month that took too long may have waited for either store; whether the ledger
/// answers, setting the month aside shows.
fn may_be_of_the_whole_table(error: &MonthError) -> bool {
    match error {
        MonthError::Read(ReadError::Unavailable(_)) | MonthError::Write(_) | MonthError::Timeout(_) => true,
        MonthError::Read(ReadError::Malformed | ReadError::Overflow(_)) | MonthError::Ledger(_) => false,
    }
}
