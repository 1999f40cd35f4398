//! Changing `WorkflowType` of a stack changes where executions are started, and takes nothing away from those that run.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::BTreeSet, fs};

use serde_json::{Map, Value, json};

/// The one condition of the parameter.
const CONDITION: &str = "WorkflowIsExpress";

/// The functions that start executions.
const STARTERS: [&str; 3] = ["RegisterEntry", "ReplayParked", "ReverseEntry"];

const MACHINES: [(&str, &str); 2] = [("RecordEntries", "STANDARD"), ("RecordEntriesExpress", "EXPRESS")];

/// The template without its tags: `!Ref X` is the text X, and `!If [C, a, b]` a list of three.
fn template() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn resources() -> Map<String, Value> {
    template()["Resources"].as_object().unwrap().clone()
}

/// The value as it is with one of the types.
fn decided(value: &Value, is_express: bool) -> Value {
    match value {
        Value::Array(items) => match &items[..] {
            [condition, express, standard] if condition == CONDITION => {
                decided(if is_express { express } else { standard }, is_express)
            }
            items => items.iter().map(|item| decided(item, is_express)).collect(),
        },
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, field)| (name.clone(), decided(field, is_express)));
            Value::Object(fields.collect())
        }
        value => value.clone(),
    }
}

/// Where two values differ, as paths.
fn differences(path: &str, one: &Value, other: &Value) -> BTreeSet<String> {
    match (one, other) {
        _ if one == other => BTreeSet::new(),
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            let below = |name: &String| differences(&format!("{path}.{name}"), &one[name], &other[name]);
            names.into_iter().flat_map(below).collect()
        }
        _ => BTreeSet::from([path.to_owned()]),
    }
}

fn mentions(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => text == name || text.contains(&format!("${{{name}}}")),
        Value::Array(items) => items.iter().any(|item| mentions(item, name)),
        Value::Object(fields) => fields.values().any(|field| mentions(field, name)),
        _ => false,
    }
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |items| items.iter().collect())
}

#[test]
fn nothing_but_where_executions_are_started_depends_on_the_type() {
    let template = template();
    let differ: BTreeSet<String> = ["Resources", "Outputs", "Globals"]
        .into_iter()
        .flat_map(|part| differences(part, &decided(&template[part], false), &decided(&template[part], true)))
        .collect();
    let variables = |name: &'static str| {
        STARTERS
            .into_iter()
            .map(move |function| format!("Resources.{function}.Properties.Environment.Variables.{name}"))
    };
    let mut expected: BTreeSet<String> = variables("STATE_MACHINE_ARN").chain(variables("WORKFLOW_TYPE")).collect();
    expected.insert("Outputs.StateMachineArn.Value".to_owned());
    assert_eq!(differ, expected);
}

/// A resource with a condition comes and goes with the parameter.
#[test]
fn no_resource_comes_and_goes_with_the_type() {
    let template = template();
    for (name, condition) in template["Conditions"].as_object().unwrap() {
        let depends = mentions(condition, "WorkflowType") || mentions(condition, CONDITION);
        assert_eq!(depends, name == CONDITION, "{name}");
    }
    for (name, resource) in resources() {
        assert_ne!(resource["Condition"], CONDITION, "{name}");
        assert!(!mentions(&resource, "WorkflowType"), "{name}");
    }
}

/// It is retained when it is replaced.
#[test]
fn there_is_a_state_machine_of_each_type_and_it_is_retained() {
    let resources = resources();
    let machines = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::StateMachine");
    let machines: Vec<(&str, &str)> =
        machines.map(|(name, machine)| (name.as_str(), machine["Properties"]["Type"].as_str().unwrap())).collect();
    assert_eq!(machines, MACHINES);
    for (name, _) in MACHINES {
        assert_eq!(resources[name]["UpdateReplacePolicy"], "Retain", "{name}");
    }
    let [standard, express] = MACHINES.map(|(name, _)| &resources[name]["Properties"]);
    let differ = differences("", standard, express);
    assert_eq!(differ, [".Logging.IncludeExecutionData", ".Type"].map(str::to_owned).into());
}

/// At this level Step Functions logs failures, and nothing of an execution that succeeds.
#[test]
fn the_log_of_express_executions_holds_what_failed_with_its_data() {
    let logging = &resources()["RecordEntriesExpress"]["Properties"]["Logging"];
    assert_eq!((&logging["Level"], &logging["IncludeExecutionData"]), (&json!("ERROR"), &json!(true)));
}

/// Inputs are logged at every log level.
/// Step Functions keeps no input of an EXPRESS execution: after a restore it is started again from these logs.
#[test]
fn who_starts_executions_knows_their_type_and_logs_their_inputs() {
    let resources = resources();
    let functions = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    for (name, function) in functions {
        let level = &function["Properties"]["LoggingConfig"]["ApplicationLogLevel"];
        let workflow_type = &function["Properties"]["Environment"]["Variables"]["WORKFLOW_TYPE"];
        if STARTERS.contains(&name.as_str()) {
            assert_eq!((level, workflow_type), (&json!("INFO"), &json!([CONDITION, "EXPRESS", "STANDARD"])), "{name}");
        } else {
            assert_eq!((level, workflow_type), (&Value::Null, &Value::Null), "{name}");
        }
    }
}

#[test]
fn who_starts_executions_may_do_so_on_both_state_machines() {
    let resources = resources();
    let starters = resources
        .iter()
        .filter(|(_, resource)| !resource["Properties"]["Environment"]["Variables"]["STATE_MACHINE_ARN"].is_null());
    assert_eq!(starters.map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(), STARTERS.into());
    let roles = STARTERS.map(|function| &resources[&format!("{function}Role")]["Properties"]["Policies"]);
    let endpoint = &resources["StatesEndpoint"]["Properties"]["PolicyDocument"]["Statement"];
    for policies in roles {
        let statements = list(policies).into_iter().flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
        let start = statements.into_iter().chain(list(endpoint)).filter(|one| one["Action"] == "states:StartExecution");
        let start: Vec<&Value> = start.collect();
        assert_eq!(start.len(), 2, "{policies}");
        for statement in start {
            assert_eq!(statement["Resource"], json!(MACHINES.map(|(name, _)| name)));
        }
    }
}

/// Whichever type is started.
#[test]
fn executions_that_end_by_themselves_are_parked_and_watched() {
    let resources = resources();
    for rule in ["StoppedExecutionsRule", "UnparkedFailuresRule"] {
        let rule = &resources[rule];
        assert_eq!(rule["Properties"]["EventPattern"]["detail"]["stateMachineArn"], json!(["RecordEntries"]));
        assert!(rule["Condition"].is_null());
    }
    for unconditional in ["ParkQueue", "ParkQueuePolicy", "DeadLetterQueue", "ReplayParked", "RecordEntriesRole"] {
        assert!(resources[unconditional]["Condition"].is_null(), "{unconditional}");
    }
    for (machine, _) in MACHINES {
        for metric in ["ExecutionsFailed", "ExecutionsTimedOut"] {
            let watches = |resource: &Value| {
                resource["Properties"]["MetricName"] == metric
                    && mentions(&resource["Properties"]["Dimensions"], machine)
            };
            assert!(resources.values().any(watches), "{metric} of {machine}");
        }
    }
}
