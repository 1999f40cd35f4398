//! What `read-events` answers the functions that give events out, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::Entry;
use jiff::{Timestamp, tz::TimeZone};
use ledger::Ledger;
use read_events::{Question, ReadEvents};
use serde_json::{Value, json};
use test_builders::{acme, entry, merchant};
use test_events::event;
use test_stores::Database;

struct World {
    read_events: ReadEvents,
    _database: Database,
}

impl World {
    async fn new() -> World {
        let database = Database::create().await;
        let business_time_zone = TimeZone::get("America/Sao_Paulo").unwrap();
        let ledger = Ledger::new(database.maintenance_config());
        World { read_events: ReadEvents { ledger, business_time_zone }, _database: database }
    }

    async fn try_ask(&self, question: &Value) -> Result<Value, String> {
        let question: Question = serde_json::from_value(question.clone()).map_err(|error| error.to_string())?;
        let answer = self.read_events.handle(question, Timestamp::now()).await.map_err(|error| error.to_string())?;
        Ok(serde_json::to_value(answer).unwrap())
    }

    async fn ask(&self, question: &Value) -> Value {
        self.try_ask(question).await.unwrap()
    }

    async fn post(&self, entry: Entry) {
        self.read_events.ledger.post(&acme(), &[entry]).await.unwrap();
    }
}

fn page_after(cursor: &Value) -> Value {
    json!({"merchant_id": "acme", "after": cursor, "types": null, "limit": 100})
}

fn types(page: &Value) -> Vec<&str> {
    page["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_page_has_the_events_as_clients_get_them() {
    let world = World::new().await;
    world.post(entry("one").build()).await;
    let page = world.ask(&event("read-events/page")).await;
    assert_eq!(types(&page), ["entry.posted", "day.balance_changed"]);
    assert_eq!(page["events"][0]["source"], "/merchants/acme");
    let nothing = world.ask(&page_after(&page["next"])).await;
    assert_eq!(types(&nothing), [""; 0]);
}

#[tokio::test]
async fn the_end_of_a_feed_is_behind_all_that_has_happened() {
    let world = World::new().await;
    world.post(entry("one").build()).await;
    let end = world.ask(&event("read-events/end")).await["next"].clone();
    assert_eq!(types(&world.ask(&page_after(&end)).await), [""; 0]);
    world.post(entry("two").build()).await;
    let since = world.ask(&page_after(&end)).await;
    assert_eq!(types(&since), ["entry.posted", "day.balance_changed"]);
}

#[tokio::test]
async fn a_cursor_that_holds_no_more_is_refused_and_is_no_failure() {
    let world = World::new().await;
    let end = world.ask(&event("read-events/end")).await["next"].clone();
    let mut of_another = page_after(&end);
    of_another["merchant_id"] = json!("emca");
    assert_eq!(world.ask(&of_another).await, json!({"refused": "cursor"}));
    assert_eq!(world.ask(&page_after(&json!("abc"))).await, json!({"refused": "cursor"}));
}

#[tokio::test]
async fn an_endpoint_that_was_switched_off_is_an_event_once() {
    let world = World::new().await;
    for _ in 0..2 {
        assert_eq!(world.ask(&event("read-events/append")).await, json!({}));
    }
    let page = world.ask(&event("read-events/page")).await;
    assert_eq!(types(&page), ["webhook_endpoint.disabled"]);
    let data = &event("read-events/append")["append"]["data"];
    assert_eq!(&page["events"][0]["data"], data);
}

#[tokio::test]
async fn merchants_to_whom_something_happened_are_listed() {
    let world = World::new().await;
    let before = Timestamp::now();
    world.post(entry("one").build()).await;
    let emca = merchant("emca");
    world.read_events.ledger.post(&emca, &[entry("one").of(&emca).build()]).await.unwrap();
    let active = world.ask(&json!({"active_since": before.to_string(), "after": null})).await;
    assert_eq!(active["merchants"], json!(["acme", "emca"]));
    assert_eq!(active["next"], Value::Null);
    assert!(active["until"].as_str().unwrap().parse::<Timestamp>().unwrap() >= before);
    let rest = world.ask(&json!({"active_since": before.to_string(), "after": "acme"})).await;
    assert_eq!(rest["merchants"], json!(["emca"]));
}

#[tokio::test]
async fn what_is_no_question_is_refused() {
    let world = World::new().await;
    let page = event("read-events/page");
    let refused = [
        json!({}),
        json!({"merchant_id": "acme"}),
        json!({"merchant_id": "", "after": null, "types": null, "limit": 100}),
        json!({"merchant_id": "acme", "after": null, "types": null, "limit": 0}),
        json!({"merchant_id": "acme", "after": null, "types": null, "limit": 501}),
        json!({"merchant_id": "acme", "after": null, "types": ["entry.sold"], "limit": 1}),
        json!({"merchant_id": "acme", "position": "then"}),
        json!({"merchant_id": "acme", "after": null, "types": null, "limit": 1, "all": true}),
    ];
    for question in refused {
        assert!(world.try_ask(&question).await.is_err(), "{question}");
    }
    let mut other = event("read-events/append");
    other["append"]["type"] = json!("entry.posted");
    assert!(world.try_ask(&other).await.is_err());
    assert_eq!(types(&world.ask(&page).await), [""; 0]);
}
