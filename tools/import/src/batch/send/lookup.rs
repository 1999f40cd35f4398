//! What the server says when it is asked for an entry.

use serde::Deserialize;
use statement_file::Movement;

/// What the server says about an entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FoundEntry {
    /// Its direction.
    pub r#type: String,
    /// How much.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// Its business date.
    pub date: String,
    /// What it was for.
    #[serde(default)]
    pub description: Option<String>,
    /// The entry that reverses it.
    #[serde(default)]
    pub reversed_by: Option<String>,
}

impl FoundEntry {
    /// Whether it has the values of a row that count.
    pub fn is_of(&self, movement: &Movement) -> bool {
        let request = &movement.request;
        self.r#type == request.entry_type.as_str()
            && self.amount == request.amount.to_decimal()
            && self.currency == request.amount.currency().code()
            && self.date == movement.date.to_string()
    }
}

/// What has become of a look for an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Here it is.
    Entry(FoundEntry),
    /// There is none.
    Nothing,
    /// The server does not answer such questions.
    NotAnswered(String),
}
