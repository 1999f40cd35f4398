use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The fields of a state that this release does not know. A newer release wrote them: for a while, during a deployment or after
/// one was rolled back, a function reads what the release after it has written.
///
/// They are never ignored, because a field can change what is posted. A function that works on the state refuses it while there
/// are any; a function that passes the state on passes them on. No error names them, because the name can be any text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnknownFields(BTreeMap<String, Value>);

impl UnknownFields {
    /// Whether all is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
