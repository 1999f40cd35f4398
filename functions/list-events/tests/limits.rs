//! What a request for events may see and how long it may take, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::{Duration, Instant};

use cashflow::{AlertDirection, Currency, Entry, MerchantId};
use jiff::{Timestamp, tz::TimeZone};
use ledger::{BusinessDay, Ledger, LedgerConfig};
use list_events::ListEvents;
use serde_json::{Value, json};
use test_builders::{acme, entry, id, merchant};
use test_events::{Answer, HttpEvent};
use test_stores::Database;

fn time_zone() -> TimeZone {
    TimeZone::get("America/Sao_Paulo").unwrap()
}

fn oldest() -> HttpEvent {
    HttpEvent::load("list-events/oldest")
}

async fn get(ledger: &Ledger, event: &HttpEvent) -> Answer {
    let list_events = ListEvents::new(ledger.clone(), time_zone(), 1_000);
    Answer::read(list_events.handle(&event.request(), Timestamp::now()).await)
}

async fn post(ledger: &Ledger, merchant: &MerchantId, entry: Entry) {
    ledger.post(merchant, &[entry]).await.unwrap();
}

fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_merchant_has_its_own_feed_and_its_own_cursors() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let emca = merchant("emca");
    post(&ledger, &acme(), entry("one").build()).await;
    post(&ledger, &emca, entry("one").of(&emca).build()).await;
    let stranger = |event: HttpEvent| event.claim("custom:merchant_id", "emca");
    let (ours, theirs) = (get(&ledger, &oldest()).await, get(&ledger, &stranger(oldest())).await);
    for (answer, source) in [(&ours, "/merchants/acme"), (&theirs, "/merchants/emca")] {
        assert!(!events(answer).is_empty() && events(answer).iter().all(|event| event["source"] == source), "{source}");
    }
    assert!(events(&ours).iter().all(|event| !events(&theirs).contains(event)));
    let after = format!("after={}", ours.body["next"].as_str().unwrap());
    assert_eq!(events(&get(&ledger, &oldest().query(&after)).await), Vec::<Value>::new());
    let refused = get(&ledger, &stranger(oldest().query(&after))).await;
    assert_eq!(refused.faults(), ["after: is not a cursor that a feed of the merchant was answered with"]);
}

#[tokio::test]
async fn every_user_of_the_merchant_reads_and_nobody_without_an_id_token() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    assert_eq!(get(&ledger, &oldest().claim("cognito:groups", "[viewer]")).await.status, 200);
    assert_eq!(get(&ledger, &oldest().claim("token_use", "access")).await.code(), "id_token_required");
    assert_eq!(get(&ledger, &oldest().without_claim("custom:merchant_id")).await.code(), "merchant_missing");
}

#[tokio::test]
async fn who_waits_in_vain_is_answered_when_the_time_is_over() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post(&ledger, &acme(), entry("one").build()).await;
    let page = get(&ledger, &oldest()).await;
    let begun = Instant::now();
    let query = format!("wait=1&after={}", page.body["next"].as_str().unwrap());
    let waited = get(&ledger, &oldest().query(&query)).await;
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!((events(&waited), &waited.body["has_more"]), (Vec::new(), &json!(false)));
    // What was answered leads on.
    post(&ledger, &acme(), entry("two").build()).await;
    let query = format!("types=entry.posted&after={}", waited.body["next"].as_str().unwrap());
    let [two] = &events(&get(&ledger, &oldest().query(&query)).await)[..] else { panic!("one event") };
    assert_eq!(two["subject"], format!("entries/{}", id("two")));
}

#[tokio::test]
async fn a_balance_that_crosses_a_threshold_is_told_with_its_entry() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let today = BusinessDay::at(Timestamp::now(), &time_zone());
    let on = today.date.to_string();
    post(&ledger, &acme(), entry("float").credit("100.00").on(&on).build()).await;
    let alert = ledger.set_alert(&acme(), &today, Currency::BRL, AlertDirection::Below, 5_000).await.unwrap();
    assert!(!alert.is_triggered);
    for (key, minor) in [("rent", -6_000), ("more-rent", -1_000), ("sale", 2_000), ("another-sale", 100)] {
        post(&ledger, &acme(), entry(key).minor(minor).on(&on).build()).await;
    }
    let query = "types=balance.alert.triggered,balance.alert.resolved";
    let mut told = events(&get(&ledger, &oldest().query(query)).await);
    let told: Vec<_> = told.iter_mut().map(|event| (event["type"].take(), event["data"].take())).collect();
    let crossed = |event_type: &str, balance: &str, key: &str| {
        let data = json!({
            "alert_id": alert.id.to_string(), "currency": "BRL", "direction": "below", "threshold": "50.00",
            "balance": balance, "date": on, "entry_id": id(key).to_string()
        });
        (json!(event_type), data)
    };
    let expected =
        [crossed("balance.alert.triggered", "40.00", "rent"), crossed("balance.alert.resolved", "50.00", "sale")];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_ledger_that_is_down_is_answered_with_503() {
    let database = Database::create().await;
    let ledger = Ledger::new(LedgerConfig { port: 1, ..database.config() });
    let answer = get(&ledger, &oldest().query("wait=20")).await;
    assert_eq!((answer.status, answer.code()), (503, "temporarily_unavailable"));
}
