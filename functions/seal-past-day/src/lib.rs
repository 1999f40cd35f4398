//! Seals the business day before this one for every merchant that has entries of it, on a schedule, and comes back for days of
//! the week before that were never sealed.
//!
//! A merchant whose day cannot be sealed keeps no other waiting. Days that are sealed already are left out, so a run that did
//! not come to its end is simply repeated.

use cashflow::{Date, Month};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use ledger::{LedgerError, MerchantDay, MerchantDayPage, MonthKey, NotSealed, Sealing};
use sealing::{SealError, Sealer};
use serde::Serialize;
use telemetry::Causes;

/// How many merchants are listed at once.
const LISTED_MAX: u16 = 500;

/// For so many days before the day before this one, what was never sealed is sealed.
const CATCH_UP_DAYS: i32 = 7;

/// A day with more entries is sealed when all others are: it may be too large to be sealed at all, which takes the full eight
/// seconds to find out.
const SMALL_ENTRIES_MAX: u64 = 50_000;

/// After so many failures in a row the stores are asked whether they answer at all.
const FAILURES_IN_A_ROW_MAX: u32 = 5;

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
    /// The day before this one.
    pub date: Date,
    /// How many seals of it were made: one for each merchant and currency.
    pub sealed: u32,
    /// How many seals were made of earlier days that had none.
    pub sealed_earlier: u32,
}

/// A run that did not seal all; the next one goes on with what is left.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no day before this one.
    #[error("there is no day before {0}")]
    NoPastDay(Date),
    /// The merchants could not be listed.
    #[error("listing the days to seal failed")]
    List(#[from] LedgerError),
    /// A store is down, so no day could be sealed.
    #[error("stopped after {} seals: a store does not answer, so that no day can be sealed", .tally.sealed())]
    Stores {
        /// What the last day met.
        source: SealError,
        /// What was done until then.
        tally: Tally,
    },
    /// Everything was tried.
    #[error("sealing failed for {} days (the log names each); {} seals were made", .0.failed, .0.sealed())]
    NotSealed(Tally),
    /// There was no time for the rest.
    #[error("out of time after {} seals; sealing failed for {} days (the log names each)", .0.sealed(), .0.failed)]
    OutOfTime(Tally),
}

/// What a run has come to so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many seals of the day before this one were made.
    pub of_day_before: u32,
    /// How many seals of earlier days were made.
    pub of_earlier: u32,
    /// How many days of a merchant and currency could not be sealed.
    pub failed: u32,
    failed_in_a_row: u32,
}

impl Tally {
    fn sealed(&self) -> u32 {
        self.of_day_before + self.of_earlier
    }
}

impl SealPastDay {
    /// Seals the day before that of `now` and earlier ones without a seal, and stops when `is_out_of_time`.
    pub async fn run(&self, now: Timestamp, is_out_of_time: impl Fn() -> bool) -> Result<Sealed, RunError> {
        let today = self.business_time_zone.to_datetime(now).date();
        let date = today.yesterday().map_err(|_| RunError::NoPastDay(today))?;
        let mut tally = Tally::default();
        let mut large = Vec::new();
        for day in (0..=CATCH_UP_DAYS).map_while(|days| date.checked_sub(days.days()).ok()) {
            let mut last = None;
            loop {
                let MerchantDayPage { mut days, is_last } =
                    self.sealer.ledger.merchants_of_day(day, last.as_ref(), LISTED_MAX).await?;
                last = days.last().cloned();
                days.retain(|of_merchant| is_to_be_sealed(of_merchant, date));
                let (small, of_page): (Vec<_>, Vec<_>) =
                    days.into_iter().partition(|of_merchant| of_merchant.entry_count <= SMALL_ENTRIES_MAX);
                large.extend(of_page);
                self.seal_each(&small, date, &is_out_of_time, &mut tally).await?;
                if is_last {
                    break;
                }
            }
        }
        large.sort_by_key(|of_merchant: &MerchantDay| of_merchant.entry_count);
        self.seal_each(&large, date, &is_out_of_time, &mut tally).await?;

        let Tally { of_day_before: sealed, of_earlier: sealed_earlier, failed, .. } = tally;
        if failed > 0 {
            return Err(RunError::NotSealed(tally));
        }
        tracing::info!(%date, sealed, sealed_earlier, "day sealed");
        Ok(Sealed { date, sealed, sealed_earlier })
    }

    async fn seal_each(
        &self,
        days: &[MerchantDay],
        day_before: Date,
        is_out_of_time: &impl Fn() -> bool,
        tally: &mut Tally,
    ) -> Result<(), RunError> {
        for day in days {
            if is_out_of_time() {
                return Err(RunError::OutOfTime(*tally));
            }
            match self.sealer.seal(&day.merchant, day.currency, day.date).await {
                Ok(sealing) => {
                    tally.failed_in_a_row = 0;
                    let is_new = u32::from(matches!(sealing, Sealing::Sealed(_)));
                    if day.date == day_before {
                        tally.of_day_before += is_new;
                    } else {
                        tally.of_earlier += is_new;
                    }
                }
                Err(error) => self.go_past(day, error, tally).await?,
            }
        }
        Ok(())
    }

    /// The other days are sealed all the same, as long as it is only this one.
    async fn go_past(&self, day: &MerchantDay, error: SealError, tally: &mut Tally) -> Result<(), RunError> {
        let MerchantDay { merchant, currency, date, .. } = day;
        tracing::error!(%merchant, %currency, %date, error = %Causes(&error), "day of a merchant not sealed");
        tally.failed += 1;
        tally.failed_in_a_row += 1;
        match &error {
            // It may be sealed in the ledger, and would not come up again here: reconcile-balances shows its seal.
            SealError::Balances(_) => self.have_month_compared(day, &error).await,
            SealError::Ledger(NotSealed::Ledger(LedgerError::Misconfigured(_))) => {
                return Err(RunError::Stores { source: error, tally: *tally });
            }
            SealError::Ledger(_) => {}
        }
        if tally.failed_in_a_row >= FAILURES_IN_A_ROW_MAX {
            tally.failed_in_a_row = 0;
            let stores_answer = async {
                self.sealer.ledger.merchants_of_day(*date, None, 1).await?;
                self.sealer.table.probe_writes().await?;
                Ok::<(), SealError>(())
            };
            stores_answer.await.map_err(|source| RunError::Stores { source, tally: *tally })?;
        }
        Ok(())
    }

    async fn have_month_compared(&self, day: &MerchantDay, reason: &SealError) {
        let MerchantDay { merchant, currency, date, .. } = day;
        let key = MonthKey { merchant: merchant.clone(), currency: *currency, month: Month::of(*date) };
        if let Err(error) = self.sealer.ledger.set_month_aside(&key, &Causes(reason).to_string()).await {
            tracing::error!(%merchant, %currency, %date, error = %Causes(&error), "setting the month aside for reconcile-balances failed");
        }
    }
}

/// Of the day before, whatever its newest seal does not cover, so that a run that is repeated takes what was posted since. Of
/// earlier days only what was never sealed: who sealed them knows of their late entries, and decides.
fn is_to_be_sealed(day: &MerchantDay, day_before: Date) -> bool {
    match day.sealed_entry_count {
        None => true,
        Some(sealed) => day.date == day_before && sealed != day.entry_count,
    }
}
