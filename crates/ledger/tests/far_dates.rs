//! The first and the last days that can be asked for, and instants beyond all entries, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Currency, FIRST_DATE, Month, parse_date};
use jiff::Timestamp;
use ledger::{BalanceAsOf, Ledger, MonthKey, Outcome, Sealing};
use test_builders::{acme, entry};
use test_stores::Database;

#[tokio::test]
async fn the_first_and_the_last_day_are_days_like_any_other() {
    let database = Database::create().await;
    let (ledger, maintenance) = (Ledger::new(database.config()), Ledger::new(database.maintenance_config()));
    let acme = acme();
    for (number, date) in [FIRST_DATE, parse_date("9999-12-31").unwrap()].into_iter().enumerate() {
        let opening = i128::try_from(number).unwrap() * 100;
        let ask = async || {
            let mut opening_balances = Vec::new();
            for instant in ["0000-01-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
                let as_of = ledger.balance_as_of(&acme, Currency::BRL, date, instant.parse().unwrap()).await.unwrap();
                let BalanceAsOf::Known(balance) = as_of else { panic!("{instant} is not settled") };
                opening_balances.push(balance.opening);
            }
            assert_eq!(opening_balances, [0, 0]);
            for instant in [Timestamp::MAX, "9999-12-29T23:59:59Z".parse().unwrap()] {
                let as_of = ledger.balance_as_of(&acme, Currency::BRL, date, instant).await.unwrap();
                assert!(matches!(as_of, BalanceAsOf::NotSettled { retry_after_s: 1.. }));
            }
            let key = MonthKey { merchant: acme.clone(), currency: Currency::BRL, month: Month::of(date) };
            let month = ledger.month(&key).await.unwrap();
            let page = ledger.statement(&acme, Currency::BRL, (date, date), None, 10).await.unwrap();
            (month.totals.len(), page.lines.last().map(|line| line.running_balance))
        };
        assert_eq!(ask().await, (0, None));
        let first = entry(&date.to_string()).minor(100).on(&date.to_string()).build();
        let posting = ledger.post(&acme, &[first]).await.unwrap();
        assert_eq!((posting.outcomes, posting.after.totals.len()), (vec![Outcome::Posted], 2));
        assert_eq!(ask().await, (2, Some(opening + 100)));
        assert_eq!(maintenance.merchants_of_day(date, None, 10).await.unwrap().days.len(), 1);
        let Ok(Sealing::Sealed(seal)) = ledger.seal(&acme, Currency::BRL, date).await else { panic!("not sealed") };
        assert_eq!(ledger.seals(&acme, Currency::BRL, date, None, 10).await.unwrap().seals, [seal]);
        assert_eq!(ledger.totals_of_day(&acme, Currency::BRL, date).await.unwrap().unwrap().totals.len(), 2);
        assert_eq!(maintenance.months_with_entries(None, 10).await.unwrap().months.len(), number + 1);
    }
}
