use jiff::{Timestamp, civil::Date};

use crate::{Currency, Totals};

/// A day as it was when somebody closed it: a statement about the entries of that moment, which refuses no later ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The day.
    pub date: Date,
    /// The currency.
    pub currency: Currency,
    /// 1 for the first seal of the day, 2 for the next.
    pub number: u32,
    /// The sums of the entries it covers.
    pub totals: Totals,
    /// When it was made, by the ledger's clock.
    pub sealed_at: Timestamp,
    /// The ledger's epoch.
    pub epoch: u32,
    /// What the ledger saw: PostgreSQL's text form of `pg_current_snapshot()`.
    pub snapshot: String,
    /// The SHA-256 over the entries it covers, in 64 hexadecimal digits.
    pub sha256: String,
}

/// How the balance of a day relates to its newest seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayStatus {
    /// Never sealed.
    Open,
    /// Sealed, with all the entries that the balance shows.
    Sealed,
    /// Sealed, and entries were posted since.
    Restated,
}

impl DayStatus {
    /// The status of a day whose balance counts so many entries, and whose newest seal, if any, covers so many.
    ///
    /// Entries are never removed, so equal counts mean the same entries.
    pub fn of(entry_count: u64, sealed_entry_count: Option<u64>) -> DayStatus {
        match sealed_entry_count {
            None => DayStatus::Open,
            Some(sealed) if sealed == entry_count => DayStatus::Sealed,
            Some(_) => DayStatus::Restated,
        }
    }

    /// `open`, `sealed` or `restated`.
    pub fn as_str(self) -> &'static str {
        match self {
            DayStatus::Open => "open",
            DayStatus::Sealed => "sealed",
            DayStatus::Restated => "restated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_day_is_restated_by_further_entries_and_sealed_again_by_a_seal_that_covers_them() {
        let check = |entry_count, sealed, expected| assert_eq!(DayStatus::of(entry_count, sealed), expected);
        check(0, None, DayStatus::Open);
        check(3, None, DayStatus::Open);
        check(0, Some(0), DayStatus::Sealed);
        check(3, Some(3), DayStatus::Sealed);
        check(4, Some(3), DayStatus::Restated);
        check(4, Some(4), DayStatus::Sealed);
    }
}
