//! What `replay-parked` does with the messages of the park queue, on real queues and a real Step Functions engine. The state
//! machine here ends at once: whether and with which input an execution starts is for these tests.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::HashMap, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sfn::Client as StepFunctions;
use aws_sdk_sqs::{
    Client as Sqs,
    types::{Message, QueueAttributeName},
};
use executions::{StateMachine, WorkflowType};
use jiff::{Timestamp, ToSpan};
use replay_parked::{Queues, ReplayParked};
use serde_json::{Value, json};
use test_events::{EmittedMetrics, Log, event};
use test_stores::{accepting_state_machine, aws_at, aws_engine};
use tracing::level_filters::LevelFilter;
use uuid::Uuid;

/// When the input of the events was parked.
const PARKED_AT: &str = "2026-11-22T15:00:02Z";
/// The name of the execution that failed.
const NAME: &str = "cfa8bece-e667-5d04-9fd2-16305e61fcd8-1a2489e4a813555aaa9f8361";
const REPLAY_DAYS: i32 = 7;

struct World {
    function: ReplayParked,
    metrics: EmittedMetrics,
    sqs: Sqs,
    park_queue_url: String,
    dead_letter_queue_url: String,
    sfn: StepFunctions,
    state_machine_arn: String,
}

impl World {
    async fn new() -> World {
        let aws = aws_engine().await;
        let (sqs, sfn) = (Sqs::new(&aws), StepFunctions::new(&aws));
        let (park_queue_url, dead_letter_queue_url) = (queue(&sqs).await, queue(&sqs).await);
        let state_machine_arn = accepting_state_machine(&sfn).await;
        let metrics = EmittedMetrics::default();
        let function = ReplayParked {
            state_machine: StateMachine::new(sfn.clone(), &state_machine_arn),
            generation: "1".parse().unwrap(),
            queues: Queues::new(sqs.clone(), &park_queue_url, &dead_letter_queue_url),
            first_delay: Duration::from_secs(1),
            replay_for: Duration::from_secs(24 * 60 * 60 * 7),
            metrics: metrics.metrics(),
        };
        World { function, metrics, sqs, park_queue_url, dead_letter_queue_url, sfn, state_machine_arn }
    }

    async fn handle(&self, messages: Vec<SqsMessage>) -> SqsBatchResponse {
        self.handle_at(messages, parked_at()).await
    }

    async fn handle_at(&self, messages: Vec<SqsMessage>, now: Timestamp) -> SqsBatchResponse {
        let mut event = SqsEvent::default();
        event.records = messages;
        self.function.handle(event, now).await
    }

    /// The inputs of all executions, by name.
    async fn executions(&self) -> HashMap<String, Value> {
        let list = self.sfn.list_executions().state_machine_arn(&self.state_machine_arn).send().await.unwrap();
        let mut executions = HashMap::new();
        for execution in list.executions() {
            let described = self.sfn.describe_execution().execution_arn(execution.execution_arn()).send().await;
            let input = serde_json::from_str(described.unwrap().input().unwrap()).unwrap();
            executions.insert(execution.name().to_owned(), input);
        }
        executions
    }

    async fn receive(&self, queue_url: &str) -> Vec<Message> {
        let receive = self.sqs.receive_message().queue_url(queue_url).message_attribute_names("All");
        receive.wait_time_seconds(5).send().await.unwrap().messages.unwrap_or_default()
    }

    /// Why the one message of the dead-letter queue is there.
    async fn reason_of_the_dead_letter(&self, body: &str) -> String {
        let messages = self.receive(&self.dead_letter_queue_url).await;
        let [message] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!(message.body(), Some(body));
        message.message_attributes().unwrap()["DeadLetterReason"].string_value().unwrap().to_owned()
    }
}

async fn queue(sqs: &Sqs) -> String {
    let name = format!("queue-{}", Uuid::new_v4().simple());
    sqs.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

fn parked_at() -> Timestamp {
    PARKED_AT.parse().unwrap()
}

/// The message of an event in `events/replay-parked`.
fn message(case: &str) -> SqsMessage {
    let mut event: SqsEvent = serde_json::from_value(event(&format!("replay-parked/{case}"))).unwrap();
    event.records.remove(0)
}

fn body(message: &SqsMessage) -> Value {
    serde_json::from_str(message.body.as_deref().unwrap()).unwrap()
}

fn with_body(mut message: SqsMessage, body: &Value) -> SqsMessage {
    message.body = Some(body.to_string());
    message
}

/// A message whose input had run again before.
fn parked_again(case: &str, attempt: u32) -> SqsMessage {
    let message = message(case);
    let mut body = body(&message);
    body["input"]["replay"] = json!({"attempt": attempt, "first_parked_at": PARKED_AT});
    body["parked_at"] = json!("2026-11-23T15:00:02Z");
    with_body(message, &body)
}

fn failures(response: &SqsBatchResponse) -> Vec<&str> {
    response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
}

#[tokio::test]
async fn an_input_waits_first_and_then_runs_again_under_a_name_of_its_own() {
    let world = World::new().await;
    let parked = message("parked");
    assert_eq!(failures(&world.handle(vec![parked.clone()]).await), [""; 0]);
    assert!(world.executions().await.is_empty());

    // What has waited comes back as the queue delivers it.
    let waited = world.receive(&world.park_queue_url).await;
    let [waited] = &waited[..] else { panic!("{waited:?}") };
    assert_eq!(waited.body(), parked.body.as_deref());
    assert!(waited.message_attributes().unwrap().contains_key("Waited"));
    assert_eq!(failures(&world.handle(vec![message("waited")]).await), [""; 0]);

    let executions = world.executions().await;
    let mut expected = body(&parked)["input"].clone();
    expected["replay"] = json!({"attempt": 1, "first_parked_at": PARKED_AT});
    assert_eq!(executions, HashMap::from([(format!("{NAME}-r1"), expected)]));
}

#[tokio::test]
async fn the_wait_grows_with_the_attempts() {
    let world = World::new().await;
    let world = World { function: ReplayParked { first_delay: Duration::from_secs(60), ..world.function }, ..world };
    world.handle(vec![message("parked"), parked_again("parked", 1), parked_again("parked", 30)]).await;
    // Nothing can be received yet; the queue tells how many wait.
    let attributes = world.sqs.get_queue_attributes().queue_url(&world.park_queue_url);
    let attributes = attributes.attribute_names(QueueAttributeName::All).send().await.unwrap().attributes.unwrap();
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessagesDelayed], "3");
}

#[tokio::test]
async fn a_message_that_is_delivered_several_times_starts_one_execution() {
    let world = World::new().await;
    for _ in 0..3 {
        assert_eq!(failures(&world.handle(vec![message("waited"), message("waited")]).await), [""; 0]);
    }
    assert_eq!(world.executions().await.into_keys().collect::<Vec<_>>(), [format!("{NAME}-r1")]);
}

#[tokio::test]
async fn attempt_and_time_of_the_first_parking_travel_from_replay_to_replay() {
    let world = World::new().await;
    world.handle(vec![parked_again("waited", 4)]).await;
    let executions = world.executions().await;
    assert_eq!(executions[&format!("{NAME}-r5")]["replay"], json!({"attempt": 5, "first_parked_at": PARKED_AT}));
}

#[tokio::test]
async fn what_cannot_be_recorded_for_days_is_dead_lettered_with_the_reason() {
    let world = World::new().await;
    let message = parked_again("parked", 9);
    let end = parked_at() + (REPLAY_DAYS * 24).hours();
    world.handle_at(vec![message.clone()], end).await;
    assert_eq!(world.metrics.sum("InputsSetAside"), 0, "not yet");

    world.handle_at(vec![message.clone()], end + 1.second()).await;
    let reason = world.reason_of_the_dead_letter(message.body.as_deref().unwrap()).await;
    assert_eq!(reason, "not recorded after 10 attempts since 2026-11-22T15:00:02Z");
    assert_eq!(world.metrics.sum("InputsSetAside"), 1);
    assert!(world.executions().await.is_empty());
}

#[tokio::test]
async fn what_can_never_run_is_dead_lettered_at_once() {
    let mut amount_of_zero = body(&message("parked"));
    amount_of_zero["input"]["entries"][0]["amount_minor"] = json!("0");
    let mut no_input = body(&message("parked"));
    no_input["input"] = json!(7);
    let mut of_another_form = body(&message("parked"));
    of_another_form["input"]["entries"][0]["amount_minor"] = json!({"secret": 7});
    let cases = [
        (json!("no message of ours, but secret"), "the message cannot be read: JSON of another form"),
        (json!({"detail": {}}), "the message cannot be read: JSON of another form"),
        (no_input, "the input cannot be read: JSON of another form"),
        (
            json!({"input": {"secret": 7}, "error": "", "cause": "", "parked_at": PARKED_AT}),
            "the input cannot be read: JSON without the field `merchant_id`",
        ),
        (of_another_form, "the input cannot be read: JSON of another form"),
        (amount_of_zero, "the input can never be posted: entry 0: amount "),
    ];
    for (body, expected) in cases {
        let world = World::new().await;
        let message = with_body(message("waited"), &body);
        assert_eq!(failures(&world.handle(vec![message.clone()]).await), [""; 0]);
        let reason = world.reason_of_the_dead_letter(message.body.as_deref().unwrap()).await;
        assert!(reason.starts_with(expected), "{reason}");
        assert!(world.executions().await.is_empty());
    }
}

/// This function may be the older one of a deployment, or of a rollback, and apply-to-ledger the newer one.
#[tokio::test]
async fn an_input_that_a_newer_release_wrote_waits_and_runs_again_as_it_is() {
    let world = World::new().await;
    let mut newer = body(&parked_again("waited", 2));
    newer["input"]["priority"] = json!({"of": ["all"]});
    newer["input"]["entries"][0]["settlement_date"] = json!("2026-12-22");
    newer["input"]["entries"][0]["type"] = json!("transfer");
    newer["input"]["replay"]["reason"] = json!("a field of the attempt");
    world.handle(vec![with_body(message("parked"), &newer)]).await;
    assert!(world.executions().await.is_empty());
    let waiting = world.receive(&world.park_queue_url).await;
    assert_eq!(waiting[0].body(), Some(newer.to_string().as_str()));

    world.handle(vec![with_body(message("waited"), &newer)]).await;
    let mut expected = newer["input"].clone();
    expected["replay"]["attempt"] = json!(3);
    // The same name as of the same entries without what is not known here.
    assert_eq!(world.executions().await, HashMap::from([(format!("{NAME}-r3"), expected)]));
}

#[tokio::test]
async fn an_input_that_no_release_here_knows_for_days_is_dead_lettered_too() {
    let world = World::new().await;
    let mut newer = body(&parked_again("waited", 9));
    newer["input"]["entries"][0]["settlement_date"] = json!("2026-12-22");
    let message = with_body(message("waited"), &newer);
    world.handle_at(vec![message.clone()], parked_at() + (REPLAY_DAYS * 24).hours() + 1.second()).await;
    let reason = world.reason_of_the_dead_letter(message.body.as_deref().unwrap()).await;
    assert_eq!(reason, "not recorded after 10 attempts since 2026-11-22T15:00:02Z");
}

#[tokio::test]
async fn what_somebody_brings_back_runs_at_once_and_its_days_begin_again() {
    let world = World::new().await;
    let mut input = body(&message("brought-back"));
    input["input"]["replay"] = json!({"attempt": 9, "first_parked_at": PARKED_AT});
    let much_later: Timestamp = "2026-12-04T09:00:00Z".parse().unwrap();
    world.handle_at(vec![with_body(message("brought-back"), &input)], much_later).await;
    let executions = world.executions().await;
    let replay = &executions[&format!("{NAME}-r10")]["replay"];
    assert_eq!(*replay, json!({"attempt": 10, "first_parked_at": "2026-12-04T09:00:00Z"}));
}

/// It was brought back from the dead-letter queue.
#[tokio::test]
async fn a_message_with_the_former_name_of_its_reason_runs_at_once() {
    let world = World::new().await;
    let mut brought_back = message("brought-back");
    let reason = brought_back.message_attributes.remove("DeadLetterReason").unwrap();
    brought_back.message_attributes.insert("DeadLetterReason".to_owned(), reason);
    world.handle(vec![brought_back]).await;
    assert!(world.executions().await.contains_key(&format!("{NAME}-r1")));
}

#[tokio::test]
async fn an_execution_that_was_stopped_runs_again() {
    let world = World::new().await;
    let mut stopped = message("stopped-execution");
    world.handle(vec![stopped.clone()]).await;
    assert_eq!(world.receive(&world.park_queue_url).await.len(), 1, "it waits first");
    stopped.message_attributes = message("waited").message_attributes;
    world.handle(vec![stopped]).await;
    let executions = world.executions().await;
    assert_eq!(executions[&format!("{NAME}-r1")]["replay"], json!({"attempt": 1, "first_parked_at": PARKED_AT}));
}

/// EventBridge leaves the input out if it is long.
#[tokio::test]
async fn the_input_of_an_execution_that_the_event_lacks_is_looked_up() {
    let world = World::new().await;
    let input = body(&message("parked"))["input"].clone();
    world.function.state_machine.start(NAME, input.to_string(), None).await.unwrap();
    let executions_of = |machine: &str| machine.replacen(":stateMachine:", ":execution:", 1);
    let mut stopped = body(&message("stopped-execution"));
    stopped["detail"]["input"] = Value::Null;
    stopped["detail"]["executionArn"] = json!(format!("{}:{NAME}", executions_of(&world.state_machine_arn)));
    let mut unknown = stopped.clone();
    unknown["detail"]["executionArn"] = json!(format!("{}:unknown", executions_of(&world.state_machine_arn)));
    // From now on executions are started on another state machine.
    let now_used = accepting_state_machine(&world.sfn).await;
    let state_machine = StateMachine::new(world.sfn.clone(), &now_used);
    let world =
        World { function: ReplayParked { state_machine, ..world.function }, state_machine_arn: now_used, ..world };
    world.handle(vec![with_body(message("waited"), &stopped), with_body(message("waited"), &unknown)]).await;

    let executions = world.executions().await;
    assert_eq!(executions[&format!("{NAME}-r1")]["entries"], input["entries"]);
    let reason = world.reason_of_the_dead_letter(&unknown.to_string()).await;
    assert_eq!(reason, "Step Functions no longer holds the input of the execution");
}

#[tokio::test]
async fn only_the_messages_that_failed_are_delivered_again() {
    let world = World::new().await;
    let nowhere = StepFunctions::new(&aws_at("http://127.0.0.1:1").await);
    let state_machine = StateMachine::new(nowhere, &world.state_machine_arn);
    let world = World { function: ReplayParked { state_machine, ..world.function }, ..world };
    let (mut waits, mut starts) = (message("parked"), message("waited"));
    waits.message_id = Some("waits".to_owned());
    starts.message_id = Some("starts".to_owned());
    assert_eq!(failures(&world.handle(vec![waits, starts]).await), ["starts"]);
    assert_eq!(world.receive(&world.park_queue_url).await.len(), 1);
}

#[tokio::test]
async fn a_queue_that_takes_nothing_leaves_the_message_where_it_is() {
    let world = World::new().await;
    let nowhere = Sqs::new(&aws_at("http://127.0.0.1:1").await);
    let queues = Queues::new(nowhere, &world.park_queue_url, &world.dead_letter_queue_url);
    let world = World { function: ReplayParked { queues, ..world.function }, ..world };
    let mut message = message("parked");
    message.message_id = Some("stays".to_owned());
    assert_eq!(failures(&world.handle(vec![message]).await), ["stays"]);
}

#[tokio::test]
async fn how_many_run_again_and_how_long_the_oldest_was_parked_shows_as_metrics() {
    let world = World::new().await;
    world.handle_at(vec![message("waited"), parked_again("waited", 1)], parked_at() + 90.seconds()).await;
    assert_eq!(["InputsReplayed", "OldestParkedAge"].map(|name| world.metrics.sum(name)), [2, 90]);
}

/// After a restore it is started again from there: the line that accepted it may be older than what was lost.
#[tokio::test]
async fn the_input_of_an_express_replay_is_in_the_line_that_starts_it() {
    for (workflow_type, is_logged) in [(WorkflowType::Standard, false), (WorkflowType::Express, true)] {
        let world = World::new().await;
        let state_machine = world.function.state_machine.of_type(workflow_type);
        let world = World { function: ReplayParked { state_machine, ..world.function }, ..world };
        world.handle(vec![message("waited")]).await;
        let lines = world.metrics.lines();
        let [line, _] = &lines[..] else { panic!("{lines:?}") };
        let [(name, input)] = &Vec::from_iter(world.executions().await)[..] else { panic!("one execution") };
        assert_eq!((&line["message"], &line["execution"]), (&json!("parked input runs again"), &json!(name)));
        assert_eq!(&line["input"], if is_logged { input } else { &Value::Null });
    }
}

/// The line about a message, without what changes from run to run.
fn line(log: &Log, message: &str) -> Value {
    let lines: Vec<_> = log.lines().into_iter().filter(|line| line["message"] == message).collect();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let mut line = line.clone();
    for changing in ["timestamp", "level", "parked_for"] {
        line.as_object_mut().unwrap().remove(changing);
    }
    line
}

/// The lines about this message, met first, after it has waited, and as one that cannot be recorded for days.
async fn lines_of(body: &Value) -> [Value; 3] {
    let world = World::new().await;
    let (log, _guard) = Log::collect_with(&world.metrics, LevelFilter::INFO);
    world.handle(vec![with_body(message("parked"), body)]).await;
    world.handle(vec![with_body(message("waited"), body)]).await;
    world.handle_at(vec![with_body(message("waited"), body)], parked_at() + (REPLAY_DAYS * 24 + 1).hours()).await;
    let text = log.text();
    for secret in ["Venda", "15075", "vendas"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    ["parked input waits", "parked input runs again", "parked input dead-lettered"].map(|message| line(&log, message))
}

#[tokio::test]
async fn a_line_says_of_each_message_why_it_is_parked_and_what_comes_next() {
    let [waits, runs_again, dead_lettered] = lines_of(&body(&message("parked"))).await;
    let known = json!({
        "merchant": "acme",
        "execution": format!("{NAME}-r1"),
        "attempt": "1",
        "first_parked_at": PARKED_AT,
        "error": "LedgerUnavailable",
        "cause": "the ledger is unavailable: no connection within 3s",
    });
    let with = |more: Value| {
        let mut line = known.clone();
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    };
    assert_eq!(waits, with(json!({"message": "parked input waits", "next_try": "2026-11-22T15:00:03Z"})));
    assert_eq!(runs_again, with(json!({"message": "parked input runs again", "start": "Started"})));
    let reason = "not recorded after 1 attempts since 2026-11-22T15:00:02Z";
    assert_eq!(dead_lettered, with(json!({"message": "parked input dead-lettered", "attempt": 1, "reason": reason})));
}

#[tokio::test]
async fn of_an_execution_that_ended_otherwise_the_line_says_how() {
    let stopped = body(&message("stopped-execution"));
    let mut failed = stopped.clone();
    failed["detail"]["error"] = json!("States.Runtime");
    let mut parked_by_hand = stopped.clone();
    parked_by_hand["detail"].as_object_mut().unwrap().remove("status");
    for (message, error) in [(stopped, "ABORTED"), (failed, "States.Runtime"), (parked_by_hand, "unknown")] {
        for line in lines_of(&message).await {
            assert_eq!((&line["error"], &line["cause"]), (&json!(error), &Value::Null));
        }
    }
}

/// Step Functions quotes a state in some of its causes.
#[tokio::test]
async fn no_line_shows_a_cause_that_is_not_a_functions_own() {
    let quoted = "The JSONPath '$.totals' could not be found in the input '{\"description\":\"Venda\",\"amount_minor\":\"15075\"}'";
    let mut parked = body(&message("parked"));
    let mut failed = body(&message("stopped-execution"));
    parked["cause"] = json!(quoted);
    failed["detail"]["cause"] = json!(quoted);
    for message in [parked, failed] {
        for line in lines_of(&message).await {
            assert_eq!(line["cause"], Value::Null);
        }
    }
}
