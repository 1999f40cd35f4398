//! What `seal-past-day` seals, on a real PostgreSQL and a real DynamoDB engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use balances::BalanceTable;
use cashflow::{Amount, Currency, EntryId, EntryRequest, EntryType, IdempotencyKey, MerchantId, parse_date};
use jiff::{Timestamp, tz::TimeZone};
use ledger::Ledger;
use seal_past_day::{RunError, SealPastDay, Sealed};
use sealing::Sealer;
use test_stores::{Database, DynamoDb};

async fn function(database: &Database, store: &DynamoDb) -> SealPastDay {
    let table = BalanceTable::new(store.client.clone(), &store.table_name);
    SealPastDay {
        sealer: Sealer { ledger: Ledger::new(database.maintenance_config()), table },
        business_time_zone: TimeZone::get("America/Sao_Paulo").unwrap(),
    }
}

async fn post(ledger: &Ledger, merchant: &str, key: &str, currency: &str, date: &str) {
    let merchant = MerchantId::parse(merchant).unwrap();
    let request = EntryRequest {
        entry_type: EntryType::Credit,
        amount: Amount::from_minor(100, Currency::parse(currency).unwrap()).unwrap(),
        date: Some(parse_date(date).unwrap()),
        description: None,
        category: None,
    };
    let id = EntryId::derive(&merchant, &IdempotencyKey::parse(key).unwrap());
    ledger.post(&merchant, &[request.into_entry(id, parse_date(date).unwrap())]).await.unwrap();
}

/// 23 November 2026, half past midnight in São Paulo.
fn after_midnight() -> Timestamp {
    "2026-11-23T03:30:00Z".parse().unwrap()
}

#[tokio::test]
async fn the_business_day_before_is_sealed_for_every_merchant_and_currency_that_has_entries_of_it() {
    let (database, store) = (Database::create().await, DynamoDb::start().await);
    let function = function(&database, &store).await;
    let ledger = &function.sealer.ledger;
    post(ledger, "acme", "1", "BRL", "2026-11-22").await;
    post(ledger, "acme", "2", "USD", "2026-11-22").await;
    post(ledger, "emca", "1", "BRL", "2026-11-22").await;
    post(ledger, "emca", "2", "BRL", "2026-11-21").await;
    post(ledger, "other", "1", "BRL", "2026-11-23").await;

    let date = parse_date("2026-11-22").unwrap();
    assert_eq!(function.run(after_midnight(), || false).await.unwrap(), Sealed { date, sealed: 3 });
    let seals = async |merchant: &str, currency: &str, date: &str| {
        let (merchant, currency) = (MerchantId::parse(merchant).unwrap(), Currency::parse(currency).unwrap());
        ledger.seals(&merchant, currency, parse_date(date).unwrap(), None, 10).await.unwrap().seals.len()
    };
    assert_eq!(seals("acme", "BRL", "2026-11-22").await, 1);
    assert_eq!(seals("acme", "USD", "2026-11-22").await, 1);
    assert_eq!(seals("emca", "BRL", "2026-11-22").await, 1);
    assert_eq!(seals("emca", "BRL", "2026-11-21").await, 0);
    assert_eq!(seals("other", "BRL", "2026-11-23").await, 0);

    // Again, as when the scheduler is not sure: nothing is left to do. A late entry is.
    assert_eq!(function.run(after_midnight(), || false).await.unwrap().sealed, 0);
    post(ledger, "emca", "late", "BRL", "2026-11-22").await;
    assert_eq!(function.run(after_midnight(), || false).await.unwrap().sealed, 1);
}

#[tokio::test]
async fn a_run_that_is_out_of_time_fails_and_the_next_goes_on_where_it_stopped() {
    let (database, store) = (Database::create().await, DynamoDb::start().await);
    let function = function(&database, &store).await;
    for merchant in ["a", "b", "c"] {
        post(&function.sealer.ledger, merchant, "1", "BRL", "2026-11-22").await;
    }
    let looks = std::cell::Cell::new(0);
    let is_late = || looks.replace(looks.get() + 1) == 2;
    let stopped = function.run(after_midnight(), is_late).await.unwrap_err();
    assert!(matches!(stopped, RunError::OutOfTime { sealed: 2, .. }), "{stopped:?}");
    assert_eq!(function.run(after_midnight(), || false).await.unwrap().sealed, 1);
}
