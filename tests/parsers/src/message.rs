//! The messages of `replay-parked`. The whole function takes them, with AWS played by this process: what it would send to the
//! queues and to Step Functions is looked at.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lambda_events::sqs::{SqsEvent, SqsMessage, SqsMessageAttribute};
use aws_sdk_sfn::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use executions::StateMachine;
use jiff::Timestamp;
use replay_parked::{Queues, ReplayParked};
use serde_json::{Value, json};
use telemetry::Metrics;
use workflow::{ParkedEntries, RecordEntries};

use crate::{text_line, workflow::assert_execution_name};

const STATE_MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:record-entries";
const PARK_QUEUE: &str = "http://localhost/park";
const DEAD_LETTER_QUEUE: &str = "http://localhost/dead-letter";

/// The longest reason that is worth reading, in characters; body and reason share the room of a message.
const REASON_CHARACTERS_MAX: usize = 1_000;

/// A line that says whether the message `waited` or was `brought-back`, then its body.
pub(crate) fn parked_message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (state, body) = text_line(text);
    // A queue takes no other texts.
    if body.is_empty() || !body.chars().all(is_sendable) {
        return;
    }
    let aws = Aws::default();
    let now: Timestamp = "2026-11-22T18:00:00Z".parse().expect("a time");
    let mut event = SqsEvent::default();
    event.records = vec![message(state, body)];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let response = runtime.block_on(aws.function().handle(event, now));
    assert!(response.batch_item_failures.is_empty(), "{response:?}");

    let calls = aws.calls.lock().expect("no call fails");
    let calls: Vec<_> = calls.iter().filter(|(action, _)| action != "AWSStepFunctions.DescribeExecution").collect();
    let [(action, call)] = &calls[..] else { panic!("one thing is done with a message: {calls:?}") };
    match action.as_str() {
        "AmazonSQS.SendMessage" => assert_sent(call, state, body),
        "AWSStepFunctions.StartExecution" => assert_started(call, state, body),
        other => panic!("{other}"),
    }
}

/// The message is sent on as it was, to wait or to be looked at, in a form that SQS takes.
fn assert_sent(call: &Value, state: &str, body: &str) {
    assert_eq!(call["MessageBody"], body);
    let attributes = call["MessageAttributes"].as_object().expect("attributes");
    let (name, attribute) = attributes.iter().next().expect("an attribute");
    let value = attribute["StringValue"].as_str().expect("a text");
    assert!(!value.is_empty() && value.chars().all(is_sendable), "{value:?}");
    assert!(value.chars().count() <= REASON_CHARACTERS_MAX, "{value:?}");
    match (call["QueueUrl"].as_str().expect("a queue"), name.as_str()) {
        (PARK_QUEUE, "Waited") => {
            assert!(!["waited", "brought-back"].contains(&state));
            assert!((1..=900).contains(&call["DelaySeconds"].as_u64().expect("seconds")), "{call}");
        }
        (DEAD_LETTER_QUEUE, "DeadLetterReason") => {}
        other => panic!("{other:?}"),
    }
}

/// What runs is what was parked, with the attempt counted.
fn assert_started(call: &Value, state: &str, body: &str) {
    assert!(["waited", "brought-back"].contains(&state));
    assert_execution_name(call["name"].as_str().expect("a name"));
    let input: Value = serde_json::from_str(call["input"].as_str().expect("an input")).expect("JSON");
    let read: RecordEntries = serde_json::from_value(input).expect("an input");
    let replay = read.replay.expect("a replay");
    assert!(replay.attempt >= 1);
    let started = RecordEntries { replay: None, ..read };
    let parked = match serde_json::from_str::<ParkedEntries>(body) {
        Ok(parked) => {
            assert_eq!(serde_json::from_value::<ParkedEntries>(json!(parked)).ok().as_ref(), Some(&parked));
            parked.input
        }
        Err(_) => {
            let body: Value = serde_json::from_str(body).expect("JSON");
            serde_json::from_str(body["detail"]["input"].as_str().expect("an input")).expect("JSON")
        }
    };
    let parked: RecordEntries = serde_json::from_value(parked).expect("an input");
    assert_eq!(replay.attempt, parked.replay.as_ref().map_or(0, |replay| replay.attempt).saturating_add(1));
    assert_eq!(replay.unknown, parked.replay.as_ref().map(|replay| replay.unknown.clone()).unwrap_or_default());
    assert_eq!(started, RecordEntries { replay: None, ..parked });
    // What nobody here knows runs again as it is: only apply-to-ledger, perhaps a newer one, can say whether it can be posted.
    if let Err(error) = started.parse() {
        assert!(error.is_of_newer_release(), "{error}");
    }
}

/// Whether SQS takes the character, in bodies and in attributes.
fn is_sendable(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn message(state: &str, body: &str) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some("message".to_owned());
    message.body = Some(body.to_owned());
    let attribute = match state {
        "waited" => "Waited",
        "brought-back" => "DeadLetterReason",
        _ => return message,
    };
    message.message_attributes.insert(attribute.to_owned(), SqsMessageAttribute::default());
    message
}

/// AWS as this process plays it: it agrees to everything, and notes what was asked.
#[derive(Debug, Clone, Default)]
struct Aws {
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let action = request.headers().get("x-amz-target").expect("an action").to_owned();
        let asked = serde_json::from_slice(request.body().bytes().expect("a body in memory")).expect("JSON");
        self.calls.lock().expect("no call fails").push((action.clone(), asked));
        let answer = match action.as_str() {
            "AmazonSQS.SendMessage" => json!({"MessageId": "message", "MD5OfMessageBody": ""}),
            // Without its input, as of an execution that is not known any more.
            "AWSStepFunctions.DescribeExecution" => {
                json!({"executionArn": "a", "stateMachineArn": STATE_MACHINE, "startDate": 0, "status": "FAILED"})
            }
            _ => json!({"executionArn": "a", "startDate": 0}),
        };
        let status = 200.try_into().expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer.to_string()))))
    }
}

impl Aws {
    fn client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    fn function(&self) -> ReplayParked {
        let credentials = Credentials::new("test", "test", None, None, "tests");
        let sfn = aws_sdk_sfn::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials.clone())
            .endpoint_url("http://localhost")
            .http_client(self.client())
            .build();
        let sqs = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials)
            .endpoint_url("http://localhost")
            .http_client(self.client())
            .build();
        ReplayParked {
            state_machine: StateMachine::new(aws_sdk_sfn::Client::from_conf(sfn), STATE_MACHINE),
            generation: "1".parse().expect("a generation"),
            queues: Queues::new(aws_sdk_sqs::Client::from_conf(sqs), PARK_QUEUE, DEAD_LETTER_QUEUE),
            first_delay: Duration::from_secs(60),
            replay_for: Duration::from_secs(7 * 24 * 60 * 60),
            metrics: Metrics::new("fluxo", io::sink()),
        }
    }
}
