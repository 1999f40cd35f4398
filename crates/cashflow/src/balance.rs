use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use crate::{Currency, DayStatus, TotalOverflow, Totals, TotalsVersion};

/// One day of a merchant's cash flow in one currency; sums are in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyBalance {
    /// The business date.
    pub date: Date,
    /// The closing balance of the day before.
    pub opening: i128,
    /// The day's own sums.
    pub totals: Totals,
    /// The opening balance plus credits less debits.
    pub closing: i128,
}

/// One day as it is shown: its balance, and what the read model knows of it beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceLine {
    /// The balance.
    pub balance: DailyBalance,
    /// When the day's totals were taken from the ledger; none for a day without entries.
    pub updated_at: Option<Timestamp>,
    /// How it relates to the newest seal of the day.
    pub status: DayStatus,
}

/// What the read model must have reached to contain an entry: totals of its day and of its month, each at least of the
/// version that the ledger showed once the entry was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceToken {
    /// The entry's currency.
    pub currency: Currency,
    /// The entry's business date.
    pub date: Date,
    /// The version of the day's totals.
    pub day: TotalsVersion,
    /// The version of the month's totals.
    pub month: TotalsVersion,
}

/// The balance of every day from `from` to `to`, both included. A day without entries carries the balance over.
///
/// `opening` is the net of all entries before `from`; `days` holds the totals of days that have entries.
pub fn daily_balances(
    opening: i128,
    from: Date,
    to: Date,
    days: &BTreeMap<Date, Totals>,
) -> Result<Vec<DailyBalance>, TotalOverflow> {
    let mut opening = opening;
    from.series(jiff::Span::new().days(1))
        .take_while(|date| *date <= to)
        .map(|date| {
            let totals = days.get(&date).copied().unwrap_or(Totals::ZERO);
            let closing = opening.checked_add(totals.net()?).ok_or(TotalOverflow)?;
            let balance = DailyBalance { date, opening, totals, closing };
            opening = closing;
            Ok(balance)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan, civil::date};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_without_entries_carries_the_balance_over() {
        let totals = Totals { credits: 500, debits: 200, entry_count: 2 };
        let days = BTreeMap::from([(date(2026, 2, 28), totals)]);
        let balances = daily_balances(1_000, date(2026, 2, 27), date(2026, 3, 1), &days).unwrap();
        let lines: Vec<_> =
            balances.iter().map(|b| (b.date.day(), b.opening, b.totals.entry_count, b.closing)).collect();
        assert_eq!(lines, [(27, 1_000, 0, 1_000), (28, 1_000, 2, 1_300), (1, 1_300, 0, 1_300)]);
    }

    #[test]
    fn a_range_that_ends_before_it_starts_has_no_days() {
        assert_eq!(daily_balances(0, date(2026, 1, 2), date(2026, 1, 1), &BTreeMap::new()), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn each_day_opens_with_what_the_day_before_closed_with(
            opening in -1_000_000_000_i128..1_000_000_000,
            days in prop::collection::btree_map(0_i64..60, (0_i128..1_000_000, 0_i128..1_000_000), 0..20),
        ) {
            let first = date(2026, 1, 1);
            let days: BTreeMap<_, _> = days
                .into_iter()
                .map(|(day, (credits, debits))| (first + day.days(), Totals { credits, debits, entry_count: 1 }))
                .collect();
            let balances = daily_balances(opening, first, first + 59.days(), &days).unwrap();
            prop_assert_eq!(balances.len(), 60);
            prop_assert_eq!(balances[0].opening, opening);
            prop_assert!(balances.windows(2).all(|pair| pair[0].closing == pair[1].opening));
            let net: i128 = days.values().map(|totals| totals.credits - totals.debits).sum();
            prop_assert_eq!(balances[59].closing, opening + net);
        }
    }
}
