//! What `get-entry` answers, on a real PostgreSQL and a real Redis.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::Duration;

use cashflow::{Entry, Fingerprint, MerchantId};
use get_entry::GetEntry;
use http_api::AcceptedEntry;
use idempotency_cache::{BREAKER_PAUSE, CachedRequest, IdempotencyCache, RedisConfig, RequestState};
use ledger::{Ledger, LedgerConfig};
use serde_json::{Value, json};
use test_events::{Answer, HttpEvent, state};
use test_stores::{Database, RedisServer};
use workflow::RecordEntries;

/// Far above what Redis takes: the speed of the machine must not decide what is remembered.
const PATIENCE: Duration = Duration::from_secs(30);

struct World {
    function: GetEntry,
    database: Database,
    redis: RedisServer,
}

impl World {
    async fn new() -> World {
        let (database, redis) = (Database::create().await, RedisServer::start().await);
        let function = GetEntry {
            ledger: Ledger::new(database.config()),
            cache: IdempotencyCache::new(&RedisConfig::single(redis.url()), PATIENCE, BREAKER_PAUSE).unwrap(),
            token_key: "a secret of at least 32 characters".parse().unwrap(),
        };
        // As an environment does when it starts: the first command would have to connect within its budget.
        function.cache.warm_up().await;
        World { function, database, redis }
    }

    async fn get(&self, event: &HttpEvent) -> Answer {
        Answer::read(self.function.handle(&event.request()).await)
    }

    async fn post(&self, input: Value) {
        let (merchant, entries) = read(input);
        self.function.ledger.post(&merchant, &entries).await.unwrap();
    }
}

fn read(input: Value) -> (MerchantId, Vec<Entry>) {
    serde_json::from_value::<RecordEntries>(input).unwrap().parse().unwrap()
}

fn lookup() -> HttpEvent {
    HttpEvent::load("get-entry/entry")
}

/// Of merchant acme, as `register-entry/entry` registers it.
fn sale() -> Value {
    state("apply-to-ledger/entry")
}

#[tokio::test]
async fn a_posted_entry_is_shown_with_all_that_the_ledger_knows_of_it() {
    let world = World::new().await;
    world.post(sale()).await;
    let mut answer = world.get(&lookup()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body["posted_at"].take().as_str().unwrap().ends_with('Z'));
    assert!(answer.body["balance_token"].take().is_string());
    let sale = &sale()["entries"][0];
    assert_eq!(
        answer.body,
        json!({
            "id": sale["id"], "merchant_id": "acme", "type": "credit", "amount": "150.75", "currency": "BRL",
            "date": "2026-11-22", "description": sale["description"], "category": sale["category"], "reverses": null,
            "status": "posted", "posted_at": null, "reversed_by": null, "seal": null, "late": false, "conflicts": [],
            "balance_token": null
        })
    );
}

#[tokio::test]
async fn payloads_that_came_under_the_key_of_a_posted_entry_are_shown_with_it() {
    let world = World::new().await;
    world.post(sale()).await;
    let mut other = sale();
    other["entries"][0]["fingerprint"] = json!("0".repeat(64));
    other["entries"][0]["amount_minor"] = json!("999");
    world.post(other).await;
    let answer = world.get(&lookup()).await;
    assert_eq!(answer.body["amount"], "150.75");
    let conflicts = answer.body["conflicts"].as_array().unwrap();
    assert_eq!(conflicts.len(), 1);
    assert_eq!((&conflicts[0]["amount"], &conflicts[0]["type"]), (&json!("9.99"), &json!("credit")));
    assert!(conflicts[0]["received_at"].is_string());
}

/// An overtaken one says that it is.
#[tokio::test]
async fn a_reversal_and_its_original_name_each_other() {
    let world = World::new().await;
    world.post(sale()).await;
    let refund = state("apply-to-ledger/reversal");
    world.post(refund.clone()).await;
    let mut second = refund.clone();
    second["entries"][0]["id"] = json!("00000000-0000-5000-8000-000000000001");
    world.post(second).await;

    let (sale_id, refund_id) = (&sale()["entries"][0]["id"], &refund["entries"][0]["id"]);
    let show = async |id: &Value| world.get(&lookup().path_part("id", id.as_str().unwrap())).await.body;
    assert_eq!(show(sale_id).await["reversed_by"], *refund_id);
    assert_eq!(show(refund_id).await["reverses"], *sale_id);
    let overtaken = show(&json!("00000000-0000-5000-8000-000000000001")).await;
    assert_eq!((&overtaken["status"], &overtaken["reverses"]), (&json!("already_reversed"), sale_id));
    assert_eq!(overtaken["balance_token"], Value::Null);
}

#[tokio::test]
async fn an_accepted_entry_is_pending_as_long_as_it_is_remembered() {
    let world = World::new().await;
    assert_eq!(world.get(&lookup()).await.code(), "not_found");
    let (merchant, entries) = read(sale());
    let response = AcceptedEntry::new(&merchant, &entries[0]).to_cached(None).unwrap();
    let fingerprint = Fingerprint::from_bytes(&[0; 32]).unwrap();
    // That somebody is about to accept it says nothing of it.
    world.function.cache.reserve(&[(entries[0].id, fingerprint)]).await;
    assert_eq!(world.get(&lookup()).await.code(), "not_found");
    let remembered = CachedRequest { fingerprint, state: RequestState::Accepted(response) };
    world.function.cache.put(&[(entries[0].id, remembered)]).await;
    let answer = world.get(&lookup()).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("pending")));
    assert_eq!((&answer.body["amount"], &answer.body["reverses"]), (&json!("150.75"), &Value::Null));
    assert!(answer.body.get("balance_token").is_none());
    // To another merchant it is not there, as if it were nowhere.
    let stranger = world.get(&lookup().claim("custom:merchant_id", "emca")).await;
    assert_eq!(stranger, world.get(&lookup().path_part("id", "00000000-0000-5000-8000-000000000001")).await);

    world.redis.forget_everything().await;
    assert_eq!(world.get(&lookup()).await.code(), "not_found");
    world.post(sale()).await;
    assert_eq!(world.get(&lookup()).await.body["status"], "posted");
}

/// As `register-entry` caches it.
async fn remember(world: &World, input: Value, execution: Option<&str>) {
    let (merchant, entries) = read(input);
    for entry in entries {
        let answer = AcceptedEntry::new(&merchant, &entry).to_cached(execution).unwrap();
        let request = CachedRequest { fingerprint: entry.fingerprint, state: RequestState::Accepted(answer) };
        world.function.cache.put(&[(entry.id, request)]).await;
    }
}

#[tokio::test]
async fn only_operators_are_shown_the_execution_of_an_entry() {
    let world = World::new().await;
    let operator = lookup().claim("cognito:groups", "[clerk operator]");
    let overtaken = || {
        let mut second = state("apply-to-ledger/reversal");
        second["entries"][0]["id"] = json!("00000000-0000-5000-8000-000000000001");
        second
    };
    for input in [sale(), state("apply-to-ledger/reversal"), overtaken()] {
        let id = input["entries"][0]["id"].as_str().unwrap().to_owned();
        for posted in [false, true] {
            remember(&world, input.clone(), Some("batch-1")).await;
            if posted {
                world.post(input.clone()).await;
            }
            let shown = world.get(&operator.clone().path_part("id", &id)).await.body;
            assert_eq!((shown["status"] != "pending", &shown["execution"]), (posted, &json!("batch-1")));
            for groups in ["[clerk]", "[]"] {
                let others = world.get(&lookup().claim("cognito:groups", groups).path_part("id", &id)).await.body;
                assert!(others.get("execution").is_none(), "{groups} {others}");
            }
        }
    }
}

/// Of a name that might be another's nothing is said.
#[tokio::test]
async fn an_execution_that_is_not_certain_is_not_shown() {
    let world = World::new().await;
    let operator = lookup().claim("cognito:groups", "[operator]");
    world.post(sale()).await;
    let is_shown = async || world.get(&operator).await.body.get("execution").is_some();
    assert!(!is_shown().await);
    // An answer that the release before has cached.
    remember(&world, sale(), None).await;
    assert!(!is_shown().await);
    // Another payload under the same key, which is not the one that was posted.
    let mut other = sale();
    other["entries"][0]["fingerprint"] = json!("0".repeat(64));
    remember(&world, other, Some("another")).await;
    assert!(!is_shown().await);
    remember(&world, sale(), Some("its own")).await;
    assert!(is_shown().await);
}

#[tokio::test]
async fn another_merchants_entry_is_answered_like_one_that_does_not_exist() {
    let world = World::new().await;
    world.post(sale()).await;
    let stranger = world.get(&lookup().claim("custom:merchant_id", "emca")).await;
    let nobody = world.get(&lookup().path_part("id", "00000000-0000-5000-8000-000000000001")).await;
    assert_eq!((stranger.status, stranger.code()), (404, "not_found"));
    assert_eq!(stranger, nobody);
}

/// RFC 9562, section 4.
#[tokio::test]
async fn an_id_in_upper_case_is_the_same_id() {
    let world = World::new().await;
    world.post(sale()).await;
    let id = sale()["entries"][0]["id"].as_str().unwrap().to_uppercase();
    let shown = world.get(&lookup().path_part("id", &id)).await;
    assert_eq!((shown.status, &shown.body["id"]), (200, &sale()["entries"][0]["id"]));
}

#[tokio::test]
async fn what_is_no_id_is_refused() {
    let world = World::new().await;
    for id in ["", "1", "f8074bc33d8c5a13bf9816220b3a9341", "{f8074bc3-3d8c-5a13-bf98-16220b3a9341}"] {
        let answer = world.get(&lookup().path_part("id", id)).await;
        assert_eq!(
            (answer.status, answer.faults()),
            (400, vec!["id: must be a UUID in its canonical form".to_owned()])
        );
    }
}

#[tokio::test]
async fn a_ledger_that_is_down_is_answered_with_503_even_for_a_remembered_entry() {
    let mut world = World::new().await;
    world.function.ledger = Ledger::new(LedgerConfig { port: 1, ..world.database.config() });
    let answer = world.get(&lookup()).await;
    assert_eq!((answer.status, answer.code()), (503, "temporarily_unavailable"));
    assert!(answer.header("retry-after").is_some());
}
