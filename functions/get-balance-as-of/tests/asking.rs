//! What `get-balance-as-of` answers, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::Duration;

use jiff::Timestamp;
use ledger::{Ledger, LedgerConfig};
use serde_json::json;
use test_events::{Answer, HttpEvent};
use test_stores::Database;

async fn get(ledger: &Ledger, event: &HttpEvent) -> Answer {
    Answer::read(get_balance_as_of::handle(ledger, &event.request()).await)
}

fn question() -> HttpEvent {
    HttpEvent::load("get-balance-as-of/instant").path_part("instant", "2026-11-22T18:00:00Z")
}

/// 15.00 credit dated 2026-11-22, posted a minute before the instant that the event asks for.
async fn post_in_the_past(database: &Database) {
    let insert = "
        INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date, recorded_at, slot, position)
        VALUES ('acme', gen_random_uuid(), decode(repeat('00', 32), 'hex'), 'credit', 1500, 'BRL', '2026-11-22',
                '2026-11-22T17:59:00Z', 0, 1);
        INSERT INTO posting_position (merchant_id, slot, position, summed_until) VALUES ('acme', 0, 1, 0);
        INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
        VALUES ('acme', 'BRL', '2026-11-22', '2026-11-22', 0, 1500, 0, 1)";
    database.owner().await.batch_execute(insert).await.unwrap();
}

#[tokio::test]
async fn a_balance_is_answered_as_it_was_known_then() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post_in_the_past(&database).await;
    let expected = json!({
        "date": "2026-11-22", "currency": "BRL", "opening_balance": "0.00", "total_credits": "15.00",
        "total_debits": "0.00", "closing_balance": "15.00", "entry_count": 1, "as_of": "2026-11-22T18:00:00Z"
    });
    for instant in ["2026-11-22T18:00:00Z", "2026-11-22T15:00:00-03:00", "2026-11-22T18:00:00.000+00:00"] {
        let answer = get(&ledger, &question().path_part("instant", instant)).await;
        assert_eq!((answer.status, &answer.body), (200, &expected), "{instant}");
    }
    let earlier = get(&ledger, &question().path_part("instant", "2026-11-22T17:58:59.999999Z")).await;
    assert_eq!(earlier.body["closing_balance"], "0.00");
    let stranger = get(&ledger, &question().claim("custom:merchant_id", "emca")).await;
    assert_eq!(stranger.body["closing_balance"], "0.00");
}

#[tokio::test]
async fn an_instant_that_can_still_change_is_refused_with_the_time_to_wait() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let instant = (Timestamp::now() + Duration::from_secs(60)).to_string();
    let answer = get(&ledger, &question().path_part("instant", &instant)).await;
    assert_eq!((answer.status, answer.code()), (409, "not_settled"));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((60..=71).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn the_first_and_last_days_and_instants_are_answered_like_any_other() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post_in_the_past(&database).await;
    let cases = [
        ("1900-01-01", "0000-01-01T00:00:00Z", 200, "0.00"),
        ("9999-12-31", "0000-01-01T00:00:00Z", 200, "0.00"),
        ("1900-01-01", "2026-11-22T18:00:00Z", 200, "0.00"),
        ("9999-12-31", "2026-11-22T18:00:00Z", 200, "15.00"),
        ("1900-01-01", "9999-12-29T23:59:59.999999999Z", 409, ""),
        ("9999-12-31", "9999-12-30T22:00:00.999999999Z", 409, ""),
        ("9999-12-31", "9999-12-30T22:00:01Z", 400, ""),
        ("9999-12-31", "9999-12-31T23:59:59Z", 400, ""),
        ("1899-12-31", "2026-11-22T18:00:00Z", 400, ""),
        ("0001-01-01", "2026-11-22T18:00:00Z", 400, ""),
        ("0000-01-01", "2026-11-22T18:00:00Z", 400, ""),
    ];
    for (date, instant, status, closing) in cases {
        let answer = get(&ledger, &question().path_part("date", date).path_part("instant", instant)).await;
        let shown = answer.body["closing_balance"].as_str().unwrap_or_default();
        assert_eq!((answer.status, shown), (status, closing), "{date} {instant}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let event = question().path_part("date", "2026-02-30").path_part("instant", "yesterday").query("currency=X");
    assert_eq!(
        get(&ledger, &event).await.faults(),
        [
            "date: must be a date of the calendar as YYYY-MM-DD",
            "instant: must be a time as RFC 3339 has it, such as 2026-11-22T18:00:00Z",
            "currency: must be an ISO 4217 currency code in upper case, such as BRL",
        ]
    );
}

#[tokio::test]
async fn a_ledger_that_is_down_is_answered_with_503() {
    let database = Database::create().await;
    let ledger = Ledger::new(LedgerConfig { port: 1, ..database.config() });
    assert_eq!(get(&ledger, &question()).await.code(), "temporarily_unavailable");
}
