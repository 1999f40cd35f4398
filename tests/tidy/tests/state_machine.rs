//! The state machine agrees with the code behind it, and cannot outlast an EXPRESS execution.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use workflow::ErrorName;

/// EXPRESS executions end at 5 minutes without a Catch; a minute is left for the pauses between states.
const WORST_PATH_SECONDS_MAX: u64 = 240;

/// Errors that Step Functions and Lambda themselves name.
const PLATFORM_ERRORS: [&str; 11] = [
    "States.ALL",
    "States.TaskFailed",
    "States.Timeout",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
];

fn definition() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../statemachines/record-entries.asl.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn tasks(definition: &Value) -> Vec<(&String, &Value)> {
    definition["States"].as_object().unwrap().iter().filter(|(_, state)| state["Type"] == "Task").collect()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

/// The tasks that run code of ours; the others send to a queue.
fn functions(definition: &Value) -> impl Iterator<Item = (&String, &Value)> {
    tasks(definition).into_iter().filter(|(_, state)| state["Resource"].as_str().unwrap().ends_with(":::lambda:invoke"))
}

/// What a function gets: all of the state, and by name what its logs and metrics need.
#[test]
fn every_function_gets_the_state_and_the_name_of_its_execution() {
    for (name, state) in functions(&definition()) {
        let payload = &state["Parameters"]["Payload"];
        assert_eq!(payload["state.$"], "$", "{name}");
        assert_eq!(payload["execution.$"], "$$.Execution.Name", "{name}");
    }
    assert_eq!(
        definition()["States"]["ApplyToLedger"]["Parameters"]["Payload"]["started_at.$"],
        "$$.Execution.StartTime"
    );
}

/// What runs again later is the input alone: whatever a payload adds to it is of one execution.
#[test]
fn what_is_parked_is_the_input_of_the_execution() {
    let definition = definition();
    for state in ["ParkEntries", "DeadLetterEntries"] {
        let message = &definition["States"][state]["Parameters"]["MessageBody"];
        assert_eq!(message["input.$"], "$$.Execution.Input", "{state}");
    }
}

fn errors_named<'a>(state: &'a Value, field: &'a str) -> impl Iterator<Item = &'a str> {
    list(state, field).iter().flat_map(|rule| list(rule, "ErrorEquals")).map(|name| name.as_str().unwrap())
}

#[test]
fn every_error_it_names_is_one_that_the_code_or_the_platform_produces() {
    let known: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).chain(PLATFORM_ERRORS).collect();
    for (name, state) in tasks(&definition()) {
        for error in errors_named(state, "Retry").chain(errors_named(state, "Catch")) {
            assert!(known.contains(error), "{name} names {error}");
        }
    }
}

#[test]
fn transient_errors_are_retried_and_permanent_ones_are_not() {
    let retried: BTreeSet<String> = functions(&definition())
        .flat_map(|(_, state)| errors_named(state, "Retry").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    for name in ErrorName::ALL {
        let transient = matches!(
            name,
            ErrorName::LedgerUnavailable | ErrorName::OriginalNotPosted | ErrorName::BalancesUnavailable
        );
        assert_eq!(retried.contains(name.as_str()), transient, "{}", name.as_str());
    }
    for everything in ["States.ALL", "States.TaskFailed"] {
        assert!(!retried.contains(everything), "a retry of everything would retry permanent errors");
    }
}

/// What running again cannot mend goes to the dead-letter queue at once; everything else is parked, also what nobody has
/// thought of.
#[test]
fn whatever_a_function_fails_with_is_parked_or_dead_lettered() {
    let definition = definition();
    for (name, state) in functions(&definition) {
        let caught: Vec<(&Value, &Value)> =
            list(state, "Catch").iter().map(|rule| (&rule["ErrorEquals"], &rule["Next"])).collect();
        let expected =
            [(json!(["InvalidInput"]), json!("DeadLetterEntries")), (json!(["States.ALL"]), json!("ParkEntries"))];
        assert_eq!(caught, expected.iter().map(|(errors, next)| (errors, next)).collect::<Vec<_>>(), "{name}");
    }
}

/// Otherwise than parked or dead-lettered.
/// The template's rule on failed executions parks all others.
#[test]
fn executions_that_failed_otherwise_are_parked_by_the_rule() {
    let definition = definition();
    let error_after = |task: &str| {
        let next = definition["States"][task]["Next"].as_str().unwrap();
        definition["States"][next]["Error"].as_str().unwrap().to_owned()
    };
    let template = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml")).unwrap();
    let excepted =
        format!("error: [{{ anything-but: [{}, {}] }}]", error_after("ParkEntries"), error_after("DeadLetterEntries"));
    assert!(template.contains(&excepted), "{excepted}");
}

#[test]
fn every_task_is_bounded_retried_with_jitter_and_caught() {
    for (name, state) in tasks(&definition()) {
        assert!(state["TimeoutSeconds"].is_u64(), "{name} has no timeout");
        assert!(errors_named(state, "Catch").any(|error| error == "States.ALL"), "{name} lets errors escape");
        assert!(!list(state, "Retry").is_empty(), "{name} is never retried");
        for rule in list(state, "Retry") {
            assert_eq!(rule["JitterStrategy"], "FULL", "{name}");
            assert!(rule["MaxDelaySeconds"].is_u64(), "{name}: an uncapped delay");
        }
    }
}

#[test]
fn the_worst_path_ends_in_time() {
    let definition = definition();
    let worst: u64 = tasks(&definition).into_iter().map(|(_, state)| worst_seconds(state)).sum();
    assert!(worst <= WORST_PATH_SECONDS_MAX, "{worst} s");
}

/// All attempts time out and all pauses are as long as they can be. Each retry rule counts its attempts for itself.
fn worst_seconds(task: &Value) -> u64 {
    let timeout = task["TimeoutSeconds"].as_u64().unwrap();
    let retries = list(task, "Retry").iter().map(|rule| {
        let number = |field: &str| rule[field].as_u64().unwrap_or_else(|| panic!("{field} is a whole number"));
        let delay = |attempt: u32| {
            (number("IntervalSeconds") * number("BackoffRate").pow(attempt)).min(number("MaxDelaySeconds"))
        };
        let attempts = u32::try_from(number("MaxAttempts")).unwrap();
        (0..attempts).map(|attempt| timeout + delay(attempt)).sum::<u64>()
    });
    timeout + retries.sum::<u64>()
}

#[test]
fn every_state_is_reached_and_every_next_state_exists() {
    let definition = definition();
    let states = definition["States"].as_object().unwrap();
    let mut reached = BTreeSet::from([definition["StartAt"].as_str().unwrap().to_owned()]);
    for state in states.values() {
        let rules = list(state, "Choices").iter().chain(list(state, "Catch"));
        let next = rules.map(|rule| &rule["Next"]).chain([&state["Next"], &state["Default"]]);
        reached.extend(next.filter_map(Value::as_str).map(str::to_owned));
        let ends = state["End"] == true || state["Type"] == "Fail";
        assert!(ends || state["Next"].is_string() || state["Type"] == "Choice", "a dead end: {state}");
    }
    assert_eq!(reached, states.keys().cloned().collect());
}

/// The attempt that posted a duplicate may have died before its balance was written.
#[test]
fn every_outcome_of_the_idempotency_check_is_consolidated() {
    let definition = definition();
    let state = |name: &Value| &definition["States"][name.as_str().unwrap()];
    let check = &definition["States"]["IdempotencyCheck"];
    for next in list(check, "Choices").iter().map(|choice| &choice["Next"]).chain([&check["Default"]]) {
        let consolidates = next == "ConsolidateDay" || state(next)["Next"] == "ConsolidateDay";
        assert!(consolidates, "{next} leads past ConsolidateDay");
    }
}
