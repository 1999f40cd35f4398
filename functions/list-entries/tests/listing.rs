//! What `list-entries` answers, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use ledger::{Ledger, LedgerConfig};
use serde_json::{Value, json};
use test_events::{Answer, HttpEvent, state};
use test_stores::Database;
use workflow::RecordEntries;

async fn get(ledger: &Ledger, event: &HttpEvent) -> Answer {
    Answer::read(list_entries::handle(ledger, &event.request()).await)
}

async fn post(ledger: &Ledger, input: &Value) {
    let (merchant, entries) = serde_json::from_value::<RecordEntries>(input.clone()).unwrap().parse().unwrap();
    ledger.post(&merchant, &entries).await.unwrap();
}

/// The day 2026-11-22 with pages of 2.
fn day() -> HttpEvent {
    HttpEvent::load("list-entries/day")
}

/// As many entries of one credit each as numbers, posted one after the other.
async fn post_entries(ledger: &Ledger, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let mut input = state("apply-to-ledger/entry");
        input["entries"][0]["id"] = json!(format!("00000000-0000-5000-8000-{number:012}"));
        input["entries"][0]["amount_minor"] = json!("100");
        post(ledger, &input).await;
    }
}

#[tokio::test]
async fn a_cursor_of_a_ledger_that_was_set_back_is_refused() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post_entries(&ledger, 1..6).await;
    let cursor = get(&ledger, &day()).await.body["next_cursor"].as_str().unwrap().to_owned();
    let next = HttpEvent::query(day(), &format!("date=2026-11-22&limit=2&cursor={cursor}"));
    assert_eq!(get(&ledger, &next).await.status, 200);
    // As after a restore to an earlier moment whose epoch nobody has raised.
    database.owner().await.execute("UPDATE posting_position SET position = position - 1", &[]).await.unwrap();
    let faults = get(&ledger, &next).await.faults();
    assert_eq!(faults, ["cursor: is of a ledger that was set back since: begin with the first page"]);
    // With another epoch it is none at all.
    database.owner().await.execute("UPDATE ledger_epoch SET epoch = 2", &[]).await.unwrap();
    let faults = get(&ledger, &next).await.faults();
    assert_eq!(faults, ["cursor: is not a cursor that was given out for this statement"]);
}

#[tokio::test]
async fn a_page_has_the_entries_in_posting_order_each_with_the_balance_after_it() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post(&ledger, &state("apply-to-ledger/entry")).await;
    let answer = get(&ledger, &day()).await;
    assert_eq!(answer.status, 200);
    let mut body = answer.body.clone();
    assert!(body["entries"][0]["posted_at"].take().is_string());
    let sale = &state("apply-to-ledger/entry")["entries"][0];
    assert_eq!(
        body,
        json!({
            "entries": [{
                "id": sale["id"], "type": "credit", "amount": "150.75", "currency": "BRL", "date": "2026-11-22",
                "description": sale["description"], "category": sale["category"], "reverses": null, "status": "posted",
                "posted_at": null, "reversed_by": null, "seal": null, "late": false, "running_balance": "150.75"
            }],
            "next_cursor": null
        })
    );
}

#[tokio::test]
async fn the_cursor_leads_through_the_whole_day() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post_entries(&ledger, 0..5).await;
    let mut balances = Vec::new();
    let mut query = "date=2026-11-22&limit=2".to_owned();
    loop {
        let page = get(&ledger, &day().query(&query)).await.body;
        balances.extend(page["entries"].as_array().unwrap().iter().map(|line| line["running_balance"].clone()));
        post_entries(&ledger, 100..101).await;
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("date=2026-11-22&limit=2&cursor={cursor}");
    }
    assert_eq!(balances, ["1.00", "2.00", "3.00", "4.00", "5.00"]);
}

#[tokio::test]
async fn a_cursor_of_another_merchant_day_or_currency_is_refused() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post_entries(&ledger, 0..3).await;
    let page = get(&ledger, &day()).await.body;
    let cursor = page["next_cursor"].as_str().unwrap();
    let with = |parameters: &str| day().query(&format!("{parameters}&cursor={cursor}"));
    assert_eq!(get(&ledger, &with("date=2026-11-22&currency=BRL&limit=7")).await.status, 200);
    let refused = [
        with("date=2026-11-22").claim("custom:merchant_id", "emca"),
        with("date=2026-11-23"),
        with("date=2026-11-22&currency=USD"),
        day().query("date=2026-11-22&cursor="),
        day().query("date=2026-11-22&cursor=AAAA"),
    ];
    for event in refused {
        let answer = get(&ledger, &event).await;
        assert_eq!(answer.faults(), ["cursor: is not a cursor that was given out for this statement"]);
    }
    // After a restore, which raises the epoch, transactions are counted anew.
    database.owner().await.execute("UPDATE ledger_epoch SET epoch = 2", &[]).await.unwrap();
    assert_eq!(get(&ledger, &with("date=2026-11-22")).await.code(), "parameter_invalid");
}

#[tokio::test]
async fn a_merchant_sees_only_its_own_entries() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post_entries(&ledger, 0..3).await;
    let stranger = get(&ledger, &day().claim("custom:merchant_id", "emca")).await;
    assert_eq!(stranger.body, json!({"entries": [], "next_cursor": null}));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let faults = async |query: &str| get(&ledger, &day().query(query)).await.faults();
    assert_eq!(faults("").await, ["date: is required"]);
    for limit in ["0", "501", "-1", "1.5", "many", ""] {
        let query = format!("date=2026-11-22&limit={limit}");
        assert_eq!(faults(&query).await, ["limit: must be a whole number from 1 to 500"], "{limit}");
    }
    assert_eq!(
        faults("date=2026-11-31&currency=R$&from=2026-11-01").await,
        [
            "from: is not a known parameter",
            "date: must be a date of the calendar as YYYY-MM-DD",
            "currency: must be an ISO 4217 currency code in upper case, such as BRL",
        ]
    );
}

#[tokio::test]
async fn a_ledger_that_is_down_is_answered_with_503() {
    let database = Database::create().await;
    let ledger = Ledger::new(LedgerConfig { port: 1, ..database.config() });
    let answer = get(&ledger, &day()).await;
    assert_eq!((answer.status, answer.code()), (503, "temporarily_unavailable"));
}
