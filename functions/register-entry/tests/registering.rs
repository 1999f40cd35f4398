//! What `register-entry` answers and starts, on a real Redis, a real PostgreSQL and a real Step Functions engine. The state machine
//! here ends at once: whether entries are recorded is for other tests, whether and how often an execution starts is for these.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{sync::Arc, time::Duration};

use aws_sdk_sfn::Client;
use cashflow::{EntryId, Fingerprint, parse_date};
use executions::{StateMachine, WorkflowType};
use futures::future::join_all;
use http_api::{AcceptedEntry, cached_execution};
use idempotency_cache::{CachedRequest, IdempotencyCache, RedisConfig, RequestState};
use intake::{Intake, LOOKUP_BUDGET, LOOKUP_PAUSE, RequestLookup};
use jiff::{Timestamp, tz::TimeZone};
use ledger::{Ledger, LedgerConfig, Outcome};
use register_entry::RegisterEntry;
use serde_json::{Value, json};
use test_builders::acme;
use test_events::{Answer, EmittedMetrics, HttpEvent, state};
use test_stores::{Database, RedisServer, accepting_state_machine, aws_at, aws_engine};
use workflow::RecordEntries;

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(30);

/// 22 November 2026, noon in São Paulo.
const NOON: &str = "2026-11-22T15:00:00Z";

struct World {
    function: RegisterEntry<StateMachine>,
    database: Database,
    redis: RedisServer,
    sfn: Client,
    state_machine_arn: String,
    metrics: EmittedMetrics,
}

impl World {
    async fn new() -> World {
        let (database, redis) = (Database::create().await, RedisServer::start().await);
        let sfn = Client::new(&aws_engine().await);
        let state_machine_arn = accepting_state_machine(&sfn).await;
        let metrics = EmittedMetrics::default();
        let mut function = function(&database, &redis, sfn.clone(), &state_machine_arn);
        function.intake.metrics = metrics.metrics();
        warm(&function).await;
        World { function, database, redis, sfn, state_machine_arn, metrics }
    }

    /// Another environment of the function, with connections of its own.
    fn another_environment(&self) -> RegisterEntry<StateMachine> {
        function(&self.database, &self.redis, self.sfn.clone(), &self.state_machine_arn)
    }

    /// Posts what an execution was started with, as `apply-to-ledger` does.
    async fn record(&self, input: &Value) -> Vec<Outcome> {
        let (merchant, entries) = serde_json::from_value::<RecordEntries>(input.clone()).unwrap().parse().unwrap();
        Ledger::new(self.database.config()).post(&merchant, &entries).await.unwrap().outcomes
    }

    async fn post(&self, event: &HttpEvent) -> Answer {
        self.post_at(event, NOON).await
    }

    async fn post_at(&self, event: &HttpEvent, now: &str) -> Answer {
        let now: Timestamp = now.parse().unwrap();
        Answer::read(self.function.handle(&event.request(), now).await)
    }

    /// The names and inputs of all executions, oldest first.
    async fn executions(&self) -> Vec<(String, Value)> {
        let list = self.sfn.list_executions().state_machine_arn(&self.state_machine_arn).send().await.unwrap();
        let mut executions = Vec::new();
        for execution in list.executions() {
            let described =
                self.sfn.describe_execution().execution_arn(execution.execution_arn()).send().await.unwrap();
            let input = serde_json::from_str(described.input().unwrap()).unwrap();
            executions.push((described.start_date, execution.name().to_owned(), input));
        }
        executions.sort_by_key(|(started, _, _)| *started);
        executions.into_iter().map(|(_, name, input)| (name, input)).collect()
    }
}

fn function(
    database: &Database,
    redis: &RedisServer,
    sfn: Client,
    state_machine_arn: &str,
) -> RegisterEntry<StateMachine> {
    let intake = Intake {
        // On a busy machine Redis may miss the budget of a request; one that hangs must not be waited for long.
        cache: IdempotencyCache::new(
            &RedisConfig::single(redis.url()),
            Duration::from_secs(1),
            Duration::from_millis(100),
        )
        .unwrap(),
        lookup: lookup(database.lookup_config()),
        recorder: StateMachine::new(sfn, state_machine_arn),
        generation: "1-00ff".parse().unwrap(),
        metrics: EmittedMetrics::default().metrics(),
    };
    RegisterEntry { intake, business_time_zone: TimeZone::get("America/Sao_Paulo").unwrap() }
}

/// On a busy machine a lookup may take longer than a request would wait: only the tests of that have the real budget.
fn lookup(config: LedgerConfig) -> RequestLookup {
    RequestLookup::new(Arc::new(Ledger::new(config)), BOUND, LOOKUP_PAUSE)
}

fn sale() -> HttpEvent {
    HttpEvent::load("register-entry/entry")
}

fn batch(entries: &[Value]) -> HttpEvent {
    HttpEvent::load("register-entry/batch").json(&json!({"entries": entries}))
}

fn line(key: &str, amount: &str) -> Value {
    json!({"type": "credit", "amount": amount, "date": "2026-11-22", "idempotency_key": key})
}

fn is_repeat(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

#[tokio::test]
async fn an_entry_is_accepted_once_its_execution_has_started() {
    let world = World::new().await;
    let answer = world.post(&sale()).await;
    // The input is the very event that apply-to-ledger is tested with.
    let input = state("apply-to-ledger/entry");
    let id = input["entries"][0]["id"].as_str().unwrap();
    assert_eq!(answer.status, 202);
    assert_eq!(
        answer.body,
        json!({
            "id": id, "merchant_id": "acme", "type": "credit", "amount": "150.75", "currency": "BRL",
            "date": "2026-11-22", "description": "Venda no cartão", "category": "vendas", "status": "accepted"
        })
    );
    assert_eq!(answer.header("location"), Some(format!("/entries/{id}").as_str()));
    assert!(!is_repeat(&answer));
    let [(name, started)] = &world.executions().await[..] else { panic!("one execution") };
    assert_eq!(started, &input);
    // Known from the entry's id.
    assert!(name.starts_with(&format!("{id}-")), "{name}");
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_was_and_starts_nothing() {
    let world = World::new().await;
    let first = world.post(&sale()).await;
    for repeat in [sale(), sale().header("idempotency-key", "\"sale-1001\"")] {
        let again = world.post(&repeat).await;
        assert!(is_repeat(&again));
        assert_eq!((again.status, &again.body), (202, &first.body));
        assert_eq!(again.header("location"), first.header("location"));
    }
    assert_eq!(world.executions().await.len(), 1);
}

#[tokio::test]
async fn another_payload_under_a_used_key_is_refused() {
    let world = World::new().await;
    world.post(&sale()).await;
    let other = world.post(&sale().json(&json!({"type": "credit", "amount": "150.76"}))).await;
    assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
    assert_eq!(world.executions().await.len(), 1);
    assert!(is_repeat(&world.post(&sale()).await));
}

#[tokio::test]
async fn the_same_key_of_another_merchant_is_another_entry() {
    let world = World::new().await;
    let ours = world.post(&sale()).await;
    let theirs = world.post(&sale().claim("custom:merchant_id", "emca")).await;
    assert_eq!(theirs.status, 202);
    assert_ne!(theirs.body["id"], ours.body["id"]);
    assert_eq!(theirs.body["merchant_id"], "emca");
    assert_eq!(world.executions().await.len(), 2);
}

#[tokio::test]
async fn a_repeat_is_recognised_even_after_redis_has_lost_everything() {
    let world = World::new().await;
    let first = world.post(&sale()).await;
    world.redis.forget_everything().await;
    let again = world.post(&sale()).await;
    assert!(is_repeat(&again));
    assert_eq!(again.body, first.body);
    assert_eq!(world.executions().await.len(), 1);
}

/// The name of the first does not hide it.
/// An execution name made of the entry id alone would make this request vanish behind the first one's execution.
#[tokio::test]
async fn another_payload_under_a_forgotten_key_has_an_execution_of_its_own() {
    let world = World::new().await;
    world.post(&sale()).await;
    world.redis.forget_everything().await;
    let other = world.post(&sale().json(&json!({"type": "debit", "amount": "7.00"}))).await;
    assert_eq!(other.status, 202);
    let executions = world.executions().await;
    assert_eq!(executions.len(), 2);
    assert_eq!(executions[1].1["entries"][0]["amount_minor"], "700");
    assert_eq!(executions[0].1["entries"][0]["id"], executions[1].1["entries"][0]["id"]);
}

/// It is of the business day.
#[tokio::test]
async fn an_entry_without_date_stays_on_its_day_when_repeated_after_midnight() {
    let undated = HttpEvent::load("register-entry/entry-without-date");
    // Half an hour before and after midnight in São Paulo, which is three hours behind UTC.
    let (before_midnight, after_midnight) = ("2026-11-23T02:30:00Z", "2026-11-23T03:30:00Z");
    for redis_forgets in [false, true] {
        let world = World::new().await;
        let first = world.post_at(&undated, before_midnight).await;
        assert_eq!((first.status, &first.body["date"]), (202, &json!("2026-11-22")));
        if redis_forgets {
            world.redis.forget_everything().await;
        }
        let repeat = world.post_at(&undated, after_midnight).await;
        assert!(is_repeat(&repeat));
        assert_eq!((repeat.status, &repeat.body), (202, &first.body));
        assert_eq!(world.executions().await.len(), 1);
    }
}

#[tokio::test]
async fn naming_the_date_is_another_payload_than_leaving_it_out() {
    let world = World::new().await;
    let undated = HttpEvent::load("register-entry/entry-without-date");
    world.post(&undated).await;
    let dated = undated.json(&json!({"type": "debit", "amount": "20.00", "date": "2026-11-22"}));
    assert_eq!(world.post(&dated).await.code(), "idempotency_key_reused");
}

/// A mark set before its effect would answer "accepted" for an entry that nobody recorded.
#[tokio::test]
async fn nothing_is_remembered_of_a_request_whose_execution_did_not_start() {
    let world = World::new().await;
    let nowhere = Client::new(&aws_at("http://127.0.0.1:1").await);
    let unreachable = function(&world.database, &world.redis, nowhere, &world.state_machine_arn);
    for event in [sale(), batch(&[line("1", "1.00")])] {
        let refused = Answer::read(unreachable.handle(&event.request(), NOON.parse().unwrap()).await);
        assert_eq!((refused.status, refused.code()), (503, "temporarily_unavailable"));
        assert!(refused.header("retry-after").is_some());
        // The client repeats, and now it is accepted and not taken for a repeat.
        let accepted = world.post(&event).await;
        assert_eq!(accepted.status, 202);
        assert!(!is_repeat(&accepted));
    }
    assert_eq!(world.executions().await.len(), 2);
}

#[tokio::test]
async fn a_dead_or_hanging_redis_does_not_keep_entries_from_being_accepted() {
    let mut world = World::new().await;
    world.redis.hang();
    assert_eq!(world.post(&sale()).await.status, 202);
    world.redis.resume();
    world.redis.kill();
    let repeat = world.post(&sale()).await;
    assert!(is_repeat(&repeat));
    let next = world.post(&sale().header("idempotency-key", "sale-1002")).await;
    assert_eq!(next.status, 202);
    assert_eq!(world.executions().await.len(), 2);
}

#[tokio::test]
async fn a_batch_is_one_execution_and_answers_in_request_order() {
    let world = World::new().await;
    let answer = world.post(&batch(&[line("b", "2.00"), line("a", "1.00"), line("c", "3.00")])).await;
    assert_eq!(answer.status, 202);
    let executions = world.executions().await;
    assert_eq!(executions.len(), 1);
    let started = executions[0].1["entries"].as_array().unwrap();
    let expected: Vec<Value> = started.iter().map(|entry| json!({"id": entry["id"], "status": "accepted"})).collect();
    assert_eq!(answer.body, json!({"entries": expected}));
    let amounts: Vec<&Value> = started.iter().map(|entry| &entry["amount_minor"]).collect();
    assert_eq!(amounts, ["200", "100", "300"]);
}

#[tokio::test]
async fn of_a_batch_only_what_is_new_is_started() {
    let world = World::new().await;
    let first = world.post(&batch(&[line("a", "1.00"), line("b", "2.00")])).await;
    let second = world.post(&batch(&[line("c", "3.00"), line("b", "2.00"), line("d", "4.00")])).await;
    assert!(!is_repeat(&second));
    assert_eq!(second.body["entries"][1], first.body["entries"][1]);
    let executions = world.executions().await;
    assert_eq!(executions.len(), 2);
    let amounts: Vec<&Value> =
        executions[1].1["entries"].as_array().unwrap().iter().map(|entry| &entry["amount_minor"]).collect();
    assert_eq!(amounts, ["300", "400"]);

    let known = world.post(&batch(&[line("d", "4.00"), line("a", "1.00")])).await;
    assert!(is_repeat(&known));
    assert_eq!(world.executions().await.len(), 2);
}

#[tokio::test]
async fn a_repeated_batch_is_recognised_even_after_redis_has_lost_everything() {
    let world = World::new().await;
    let entries = [line("a", "1.00"), line("b", "2.00")];
    let first = world.post(&batch(&entries)).await;
    world.redis.forget_everything().await;
    let again = world.post(&batch(&entries)).await;
    assert!(is_repeat(&again));
    assert_eq!(again.body, first.body);
    assert_eq!(world.executions().await.len(), 1);
}

#[tokio::test]
async fn an_entry_of_a_batch_repeated_alone_is_a_replay() {
    let world = World::new().await;
    let batched = world.post(&batch(&[line("a", "1.00")])).await;
    let body = json!({"type": "credit", "amount": "1.00", "date": "2026-11-22"});
    let alone = world.post(&sale().header("idempotency-key", "a").json(&body)).await;
    assert!(is_repeat(&alone));
    assert_eq!((&alone.body["id"], &alone.body["amount"]), (&batched.body["entries"][0]["id"], &json!("1.00")));
    assert_eq!(world.executions().await.len(), 1);
}

#[tokio::test]
async fn one_reused_key_refuses_the_whole_batch() {
    let world = World::new().await;
    world.post(&batch(&[line("a", "1.00"), line("b", "2.00")])).await;
    let refused = world.post(&batch(&[line("new", "1.00"), line("b", "9.00"), line("a", "9.00")])).await;
    assert_eq!((refused.status, refused.code()), (422, "idempotency_key_reused"));
    assert_eq!(
        refused.faults(),
        [
            "/entries/1/idempotency_key: was used before with another payload",
            "/entries/2/idempotency_key: was used before with another payload"
        ]
    );
    assert_eq!(world.executions().await.len(), 1);
}

#[tokio::test]
async fn a_batch_that_the_workflow_could_not_carry_is_refused_at_the_door() {
    let world = World::new().await;
    let long = |index: usize| {
        let mut line = line(&index.to_string(), "1.00");
        line["description"] = json!("🧾".repeat(150));
        line
    };
    let entries: Vec<Value> = (0..300).map(long).collect();
    let refused = world.post(&batch(&entries)).await;
    assert_eq!((refused.status, refused.code()), (413, "batch_too_large"));
    assert!(refused.body["detail"].as_str().unwrap().contains("204800"), "{refused:?}");
    assert_eq!(world.post(&batch(&entries[..150])).await.status, 202);
    // The largest batch of usual entries passes.
    let usual: Vec<Value> = (0..500).map(|index| line(&format!("usual-{index}"), "9999999999999.99")).collect();
    assert_eq!(world.post(&batch(&usual)).await.status, 202);
    assert_eq!(world.executions().await.len(), 2);
}

#[tokio::test]
async fn only_clerks_with_an_id_token_of_a_merchant_may_write() {
    let world = World::new().await;
    let refused = [
        (HttpEvent::load("register-entry/viewer"), "clerk_required"),
        (sale().without_claim("cognito:groups"), "clerk_required"),
        (sale().without_claim("custom:merchant_id"), "merchant_missing"),
        (sale().claim("token_use", "access"), "id_token_required"),
    ];
    for (event, code) in refused {
        for event in [event.clone(), event.path("/entries/batch")] {
            let answer = world.post(&event).await;
            assert_eq!((answer.status, answer.code()), (403, code));
        }
    }
    assert_eq!(world.executions().await, []);
}

#[tokio::test]
async fn an_invalid_request_starts_nothing_and_is_not_remembered() {
    let world = World::new().await;
    let refused = world.post(&HttpEvent::load("register-entry/amount-as-number").header("idempotency-key", "k")).await;
    assert_eq!((refused.status, refused.code()), (400, "validation_failed"));
    assert_eq!(world.executions().await, []);
    assert_eq!(world.post(&sale().header("idempotency-key", "k")).await.status, 202);
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let world = World::new().await;
    let answer = world.post(&sale().path("/entries/batch/more")).await;
    assert_eq!((answer.status, answer.code()), (404, "not_found"));
}

/// All fifty get equal answers.
#[tokio::test]
async fn fifty_posts_of_one_key_at_once_are_one_execution() {
    let world = World::new().await;
    // As many environments of the function, each with its own connections.
    let functions: Vec<RegisterEntry<StateMachine>> = (0..50).map(|_| world.another_environment()).collect();
    let event = HttpEvent::load("register-entry/entry-without-date").request();
    let now: Timestamp = NOON.parse().unwrap();
    let answers = join_all(functions.iter().map(|function| function.handle(&event, now))).await;
    let answers: Vec<Answer> = answers.into_iter().map(Answer::read).collect();
    assert!(answers.iter().all(|answer| answer.status == 202 && answer.body == answers[0].body));
    assert_eq!(world.executions().await.len(), 1);
}

#[tokio::test]
async fn what_is_remembered_carries_the_fingerprint_of_the_request() {
    let world = World::new().await;
    let answer = world.post(&sale()).await;
    let id = EntryId::parse(answer.body["id"].as_str().unwrap()).unwrap();
    let [Some(remembered)] = &world.function.intake.cache.get(&[id]).await[..] else { panic!("not remembered") };
    let (_, input) = &world.executions().await[0];
    assert_eq!(Ok(remembered.fingerprint), Fingerprint::parse(input["entries"][0]["fingerprint"].as_str().unwrap()));
    let accepted: AcceptedEntry = serde_json::from_str(remembered.answer().unwrap()).unwrap();
    assert_eq!(accepted.date, parse_date("2026-11-22").unwrap().to_string());
}

#[tokio::test]
async fn what_was_accepted_and_what_had_been_before_is_counted_apart() {
    let world = World::new().await;
    world.post(&batch(&[line("1", "1.00"), line("2", "2.00")])).await;
    world.post(&batch(&[line("2", "2.00"), line("3", "3.00")])).await;
    let counted = ["EntriesAccepted", "EntriesReplayed"].map(|name| world.metrics.sum(name));
    assert_eq!(counted, [3, 1]);

    world.redis.forget_everything().await;
    world.post(&batch(&[line("1", "1.00"), line("2", "2.00")])).await;
    let counted = ["EntriesAccepted", "EntriesReplayed"].map(|name| world.metrics.sum(name));
    assert_eq!(counted, [3, 3], "the execution had been started");
}

#[tokio::test]
async fn a_breaker_that_keeps_requests_away_from_redis_shows_as_a_metric() {
    let mut world = World::new().await;
    world.post(&sale()).await;
    assert_eq!(world.metrics.sum("RequestMemoryBreakerOpen"), 0);
    world.redis.kill();
    for _ in 0..10 {
        world.post(&sale()).await;
    }
    let last = world.metrics.records().pop().unwrap();
    assert_eq!(last["RequestMemoryBreakerOpen"], 1);
}

fn other_sale() -> HttpEvent {
    sale().json(&json!({"type": "debit", "amount": "7.00"}))
}

/// Waits until an environment of the function is connected.
async fn warm(function: &RegisterEntry<StateMachine>) {
    let merchant = acme();
    let id = EntryId::from_uuid(uuid::Uuid::new_v4());
    let fingerprint = Fingerprint::from_bytes(&[0; 32]).unwrap();
    let deadline = tokio::time::Instant::now() + BOUND;
    while function.intake.cache.reserve(&[(id, fingerprint)]).await == [None]
        || function.intake.lookup.recorded(&merchant, &[]).await.is_none()
    {
        assert!(tokio::time::Instant::now() < deadline, "Redis or the ledger is not reached");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn of_two_payloads_under_one_key_at_once_one_is_accepted_and_one_refused() {
    let world = World::new().await;
    let (one, other) = (world.another_environment(), world.another_environment());
    tokio::join!(warm(&one), warm(&other));
    for round in 0..24 {
        let key = format!("race-{round}");
        let events = [sale(), other_sale()].map(|event| event.header("idempotency-key", &key));
        let requests = [events[0].request(), events[1].request()];
        let now: Timestamp = NOON.parse().unwrap();
        let (a, b) = tokio::join!(one.handle(&requests[0], now), other.handle(&requests[1], now));
        let (a, b) = (Answer::read(a), Answer::read(b));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 422], "{a:?} {b:?}");
        // From now on each is answered as it was.
        let [a_again, b_again] = [world.post(&events[0]).await, world.post(&events[1]).await];
        assert_eq!([a_again.status, b_again.status], [a.status, b.status]);
    }
    assert_eq!(world.executions().await.len(), 24);
}

/// Both payloads were accepted while Redis was away. The memory has kept the one that the ledger did not post.
#[tokio::test]
async fn a_repeat_is_answered_as_the_ledger_has_it_whatever_is_remembered() {
    let world = World::new().await;
    world.post(&sale()).await;
    world.redis.forget_everything().await;
    world.post(&other_sale()).await;
    let executions = world.executions().await;
    assert_eq!(world.record(&executions[0].1).await, [Outcome::Posted]);
    assert_eq!(world.record(&executions[1].1).await, [Outcome::Conflict]);
    for _ in 0..2 {
        let (posted, not_posted) = (world.post(&sale()).await, world.post(&other_sale()).await);
        assert!(is_repeat(&posted) && posted.status == 202, "{posted:?}");
        assert_eq!((not_posted.status, not_posted.code()), (422, "idempotency_key_reused"));
        // And so without Redis.
        world.redis.forget_everything().await;
    }
    assert_eq!(world.executions().await.len(), 2);
}

/// As a till does that numbers its sales from 1 every day.
#[tokio::test]
async fn a_key_names_its_request_for_ever_though_redis_forgets_it() {
    let world = World::new().await;
    let monday = [line("1", "1.00"), line("2", "2.00")];
    world.post(&batch(&monday)).await;
    let recorded = world.executions().await.remove(0).1;
    world.record(&recorded).await;
    world.redis.forget_everything().await;
    let tuesday = world.post(&batch(&[line("1", "9.00"), line("3", "3.00"), line("2", "8.00")])).await;
    assert_eq!((tuesday.status, tuesday.code()), (422, "idempotency_key_reused"));
    let used = "idempotency_key: was used before with another payload";
    assert_eq!(tuesday.faults(), [format!("/entries/0/{used}"), format!("/entries/2/{used}")]);
    // What was refused has left nothing behind: the key that was new can be used, with whatever payload.
    let rest = world.post(&batch(&[line("3", "7.00"), line("1", "1.00")])).await;
    assert_eq!(rest.status, 202, "{rest:?}");
}

/// Under each id of these entries, what the cache holds as the name of its execution.
async fn cached_executions(function: &RegisterEntry<StateMachine>, input: &Value) -> Vec<Option<String>> {
    let ids = input["entries"].as_array().unwrap().iter();
    let ids: Vec<EntryId> = ids.map(|entry| EntryId::parse(entry["id"].as_str().unwrap()).unwrap()).collect();
    let cached = function.intake.cache.get(&ids).await;
    cached.iter().map(|cached| cached_execution(cached.as_ref().unwrap().answer().unwrap())).collect()
}

/// What posts them later would not tell: the name of a batch's execution says nothing of its entries.
#[tokio::test]
async fn the_cache_holds_the_execution_of_each_entry() {
    let world = World::new().await;
    let two = batch(&[line("a", "1.00"), line("b", "2.00")]);
    for (event, count) in [(sale(), 1), (two, 2)] {
        let accepted = world.post(&event).await;
        assert!(accepted.body.get("execution").is_none(), "operators look at lookups");
        let (name, input) = world.executions().await.pop().unwrap();
        let expected = vec![Some(name); count];
        assert_eq!(cached_executions(&world.function, &input).await, expected);
        world.record(&input).await;
        let repeat = world.post(&event).await;
        assert!(is_repeat(&repeat));
        assert_eq!(repeat.body, accepted.body);
        assert_eq!(cached_executions(&world.function, &input).await, expected);
    }
}

/// The ledger has posted another payload than the cache knows of: the execution of the cached one did not post it.
#[tokio::test]
async fn the_execution_of_another_payload_is_not_taken_over() {
    let world = World::new().await;
    world.post(&sale()).await;
    let first = world.executions().await.remove(0).1;
    world.record(&first).await;
    world.redis.forget_everything().await;
    let mut function = world.another_environment();
    function.intake.lookup = lookup(LedgerConfig { port: 1, ..world.database.lookup_config() });
    let other = sale().json(&json!({"type": "debit", "amount": "7.00"}));
    assert_eq!(Answer::read(function.handle(&other.request(), NOON.parse().unwrap()).await).status, 202);
    assert!(cached_executions(&world.function, &first).await[0].is_some());
    assert!(is_repeat(&world.post(&sale()).await));
    assert_eq!(cached_executions(&world.function, &first).await, [None]);
}

/// Nothing could be shown of it.
#[tokio::test]
async fn no_name_of_an_express_execution_is_cached() {
    let mut world = World::new().await;
    let state_machine = StateMachine::new(world.sfn.clone(), &world.state_machine_arn);
    world.function.intake.recorder = state_machine.of_type(WorkflowType::Express);
    world.post(&sale()).await;
    let input = world.executions().await.remove(0).1;
    assert_eq!(cached_executions(&world.function, &input).await, [None]);
}

/// Step Functions knows a name for 90 days, and an EXPRESS machine never: here it is another machine.
#[tokio::test]
async fn a_repeat_has_its_first_date_where_the_execution_is_forgotten_too() {
    let world = World::new().await;
    let undated = HttpEvent::load("register-entry/entry-without-date");
    let first = world.post(&undated).await;
    let recorded = world.executions().await.remove(0).1;
    world.record(&recorded).await;
    world.redis.forget_everything().await;
    let another_machine = accepting_state_machine(&world.sfn).await;
    let later = function(&world.database, &world.redis, world.sfn.clone(), &another_machine);
    warm(&later).await;
    let repeat = later.handle(&undated.request(), "2027-03-01T15:00:00Z".parse().unwrap()).await;
    let repeat = Answer::read(repeat);
    assert!(is_repeat(&repeat));
    assert_eq!((repeat.status, &repeat.body), (202, &first.body));
    assert_eq!(world.metrics.sum("EntriesAccepted"), 1);
}

#[tokio::test]
async fn a_reservation_whose_request_ended_halfway_lets_its_repeat_go_on() {
    let world = World::new().await;
    let fingerprint = {
        world.post(&sale().header("idempotency-key", "another")).await;
        let input = &world.executions().await[0].1["entries"][0];
        Fingerprint::parse(input["fingerprint"].as_str().unwrap()).unwrap()
    };
    let id = EntryId::parse(state("apply-to-ledger/entry")["entries"][0]["id"].as_str().unwrap()).unwrap();
    world.function.intake.cache.reserve(&[(id, fingerprint)]).await;
    let other = world.post(&other_sale()).await;
    assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
    let repeat = world.post(&sale()).await;
    assert_eq!(repeat.status, 202);
    assert!(!is_repeat(&repeat));
    assert_eq!(world.executions().await.len(), 2);
}

/// What a ledger was asked to record that was restored or made anew is recorded again.
#[tokio::test]
async fn a_request_of_another_generation_starts_again() {
    let world = World::new().await;
    world.post(&sale()).await;
    world.redis.forget_everything().await;
    let mut restored = world.another_environment();
    warm(&restored).await;
    restored.intake.generation = "2-00ff".parse().unwrap();
    let again = Answer::read(restored.handle(&sale().request(), NOON.parse().unwrap()).await);
    assert_eq!(again.status, 202);
    assert!(!is_repeat(&again));
    let executions = world.executions().await;
    assert_eq!(executions.len(), 2);
    assert_eq!(executions[0].1, executions[1].1);
}

#[tokio::test]
async fn entries_are_accepted_while_the_ledger_is_down() {
    let mut world = World::new().await;
    world.function.intake.lookup = lookup(LedgerConfig { port: 1, ..world.database.lookup_config() });
    world.function.intake.lookup.warm_up().await;
    for event in [sale(), batch(&[line("1", "1.00")])] {
        assert_eq!(world.post(&event).await.status, 202);
        assert!(is_repeat(&world.post(&event).await));
        let last = world.metrics.records().pop().unwrap();
        assert_eq!(last["RequestLookupBreakerOpen"], 1);
    }
}

/// Each request that waits takes 100 ms: 200 of them could not end within the bound.
#[tokio::test]
async fn a_ledger_that_hangs_is_not_waited_for_again_and_again() {
    let mut world = World::new().await;
    let ledger = Arc::new(Ledger::new(world.database.lookup_config()));
    world.function.intake.lookup = RequestLookup::new(ledger, LOOKUP_BUDGET, LOOKUP_PAUSE);
    world.function.intake.lookup.warm_up().await;
    let owner = world.database.owner().await;
    owner.batch_execute("BEGIN; LOCK TABLE entry IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let merchant = acme();
    let looking = async {
        for _ in 0..200 {
            assert_eq!(world.function.intake.lookup.recorded(&merchant, &[]).await, None);
        }
    };
    let bound = Duration::from_secs(5);
    tokio::time::timeout(bound, looking).await.expect("an open breaker answers without waiting");
    assert_eq!(world.post(&sale()).await.status, 202);
    owner.batch_execute("ROLLBACK").await.unwrap();
}

#[tokio::test]
async fn a_ledger_that_comes_back_is_asked_again() {
    let mut world = World::new().await;
    world.function.intake.lookup =
        RequestLookup::new(Arc::new(Ledger::new(world.database.lookup_config())), LOOKUP_BUDGET, LOOKUP_BUDGET);
    let owner = world.database.owner().await;
    owner.batch_execute("BEGIN; LOCK TABLE entry IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let merchant = acme();
    assert_eq!(world.function.intake.lookup.recorded(&merchant, &[]).await, None);
    owner.batch_execute("ROLLBACK").await.unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while world.function.intake.lookup.recorded(&merchant, &[]).await.is_none() {
        assert!(tokio::time::Instant::now() < deadline, "the ledger is back and still not asked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_the_ledger_answered_is_settled_and_needs_no_ledger_any_more() {
    let mut world = World::new().await;
    world.post(&sale()).await;
    let input = world.executions().await.remove(0).1;
    world.record(&input).await;
    let id = EntryId::parse(input["entries"][0]["id"].as_str().unwrap()).unwrap();
    let remembered = async |world: &World| world.function.intake.cache.get(&[id]).await.pop().flatten();
    assert!(matches!(remembered(&world).await, Some(CachedRequest { state: RequestState::Accepted(_), .. })));
    assert!(is_repeat(&world.post(&sale()).await));
    assert!(matches!(remembered(&world).await, Some(CachedRequest { state: RequestState::Posted(_), .. })));
    world.function.intake.lookup = lookup(LedgerConfig { port: 1, ..world.database.lookup_config() });
    assert!(is_repeat(&world.post(&sale()).await));
    assert!(!world.function.intake.lookup.is_circuit_open(), "nobody has asked it");
}
