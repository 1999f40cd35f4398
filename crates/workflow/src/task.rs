use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What the state machine hands to a function: its state, and of which execution it is. The latter is for logs and
/// metrics alone; what becomes of the entries does not depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The name of the execution.
    pub execution: Option<String>,
    /// When the execution started.
    pub started_at: Option<Timestamp>,
    /// The state that the function works on.
    pub state: Value,
}

impl Task {
    /// Reads a payload: `{"execution": …, "started_at": …, "state": …}`, or the bare state, as executions send it that were
    /// started under an earlier definition of the state machine; they keep theirs when they are redriven.
    pub fn read(payload: Value) -> Task {
        match payload {
            Value::Object(mut fields) if fields.contains_key("state") => Task {
                execution: fields.remove("execution").and_then(read),
                started_at: fields.remove("started_at").and_then(read),
                state: fields.remove("state").unwrap_or_default(),
            },
            state => Task { execution: None, started_at: None, state },
        }
    }
}

/// No entry is refused for the sake of logs.
fn read<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_state_comes_with_its_execution() {
        let task = Task::read(json!({"execution": "a-1", "started_at": "2026-11-22T15:04:05.123Z", "state": {"a": 1}}));
        let started_at = "2026-11-22T15:04:05.123Z".parse().ok();
        assert_eq!(task, Task { execution: Some("a-1".to_owned()), started_at, state: json!({"a": 1}) });
    }

    #[test]
    fn a_bare_state_is_of_an_unknown_execution() {
        for state in [json!({"merchant_id": "acme", "entries": []}), json!(null), json!([1])] {
            assert_eq!(Task::read(state.clone()), Task { execution: None, started_at: None, state });
        }
    }

    #[test]
    fn an_execution_that_cannot_be_read_is_left_out() {
        let task = Task::read(json!({"execution": 1, "started_at": "yesterday", "state": null}));
        assert_eq!(task, Task { execution: None, started_at: None, state: json!(null) });
    }
}
