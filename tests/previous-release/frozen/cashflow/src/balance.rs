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
