use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

/// What the state machine hands to a function: its state, and of which execution it is. The latter is for logs and
/// metrics alone; what becomes of the entries does not depend on it.
///
/// The payload is `{"execution": …, "started_at": …, "state": …}`, or the bare state, as executions send it that were
/// started under an earlier definition of the state machine; they keep theirs when they are redriven.
#[derive(Debug, Clone)]
pub struct Task {
    /// The name of the execution.
    pub execution: Option<String>,
    /// When the execution started.
    pub started_at: Option<Timestamp>,
    state: Box<RawValue>,
}

impl Task {
    /// The state that the function works on. Its text is parsed here and nowhere before, straight into what it is taken for.
    pub fn state<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.state.get())
    }
}

impl<'de> Deserialize<'de> for Task {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Task, D::Error> {
        let payload = Box::<RawValue>::deserialize(deserializer)?;
        Ok(match serde_json::from_str::<Envelope>(payload.get()) {
            Ok(Envelope { execution, started_at, state }) => {
                Task { execution: read(execution), started_at: read(started_at), state }
            }
            Err(_) => Task { execution: None, started_at: None, state: payload },
        })
    }
}

/// A state with its execution.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    execution: Value,
    #[serde(default)]
    started_at: Value,
    state: Box<RawValue>,
}

/// No entry is refused for the sake of logs.
fn read<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}
