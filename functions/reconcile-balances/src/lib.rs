//! Compares the read model with the ledger, month by month, and puts right what differs: totals that are missing or behind
//! because their execution never came to its end, and whatever somebody has written over them.
//!
//! Everything it writes is conditional, so it may run beside live traffic and beside itself: newer totals stand, and what
//! changed since it looked is left to who changed it.

mod compare;
mod report;
mod request;

use std::{collections::HashSet, time::Duration};

use balances::{BalanceTable, ReadError, ScanPlace, Write, WriteError};
use cashflow::Month;
use compare::{Kind, SealDifference, TotalsDifference, seal_differences, totals_differences};
use jiff::{SignedDuration, Timestamp};
use ledger::{Ledger, LedgerError, LedgerMonth, MonthKey, Reconciled};
pub use report::Report;
pub use request::{InvalidRequest, Place};
use request::{Request, month_key};
use serde_json::Value;
use telemetry::{Causes, Metrics};

/// How many months are listed at once.
const LISTED_MAX: u16 = 200;

/// How much a scheduled run asks the ledger for at once.
const WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// Each scheduled run looks once more at what the one before saw last: entries whose transaction ended after it looked. An entry
/// gets its time in the statement that posts it, which the database ends after ten seconds.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

/// Totals whose newest entry is younger than this are not different: its execution is on its way, and brings them up.
const IN_FLIGHT: Duration = Duration::from_secs(60);

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
    #[error("the event cannot be read: {0}")]
    Request(#[from] InvalidRequest),
    /// The ledger gave no answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The read model gave no answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The read model did not take a repair.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl ReconcileBalances {
    /// Compares what the event says, until it is late.
    pub async fn handle(&self, event: Value, is_late: impl Fn() -> bool) -> Result<Report, RunError> {
        let mut report = Report::default();
        let result = match Request::parse(event) {
            // On the heap: the compiler gives up on futures that are nested as deeply as all of this.
            Ok(request) => Box::pin(self.run(request, &is_late, &mut report)).await,
            Err(error) => Err(error.into()),
        };
        self.metrics.emit(report.metrics());
        match result {
            Ok(()) => {
                tracing::info!(?report, "balances reconciled");
                Ok(report)
            }
            Err(error) => {
                tracing::error!(error = %Causes(&error), ?report, "balances not reconciled");
                Err(error)
            }
        }
    }

    async fn run(&self, request: Request, is_late: &impl Fn() -> bool, report: &mut Report) -> Result<(), RunError> {
        match request {
            Request::Scheduled => self.reconcile_recent(is_late, report).await,
            Request::Merchant { merchant, currency, months, after } => {
                let currencies = match currency {
                    Some(currency) => vec![currency],
                    None => self.ledger.currencies(&merchant).await?,
                };
                let keys = currencies.into_iter().flat_map(|currency| {
                    let merchant = merchant.clone();
                    months_between(months).map(move |month| MonthKey { merchant: merchant.clone(), currency, month })
                });
                report.next = self.reconcile_each(keys, after, is_late, report).await?;
                report.complete = report.next.is_none();
                Ok(())
            }
            Request::Everything { after } => {
                report.next = self.reconcile_everything(after, is_late, report).await?;
                report.complete = report.next.is_none();
                Ok(())
            }
        }
    }

    /// What was recorded since the last run, minute by minute, so that a run which is out of time has come some way.
    async fn reconcile_recent(&self, is_late: &impl Fn() -> bool, report: &mut Report) -> Result<(), RunError> {
        let Reconciled { until, now } = self.ledger.reconciled().await?;
        let mut since = until - OVERLAP;
        // Whatever was recorded by now is covered when a month is compared, however often it comes up.
        let mut compared = HashSet::new();
        while since < now {
            let until = now.min(since + WINDOW);
            for key in self.ledger.months_recorded_between(since, until).await? {
                if !compared.contains(&key) {
                    self.reconcile_month(&key, report).await?;
                    compared.insert(key);
                }
            }
            self.ledger.save_reconciled(until).await?;
            since = until;
            if is_late() {
                break;
            }
        }
        report.complete = since >= now;
        Ok(())
    }

    /// These months, from the one behind a place; answers the place to go on from.
    async fn reconcile_each(
        &self,
        keys: impl Iterator<Item = MonthKey>,
        after: Option<Place>,
        is_late: &impl Fn() -> bool,
        report: &mut Report,
    ) -> Result<Option<Place>, RunError> {
        let mut keys = keys.peekable();
        if let Some(after) = after {
            // What lies before the place, and the month that it names.
            while keys.next_if(|key| Place::behind(key) != after).is_some() {}
            keys.next();
        }
        while let Some(key) = keys.next() {
            self.reconcile_month(&key, report).await?;
            if is_late() && keys.peek().is_some() {
                return Ok(Some(Place::behind(&key)));
            }
        }
        Ok(None)
    }

    /// Every month that the ledger has entries of, then every month that the read model holds anything of: a restored ledger
    /// does not know them all.
    async fn reconcile_everything(
        &self,
        after: Option<Place>,
        is_late: &impl Fn() -> bool,
        report: &mut Report,
    ) -> Result<Option<Place>, RunError> {
        let mut last = match after {
            None => None,
            Some(Place::Ledger { merchant_id, currency, month }) => Some(month_key(&merchant_id, &currency, &month)?),
            Some(Place::Table) => return self.reconcile_table(None, is_late, report).await,
            Some(Place::Item { pk, sk }) => {
                return self.reconcile_table(Some(ScanPlace { pk, sk }), is_late, report).await;
            }
        };
        loop {
            let keys = self.ledger.months_with_entries(last.as_ref(), LISTED_MAX).await?;
            if keys.is_empty() {
                return self.reconcile_table(None, is_late, report).await;
            }
            for key in keys {
                self.reconcile_month(&key, report).await?;
                if is_late() {
                    return Ok(Some(Place::behind(&key)));
                }
                last = Some(key);
            }
        }
    }

    async fn reconcile_table(
        &self,
        mut after: Option<ScanPlace>,
        is_late: &impl Fn() -> bool,
        report: &mut Report,
    ) -> Result<Option<Place>, RunError> {
        loop {
            let (months, next) = self.table.months(after.as_ref()).await?;
            for (merchant, currency, month) in months {
                self.reconcile_month(&MonthKey { merchant, currency, month }, report).await?;
            }
            match next {
                None => return Ok(None),
                Some(ScanPlace { pk, sk }) if is_late() => return Ok(Some(Place::Item { pk, sk })),
                place => after = place,
            }
        }
    }

    async fn reconcile_month(&self, key: &MonthKey, report: &mut Report) -> Result<(), RunError> {
        // In this order, so that the read model holds nothing that the ledger's answer does not cover.
        let stored = self.table.month(&key.merchant, key.currency, key.month).await?;
        let known = self.ledger.month(key).await?;
        report.months_compared += 1;
        for difference in totals_differences(&known, key.currency, &stored) {
            self.settle_totals(key, &known, &difference, report).await?;
        }
        // After the totals: a balance must never show fewer entries than its seal.
        for difference in seal_differences(&known, &stored) {
            self.settle_seal(key, &difference, report).await?;
        }
        Ok(())
    }

    async fn settle_totals(
        &self,
        key: &MonthKey,
        known: &LedgerMonth,
        difference: &TotalsDifference<'_>,
        report: &mut Report,
    ) -> Result<(), RunError> {
        let TotalsDifference { kind, expected, seen, since } = difference;
        let age = since.map(|since| between(since, known.totals_at));
        let is_in_flight = matches!(kind, Kind::Missing | Kind::Behind) && age.is_some_and(|age| age < IN_FLIGHT);
        report.count(*kind, is_in_flight, age.unwrap_or_default());
        if !is_in_flight {
            let MonthKey { merchant, currency, .. } = key;
            tracing::warn!(%merchant, %currency, period = %expected.period, ?kind, ?age, "balance differs from the ledger");
        }
        // Also what is in flight: its execution will find it done.
        let write = match (kind, seen) {
            (Kind::Wrong | Kind::Ahead, Some(seen)) => {
                self.table.replace_totals(&key.merchant, expected, known.epoch, known.totals_at, seen).await?
            }
            _ => self.table.write_if_newer(&key.merchant, expected, known.epoch, known.totals_at).await?,
        };
        if write == Write::Written && !is_in_flight && *kind != Kind::Renewed {
            report.repaired += 1;
        }
        Ok(())
    }

    async fn settle_seal(
        &self,
        key: &MonthKey,
        difference: &SealDifference<'_>,
        report: &mut Report,
    ) -> Result<(), RunError> {
        let MonthKey { merchant, currency, .. } = key;
        let SealDifference { date, expected, seen, must_replace } = difference;
        report.seals += 1;
        tracing::warn!(%merchant, %currency, %date, ?expected, "mark of a seal differs from the ledger");
        let write = match (expected, seen) {
            (Some(mark), Some(seen)) if *must_replace => {
                self.table.replace_seal(merchant, *currency, *date, *mark, seen).await?
            }
            (Some(mark), _) => self.table.write_seal(merchant, *currency, *date, *mark).await?,
            (None, Some(seen)) => self.table.remove_seal(merchant, *currency, *date, seen).await?,
            (None, None) => Write::UpToDate,
        };
        report.repaired += u64::from(write == Write::Written);
        Ok(())
    }
}

fn between(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

fn months_between((first, last): (Month, Month)) -> impl Iterator<Item = Month> {
    std::iter::successors(Some(first), |month| month.next()).take_while(move |month| *month <= last)
}
