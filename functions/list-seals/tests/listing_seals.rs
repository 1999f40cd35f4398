//! What `list-seals` answers, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Currency, MerchantId, parse_date};
use ledger::{Ledger, LedgerConfig};
use serde_json::{Value, json};
use test_events::{Answer, HttpEvent, state};
use test_stores::Database;
use workflow::RecordEntries;

async fn get(ledger: &Ledger, event: &HttpEvent) -> Answer {
    Answer::read(list_seals::handle(ledger, &event.request()).await)
}

fn day() -> HttpEvent {
    HttpEvent::load("list-seals/day")
}

#[tokio::test]
async fn the_seals_of_a_day_are_listed_the_newest_first() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    assert_eq!(get(&ledger, &day()).await.body, json!({"seals": []}));
    let acme = MerchantId::parse("acme").unwrap();
    for number in 1..=2 {
        let mut input = state("apply-to-ledger/entry");
        input["entries"][0]["id"] = json!(format!("00000000-0000-5000-8000-{number:012}"));
        let (merchant, entries) = serde_json::from_value::<RecordEntries>(input).unwrap().parse().unwrap();
        ledger.post(&merchant, &entries).await.unwrap();
        ledger.seal(&acme, Currency::BRL, parse_date("2026-11-22").unwrap()).await.unwrap();
    }
    let answer = get(&ledger, &day()).await;
    assert_eq!(answer.status, 200);
    let numbers = |field: &str| {
        answer.body["seals"].as_array().unwrap().iter().map(|seal| seal[field].clone()).collect::<Vec<_>>()
    };
    assert_eq!(numbers("number"), [2, 1]);
    assert_eq!(numbers("entry_count"), [2, 1]);
    assert_eq!(numbers("total_credits"), ["301.50", "150.75"]);
    for other in
        [day().query("currency=USD"), day().path_part("date", "2026-11-21"), day().claim("custom:merchant_id", "emca")]
    {
        assert_eq!(get(&ledger, &other).await.body["seals"], Value::Array(vec![]));
    }
    assert_eq!(get(&ledger, &day().claim("cognito:groups", "[viewer]")).await.status, 200);
}

#[tokio::test]
async fn a_ledger_that_is_down_is_answered_with_503() {
    let database = Database::create().await;
    let ledger = Ledger::new(LedgerConfig { port: 1, ..database.config() });
    assert_eq!(get(&ledger, &day()).await.code(), "temporarily_unavailable");
}
