//! What `register-entry` answers and starts, on a real Redis and a real Step Functions engine. The state machine here ends
//! at once: whether entries are recorded is for other tests, whether and how often an execution starts is for these.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use aws_sdk_sfn::Client;
use cashflow::{Fingerprint, parse_date};
use executions::StateMachine;
use futures::future::join_all;
use http_api::AcceptedEntry;
use intake::Intake;
use jiff::{Timestamp, tz::TimeZone};
use register_entry::RegisterEntry;
use request_memory::{BREAKER_PAUSE, RedisConfig, RequestMemory};
use serde_json::{Value, json};
use test_events::{Answer, EmittedMetrics, HttpEvent, state};
use test_stores::{RedisServer, accepting_state_machine, aws_at, aws_engine};

/// 22 November 2026, noon in São Paulo.
const NOON: &str = "2026-11-22T15:00:00Z";

struct World {
    function: RegisterEntry,
    redis: RedisServer,
    sfn: Client,
    state_machine_arn: String,
    metrics: EmittedMetrics,
}

impl World {
    async fn new() -> World {
        let redis = RedisServer::start().await;
        let sfn = Client::new(&aws_engine().await);
        let state_machine_arn = accepting_state_machine(&sfn).await;
        let metrics = EmittedMetrics::default();
        let function = RegisterEntry {
            intake: Intake { metrics: metrics.metrics(), ..intake(&redis, sfn.clone(), &state_machine_arn) },
            ..function(&redis, sfn.clone(), &state_machine_arn)
        };
        World { function, redis, sfn, state_machine_arn, metrics }
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

fn function(redis: &RedisServer, sfn: Client, state_machine_arn: &str) -> RegisterEntry {
    RegisterEntry {
        intake: intake(redis, sfn, state_machine_arn),
        business_time_zone: TimeZone::get("America/Sao_Paulo").unwrap(),
    }
}

fn intake(redis: &RedisServer, sfn: Client, state_machine_arn: &str) -> Intake {
    Intake {
        memory: RequestMemory::new(&RedisConfig::single(redis.url()), BREAKER_PAUSE).unwrap(),
        state_machine: StateMachine::new(sfn, state_machine_arn),
        metrics: EmittedMetrics::default().metrics(),
    }
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

fn is_replay(answer: &Answer) -> bool {
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
    assert!(!is_replay(&answer));
    let fingerprint = input["entries"][0]["fingerprint"].as_str().unwrap();
    assert_eq!(world.executions().await, [(format!("{id}-{}", &fingerprint[..16]), input.clone())]);
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_was_and_starts_nothing() {
    let world = World::new().await;
    let first = world.post(&sale()).await;
    for repeat in [sale(), sale().header("idempotency-key", "\"sale-1001\"")] {
        let again = world.post(&repeat).await;
        assert!(is_replay(&again));
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
    assert!(is_replay(&world.post(&sale()).await));
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
    assert!(is_replay(&again));
    assert_eq!(again.body, first.body);
    assert_eq!(world.executions().await.len(), 1);
}

/// An execution name made of the entry id alone would make this request vanish behind the first one's execution.
#[tokio::test]
async fn another_payload_under_a_forgotten_key_runs_and_is_not_hidden_by_the_name_of_the_first() {
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

#[tokio::test]
async fn an_entry_without_date_is_of_the_business_day_and_stays_there_when_repeated_after_midnight() {
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
        assert!(is_replay(&repeat));
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
    let unreachable = function(&world.redis, nowhere, &world.state_machine_arn);
    for event in [sale(), batch(&[line("1", "1.00")])] {
        let refused = Answer::read(unreachable.handle(&event.request(), NOON.parse().unwrap()).await);
        assert_eq!((refused.status, refused.code()), (503, "temporarily_unavailable"));
        assert!(refused.header("retry-after").is_some());
        // The client repeats, and now it is accepted and not taken for a replay.
        let accepted = world.post(&event).await;
        assert_eq!(accepted.status, 202);
        assert!(!is_replay(&accepted));
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
    assert!(is_replay(&repeat));
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
    assert!(!is_replay(&second));
    assert_eq!(second.body["entries"][1], first.body["entries"][1]);
    let executions = world.executions().await;
    assert_eq!(executions.len(), 2);
    let amounts: Vec<&Value> =
        executions[1].1["entries"].as_array().unwrap().iter().map(|entry| &entry["amount_minor"]).collect();
    assert_eq!(amounts, ["300", "400"]);

    let known = world.post(&batch(&[line("d", "4.00"), line("a", "1.00")])).await;
    assert!(is_replay(&known));
    assert_eq!(world.executions().await.len(), 2);
}

#[tokio::test]
async fn a_repeated_batch_is_recognised_even_after_redis_has_lost_everything() {
    let world = World::new().await;
    let entries = [line("a", "1.00"), line("b", "2.00")];
    let first = world.post(&batch(&entries)).await;
    world.redis.forget_everything().await;
    let again = world.post(&batch(&entries)).await;
    assert!(is_replay(&again));
    assert_eq!(again.body, first.body);
    assert_eq!(world.executions().await.len(), 1);
}

#[tokio::test]
async fn an_entry_of_a_batch_repeated_alone_is_a_replay() {
    let world = World::new().await;
    let batched = world.post(&batch(&[line("a", "1.00")])).await;
    let body = json!({"type": "credit", "amount": "1.00", "date": "2026-11-22"});
    let alone = world.post(&sale().header("idempotency-key", "a").json(&body)).await;
    assert!(is_replay(&alone));
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

#[tokio::test]
async fn fifty_simultaneous_posts_of_one_key_are_one_execution_and_fifty_equal_answers() {
    let world = World::new().await;
    // As many environments of the function, each with its own connections.
    let functions: Vec<RegisterEntry> =
        (0..50).map(|_| function(&world.redis, world.sfn.clone(), &world.state_machine_arn)).collect();
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
    let id = cashflow::EntryId::parse(answer.body["id"].as_str().unwrap()).unwrap();
    let [Some(remembered)] = &world.function.intake.memory.recall(&[id]).await[..] else { panic!("not remembered") };
    let (_, input) = &world.executions().await[0];
    assert_eq!(Ok(remembered.fingerprint), Fingerprint::parse(input["entries"][0]["fingerprint"].as_str().unwrap()));
    let accepted: AcceptedEntry = serde_json::from_str(&remembered.response).unwrap();
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
