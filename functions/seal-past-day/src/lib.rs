//! Seals the business day before this one for every merchant that has entries of it, on a schedule.
//!
//! Days that are sealed already are left out, so a run that did not come to its end is simply repeated.

use cashflow::{Currency, Date, MerchantId};
use jiff::{Timestamp, tz::TimeZone};
use ledger::{LedgerError, Sealing};
use sealing::{SealError, Sealer};
use serde::Serialize;

/// How many merchants are listed at once.
const LISTED_MAX: u16 = 200;

/// What the function works with, built once when it starts.
#[derive(Debug)]
pub struct SealPastDay {
    /// What seals a day.
    pub sealer: Sealer,
    /// Where the business day begins and ends.
    pub business_time_zone: TimeZone,
}

/// What a run has done.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Sealed {
    /// The day.
    pub date: Date,
    /// How many seals were made: one for each merchant and currency.
    pub sealed: u32,
}

/// A run that did not come to its end; the next one goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no day before this one.
    #[error("there is no day before {0}")]
    NoPastDay(Date),
    /// The merchants could not be listed.
    #[error("the days to seal were not listed")]
    List(#[from] LedgerError),
    /// A day could not be sealed.
    #[error("a day was not sealed")]
    Seal(#[from] SealError),
    /// There was no time for the rest.
    #[error("out of time after {sealed} seals of {date}")]
    OutOfTime {
        /// The day.
        date: Date,
        /// How many seals were made.
        sealed: u32,
    },
}

impl SealPastDay {
    /// Seals the day before that of `now`, and stops when `is_late`.
    pub async fn run(&self, now: Timestamp, is_late: impl Fn() -> bool) -> Result<Sealed, RunError> {
        let today = self.business_time_zone.to_datetime(now).date();
        let date = today.yesterday().map_err(|_| RunError::NoPastDay(today))?;
        let mut sealed = 0;
        let mut last: Option<(MerchantId, Currency)> = None;
        loop {
            let unsealed = self.sealer.ledger.unsealed(date, last.as_ref(), LISTED_MAX).await?;
            for (merchant, currency) in &unsealed {
                if is_late() {
                    return Err(RunError::OutOfTime { date, sealed });
                }
                match self.sealer.seal(merchant, *currency, date).await? {
                    Sealing::Sealed(_) => sealed += 1,
                    Sealing::Unchanged(_) => {}
                }
            }
            last = unsealed.last().cloned();
            if last.is_none() {
                tracing::info!(%date, sealed, "day sealed");
                return Ok(Sealed { date, sealed });
            }
        }
    }
}
