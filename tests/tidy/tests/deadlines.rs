//! Whoever calls a function waits longer than the function may take, so that the function's own answer is what is seen.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;

use serde_json::Value;

/// API Gateway gives up then.
const HTTP_API_SECONDS: u64 = 30;
/// What AWS advises, because a batch that was throttled is tried again within the same visibility timeout.
const VISIBILITY_TIMEOUTS_MIN: u64 = 6;

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn resources() -> serde_json::Map<String, Value> {
    let template: Value = serde_saphyr::from_str(&read("template.yaml")).unwrap();
    template["Resources"].as_object().unwrap().clone()
}

/// The functions of the template with their timeouts in seconds.
fn functions(resources: &serde_json::Map<String, Value>) -> impl Iterator<Item = (&String, u64)> {
    resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function")
        .map(|(name, function)| (name, function["Properties"]["Timeout"].as_u64().expect(name)))
}

#[test]
fn functions_behind_the_api_end_before_the_gateway_gives_up() {
    let resources = resources();
    let behind_the_api: Vec<_> =
        functions(&resources).filter(|(name, _)| resources.contains_key(&format!("{name}Integration"))).collect();
    assert!(behind_the_api.len() > 5, "{behind_the_api:?}");
    for (name, timeout) in behind_the_api {
        assert!(timeout < HTTP_API_SECONDS, "{name}: {timeout} s");
    }
}

#[test]
fn tasks_end_before_the_state_machine_gives_up() {
    let machine: Value = serde_json::from_str(&read("statemachines/record-entries.asl.json")).unwrap();
    let mut tasks = 0;
    for (name, timeout) in functions(&resources()) {
        let called = format!("${{{name}Arn}}");
        for state in machine["States"].as_object().unwrap().values() {
            if state["Parameters"]["FunctionName"] == *called {
                let limit = state["TimeoutSeconds"].as_u64().unwrap();
                assert!(timeout < limit, "{name}: {timeout} s, the task {limit} s");
                tasks += 1;
            }
        }
    }
    assert_eq!(tasks, 2);
}

#[test]
fn a_message_stays_hidden_for_longer_than_its_function_may_take() {
    let resources = resources();
    let (_, timeout) = functions(&resources).find(|(name, _)| *name == "ReplayParked").unwrap();
    let hidden = resources["ParkQueue"]["Properties"]["VisibilityTimeout"].as_u64().unwrap();
    assert!(hidden >= VISIBILITY_TIMEOUTS_MIN * timeout, "hidden for {hidden} s, function {timeout} s");
}

#[test]
fn cloudformation_waits_for_a_migration_that_runs_out_of_time() {
    let resources = resources();
    let (_, timeout) = functions(&resources).find(|(name, _)| *name == "MigrateLedger").unwrap();
    let waits = resources["LedgerSchema"]["Properties"]["ServiceTimeout"].as_u64().unwrap();
    assert!(timeout < waits, "function {timeout} s, CloudFormation {waits} s");
}
