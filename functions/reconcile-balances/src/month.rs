//! One month: what the read model holds of it, what it should hold, and putting that right.

use std::time::Duration;

use balances::{BalanceTable, ReadError, Write, WriteError};
use jiff::Timestamp;
use ledger::{Ledger, LedgerError, LedgerMonth, MonthKey};
use tokio::time::timeout;

use crate::{
    Report,
    compare::{Kind, SealDifference, TotalsDifference, seal_differences, totals_differences},
};

/// Totals whose newest entry is younger than this are not different: its execution is on its way, and brings them up.
const IN_FLIGHT: Duration = Duration::from_secs(60);

/// How long a month may take. It has at most 63 totals and marks to write, each of milliseconds; what was put right when the
/// time is up stays so.
const MONTH_TIMEOUT: Duration = Duration::from_secs(12);

/// A month that was not compared to its end. Comparing it again is always safe.
#[derive(Debug, thiserror::Error)]
pub enum MonthError {
    /// The ledger gave no answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Reading the read model failed, or it holds something malformed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Writing a repair to the read model failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// It took too long.
    #[error("comparing took longer than {0:?}")]
    Timeout(Duration),
}

/// What comparing one month works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comparison<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) table: &'a BalanceTable,
}

impl Comparison<'_> {
    /// Compares a month and puts right what differs; what was found counts, also if it did not come to the end.
    pub(crate) async fn month(&self, key: &MonthKey) -> (Report, Result<(), MonthError>) {
        let mut report = Report::default();
        let compared = timeout(MONTH_TIMEOUT, self.reconcile_month(key, &mut report)).await;
        (report, compared.unwrap_or(Err(MonthError::Timeout(MONTH_TIMEOUT))))
    }

    async fn reconcile_month(&self, key: &MonthKey, report: &mut Report) -> Result<(), MonthError> {
        // In this order, so that the read model holds nothing that the ledger's answer does not cover.
        let stored = self.table.month(&key.merchant, key.currency, key.month).await?;
        let known = self.ledger.month(key).await?;
        for difference in totals_differences(&known, key.currency, &stored) {
            self.repair_totals(key, &known, &difference, report).await?;
        }
        // After the totals: a balance must never show fewer entries than its seal.
        for difference in seal_differences(&known, &stored) {
            self.repair_seal(key, &difference, report).await?;
        }
        report.months_compared += 1;
        Ok(())
    }

    async fn repair_totals(
        &self,
        key: &MonthKey,
        known: &LedgerMonth,
        difference: &TotalsDifference<'_>,
        report: &mut Report,
    ) -> Result<(), MonthError> {
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
        if write == Write::Written && !is_in_flight && *kind != Kind::OlderEpoch {
            report.repaired += 1;
        }
        Ok(())
    }

    async fn repair_seal(
        &self,
        key: &MonthKey,
        difference: &SealDifference<'_>,
        report: &mut Report,
    ) -> Result<(), MonthError> {
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
