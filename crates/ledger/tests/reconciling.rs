//! What the comparison of the read model with the ledger asks the ledger, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{
    Amount, Currency, EntryId, EntryRequest, EntryType, IdempotencyKey, MerchantId, Month, Totals, parse_date,
};
use jiff::{SignedDuration, Timestamp, ToSpan};
use ledger::{Ledger, MonthKey};
use test_stores::Database;

fn merchant(name: &str) -> MerchantId {
    MerchantId::parse(name).unwrap()
}

fn key(merchant_id: &str, currency: &str, month: &str) -> MonthKey {
    let currency = Currency::parse(currency).unwrap();
    MonthKey { merchant: merchant(merchant_id), currency, month: Month::parse(month).unwrap() }
}

async fn post(ledger: &Ledger, merchant_id: &str, currency: &str, date: &str, minor: i64) {
    let (merchant, date) = (merchant(merchant_id), parse_date(date).unwrap());
    let request = EntryRequest {
        entry_type: EntryType::Credit,
        amount: Amount::from_minor(minor, Currency::parse(currency).unwrap()).unwrap(),
        date: Some(date),
        description: None,
        category: None,
    };
    let id = EntryId::derive(&merchant, &IdempotencyKey::parse(&format!("{currency}-{date}-{minor}")).unwrap());
    ledger.post(&merchant, &[request.into_entry(id, date)]).await.unwrap();
}

#[tokio::test]
async fn a_month_is_its_days_itself_and_the_newest_seals_in_one_answer() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    for (date, minor) in [("2026-11-01", 100), ("2026-11-30", 20), ("2026-11-30", 3)] {
        post(&ledger, "acme", "BRL", date, minor).await;
    }
    for (merchant_id, currency, date) in [
        ("acme", "BRL", "2026-10-31"),
        ("acme", "BRL", "2026-12-01"),
        ("acme", "USD", "2026-11-01"),
        ("acm", "BRL", "2026-11-01"),
    ] {
        post(&ledger, merchant_id, currency, date, 7).await;
    }
    let seal = async |date: &str| {
        ledger.seal(&merchant("acme"), Currency::BRL, parse_date(date).unwrap()).await.unwrap();
    };
    seal("2026-11-30").await;
    post(&ledger, "acme", "BRL", "2026-11-30", 4).await;
    seal("2026-11-30").await;
    seal("2026-11-15").await;

    let month = ledger.month(&key("acme", "BRL", "2026-11")).await.unwrap();
    let totals = month.totals.iter().map(|known| (known.totals.period.to_string(), known.totals.totals));
    let sum = |credits, entry_count| Totals { credits, debits: 0, entry_count };
    assert_eq!(
        totals.collect::<Vec<_>>(),
        [
            ("2026-11".to_owned(), sum(127, 4)),
            ("2026-11-01".to_owned(), sum(100, 1)),
            ("2026-11-30".to_owned(), sum(27, 3)),
        ]
    );
    let newest: Vec<Timestamp> = month.totals.iter().map(|known| known.newest_entry_at).collect();
    assert!(newest[0] == newest[2] && newest[1] < newest[2] && newest[2] <= month.totals_at, "{newest:?}");
    let seals: Vec<_> = month.seals.iter().map(|seal| (seal.date.to_string(), seal.number, seal.entry_count)).collect();
    assert_eq!(seals, [("2026-11-15".to_owned(), 1, 0), ("2026-11-30".to_owned(), 2, 3)]);
    assert_eq!(month.epoch, 1);
}

#[tokio::test]
async fn a_month_without_entries_still_tells_the_epoch() {
    let database = Database::create().await;
    database.owner().await.batch_execute("UPDATE ledger_epoch SET epoch = 5").await.unwrap();
    let month = Ledger::new(database.maintenance_config()).month(&key("acme", "BRL", "2026-02")).await.unwrap();
    assert_eq!((month.epoch, month.totals, month.seals), (5, Vec::new(), Vec::new()));
}

#[tokio::test]
async fn months_with_entries_are_listed_page_by_page_and_each_once() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    let keys = [
        key("a", "BRL", "1900-01"),
        key("a", "BRL", "2026-11"),
        key("a", "BRL", "2026-12"),
        key("a", "USD", "2026-11"),
        key("b", "BRL", "2026-11"),
    ];
    for key in &keys {
        for day in ["02", "28"] {
            post(&ledger, key.merchant.as_str(), key.currency.code(), &format!("{}-{day}", key.month), 1).await;
        }
    }
    for limit in [1, 2, 3, 100] {
        let mut listed: Vec<MonthKey> = Vec::new();
        loop {
            let page = ledger.months_with_entries(listed.last(), limit).await.unwrap();
            assert!(page.len() <= usize::from(limit));
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        assert_eq!(listed, keys);
    }
    assert_eq!(ledger.currencies(&merchant("a")).await.unwrap(), [Currency::BRL, Currency::parse("USD").unwrap()]);
    assert_eq!(ledger.currencies(&merchant("nobody")).await.unwrap(), []);
}

#[tokio::test]
async fn months_are_listed_by_when_their_entries_were_recorded() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    let before = ledger.reconciled().await.unwrap().now;
    post(&ledger, "acme", "BRL", "2026-11-01", 1).await;
    post(&ledger, "acme", "BRL", "2026-11-02", 1).await;
    let between = ledger.reconciled().await.unwrap().now;
    post(&ledger, "acme", "BRL", "1999-12-31", 1).await;
    let after = ledger.reconciled().await.unwrap().now + 1.second();

    let listed = async |since, until| ledger.months_recorded_between(since, until).await.unwrap();
    assert_eq!(listed(before, between).await, [key("acme", "BRL", "2026-11")]);
    assert_eq!(listed(between, after).await, [key("acme", "BRL", "1999-12")]);
    assert_eq!(listed(before, after).await, [key("acme", "BRL", "1999-12"), key("acme", "BRL", "2026-11")]);
    assert_eq!(listed(after, after + 1.hour()).await, []);
}

#[tokio::test]
async fn how_far_the_comparison_has_come_is_kept_and_never_goes_back() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    let start = ledger.reconciled().await.unwrap();
    assert!(start.until <= start.now);
    let later = start.now + SignedDuration::from_secs(5);
    ledger.save_reconciled(later).await.unwrap();
    ledger.save_reconciled(start.now).await.unwrap();
    assert_eq!(ledger.reconciled().await.unwrap().until, later);
}
