//! What `list-events` answers, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::{Duration, Instant};

use cashflow::Entry;
use jiff::{Timestamp, tz::TimeZone};
use ledger::Ledger;
use list_events::ListEvents;
use serde_json::{Value, json};
use test_builders::{acme, entry, merchant};
use test_events::{Answer, HttpEvent};
use test_stores::Database;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    list_events: ListEvents,
    database: Database,
}

impl World {
    async fn new() -> World {
        let database = Database::create().await;
        let ledger = Ledger::new(database.config());
        World { list_events: ListEvents::new(ledger, TimeZone::get("America/Sao_Paulo").unwrap(), 4), database }
    }

    async fn get(&self, event: &HttpEvent) -> Answer {
        Answer::read(self.list_events.handle(&event.request(), Timestamp::now()).await)
    }

    async fn page(&self, query: &str) -> Value {
        let answer = self.get(&oldest().query(query)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    async fn post(&self, entries: &[Entry]) {
        self.list_events.ledger.post(&acme(), entries).await.unwrap();
    }
}

fn oldest() -> HttpEvent {
    HttpEvent::load("list-events/oldest")
}

fn types(page: &Value) -> Vec<&str> {
    page["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_event_has_the_attributes_of_cloudevents_and_what_happened() {
    let world = World::new().await;
    let sale = entry("sale").credit("150.75").on("2026-11-22").described("Card sale").category("sales").build();
    world.post(std::slice::from_ref(&sale)).await;
    let mut page = world.page("").await;
    assert_eq!(types(&page), ["entry.posted", "day.balance_changed"]);
    let time = page["events"][0]["time"].take();
    assert!(time.as_str().unwrap().parse::<Timestamp>().is_ok());
    assert_eq!(page["events"][0]["data"]["posted_at"].take(), time);
    assert!(page["events"][0]["id"].take().as_str().unwrap().len() == 36);
    assert_eq!(
        page["events"][0],
        json!({
            "specversion": "1.0", "id": null, "source": "/merchants/acme", "type": "entry.posted",
            "subject": format!("entries/{}", sale.id), "time": null, "datacontenttype": "application/json",
            "data": {
                "id": sale.id.to_string(), "merchant_id": "acme", "type": "credit", "amount": "150.75", "currency": "BRL",
                "date": "2026-11-22", "description": "Card sale", "category": "sales", "reverses": null,
                "status": "posted", "posted_at": null
            }
        })
    );
    assert_eq!(page["events"][1]["subject"], "days/2026-11-22/BRL");
    assert_eq!(
        page["events"][1]["data"],
        json!({
            "date": "2026-11-22", "currency": "BRL", "total_credits": "150.75", "total_debits": "0.00", "entry_count": 1,
            "version": {"epoch": 1, "entry_count": 1}
        })
    );
    assert_eq!(page["has_more"], false);
}

#[tokio::test]
async fn what_follows_a_cursor_is_what_came_since_and_an_older_one_is_a_replay() {
    let world = World::new().await;
    world.post(&[entry("one").build()]).await;
    let first = world.page("").await;
    let next = first["next"].as_str().unwrap().to_owned();
    let nothing = world.page(&format!("after={next}")).await;
    assert_eq!(types(&nothing), [""; 0]);
    world.post(&[entry("two").build()]).await;
    let second = world.page(&format!("after={}", nothing["next"].as_str().unwrap())).await;
    assert_eq!(types(&second), ["entry.posted", "day.balance_changed"]);
    let again = world.page(&format!("after={next}")).await;
    assert_eq!(again["events"], second["events"]);
    let all = world.page("").await;
    let joined = [first["events"].as_array().unwrap().as_slice(), second["events"].as_array().unwrap()].concat();
    assert_eq!(all["events"].as_array().unwrap(), &joined);
}

#[tokio::test]
async fn pages_of_one_event_lead_to_the_same_events_as_one_page() {
    let world = World::new().await;
    let entries: Vec<Entry> = (0..7).map(|number| entry(&format!("entry-{number}")).build()).collect();
    world.post(&entries).await;
    let all = world.page("limit=500").await;
    let mut seen = Vec::new();
    let mut query = "limit=1".to_owned();
    loop {
        let page = world.page(&query).await;
        seen.extend(page["events"].as_array().unwrap().clone());
        if page["has_more"] == false {
            break;
        }
        query = format!("limit=1&after={}", page["next"].as_str().unwrap());
    }
    assert_eq!(&seen, all["events"].as_array().unwrap());
}

#[tokio::test]
async fn only_events_of_the_types_asked_for_are_answered() {
    let world = World::new().await;
    world.post(&[entry("one").on("2026-11-22").build()]).await;
    world.post(&[entry("two").on("2026-11-23").build()]).await;
    let page = world.page("types=day.balance_changed").await;
    assert!(!types(&page).is_empty() && types(&page).iter().all(|event_type| *event_type == "day.balance_changed"));
    assert_eq!(types(&world.page("types=entry.posted").await), ["entry.posted", "entry.posted"]);
}

#[tokio::test]
async fn every_fault_of_a_question_is_named() {
    let world = World::new().await;
    let faults = world.get(&oldest().query("types=entry.sold&limit=0&wait=21&from=1")).await.faults();
    let parameters: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
    assert_eq!(parameters, ["from", "types", "limit", "wait"], "{faults:?}");
    let faults = world.get(&oldest().query("after=abc")).await.faults();
    assert_eq!(faults, ["after: is not a cursor that a feed of the merchant was answered with"]);
}

#[tokio::test]
async fn a_cursor_counts_for_its_merchant_and_its_ledger_only() {
    let world = World::new().await;
    world.list_events.ledger.post(&merchant("emca"), &[entry("one").of(&merchant("emca")).build()]).await.unwrap();
    let empty = world.page("").await;
    assert_eq!(types(&empty), [""; 0], "another merchant's");
    let cursor = empty["next"].as_str().unwrap().to_owned();
    world.database.owner().await.execute("UPDATE ledger_epoch SET epoch = 2", &[]).await.unwrap();
    let faults = world.get(&oldest().query(&format!("after={cursor}"))).await.faults();
    assert_eq!(faults, ["after: is not a cursor that a feed of the merchant was answered with"]);
}

#[tokio::test]
async fn who_waits_is_answered_when_something_happens() {
    let world = World::new().await;
    let began = Instant::now();
    let waited = async { world.page("wait=20").await };
    let posted = async {
        while world.waiting().await == 0 {
            assert!(began.elapsed() < PATIENCE, "nobody waits");
        }
        let ledger = Ledger::new(world.database.config());
        ledger.post(&acme(), &[entry("one").build()]).await.unwrap();
    };
    let (page, ()) = tokio::join!(waited, posted);
    assert_eq!(types(&page), ["entry.posted", "day.balance_changed"]);
    assert!(began.elapsed() < PATIENCE);
    assert_eq!(world.waiting().await, 0, "the turn was not given back");
}

#[tokio::test]
async fn the_third_of_a_merchant_that_would_wait_is_answered_at_once() {
    let world = World::new().await;
    let ledger = Ledger::new(world.database.config());
    for _ in 0..2 {
        ledger.claim_wait(&acme(), 20, 4).await.unwrap().unwrap();
    }
    let began = Instant::now();
    let page = world.page("wait=20").await;
    assert_eq!(types(&page), [""; 0]);
    assert!(began.elapsed() < PATIENCE);
    let others = ledger.claim_wait(&merchant("emca"), 20, 4).await.unwrap();
    assert!(others.is_some(), "one merchant keeps another from waiting");
}

#[tokio::test]
async fn who_would_wait_beside_too_many_others_is_answered_at_once() {
    assert_eq!([0, 1, 8, 50].map(ListEvents::waiting_of), [25, 0, 4, 25]);
    let world = World::new().await;
    let ledger = Ledger::new(world.database.config());
    for other in ["a", "b"] {
        for _ in 0..2 {
            ledger.claim_wait(&merchant(other), 20, 4).await.unwrap().unwrap();
        }
    }
    let began = Instant::now();
    assert_eq!(types(&world.page("wait=20").await), [""; 0]);
    assert!(began.elapsed() < PATIENCE);
}

impl World {
    /// How many requests have a turn to wait.
    async fn waiting(&self) -> i64 {
        let owner = self.database.owner().await;
        owner.query_one("SELECT count(*) FROM feed_wait WHERE ends_at > clock_timestamp()", &[]).await.unwrap().get(0)
    }
}
