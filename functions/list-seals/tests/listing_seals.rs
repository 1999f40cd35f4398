//! What `list-seals` answers, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Currency, parse_date};
use ledger::{Ledger, LedgerConfig};
use serde_json::{Value, json};
use test_builders::acme;
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
    assert_eq!(get(&ledger, &day()).await.body, json!({"seals": [], "next_cursor": null}));
    let acme = acme();
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
async fn every_seal_is_on_one_of_the_pages() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let make = "
        INSERT INTO day_seal (merchant_id, currency, date, number, credits, debits, entry_count, epoch, positions, sha256)
        SELECT 'acme', 'BRL', '2026-11-22', number, 0, 0, 0, 1, array_fill(0, ARRAY[8]), sha256('')
        FROM generate_series(1, 250) AS number";
    database.owner().await.batch_execute(make).await.unwrap();
    let numbers = |answer: &Answer| -> Vec<u64> {
        answer.body["seals"].as_array().unwrap().iter().map(|seal| seal["number"].as_u64().unwrap()).collect()
    };
    for (limit, sizes) in [("", vec![100, 100, 50]), ("limit=1&", vec![1; 250]), ("limit=99&", vec![99, 99, 52])] {
        let mut answer = get(&ledger, &day().query(limit.trim_end_matches('&'))).await;
        let (mut listed, mut pages) = (numbers(&answer), vec![numbers(&answer).len()]);
        while let Some(cursor) = answer.body["next_cursor"].as_str() {
            answer = get(&ledger, &day().query(&format!("{limit}cursor={cursor}"))).await;
            listed.extend(numbers(&answer));
            pages.push(numbers(&answer).len());
        }
        assert_eq!(listed, (1..=250).rev().collect::<Vec<_>>(), "{limit}");
        assert_eq!(pages, sizes, "{limit}");
    }
    assert_eq!(numbers(&get(&ledger, &day().query("cursor=1")).await), Vec::<u64>::new());
    for refused in ["limit=0", "limit=101", "limit=x", "cursor=0", "cursor=01", "cursor=x", "cursor=4294967296"] {
        assert_eq!(get(&ledger, &day().query(refused)).await.code(), "parameter_invalid", "{refused}");
    }
}

#[tokio::test]
async fn a_ledger_that_is_down_is_answered_with_503() {
    let database = Database::create().await;
    let ledger = Ledger::new(LedgerConfig { port: 1, ..database.config() });
    assert_eq!(get(&ledger, &day()).await.code(), "temporarily_unavailable");
}
