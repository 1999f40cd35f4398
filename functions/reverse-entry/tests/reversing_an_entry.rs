//! What `reverse-entry` answers and starts, on a real PostgreSQL, a real Redis and a real Step Functions engine. The state
//! machine here ends at once: what the ledger makes of reversals is for other tests.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{sync::Arc, time::Duration};

use aws_sdk_sfn::Client;
use cashflow::{Entry, MerchantId};
use executions::StateMachine;
use http_api::AcceptedEntry;
use idempotency_cache::{BREAKER_PAUSE, CachedRequest, IdempotencyCache, RedisConfig, RequestState};
use intake::{Intake, LOOKUP_PAUSE, RequestLookup};
use jiff::{Timestamp, tz::TimeZone};
use ledger::{Ledger, LedgerConfig};
use reverse_entry::ReverseEntry;
use serde_json::{Value, json};
use test_events::{Answer, EmittedMetrics, HttpEvent, state};
use test_stores::{Database, RedisServer, accepting_state_machine, aws_engine};
use workflow::RecordEntries;

/// 23 November 2026, noon in São Paulo.
const NOON: &str = "2026-11-23T15:00:00Z";

/// Far above what the stores take: the speed of the machine must not decide what is remembered.
const PATIENCE: Duration = Duration::from_secs(30);

struct World {
    function: ReverseEntry<StateMachine>,
    database: Database,
    redis: RedisServer,
    sfn: Client,
    state_machine_arn: String,
}

impl World {
    async fn new() -> World {
        let (database, redis) = (Database::create().await, RedisServer::start().await);
        let sfn = Client::new(&aws_engine().await);
        let state_machine_arn = accepting_state_machine(&sfn).await;
        let ledger = Arc::new(Ledger::new(database.config()));
        let function = ReverseEntry {
            ledger: Arc::clone(&ledger),
            intake: Intake {
                cache: IdempotencyCache::new(&RedisConfig::single(redis.url()), PATIENCE, BREAKER_PAUSE).unwrap(),
                lookup: RequestLookup::new(ledger, PATIENCE, LOOKUP_PAUSE),
                generation: "1".parse().unwrap(),
                recorder: StateMachine::new(sfn.clone(), &state_machine_arn),
                metrics: EmittedMetrics::default().metrics(),
            },
            business_time_zone: TimeZone::get("America/Sao_Paulo").unwrap(),
        };
        World { function, database, redis, sfn, state_machine_arn }
    }

    async fn reverse(&self, event: &HttpEvent) -> Answer {
        self.reverse_at(event, NOON).await
    }

    async fn reverse_at(&self, event: &HttpEvent, now: &str) -> Answer {
        let now: Timestamp = now.parse().unwrap();
        Answer::read(self.function.handle(&event.request(), now).await)
    }

    async fn post(&self, input: Value) {
        let (merchant, entries) = read(input);
        self.function.ledger.post(&merchant, &entries).await.unwrap();
    }

    /// The inputs of all executions.
    async fn started(&self) -> Vec<Value> {
        let list = self.sfn.list_executions().state_machine_arn(&self.state_machine_arn).send().await.unwrap();
        let mut inputs = Vec::new();
        for execution in list.executions() {
            let described =
                self.sfn.describe_execution().execution_arn(execution.execution_arn()).send().await.unwrap();
            inputs.push(serde_json::from_str(described.input().unwrap()).unwrap());
        }
        inputs
    }
}

fn read(input: Value) -> (MerchantId, Vec<Entry>) {
    serde_json::from_value::<RecordEntries>(input).unwrap().parse().unwrap()
}

/// Of merchant acme, key sale-1001: what the reversal's event reverses.
fn sale() -> Value {
    state("apply-to-ledger/entry")
}

/// Of 2026-11-23, "Returned goods", key refund-1.
fn reversal() -> HttpEvent {
    HttpEvent::load("reverse-entry/reversal")
}

fn without_body() -> HttpEvent {
    HttpEvent::load("reverse-entry/without-body")
}

#[tokio::test]
async fn a_reversal_mirrors_its_original_and_starts_the_workflow() {
    let world = World::new().await;
    world.post(sale()).await;
    let answer = world.reverse(&reversal()).await;
    let sale = &sale()["entries"][0];
    assert_eq!(
        (answer.status, &answer.body),
        (
            202,
            &json!({
                "id": answer.body["id"], "merchant_id": "acme", "type": "debit", "amount": "150.75", "currency": "BRL",
                "date": "2026-11-23", "description": "Returned goods", "category": sale["category"],
                "reverses": sale["id"], "status": "accepted"
            })
        )
    );
    let location = format!("/entries/{}", answer.body["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(answer.header("idempotent-replayed"), None);
    // The event of the next function is this very input.
    assert_eq!(world.started().await, [state("apply-to-ledger/reversal")]);
}

/// It is of today.
#[tokio::test]
async fn a_reversal_without_body_stays_on_its_day_when_repeated_after_midnight() {
    let world = World::new().await;
    world.post(sale()).await;
    let first = world.reverse_at(&without_body(), "2026-11-24T02:59:00Z").await;
    assert_eq!(
        (first.status, &first.body["date"], &first.body["description"]),
        (202, &json!("2026-11-23"), &Value::Null)
    );
    let after_midnight = "2026-11-24T03:01:00Z";
    let remembered = world.reverse_at(&without_body(), after_midnight).await;
    world.redis.forget_everything().await;
    let forgotten = world.reverse_at(&without_body(), after_midnight).await;
    world.redis.forget_everything().await;
    // In the ledger by now, and known from there.
    world.post(world.started().await.remove(0)).await;
    let posted = world.reverse_at(&without_body(), after_midnight).await;
    for repeat in [remembered, forgotten, posted] {
        assert_eq!((repeat.status, &repeat.body), (202, &first.body));
        assert_eq!(repeat.header("idempotent-replayed"), Some("true"));
        assert_eq!(repeat.header("location"), first.header("location"));
    }
    assert_eq!(world.started().await.len(), 1);
}

#[tokio::test]
async fn an_id_in_upper_case_is_the_same_id_and_the_same_request() {
    let world = World::new().await;
    world.post(sale()).await;
    let first = world.reverse(&reversal()).await;
    let upper = sale()["entries"][0]["id"].as_str().unwrap().to_uppercase();
    let again = world.reverse(&reversal().path_part("id", &upper)).await;
    assert_eq!((again.status, again.header("idempotent-replayed"), &again.body), (202, Some("true"), &first.body));
}

#[tokio::test]
async fn a_reversal_is_not_dated_before_its_entry() {
    let world = World::new().await;
    world.post(sale()).await;
    let refused = world.reverse(&reversal().json(&json!({"date": "2026-11-21"}))).await;
    assert_eq!((refused.status, refused.code()), (400, "validation_failed"));
    assert_eq!(refused.faults(), ["/date: must not be before 2026-11-22, the date of the entry that it undoes"]);
    let fault = &refused.body["errors"][0];
    assert_eq!((&fault["code"], &fault["limit"]), (&json!("too_early"), &json!("2026-11-22")));
    assert_eq!(world.started().await.len(), 0);
    let same_day = world.reverse(&reversal().json(&json!({"date": "2026-11-22"}))).await;
    assert_eq!((same_day.status, &same_day.body["date"]), (202, &json!("2026-11-22")));
}

/// A later one if the request names it.
#[tokio::test]
async fn an_entry_of_a_day_to_come_is_reversed_on_that_day_or_a_later_one() {
    let world = World::new().await;
    let mut dated_ahead = sale();
    dated_ahead["entries"][0]["date"] = json!("2027-01-10");
    world.post(dated_ahead).await;
    let of_today = world.reverse(&reversal().json(&json!({"date": "2026-11-23"}))).await;
    assert_eq!(of_today.faults(), ["/date: must not be before 2027-01-10, the date of the entry that it undoes"]);
    let first = world.reverse(&without_body()).await;
    assert_eq!((first.status, &first.body["date"]), (202, &json!("2027-01-10")));
    world.redis.forget_everything().await;
    let repeat = world.reverse_at(&without_body(), "2027-03-01T15:00:00Z").await;
    assert_eq!((repeat.header("idempotent-replayed"), &repeat.body), (Some("true"), &first.body));
}

/// One that was recorded before this was refused.
#[tokio::test]
async fn a_recorded_reversal_dated_before_its_entry_is_answered_as_it_was() {
    let world = World::new().await;
    world.post(sale()).await;
    let early = reversal().json(&json!({"date": "2026-11-20"}));
    let request = http_api::parse_reversal(&early.request(), "2026-11-23".parse().unwrap()).unwrap();
    let (merchant, originals) = read(sale());
    let id = cashflow::EntryId::derive(&merchant, &request.key);
    let recorded = request.request.into_entry(id, &originals[0], "2026-11-23".parse().unwrap());
    world.function.ledger.post(&merchant, &[recorded]).await.unwrap();
    let repeat = world.reverse(&early).await;
    assert_eq!((repeat.status, repeat.header("idempotent-replayed")), (202, Some("true")));
    assert_eq!(repeat.body["date"], "2026-11-20");
}

#[tokio::test]
async fn a_key_that_was_used_for_something_else_is_refused_remembered_or_not() {
    let world = World::new().await;
    world.post(sale()).await;
    assert_eq!(world.reverse(&reversal()).await.status, 202);
    let other_payload = reversal().json(&json!({"description": "Other"}));
    assert_eq!(world.reverse(&other_payload).await.code(), "idempotency_key_reused");
    // The key of the sale itself, as its own event has it.
    let key_of_entry = reversal().header("idempotency-key", "sale-1001");
    world.redis.forget_everything().await;
    let answer = world.reverse(&key_of_entry).await;
    assert_eq!((answer.status, answer.code()), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn an_entry_is_reversed_once_and_a_reversal_never() {
    let world = World::new().await;
    world.post(sale()).await;
    world.post(state("apply-to-ledger/reversal")).await;
    let second = world.reverse(&reversal().header("idempotency-key", "refund-2")).await;
    assert_eq!((second.status, second.code()), (409, "already_reversed"));
    let refund_id = state("apply-to-ledger/reversal")["entries"][0]["id"].clone();
    let refund_id = refund_id.as_str().unwrap();
    assert!(second.body["detail"].as_str().unwrap().contains(refund_id));
    let of_reversal = reversal().header("idempotency-key", "refund-2").path_part("id", refund_id);
    let answer = world.reverse(&of_reversal).await;
    assert_eq!((answer.status, answer.code()), (409, "reversal_of_reversal"));
    assert_eq!(world.started().await.len(), 0);
}

#[tokio::test]
async fn an_entry_that_is_not_posted_yet_can_be_reversed_later() {
    let world = World::new().await;
    assert_eq!(world.reverse(&reversal()).await.code(), "not_found");
    let (merchant, entries) = read(sale());
    let response = AcceptedEntry::new(&merchant, &entries[0]).to_cached(None).unwrap();
    let remembered = CachedRequest { fingerprint: entries[0].fingerprint, state: RequestState::Accepted(response) };
    world.function.intake.cache.put(&[(entries[0].id, remembered)]).await;
    let answer = world.reverse(&reversal()).await;
    assert_eq!((answer.status, answer.code()), (409, "not_yet_posted"));
    assert!(answer.header("retry-after").is_some());
    // Not even that is told to another merchant.
    let stranger = world.reverse(&reversal().claim("custom:merchant_id", "emca")).await;
    assert_eq!((stranger.status, stranger.code()), (404, "not_found"));
    world.post(sale()).await;
    assert_eq!(world.reverse(&reversal().claim("custom:merchant_id", "emca")).await, stranger);
    assert_eq!(world.reverse(&reversal()).await.status, 202);
}

#[tokio::test]
async fn a_request_that_is_no_reversal_is_refused_with_every_fault() {
    let world = World::new().await;
    world.post(sale()).await;
    let check = async |event: HttpEvent, code: &str, faults: &[&str]| {
        let answer = world.reverse(&event).await;
        assert_eq!((answer.code(), answer.faults()), (code, faults.iter().map(|fault| (*fault).to_owned()).collect()));
    };
    check(
        reversal().json(&json!({"date": "2027-11-24", "description": 5, "amount": "1.00"})),
        "validation_failed",
        &[
            "/date: must not be after 2027-11-23, one year ahead",
            "/description: must be a string, is a number",
            "/amount: is not a known field",
        ],
    )
    .await;
    check(reversal().body("[]"), "validation_failed", &[": must be an object, is an array"]).await;
    check(reversal().body("{"), "malformed_json", &[]).await;
    check(reversal().without_header("content-type"), "unsupported_media_type", &[]).await;
    check(reversal().without_header("idempotency-key"), "idempotency_key_missing", &[]).await;
    check(reversal().path_part("id", "1"), "parameter_invalid", &["id: must be a UUID in its canonical form"]).await;
    check(reversal().claim("cognito:groups", "[viewer]"), "clerk_required", &[]).await;
    assert_eq!(world.reverse(&reversal().json(&json!({}))).await.status, 202);
}

/// One that is cached is a repeat, and is answered as before.
#[tokio::test]
async fn without_the_ledger_a_reversal_is_answered_with_503() {
    let mut world = World::new().await;
    world.post(sale()).await;
    let first = world.reverse(&reversal()).await;
    let down = Arc::new(Ledger::new(LedgerConfig { port: 1, ..world.database.config() }));
    world.function.ledger = Arc::clone(&down);
    world.function.intake.lookup = RequestLookup::new(down, Duration::from_secs(30), LOOKUP_PAUSE);
    assert_eq!(world.reverse(&reversal()).await.body, first.body);
    let other = world.reverse(&reversal().header("idempotency-key", "refund-2")).await;
    assert_eq!((other.status, other.code()), (503, "temporarily_unavailable"));
    assert!(other.header("retry-after").is_some());
}

/// Two reversals of one entry were accepted at the same moment, and the ledger has posted the other one.
#[tokio::test]
async fn a_repeat_of_an_overtaken_reversal_is_a_repeat_remembered_or_not() {
    let world = World::new().await;
    world.post(sale()).await;
    assert_eq!(world.reverse(&reversal()).await.status, 202);
    let second = reversal().header("idempotency-key", "refund-2");
    let accepted = world.reverse(&second).await;
    assert_eq!(accepted.status, 202);
    let mut started = world.started().await;
    let first = started.iter().position(|input| *input == state("apply-to-ledger/reversal")).unwrap();
    world.post(started.remove(first)).await;
    world.post(started.remove(0)).await;
    for _ in 0..2 {
        assert_eq!(world.reverse(&reversal()).await.header("idempotent-replayed"), Some("true"));
        let overtaken = world.reverse(&second).await;
        assert_eq!((overtaken.status, &overtaken.body), (202, &accepted.body));
        assert_eq!(overtaken.header("idempotent-replayed"), Some("true"));
        let other = world.reverse(&second.clone().json(&json!({"description": "Other"}))).await;
        assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
        world.redis.forget_everything().await;
    }
}

/// A reversal that is refused must not keep its key from being used.
#[tokio::test]
async fn a_refused_reversal_leaves_nothing_behind() {
    let world = World::new().await;
    assert_eq!(world.reverse(&reversal()).await.code(), "not_found");
    world.post(sale()).await;
    assert_eq!(world.reverse(&reversal().json(&json!({"description": "Other"}))).await.status, 202);
}
