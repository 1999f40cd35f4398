use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What `ParkEntries` and `DeadLetterEntries` send to a queue: the input of an execution that failed, and why it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedEntries {
    /// The input of the execution, as it was given.
    pub input: Value,
    /// The name of the error.
    pub error: String,
    /// What the failed task said, for people.
    pub cause: String,
    /// When the execution gave up.
    pub parked_at: Timestamp,
}
