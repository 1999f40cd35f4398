//! Compares the read model with the ledger, month by month, and puts right what differs: totals that are missing or behind
//! because their execution never ended, and totals that something else has overwritten.
//!
//! Everything it writes is conditional, so it may run beside live traffic and beside itself: newer totals stand, and what
//! changed since it looked is left to who changed it.
//!
//! A month that cannot be compared is set aside in the ledger and keeps no other from being compared.

mod batch;
mod compare;
mod month;
mod recent;
mod report;
mod request;
mod run;

use std::{cell::Cell, collections::HashSet};

use balances::{BalanceTable, ListedItem, ReadError, ScanCursor};
use batch::BATCH_MAX;
use cashflow::Month;
use ledger::{Ledger, LedgerError, MonthKey, MonthPage};
pub use month::MonthError;
pub use report::Report;
pub use request::{InvalidRequest, RunCursor};
use request::{Request, month_key};
use run::{Clock, Run};
use serde_json::Value;
use telemetry::{Causes, Line, Metrics};

/// How many months are listed at once when everything is compared.
const LISTED_MAX: u16 = 200;

/// How many months of listed items are compared before the next look at the clock: those of a year, which share an item, belong
/// together.
const MONTHS_OF_ITEMS_MAX: usize = 12;

/// What the function works with, built once when it starts.
#[derive(Debug)]
pub struct ReconcileBalances {
    /// The truth.
    pub ledger: Ledger,
    /// What is compared with it.
    pub table: BalanceTable,
    /// Where the metrics go.
    pub metrics: Metrics,
}

/// A run that did not come to its end; whatever it put right stays so. Running it again is always safe.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The event says nothing that can be compared.
    #[error("the event is not valid: {0}")]
    Request(#[from] InvalidRequest),
    /// The ledger gave no answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The read model could not be listed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A store is down, so no month could be compared. None is set aside for that.
    #[error("no month can be compared: a store does not answer")]
    Stores(#[source] MonthError),
}

impl ReconcileBalances {
    /// Compares what the event says, until `is_out_of_time`.
    pub async fn handle(&self, event: Value, is_out_of_time: impl Fn() -> bool) -> Result<Report, RunError> {
        let mut run = Run::default();
        let has_begun = Cell::new(false);
        let result = match Request::parse(event) {
            // On the heap: the compiler gives up on futures that are nested as deeply as all of this.
            Ok(request) => Box::pin(self.run(request, Clock::new(&is_out_of_time, &has_begun), &mut run)).await,
            Err(error) => Err(error.into()),
        };
        let report = run.report;
        match result {
            Ok(()) => {
                let line = Line::new("balances reconciled").text("report", format!("{report:?}"));
                self.metrics.emit(&line, report.metrics());
                Ok(report)
            }
            Err(error) => {
                tracing::error!(error = %Causes(&error), ?report, "balances not reconciled");
                self.metrics.emit(&Line::new("balances reconciled in part"), report.metrics());
                Err(error)
            }
        }
    }

    async fn run(&self, request: Request, clock: Clock<'_>, run: &mut Run) -> Result<(), RunError> {
        run.finds_months_set_aside = self.ledger.count_months_set_aside().await? > 0;
        match request {
            Request::Scheduled => self.reconcile_recent(clock, run).await?,
            Request::Merchant { merchant, currency, months, after } => {
                let currencies = match currency {
                    Some(currency) => vec![currency],
                    None => self.ledger.currencies(&merchant).await?,
                };
                let keys = currencies.into_iter().flat_map(|currency| {
                    let merchant = merchant.clone();
                    months_between(months).map(move |month| MonthKey { merchant: merchant.clone(), currency, month })
                });
                run.report.next = self.reconcile_each(keys, after, clock, run).await?;
                run.report.complete = run.report.next.is_none();
            }
            Request::Everything { after } => {
                run.report.next = self.reconcile_everything(after, clock, run).await?;
                run.report.complete = run.report.next.is_none();
            }
        }
        run.report.set_aside = Some(self.ledger.count_months_set_aside().await?);
        Ok(())
    }

    /// These months, from the one after a cursor; answers the cursor to go on from.
    async fn reconcile_each(
        &self,
        keys: impl Iterator<Item = MonthKey>,
        after: Option<RunCursor>,
        clock: Clock<'_>,
        run: &mut Run,
    ) -> Result<Option<RunCursor>, RunError> {
        let mut keys = keys.peekable();
        let mut cursor = after;
        if let Some(after) = &cursor {
            // Skips the months before the cursor, and the one that it names.
            while keys.next_if(|key| RunCursor::after(key) != *after).is_some() {}
            keys.next();
        }
        loop {
            let batch: Vec<MonthKey> = keys.by_ref().take(BATCH_MAX).collect();
            let came_to = self.reconcile_batch(&batch, clock, run).await?;
            cursor = batch[..came_to].last().map(RunCursor::after).or(cursor);
            if came_to < batch.len() {
                return Ok(cursor);
            }
            if keys.peek().is_none() {
                return Ok(None);
            }
            if run.has_failed_too_often() {
                return Ok(cursor);
            }
        }
    }

    /// Every month that the ledger has entries of, then every month that the read model holds anything of: a restored ledger
    /// does not know them all.
    async fn reconcile_everything(
        &self,
        after: Option<RunCursor>,
        clock: Clock<'_>,
        run: &mut Run,
    ) -> Result<Option<RunCursor>, RunError> {
        let mut last = match after {
            None => None,
            Some(RunCursor::Ledger { merchant_id, currency, month }) => {
                Some(month_key(&merchant_id, &currency, &month)?)
            }
            Some(RunCursor::Table) => return self.reconcile_table(None, clock, run).await,
            Some(RunCursor::Item { pk, sk }) => {
                return self.reconcile_table(Some(ScanCursor { pk, sk }), clock, run).await;
            }
        };
        loop {
            let MonthPage { months, is_last } = self.ledger.months_with_entries(last.as_ref(), LISTED_MAX).await?;
            for batch in months.chunks(BATCH_MAX) {
                let came_to = self.reconcile_batch(batch, clock, run).await?;
                last = batch[..came_to].last().cloned().or(last);
                if came_to < batch.len() || run.has_failed_too_often() {
                    return Ok(last.as_ref().map(RunCursor::after));
                }
            }
            if is_last {
                return self.reconcile_table(None, clock, run).await;
            }
        }
    }

    async fn reconcile_table(
        &self,
        mut after: Option<ScanCursor>,
        clock: Clock<'_>,
        run: &mut Run,
    ) -> Result<Option<RunCursor>, RunError> {
        loop {
            let (items, has_more) = self.table.items(after.as_ref()).await?;
            let mut compared = HashSet::new();
            let mut items = items.into_iter().peekable();
            while items.peek().is_some() {
                // The clock is looked at here, and not within: a cursor is after an item, all of whose months are compared.
                if !clock.has_time() || run.has_failed_too_often() {
                    return Ok(Some(
                        after.map_or(RunCursor::Table, |ScanCursor { pk, sk }| RunCursor::Item { pk, sk }),
                    ));
                }
                let mut batch = Vec::new();
                while let Some(item) = items.next_if(|item| fits(&batch, item)) {
                    let months = item.months.unwrap_or_else(|| {
                        let ScanCursor { pk, sk } = &item.cursor;
                        tracing::error!(
                            pk,
                            sk,
                            "skipped an item of the balance table: its keys name no merchant, day or year"
                        );
                        run.report.unknown_items += 1;
                        Vec::new()
                    });
                    let keys =
                        months.into_iter().map(|(merchant, currency, month)| MonthKey { merchant, currency, month });
                    batch.extend(keys.filter(|key| compared.insert(key.clone())));
                    after = Some(item.cursor);
                }
                self.reconcile_batch(&batch, Clock::unlimited(), run).await?;
            }
            if !has_more {
                return Ok(None);
            }
        }
    }
}

/// Whether the months of one more item can be compared with the others. Those of a first one always can.
fn fits(batch: &[MonthKey], item: &ListedItem) -> bool {
    batch.is_empty() || batch.len() + item.months.as_ref().map_or(0, Vec::len) <= MONTHS_OF_ITEMS_MAX
}

fn months_between((first, last): (Month, Month)) -> impl Iterator<Item = Month> {
    std::iter::successors(Some(first), |month| month.next()).take_while(move |month| *month <= last)
}
