use std::fmt;

use jiff::civil::Date;

use crate::{Currency, EntryType, Month, parse_date};

/// The sums over a set of entries of one merchant and currency, in minor units.
///
/// Totals are 128 bits wide: 9,223 of the largest entries would overflow 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// The sum of all credits, in minor units.
    pub credits: i128,
    /// The sum of all debits, in minor units, as a positive number.
    pub debits: i128,
    /// How many entries there are.
    pub entry_count: u64,
}

/// A total left the range of 128 bits: more money than any number of entries within the limits can reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a total exceeds 128 bits")]
pub struct TotalOverflow;

impl Totals {
    /// The totals of no entries.
    pub const ZERO: Totals = Totals { credits: 0, debits: 0, entry_count: 0 };

    /// The totals with one more entry of this type and amount (minor units).
    pub fn with_entry(self, entry_type: EntryType, minor: i64) -> Result<Totals, TotalOverflow> {
        let one = match entry_type {
            EntryType::Credit => Totals { credits: i128::from(minor), debits: 0, entry_count: 1 },
            EntryType::Debit => Totals { credits: 0, debits: i128::from(minor), entry_count: 1 },
        };
        self.plus(one)
    }

    /// The totals of both sets together.
    pub fn plus(self, other: Totals) -> Result<Totals, TotalOverflow> {
        Ok(Totals {
            credits: self.credits.checked_add(other.credits).ok_or(TotalOverflow)?,
            debits: self.debits.checked_add(other.debits).ok_or(TotalOverflow)?,
            entry_count: self.entry_count.checked_add(other.entry_count).ok_or(TotalOverflow)?,
        })
    }

    /// Credits less debits, in minor units.
    pub fn net(self) -> Result<i128, TotalOverflow> {
        self.credits.checked_sub(self.debits).ok_or(TotalOverflow)
    }
}

/// The version of a total: of two totals of one period, the greater version covers all entries of the other.
///
/// Entries are never removed, so within one epoch more entries mean a superset. After a restore the ledger may have fewer
/// entries than before; the epoch, raised with every restore, is therefore compared first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TotalsVersion {
    /// The ledger's epoch.
    pub epoch: u32,
    /// How many entries the total covers.
    pub entry_count: u64,
}

/// What a total covers: one day, or one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// One business date.
    Day(Date),
    /// One month of the calendar.
    Month(Month),
}

/// The text is neither a day nor a month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a day as YYYY-MM-DD or a month as YYYY-MM")]
pub struct PeriodError;

impl Period {
    /// Reads `YYYY-MM-DD` as a day and `YYYY-MM` as a month.
    pub fn parse(text: &str) -> Result<Period, PeriodError> {
        parse_date(text).map(Period::Day).or_else(|_| Month::parse(text).map(Period::Month)).map_err(|_| PeriodError)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Period::Day(date) => write!(f, "{date}"),
            Period::Month(month) => write!(f, "{month}"),
        }
    }
}

/// The totals of one period and currency, as the ledger knew them at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodTotals {
    /// The day or month.
    pub period: Period,
    /// The currency.
    pub currency: Currency,
    /// The sums of all entries of that period.
    pub totals: Totals,
}
