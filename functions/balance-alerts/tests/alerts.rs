//! What `balance-alerts` answers, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use balance_alerts::BalanceAlerts;
use jiff::{Timestamp, tz::TimeZone};
use ledger::Ledger;
use serde_json::{Value, json};
use test_events::{Answer, HttpEvent, state};
use test_stores::Database;
use workflow::RecordEntries;

struct World {
    balance_alerts: BalanceAlerts,
    _database: Database,
}

impl World {
    async fn new() -> World {
        let database = Database::create().await;
        let business_time_zone = TimeZone::get("America/Sao_Paulo").unwrap();
        let ledger = Ledger::new(database.config());
        World { balance_alerts: BalanceAlerts { ledger, business_time_zone }, _database: database }
    }

    async fn answer(&self, event: &HttpEvent) -> Answer {
        let now: Timestamp = "2026-11-22T15:04:05Z".parse().unwrap();
        Answer::read(self.balance_alerts.handle(&event.request(), now).await)
    }

    /// A sale of 150.75 BRL on 2026-11-22.
    async fn sell(&self) {
        let input: RecordEntries = serde_json::from_value(state("apply-to-ledger/entry")).unwrap();
        let (merchant, entries) = input.parse().unwrap();
        self.balance_alerts.ledger.post(&merchant, &entries).await.unwrap();
    }

    async fn list(&self) -> Vec<Value> {
        let answer = self.answer(&HttpEvent::load("balance-alerts/list")).await;
        assert_eq!(answer.status, 200);
        answer.body["alerts"].as_array().unwrap().clone()
    }
}

fn set() -> HttpEvent {
    HttpEvent::load("balance-alerts/set")
}

fn remove(id: &str) -> HttpEvent {
    HttpEvent::load("balance-alerts/remove").path(&format!("/balance-alerts/{id}")).path_part("id", id)
}

#[tokio::test]
async fn an_alert_says_on_which_side_of_its_threshold_the_balance_is() {
    let world = World::new().await;
    world.sell().await;
    let mut answer = world.answer(&set()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body["id"].take().is_string() && answer.body["updated_at"].take().is_string());
    assert_eq!(
        answer.body,
        json!({
            "id": null, "currency": "BRL", "threshold": "1000.00", "direction": "below", "status": "triggered",
            "balance": "150.75", "updated_at": null
        })
    );
    let above = json!({"threshold": "-10.5", "direction": "above"});
    let answer = world.answer(&set().json(&above)).await;
    assert_eq!((&answer.body["threshold"], &answer.body["status"]), (&json!("-10.50"), &json!("triggered")));
}

#[tokio::test]
async fn an_alert_of_a_currency_and_direction_is_replaced_and_removed() {
    let world = World::new().await;
    let first = world.answer(&set()).await;
    let second = world.answer(&set().json(&json!({"threshold": "5.00", "direction": "below"}))).await;
    assert_eq!(first.body["id"], second.body["id"]);
    let listed = world.list().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["threshold"], "5.00");

    let id = first.body["id"].as_str().unwrap();
    assert_eq!(world.answer(&remove(id)).await.status, 204);
    assert_eq!(world.list().await, [Value::Null; 0]);
    let again = world.answer(&remove(id)).await;
    assert_eq!((again.status, &again.body["code"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn every_fault_of_an_alert_is_named() {
    let world = World::new().await;
    let wrong = json!({"currency": "XXZ", "threshold": 5, "direction": "down", "amount": "1.00"});
    let mut faults = world.answer(&set().json(&wrong)).await.faults();
    faults.sort();
    assert_eq!(faults.len(), 4, "{faults:?}");
    let faults = world.answer(&set().json(&json!({}))).await.faults();
    assert_eq!(faults, ["/threshold: is required", "/direction: is required"]);
    let faults = world.answer(&set().json(&json!({"threshold": "1.001", "direction": "below"}))).await.faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
    let faults = world.answer(&remove("1")).await.faults();
    assert_eq!(faults, ["id: must be a UUID in its canonical form"]);
}

#[tokio::test]
async fn who_may_only_read_sees_alerts_and_sets_none() {
    let world = World::new().await;
    world.answer(&set()).await;
    assert_eq!(world.answer(&set().claim("cognito:groups", "[viewer]")).await.status, 403);
    assert_eq!(
        world.answer(&remove("6f1b0d9e-2c57-8a4d-9b1e-3f0c5d7a9e21").claim("cognito:groups", "[viewer]")).await.status,
        403
    );
    let listed = HttpEvent::load("balance-alerts/list").claim("cognito:groups", "[viewer]");
    assert_eq!(world.answer(&listed).await.body["alerts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn another_merchants_alert_is_none() {
    let world = World::new().await;
    let id = world.answer(&set()).await.body["id"].as_str().unwrap().to_owned();
    let other = |event: HttpEvent| event.claim("custom:merchant_id", "emca");
    assert_eq!(world.answer(&other(remove(&id))).await.status, 404);
    assert_eq!(world.answer(&other(HttpEvent::load("balance-alerts/list"))).await.body, json!({"alerts": []}));
    assert_eq!(world.list().await.len(), 1);
}
