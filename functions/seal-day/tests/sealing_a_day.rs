//! What `seal-day` answers and shows, on a real PostgreSQL and a real DynamoDB engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use balances::{BalanceTable, Consistency};
use cashflow::{Currency, DayStatus, parse_date};
use ledger::{Ledger, LedgerConfig};
use sealing::Sealer;
use serde_json::{Value, json};
use test_builders::acme;
use test_events::{Answer, HttpEvent, state};
use test_stores::{Database, DynamoDb, aws_at};
use workflow::RecordEntries;

struct World {
    sealer: Sealer,
    database: Database,
    store: DynamoDb,
}

impl World {
    async fn new() -> World {
        let (database, store) = (Database::create().await, DynamoDb::start().await);
        let table = BalanceTable::new(store.client.clone(), &store.table_name);
        let sealer = Sealer { ledger: Ledger::new(database.config()), table };
        World { sealer, database, store }
    }

    async fn seal(&self, event: &HttpEvent) -> Answer {
        Answer::read(seal_day::handle(&self.sealer, &event.request()).await)
    }

    /// Posts an entry of 2026-11-22, and consolidates nothing.
    async fn post(&self, id: &str) {
        let mut input = state("apply-to-ledger/entry");
        input["entries"][0]["id"] = json!(id);
        let (merchant, entries) = serde_json::from_value::<RecordEntries>(input).unwrap().parse().unwrap();
        self.sealer.ledger.post(&merchant, &entries).await.unwrap();
    }

    /// What a balance shows: its status, how many entries it has, and whether months after it know of them.
    async fn shown(&self) -> (DayStatus, u64, i128) {
        let read = async |date: &str| {
            let date = parse_date(date).unwrap();
            let acme = acme();
            let lines = self.sealer.table.daily_balances(&acme, Currency::BRL, date, date, Consistency::Eventual).await;
            lines.unwrap().remove(0)
        };
        let day = read("2026-11-22").await;
        (day.status, day.balance.totals.entry_count, read("2026-12-01").await.balance.opening)
    }
}

fn request() -> HttpEvent {
    HttpEvent::load("seal-day/day")
}

const ONE: &str = "00000000-0000-5000-8000-000000000001";
const TWO: &str = "00000000-0000-5000-8000-000000000002";

#[tokio::test]
async fn a_sealed_day_is_answered_with_its_seal_and_shown_as_sealed() {
    let world = World::new().await;
    world.post(ONE).await;
    assert_eq!(world.shown().await, (DayStatus::Open, 0, 0));
    let mut answer = world.seal(&request()).await;
    assert_eq!(answer.status, 201);
    assert!(answer.body["sealed_at"].take().as_str().unwrap().ends_with('Z'));
    assert_eq!(answer.body["snapshot"].take().as_str().unwrap().len(), http_api::SNAPSHOT_LENGTH);
    assert_eq!(answer.body["sha256"].take().as_str().unwrap().len(), 64);
    assert_eq!(
        answer.body,
        json!({
            "date": "2026-11-22", "currency": "BRL", "number": 1, "total_credits": "150.75", "total_debits": "0.00",
            "entry_count": 1, "sealed_at": null, "snapshot": null, "sha256": null
        })
    );
    assert_eq!(world.shown().await, (DayStatus::Sealed, 1, 15_075));
}

#[tokio::test]
async fn sealing_again_makes_a_new_seal_only_of_a_day_that_has_changed() {
    let world = World::new().await;
    world.post(ONE).await;
    let first = world.seal(&request()).await;
    let again = world.seal(&request()).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    world.post(TWO).await;
    let second = world.seal(&request()).await;
    assert_eq!((second.status, &second.body["number"]), (201, &json!(2)));
    assert_ne!(second.body["sha256"], first.body["sha256"]);
    assert_eq!(world.shown().await, (DayStatus::Sealed, 2, 30_150));
}

#[tokio::test]
async fn an_entry_after_the_seal_restates_the_day_once_it_is_consolidated() {
    let world = World::new().await;
    world.post(ONE).await;
    world.seal(&request()).await;
    world.post(TWO).await;
    let acme = acme();
    let date = parse_date("2026-11-22").unwrap();
    let known = world.sealer.ledger.totals_of_day(&acme, Currency::BRL, date).await.unwrap().unwrap();
    for totals in &known.totals {
        world.sealer.table.write_if_newer(&acme, totals, known.epoch, known.totals_at).await.unwrap();
    }
    assert_eq!(world.shown().await, (DayStatus::Restated, 2, 30_150));
}

#[tokio::test]
async fn a_day_without_entries_is_sealed_and_restated_by_its_first() {
    let world = World::new().await;
    assert_eq!(world.seal(&request()).await.status, 201);
    assert_eq!(world.shown().await, (DayStatus::Sealed, 0, 0));
    world.post(ONE).await;
    assert_eq!(world.seal(&request()).await.body["number"], 2);
    assert_eq!(world.shown().await, (DayStatus::Sealed, 1, 15_075));
}

#[tokio::test]
async fn the_first_and_the_last_day_are_sealed_like_any_other() {
    let world = World::new().await;
    for (date, id) in [("1900-01-01", ONE), ("9999-12-31", TWO)] {
        let mut input = state("apply-to-ledger/entry");
        input["entries"][0]["id"] = json!(id);
        input["entries"][0]["date"] = json!(date);
        let (merchant, entries) = serde_json::from_value::<RecordEntries>(input).unwrap().parse().unwrap();
        world.sealer.ledger.post(&merchant, &entries).await.unwrap();
        let sealed = world.seal(&request().path_part("date", date)).await;
        assert_eq!((sealed.status, &sealed.body["entry_count"]), (201, &json!(1)), "{date}: {}", sealed.body);
        let acme = acme();
        let day = parse_date(date).unwrap();
        let lines = world.sealer.table.daily_balances(&acme, Currency::BRL, day, day, Consistency::Eventual).await;
        assert_eq!(lines.unwrap()[0].status, DayStatus::Sealed, "{date}");
    }
}

#[tokio::test]
async fn only_clerks_seal_and_only_their_own_merchants_days() {
    let world = World::new().await;
    world.post(ONE).await;
    assert_eq!(world.seal(&request().claim("cognito:groups", "[viewer]")).await.code(), "clerk_required");
    let stranger = world.seal(&request().claim("custom:merchant_id", "emca")).await;
    assert_eq!((stranger.status, &stranger.body["entry_count"]), (201, &json!(0)));
    assert_eq!(world.shown().await.0, DayStatus::Open);
    assert_eq!(world.seal(&request().path_part("date", "2026-02-30")).await.code(), "parameter_invalid");
}

/// The seal counts from the ledger's answer on; a repeat brings it to the balances.
#[tokio::test]
async fn a_seal_that_did_not_reach_the_balances_is_brought_there_by_the_next() {
    let mut world = World::new().await;
    world.post(ONE).await;
    let nowhere = aws_sdk_dynamodb::Client::new(&aws_at("http://127.0.0.1:1").await);
    world.sealer.table = BalanceTable::new(nowhere, "balances");
    assert_eq!(world.seal(&request()).await.code(), "temporarily_unavailable");
    world.sealer.table = BalanceTable::new(world.store.client.clone(), &world.store.table_name);
    let repeated = world.seal(&request()).await;
    assert_eq!((repeated.status, &repeated.body["number"]), (200, &Value::from(1)));
    assert_eq!(world.shown().await, (DayStatus::Sealed, 1, 15_075));
}

#[tokio::test]
async fn a_changed_day_is_refused_while_another_seal_of_the_merchant_is_made() {
    let world = World::new().await;
    world.post(ONE).await;
    let other = world.database.owner().await;
    other.batch_execute("BEGIN; SELECT ledger.lock_sealing('acme')").await.unwrap();
    let refused = world.seal(&request()).await;
    assert_eq!((refused.status, refused.code()), (409, "seal_in_progress"));
    assert_eq!(refused.header("retry-after"), Some("2"));
    // Another merchant's turn is its own.
    assert_eq!(world.seal(&request().claim("custom:merchant_id", "emca")).await.status, 201);
    other.batch_execute("ROLLBACK").await.unwrap();
    let sealed = world.seal(&request()).await;
    assert_eq!(sealed.status, 201);
    // A day that has not changed needs no turn.
    other.batch_execute("BEGIN; SELECT ledger.lock_sealing('acme')").await.unwrap();
    let unchanged = world.seal(&request()).await;
    assert_eq!((unchanged.status, unchanged.body), (200, sealed.body));
}

#[tokio::test]
async fn a_day_with_more_entries_than_a_seal_can_cover_is_refused_for_good() {
    let world = World::new().await;
    let too_many = ledger::ENTRIES_SEALED_MAX + 1;
    let total = format!(
        "INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
         VALUES ('acme', 'BRL', '2026-11-22', '2026-11-22', 0, 1, 0, {too_many})"
    );
    world.database.owner().await.batch_execute(&total).await.unwrap();
    let refused = world.seal(&request()).await;
    assert_eq!((refused.status, refused.code(), refused.header("retry-after")), (422, "day_too_large", None));
    assert!(refused.body["detail"].as_str().unwrap().contains(&too_many.to_string()), "{}", refused.body);
}

#[tokio::test]
async fn a_ledger_that_is_down_is_answered_with_503() {
    let mut world = World::new().await;
    world.sealer.ledger = Ledger::new(LedgerConfig { port: 1, ..world.database.config() });
    assert_eq!(world.seal(&request()).await.code(), "temporarily_unavailable");
}
