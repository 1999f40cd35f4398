//! What the functions of events ask of AWS beside DynamoDB, in this process: `read-events` behind Lambda, with a feed that a test fills,
//! KMS, SQS and EventBridge. Each answers as its API Reference says, as far as these functions ask.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_config::SdkConfig;
use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::Full;
use hyper::{Response, body::Bytes};
use serde_json::{Value, json};

use crate::{Asked, Gate, HttpServer, aws_at};

/// These services.
pub struct EventsAws {
    /// A client's configuration for all of them.
    pub config: SdkConfig,
    state: Arc<Mutex<State>>,
    _server: HttpServer,
}

#[derive(Default)]
struct State {
    feed: Vec<Value>,
    epoch: usize,
    asked: Vec<Value>,
    messages: Vec<Value>,
    published: Vec<Value>,
    refusals: VecDeque<Vec<Option<String>>>,
}

impl EventsAws {
    /// Starts them behind a gate.
    pub async fn start(gate: &Gate) -> EventsAws {
        let state = Arc::new(Mutex::new(State::default()));
        let answers = Arc::clone(&state);
        let server = HttpServer::start(gate, move |asked| {
            let answer = answer(&mut lock(&answers), &asked);
            async move { answer }
        })
        .await;
        EventsAws { config: aws_at(&server.url).await, state, _server: server }
    }

    /// Adds an event to the feed, which all merchants have in common.
    pub fn add(&self, event: Value) {
        self.state().feed.push(event);
    }

    /// The events of the feed.
    pub fn feed(&self) -> Vec<Value> {
        self.state().feed.clone()
    }

    /// The ledger is restored: cursors of before are refused.
    pub fn restore(&self) {
        self.state().epoch += 1;
    }

    /// What `read-events` was asked.
    pub fn asked(&self) -> Vec<Value> {
        self.state().asked.clone()
    }

    /// Takes the messages that were sent to queues: `QueueUrl`, `MessageBody`, `DelaySeconds`, `MessageAttributes`.
    pub fn take_messages(&self) -> Vec<Value> {
        std::mem::take(&mut self.state().messages)
    }

    /// The entries that the bus has taken.
    pub fn published(&self) -> Vec<Value> {
        self.state().published.clone()
    }

    /// The bus answers its next requests with these codes for their entries, in their order; it takes those without one.
    pub fn refuse(&self, codes: &[&[Option<&str>]]) {
        let codes = codes.iter().map(|codes| codes.iter().map(|code| code.map(str::to_owned)).collect());
        self.state().refusals.extend(codes);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(state: &mut State, asked: &Asked) -> Response<Full<Bytes>> {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let target = asked.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let answer = match target {
        "" => Ok(read_events(state, &body)),
        "TrentService.Encrypt" => Ok(encrypt(&body)),
        "TrentService.Decrypt" => decrypt(&body),
        "AmazonSQS.SendMessage" => {
            state.messages.push(body);
            Ok(json!({"MessageId": "1"}))
        }
        "AmazonSQS.SendMessageBatch" => Ok(send_batch(state, &body)),
        "AWSEvents.PutEvents" => Ok(put_events(state, &body)),
        other => panic!("nobody answers {other}"),
    };
    let (status, body) = match answer {
        Ok(body) => (200, body),
        Err(code) => (400, json!({"__type": code, "message": code})),
    };
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    response.body(Full::new(Bytes::from(body.to_string()))).expect("an answer")
}

fn read_events(state: &mut State, question: &Value) -> Value {
    state.asked.push(question.clone());
    let cursor = |state: &State, position: usize| format!("{}-{position}", state.epoch);
    if question["position"] == "now" {
        return json!({"next": cursor(state, state.feed.len())});
    }
    if let Some(append) = question.get("append") {
        let is_there = state.feed.iter().any(|event| event["id"] == append["id"]);
        if !is_there {
            let mut event = append.clone();
            event["time"] = json!("2026-11-22T18:00:00Z");
            state.feed.push(event);
        }
        return json!({});
    }
    if question.get("active_since").is_some() {
        let merchants: Vec<&str> = if state.feed.is_empty() { Vec::new() } else { vec!["acme"] };
        return json!({"merchants": merchants, "until": "2026-11-22T18:00:00Z", "next": null});
    }
    let after = match question["after"].as_str() {
        None => 0,
        Some(after) => match after.split_once('-') {
            Some((epoch, position)) if epoch == state.epoch.to_string() => position.parse().expect("a cursor"),
            _ => return json!({"refused": "invalid_cursor"}),
        },
    };
    let limit = usize::try_from(question["limit"].as_u64().expect("a limit")).expect("a number");
    let types = question["types"].as_array();
    let end = state.feed.len().min(after + limit);
    let events: Vec<&Value> = state.feed[after.min(end)..end]
        .iter()
        .filter(|event| types.is_none_or(|types| types.contains(&event["type"])))
        .collect();
    json!({"events": events, "next": cursor(state, end), "has_more": end < state.feed.len()})
}

fn encrypt(body: &Value) -> Value {
    let sealed = json!({"context": body["EncryptionContext"], "plaintext": body["Plaintext"]}).to_string();
    json!({"CiphertextBlob": STANDARD.encode(sealed), "KeyId": body["KeyId"]})
}

fn decrypt(body: &Value) -> Result<Value, &'static str> {
    let sealed = STANDARD.decode(body["CiphertextBlob"].as_str().unwrap_or_default()).unwrap_or_default();
    let sealed: Value = serde_json::from_slice(&sealed).map_err(|_| "InvalidCiphertextException")?;
    if sealed["context"] != body["EncryptionContext"] {
        return Err("InvalidCiphertextException");
    }
    Ok(json!({"Plaintext": sealed["plaintext"], "KeyId": body["KeyId"]}))
}

fn send_batch(state: &mut State, body: &Value) -> Value {
    let mut successful = Vec::new();
    for entry in body["Entries"].as_array().into_iter().flatten() {
        let mut message = entry.clone();
        message["QueueUrl"] = body["QueueUrl"].clone();
        successful.push(json!({"Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": ""}));
        state.messages.push(message);
    }
    json!({"Successful": successful, "Failed": []})
}

fn put_events(state: &mut State, body: &Value) -> Value {
    let refusals = state.refusals.pop_front().unwrap_or_default();
    let mut results = Vec::new();
    for (index, entry) in body["Entries"].as_array().into_iter().flatten().enumerate() {
        match refusals.get(index).cloned().flatten() {
            Some(code) => results.push(json!({"ErrorCode": code, "ErrorMessage": code})),
            None => {
                state.published.push(entry.clone());
                results.push(json!({"EventId": "1"}));
            }
        }
    }
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    json!({"FailedEntryCount": failed, "Entries": results})
}
