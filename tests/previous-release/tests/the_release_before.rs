//! The release before reads all that this one writes, as it is meant: during a deployment, and after a rollback.
//!
//! If a test fails here, this release writes what the one before cannot read yet. Let this one read it only; write it in the next.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use previous_release::{answers, inputs};
use previous_workflow::{ParkedEntries, PeriodTotalsState, PostedEntries, RecordEntries, Task};
use serde_json::{Value, json};
use test_events::event;

/// What `apply-to-ledger` and `replay-parked` of the release before do first.
fn check_input(name: &str, input: &Value) {
    let read: RecordEntries = serde_json::from_value(input.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(json!(read), *input, "{name}");
    let (merchant, entries) = read.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut said_again = json!(RecordEntries::new(&merchant, &entries));
    if let Some(replay) = input.get("replay") {
        said_again["replay"] = replay.clone();
    }
    assert_eq!(said_again, *input, "{name}");
}

#[test]
fn reads_every_input_that_this_one_writes() {
    for (name, input) in inputs() {
        check_input(&name, &input);
    }
}

#[test]
fn reads_every_answer_that_this_one_gives() {
    for (name, answer) in answers() {
        let read: PostedEntries =
            serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (_, totals) = read.parse_totals().unwrap_or_else(|error| panic!("{name}: {error}"));
        let said_again: Vec<_> = totals.iter().map(PeriodTotalsState::new).collect();
        assert_eq!(json!(said_again), answer["totals"], "{name}");
        assert_eq!(json!(read), answer, "{name}");
    }
}

#[test]
fn reads_what_this_definition_hands_to_a_function() {
    let payload = event("apply-to-ledger/entry");
    let task: Task = serde_json::from_value(payload.clone()).unwrap();
    assert_eq!(json!(task.execution), payload["execution"]);
    assert!(task.started_at.is_some());
    check_input("the event", &task.state().unwrap());
}

#[test]
fn reads_what_this_definition_parks() {
    let message = event("replay-parked/parked")["Records"][0]["body"].as_str().unwrap().to_owned();
    let parked: ParkedEntries = serde_json::from_str(&message).unwrap();
    assert_eq!(json!(parked).as_object().unwrap().len(), 4);
    check_input("the event", &parked.input);
}
