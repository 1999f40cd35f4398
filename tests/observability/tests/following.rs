//! One entry on its way from request to balance, on real stores: what is found in logs, metrics and traces when somebody
//! asks for it. Step Functions is the engine of the tests; what it would hand to the functions is made of the definition.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{fs, sync::Arc, time::Duration};

use aws_sdk_sfn::Client;
use balances::{BalanceTable, Consistency};
use cashflow::{Currency, parse_date};
use executions::{StateMachine, WorkflowType};
use http_api::serve;
use idempotency_cache::{BREAKER_PAUSE, IdempotencyCache, RedisConfig};
use intake::{Intake, LOOKUP_PAUSE, RequestLookup};
use jiff::{Timestamp, tz::TimeZone};
use lambda_http::{Context, RequestExt};
use lambda_runtime::Diagnostic;
use ledger::{Ledger, LedgerConfig};
use register_entry::RegisterEntry;
use serde_json::{Value, json};
use telemetry::{Invocation, Telemetry};
use test_builders::acme;
use test_events::{Answer, EmittedMetrics, HttpEvent, Log, XrayDaemon};
use test_stores::{Database, DynamoDb, RedisServer, accepting_state_machine, aws_engine};
use tokio::sync::{Mutex, MutexGuard};
use tracing::{level_filters::LevelFilter, subscriber::DefaultGuard};
use workflow::{PostedEntries, Task, TaskError};

/// What API Gateway calls the request of the events, in its access log and in the answer's header `apigw-requestid`.
const API_REQUEST_ID: &str = "JKJaXmPLvHcESHA=";

const TRACE_ID: &str = "1-6744e2f8-3c1f0c9d5b7a4e2f8d6b1a90";

/// All functions on the way of an entry, with what they tell about themselves.
/// Whoever logs first decides for the whole process which lines are wanted: no test may log beside one that reads the log.
static ALONE: Mutex<()> = Mutex::const_new(());

struct World {
    register_entry: RegisterEntry<StateMachine>,
    ledger: Ledger,
    table: BalanceTable,
    telemetry: Telemetry,
    metrics: EmittedMetrics,
    daemon: XrayDaemon,
    sfn: Client,
    state_machine_arn: String,
    sampled: bool,
    // They end with the value.
    _redis: RedisServer,
    _database: Database,
    _store: DynamoDb,
    _alone: MutexGuard<'static, ()>,
}

/// An execution that has been started.
struct Execution {
    name: String,
    started_at: Timestamp,
    input: Value,
}

impl World {
    async fn new(sampled: bool) -> World {
        let alone = ALONE.lock().await;
        let (redis, database, store) = (RedisServer::start().await, Database::create().await, DynamoDb::start().await);
        let sfn = Client::new(&aws_engine().await);
        let state_machine_arn = accepting_state_machine(&sfn).await;
        let (metrics, daemon) = (EmittedMetrics::default(), XrayDaemon::start());
        let intake = Intake {
            cache: IdempotencyCache::new(&RedisConfig::single(redis.url()), Duration::from_secs(30), BREAKER_PAUSE)
                .unwrap(),
            lookup: RequestLookup::new(
                Arc::new(Ledger::new(database.lookup_config())),
                Duration::from_secs(30),
                LOOKUP_PAUSE,
            ),
            recorder: StateMachine::new(sfn.clone(), &state_machine_arn),
            generation: "1".parse().unwrap(),
            metrics: metrics.metrics(),
        };
        tokio::join!(intake.cache.warm_up(), intake.lookup.warm_up());
        World {
            register_entry: RegisterEntry { intake, business_time_zone: TimeZone::UTC },
            ledger: Ledger::new(database.config()),
            table: BalanceTable::new(store.client.clone(), &store.table_name),
            telemetry: Telemetry::new(metrics.metrics(), Some(daemon.client())),
            metrics,
            daemon,
            sfn,
            state_machine_arn,
            sampled,
            _redis: redis,
            _database: database,
            _store: store,
            _alone: alone,
        }
    }

    /// What Lambda says about the trace: every function has a segment of its own in it.
    fn trace_header(&self, parent: &str) -> String {
        format!("Root={TRACE_ID};Parent={parent};Sampled={}", u8::from(self.sampled))
    }

    async fn post(&self, event: &HttpEvent) -> Answer {
        let mut context = Context::default();
        context.request_id = "register-1".to_owned();
        context.xray_trace_id = Some(self.trace_header("aaaaaaaaaaaaaaaa"));
        let request = event.request().with_lambda_context(context);
        let answer = self.register_entry.handle(&request, Timestamp::now());
        Answer::read(serve(&self.telemetry, None, &request, answer).await)
    }

    /// What the request has started.
    async fn execution(&self) -> Execution {
        let list = self.sfn.list_executions().state_machine_arn(&self.state_machine_arn).send().await.unwrap();
        let [execution] = list.executions() else { panic!("one execution") };
        let arn = execution.execution_arn();
        let described = self.sfn.describe_execution().execution_arn(arn).send().await.unwrap();
        Execution {
            name: execution.name().to_owned(),
            started_at: Timestamp::from_second(execution.start_date().secs()).unwrap(),
            input: serde_json::from_str(described.input().unwrap()).unwrap(),
        }
    }

    async fn apply(&self, execution: &Execution) -> Result<PostedEntries, TaskError> {
        let task = task("ApplyToLedger", execution, &execution.input);
        let (header, name) = (self.trace_header("bbbbbbbbbbbbbbbb"), task.execution.clone());
        let applied = apply_to_ledger::handle(&self.ledger, &self.telemetry.metrics, task);
        let invocation = Invocation::new("apply-1", Some(&header)).of_execution(name.as_deref());
        self.telemetry.observe(invocation, applied).await
    }

    async fn consolidate(&self, execution: &Execution, posted: &PostedEntries) {
        let task = task("ConsolidateDay", execution, &json!(posted));
        let (header, name) = (self.trace_header("cccccccccccccccc"), task.execution.clone());
        let consolidated = consolidate_day::handle(&self.table, &self.telemetry.metrics, task, Timestamp::now);
        let invocation = Invocation::new("consolidate-1", Some(&header)).of_execution(name.as_deref());
        self.telemetry.observe(invocation, consolidated).await.unwrap();
    }

    /// From the request to the balance.
    async fn record(&self, event: &HttpEvent) -> (Answer, Execution) {
        let answer = self.post(event).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let execution = self.execution().await;
        let posted = self.apply(&execution).await.unwrap();
        self.consolidate(&execution, &posted).await;
        (answer, execution)
    }

    /// The one log of all functions, with the lines of their units of work.
    fn log(&self, level: LevelFilter) -> (Log, DefaultGuard) {
        Log::collect_with(&self.metrics, level)
    }

    async fn closing(&self, date: &str) -> i128 {
        let (merchant, date) = (acme(), parse_date(date).unwrap());
        let days = self.table.daily_balances(&merchant, Currency::BRL, date, date, Consistency::Strong).await;
        days.unwrap()[0].balance.closing
    }
}

/// What Step Functions hands to the function of a task.
fn task(name: &str, execution: &Execution, state: &Value) -> Task {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../statemachines/record-entries.asl.json");
    let definition: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let template = definition["States"][name]["Parameters"]["Payload"].as_object().unwrap().clone();
    let value = |path: &Value| match path.as_str().unwrap() {
        "$" => state.clone(),
        "$$.Execution.Name" => json!(execution.name),
        "$$.Execution.StartTime" => json!(execution.started_at),
        other => panic!("{name}: {other}"),
    };
    let payload: Value =
        template.iter().map(|(name, path)| (name.strip_suffix(".$").unwrap().to_owned(), value(path))).collect();
    serde_json::from_value(payload).unwrap()
}

fn sale() -> HttpEvent {
    HttpEvent::load("register-entry/entry")
}

/// An entry whose parts are easy to find.
fn salary() -> HttpEvent {
    let said = sale().json(&json!({
        "type": "debit", "amount": "7531.59", "date": "2026-11-22", "description": "salary of Ana", "category": "people"
    }));
    said.header("authorization", "Bearer eyJhbGciOi")
}

const SAID: [&str; 4] = ["salary of Ana", "people", "7531", "753159"];
const CREDENTIALS: [&str; 3] = ["Bearer", "eyJhbGciOi", "sale-1001"];

/// What lines tell: their messages, in order.
fn messages(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["message"].as_str().unwrap()).collect()
}

const WAY: [&str; 3] = ["entries accepted", "entries posted", "balances consolidated"];

/// Without a sampled one.
#[tokio::test]
async fn an_entry_is_followed_to_its_balance_and_back_without_a_trace() {
    let world = World::new(false).await;
    let (log, _guard) = world.log(LevelFilter::INFO);
    let (answer, _) = world.record(&sale()).await;
    assert_eq!(world.closing("2026-11-22").await, 15_075);

    // From the request's id, which the client has, to the execution, and from there to every function.
    let of_request = log.lines_with(API_REQUEST_ID);
    assert_eq!(messages(&of_request), ["entries accepted"]);
    let execution = of_request[0]["execution"].as_str().unwrap();
    let of_execution = log.lines_with(execution);
    assert_eq!(messages(&of_execution), WAY);
    for line in &of_execution {
        // The id of a trace that is not kept would lead nowhere.
        assert_eq!((&line["execution"], &line["trace_id"]), (&json!(execution), &Value::Null));
    }
    // There is no other line: each of them is all that its unit of work has written.
    assert_eq!(log.lines(), of_execution);
    // From the entry's id, which the client has as well.
    let id = answer.body["id"].as_str().unwrap();
    assert_eq!(log.lines_with(id), of_execution);
    // From the last line back to the request.
    let execution = of_execution[2]["execution"].as_str().unwrap();
    let requests: Vec<_> = log
        .lines_with(execution)
        .iter()
        .filter_map(|line| line["api_request_id"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(requests, [API_REQUEST_ID]);
    assert_eq!(world.daemon.received(), [] as [Value; 0]);
}

/// The execution of a batch is not named after its entries.
#[tokio::test]
async fn an_entry_of_a_batch_is_found_by_its_id() {
    let world = World::new(false).await;
    let (log, _guard) = world.log(LevelFilter::INFO);
    let (answer, execution) = world.record(&HttpEvent::load("register-entry/batch")).await;
    for entry in answer.body["entries"].as_array().unwrap() {
        let of_entry = log.lines_with(entry["id"].as_str().unwrap());
        assert_eq!(messages(&of_entry), WAY[..2]);
        for line in of_entry {
            assert_eq!(line["execution"], json!(execution.name));
        }
    }
    assert_eq!(messages(&log.lines_with(&execution.name)), WAY);
}

#[tokio::test]
async fn a_failure_is_found_by_the_execution_and_says_why() {
    let world = World::new(false).await;
    world.post(&sale()).await;
    let execution = world.execution().await;
    let (log, _guard) = Log::collect(LevelFilter::ERROR);
    let down = World { ledger: Ledger::new(LedgerConfig { port: 1, ..world._database.config() }), ..world };
    down.apply(&execution).await.unwrap_err();
    let [line] = &log.lines_with(&execution.name)[..] else { panic!("{}", log.text()) };
    assert_eq!((&line["level"], &line["message"]), (&json!("ERROR"), &json!("entries not posted")));
    assert!(line["error"].as_str().unwrap().contains("refused"), "{line}");
}

#[tokio::test]
async fn a_refusal_is_logged_and_counted_by_its_code() {
    let world = World::new(false).await;
    let (log, _guard) = world.log(LevelFilter::INFO);
    assert_eq!(world.post(&HttpEvent::load("register-entry/amount-as-number")).await.status, 400);
    let [line] = &log.lines_with(API_REQUEST_ID)[..] else { panic!("{}", log.text()) };
    assert_eq!((&line["message"], &line["Code"]), (&json!("request refused"), &json!("validation_failed")));
    assert_eq!(world.metrics.sum("RequestsRefused"), 1);
    assert_eq!(log.lines().len(), 1, "{}", log.text());
}

#[tokio::test]
async fn the_log_tells_nothing_of_what_the_entry_says() {
    let world = World::new(false).await;
    let (log, _guard) = world.log(LevelFilter::TRACE);
    world.record(&salary()).await;
    for secret in [&SAID[..], &CREDENTIALS].concat() {
        assert!(!log.text().contains(secret), "{secret}: {}", log.text());
    }
}

/// Step Functions keeps nothing of an EXPRESS execution. What it was given is started again from this line.
#[tokio::test]
async fn the_input_of_an_express_execution_is_only_in_the_line_that_accepts_it() {
    let mut world = World::new(false).await;
    let standard = world.register_entry.intake.recorder;
    world.register_entry.intake.recorder = standard.of_type(WorkflowType::Express);
    let (log, _guard) = world.log(LevelFilter::TRACE);
    let (answer, execution) = world.record(&salary()).await;
    let lines = log.lines_with(answer.body["id"].as_str().unwrap());
    assert_eq!(messages(&lines), WAY);
    assert_eq!(lines[0]["input"], execution.input);
    let others = Value::from(lines[1..].to_vec()).to_string();
    for secret in SAID {
        assert!(!others.contains(secret), "{secret}: {others}");
    }
    for secret in CREDENTIALS {
        assert!(!log.text().contains(secret), "{secret}: {}", log.text());
    }
}

#[tokio::test]
async fn an_entry_of_an_express_batch_is_found_by_its_id_in_the_input() {
    let mut world = World::new(false).await;
    let standard = world.register_entry.intake.recorder;
    world.register_entry.intake.recorder = standard.of_type(WorkflowType::Express);
    let (log, _guard) = world.log(LevelFilter::INFO);
    let (answer, execution) = world.record(&HttpEvent::load("register-entry/batch")).await;
    for entry in answer.body["entries"].as_array().unwrap() {
        let of_entry = log.lines_with(entry["id"].as_str().unwrap());
        assert_eq!(messages(&of_entry), WAY[..2]);
        assert_eq!((&of_entry[0]["execution"], &of_entry[0]["input"]), (&json!(execution.name), &execution.input));
    }
}

/// Neither to the log nor to the execution.
/// The `DETAIL` of the first is the whole row; the message of the second quotes the value.
#[tokio::test]
async fn what_postgresql_quotes_of_a_refused_entry_is_not_passed_on() {
    let world = World::new(false).await;
    assert_eq!(world.post(&salary()).await.status, 202);
    let execution = world.execution().await;
    let owner = world._database.owner().await;
    for (check, sqlstate) in [("description <> 'salary of Ana'", "23514"), ("description::int > 0", "22P02")] {
        let constraint =
            "ALTER TABLE entry DROP CONSTRAINT IF EXISTS refusing; ALTER TABLE entry ADD CONSTRAINT refusing";
        owner.batch_execute(&format!("{constraint} CHECK ({check})")).await.unwrap();
        let (log, _guard) = Log::collect(LevelFilter::TRACE);
        let error = world.apply(&execution).await.unwrap_err();
        let shown = format!(
            "{error:?} {error} {:?} {}",
            Diagnostic::from(world.apply(&execution).await.unwrap_err()),
            log.text()
        );
        assert!(shown.contains(sqlstate), "{shown}");
        for secret in SAID {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
    }
}

#[tokio::test]
async fn every_call_of_a_store_is_in_the_trace_under_its_function() {
    let world = World::new(true).await;
    world.record(&sale()).await;
    let seen: Vec<_> = world
        .daemon
        .received()
        .iter()
        .map(|subsegment| {
            assert_eq!(subsegment["trace_id"], TRACE_ID);
            assert_eq!(subsegment["fault"], Value::Null, "{subsegment}");
            let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
            (text(&subsegment["parent_id"]), text(&subsegment["name"]), text(&subsegment["aws"]["operation"]))
        })
        .collect();
    let expected = [
        ("aaaaaaaaaaaaaaaa", "Redis", ""),
        ("aaaaaaaaaaaaaaaa", "PostgreSQL", ""),
        ("aaaaaaaaaaaaaaaa", "Redis", ""),
        ("aaaaaaaaaaaaaaaa", "StepFunctions", "StartExecution"),
        ("aaaaaaaaaaaaaaaa", "Redis", ""),
        ("bbbbbbbbbbbbbbbb", "PostgreSQL", ""),
        ("cccccccccccccccc", "DynamoDB", "UpdateItem"),
        ("cccccccccccccccc", "DynamoDB", "UpdateItem"),
    ];
    let expected = expected.map(|(parent, name, operation)| (parent.to_owned(), name.to_owned(), operation.to_owned()));
    assert_eq!(seen, expected);
}

/// The condition of a conditional write.
/// A second consolidation meets conditions that do not hold, which is no fault.
#[tokio::test]
async fn a_store_that_fails_is_a_fault_and_a_failed_condition_is_none() {
    let world = World::new(true).await;
    let (_, execution) = world.record(&sale()).await;
    let posted = world.apply(&execution).await.unwrap();
    world.daemon.received();
    world.consolidate(&execution, &posted).await;
    let faults = |world: &World| -> Vec<bool> {
        world.daemon.received().iter().map(|subsegment| subsegment["fault"] == true).collect()
    };
    assert_eq!(faults(&world), [false, false]);

    let down = World { ledger: Ledger::new(LedgerConfig { port: 1, ..world._database.config() }), ..world };
    down.apply(&execution).await.unwrap_err();
    assert_eq!(faults(&down), [true]);
}

#[tokio::test]
async fn each_unit_of_work_is_one_line_with_what_its_stores_took() {
    let world = World::new(false).await;
    world.record(&sale()).await;
    let records = world.metrics.records();
    let [intake, posting, consolidation] = &records[..] else { panic!("{records:?}") };
    let latencies = |record: &Value| -> Vec<&str> {
        let names = ["LedgerLatency", "BalancesLatency", "RequestMemoryLatency", "StateMachineLatency"];
        names.into_iter().filter(|name| !record[*name].is_null()).collect()
    };
    assert_eq!(intake["EntriesAccepted"], 1);
    assert_eq!(latencies(intake), ["LedgerLatency", "RequestMemoryLatency", "StateMachineLatency"]);
    assert_eq!(posting["EntriesApplied"], 1);
    assert_eq!(latencies(posting), ["LedgerLatency"]);
    assert_eq!(consolidation["BalancesWritten"], 2);
    assert_eq!(latencies(consolidation), ["BalancesLatency"]);
    // Its clock is this machine's, and the execution's start was cut to whole seconds.
    assert!(consolidation["ConsolidationLag"].as_u64().is_some(), "{consolidation}");
}
