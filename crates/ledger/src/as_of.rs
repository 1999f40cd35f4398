use cashflow::{Currency, DailyBalance, Date, MerchantId};
use futures::future::try_join;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use crate::{
    Ledger, LedgerError,
    day::Day,
    rows::{read_minor, read_totals, valid},
    session::STATEMENTS_TIMEOUT,
};

/// What the ledger says about an earlier moment.
#[derive(Debug, PartialEq, Eq)]
pub enum BalanceAsOf {
    /// The balance, which will be the same whenever it is asked for.
    Known(DailyBalance),
    /// A transaction that is still running could change it.
    NotSettled {
        /// After how many seconds it is worth asking again.
        retry_after_s: u64,
    },
}

impl Ledger {
    /// The balance of a day as it was known at `instant`: from the entries posted up to then.
    pub async fn balance_as_of(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        date: Date,
        instant: Timestamp,
    ) -> Result<BalanceAsOf, LedgerError> {
        let day = Day::new(merchant, currency, date);
        let instant = to_microseconds(instant).to_string();
        let moment: [(&(dyn ToSql + Sync), Type); 1] = [(&instant, Type::TEXT)];
        let mut parameters = day.parameters();
        parameters.push((&instant, Type::TEXT));
        self.run(STATEMENTS_TIMEOUT, async |client| {
            // Answered in this order: what has ended by the first statement is visible to the second.
            let (settled, balance) = try_join(
                client.query_typed_one(include_str!("sql/settled.sql"), &moment),
                client.query_typed_one("SELECT * FROM ledger.as_of($1, $2, $3, $4)", &parameters),
            )
            .await?;
            if settled.get("settled") {
                read_balance(&balance, date).map(BalanceAsOf::Known)
            } else {
                let retry_after_s =
                    valid(u64::try_from(settled.get::<_, i64>("retry_after_s")), "retry_after_s is negative")?;
                Ok(BalanceAsOf::NotSettled { retry_after_s })
            }
        })
        .await
    }
}

/// PostgreSQL keeps microseconds, and would round what is finer; rounded up, an instant would count what came after it.
/// Before computers there were no entries, and PostgreSQL does not read years before 1 in this form.
fn to_microseconds(instant: Timestamp) -> Timestamp {
    let rounded = TimestampRound::new().smallest(Unit::Microsecond).mode(RoundMode::Floor);
    instant.round(rounded).unwrap_or(instant).max(Timestamp::UNIX_EPOCH)
}

fn read_balance(row: &Row, date: Date) -> Result<DailyBalance, LedgerError> {
    let opening = read_minor(row, "opening")?;
    let totals = read_totals(row)?;
    let closing = valid(totals.net(), "a balance exceeds 128 bits")?.checked_add(opening);
    let closing = closing.ok_or(LedgerError::Inconsistent("a balance exceeds 128 bits"))?;
    Ok(DailyBalance { date, opening, totals, closing })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn an_instant_never_moves_past_what_was_asked_for() {
        let cases = [
            ("2026-11-22T15:04:05.123456999Z", "2026-11-22T15:04:05.123456Z"),
            ("2026-11-22T15:04:05.123456Z", "2026-11-22T15:04:05.123456Z"),
            ("1969-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00Z"),
            ("-000044-03-15T12:00:00Z", "1970-01-01T00:00:00Z"),
        ];
        for (asked, expected) in cases {
            assert_eq!(to_microseconds(asked.parse().unwrap()), expected.parse().unwrap(), "{asked}");
        }
    }
}
