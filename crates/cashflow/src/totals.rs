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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn totals_do_not_overflow_where_64_bits_would() {
        let largest = 999_999_999_999_999;
        let mut totals = Totals::ZERO;
        for _ in 0..9_300 {
            totals = totals.with_entry(EntryType::Credit, largest).unwrap();
        }
        assert_eq!(totals.credits, 9_300 * i128::from(largest));
        assert!(totals.credits > i128::from(i64::MAX));
    }

    #[test]
    fn a_total_beyond_128_bits_is_an_error_and_no_wrong_number() {
        let full = Totals { credits: i128::MAX, ..Totals::ZERO };
        assert_eq!(full.with_entry(EntryType::Credit, 1), Err(TotalOverflow));
        assert_eq!(Totals { credits: i128::MIN, debits: 1, entry_count: 1 }.net(), Err(TotalOverflow));
    }

    #[test]
    fn a_version_of_a_later_epoch_is_newer_however_few_entries_it_has() {
        let version = |epoch, entry_count| TotalsVersion { epoch, entry_count };
        assert!(version(1, 2) > version(1, 1));
        assert!(version(2, 1) > version(1, 9));
    }

    #[test]
    fn a_period_is_read_as_it_is_written() {
        for text in ["2026-11-22", "2026-11"] {
            assert_eq!(Period::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Period::parse("2026"), Err(PeriodError));
    }

    proptest! {
        #[test]
        fn totals_do_not_depend_on_the_order_or_grouping_of_entries(
            entries in prop::collection::vec((any::<bool>(), 1..=i64::MAX), 0..40),
            cut in 0_usize..40,
        ) {
            let add = |totals: Totals, &(credit, minor): &(bool, i64)| {
                totals.with_entry(if credit { EntryType::Credit } else { EntryType::Debit }, minor).unwrap()
            };
            let (left, right) = entries.split_at(cut.min(entries.len()));
            let forward = entries.iter().fold(Totals::ZERO, add);
            let backward = entries.iter().rev().fold(Totals::ZERO, add);
            let grouped = left.iter().fold(Totals::ZERO, add).plus(right.iter().fold(Totals::ZERO, add)).unwrap();
            prop_assert_eq!(forward, backward);
            prop_assert_eq!(forward, grouped);
        }
    }
}
