//! This release reads all that earlier ones have written, as it was meant: inputs that are parked, executions that go on or are
//! redriven, and the answers of functions that have not been replaced yet.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{fs, path::Path};

use serde_json::{Value, json};
use workflow::{ParkedEntries, PostedEntries, RecordEntries, Task};

/// Each file of `inputs/` whose name begins so, with the name of its release.
fn written(kind: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("inputs");
    let list = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let files = list(&folder).into_iter().filter(|path| path.is_dir()).flat_map(|release| list(&release));
    let files: Vec<_> = files.filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with(kind)).collect();
    assert!(!files.is_empty(), "{kind}");
    let read = |file: &Path| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    files.iter().map(|file| (file.display().to_string(), read(file))).collect()
}

/// Whatever was said is said again, with what was not said then left out or beside it.
fn assert_says(read: &Value, written: &Value, name: &str) {
    match written {
        Value::Object(fields) => fields.iter().for_each(|(field, value)| assert_says(&read[field], value, name)),
        Value::Array(values) => {
            assert_eq!(read.as_array().unwrap().len(), values.len(), "{name}");
            values.iter().enumerate().for_each(|(index, value)| assert_says(&read[index], value, name));
        }
        value => assert_eq!(read, value, "{name}"),
    }
}

fn check_input(name: &str, input: &Value) {
    let read: RecordEntries = serde_json::from_value(input.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_says(&json!(read), input, name);
    let (merchant, entries) = read.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut expected = input.clone();
    expected.as_object_mut().unwrap().remove("replay");
    assert_says(&json!(RecordEntries::new(&merchant, &entries)), &expected, name);
}

#[test]
fn their_inputs_are_read() {
    written("input-").iter().for_each(|(name, input)| check_input(name, input));
}

#[test]
fn what_their_definitions_hand_to_a_function_is_read() {
    for (name, payload) in written("task-") {
        let task: Task = serde_json::from_value(payload.clone()).unwrap();
        assert_eq!(json!(task.execution), payload["execution"], "{name}");
        check_input(&name, &task.state().unwrap());
    }
}

#[test]
fn what_their_definitions_have_parked_is_read() {
    for (name, message) in written("parked-") {
        let parked: ParkedEntries = serde_json::from_value(message).unwrap_or_else(|error| panic!("{name}: {error}"));
        check_input(&name, &parked.input);
    }
}

#[test]
fn their_answers_are_read() {
    for (name, answer) in written("answer-") {
        let read: PostedEntries =
            serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_says(&json!(read), &answer, &name);
        read.parse_totals().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
