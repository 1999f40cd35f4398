//! Rows on their way to the server: prepared, put together into batches, sent.

mod send;
mod token;

use cashflow::{Amount, Category, Date, Description, EntryType};
use csv::ByteRecord;
use serde::Serialize;

pub use self::{
    send::{Limits, SendError, Sender, Verdict},
    token::{TokenError, Tokens},
};
use crate::{
    key::Keys,
    rows::{Reason, Row},
};

/// The most entries of a request, as the server says.
pub const ENTRIES_MAX: usize = 500;

/// The most refused rows that wait with a batch until they are written.
const REFUSED_MAX: usize = 500;

/// The most workflow state that a batch is made to take, in bytes. The server's limit is 200 KiB; a batch that goes over it
/// all the same is sent in halves.
const STATE_BYTES_MAX: usize = 190 * 1024;

/// How much more workflow state an entry takes than its JSON in the request: an id and a fingerprint, less the key.
const STATE_BYTES_MORE: usize = 100;

/// A row that can be sent.
#[derive(Debug)]
pub struct Prepared {
    /// Where it begins in the file.
    pub line: u64,
    /// Its cells as they are in the file.
    pub cells: ByteRecord,
    /// The entry as JSON, with its idempotency key.
    pub json: String,
    /// Its direction.
    pub entry_type: EntryType,
    /// How much, in which currency.
    pub amount: Amount,
    /// Its business date.
    pub date: Date,
}

/// A row that is not posted, and why.
#[derive(Debug)]
pub struct RefusedRow {
    /// Where it begins in the file.
    pub line: u64,
    /// Its cells as they are in the file.
    pub cells: ByteRecord,
    /// Everything that is wrong with it.
    pub reasons: Vec<Reason>,
}

/// Gives a row its key and its JSON, unless it is refused.
pub fn prepare(row: Row, keys: &mut Keys) -> Result<Prepared, RefusedRow> {
    #[derive(Serialize)]
    struct Entry<'a> {
        idempotency_key: &'a str,
        r#type: &'a str,
        amount: String,
        currency: &'a str,
        date: Date,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        category: Option<&'a str>,
    }
    let Row { line, cells, content } = row;
    let json = content.and_then(|movement| {
        let key = keys.next_key(&movement, line).map_err(|reason| vec![reason])?;
        let request = &movement.request;
        let entry = Entry {
            idempotency_key: key.as_str(),
            r#type: request.entry_type.as_str(),
            amount: request.amount.to_decimal(),
            currency: request.amount.currency().code(),
            date: movement.date,
            description: request.description.as_ref().map(Description::as_str),
            category: request.category.as_ref().map(Category::as_str),
        };
        let json = serde_json::to_string(&entry).map_err(|error| vec![Reason::new("row", error)])?;
        Ok((json, movement))
    });
    match json {
        Ok((json, movement)) => Ok(Prepared {
            line,
            cells,
            json,
            entry_type: movement.request.entry_type,
            amount: movement.request.amount,
            date: movement.date,
        }),
        Err(reasons) => Err(RefusedRow { line, cells, reasons }),
    }
}

/// Rows that follow each other in the file and are dealt with together.
#[derive(Debug, Default)]
pub struct Batch {
    /// Those to be sent.
    pub entries: Vec<Prepared>,
    /// Those that are refused already.
    pub refused: Vec<RefusedRow>,
    state_bytes: usize,
}

impl Batch {
    /// Whether this row still fits. The first one always does: whether it is too large, the server says.
    pub fn has_room_for(&self, row: &Result<Prepared, RefusedRow>) -> bool {
        match row {
            Ok(prepared) => {
                self.entries.is_empty()
                    || self.entries.len() < ENTRIES_MAX
                        && self.state_bytes + prepared.json.len() + STATE_BYTES_MORE <= STATE_BYTES_MAX
            }
            Err(_) => self.refused.len() < REFUSED_MAX,
        }
    }

    /// Adds a row.
    pub fn add(&mut self, row: Result<Prepared, RefusedRow>) {
        match row {
            Ok(prepared) => {
                self.state_bytes += prepared.json.len() + STATE_BYTES_MORE;
                self.entries.push(prepared);
            }
            Err(refused) => self.refused.push(refused),
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.entries.len() + self.refused.len()
    }
}

#[cfg(test)]
mod tests {
    use cashflow::{Currency, EntryRequest};
    use jiff::civil::date;

    use super::*;
    use crate::rows::Movement;

    fn row(line: u64, description: &str) -> Row {
        let date = date(2026, 11, 22);
        let request = EntryRequest {
            entry_type: EntryType::Debit,
            amount: Amount::parse("1.5", Currency::BRL).unwrap(),
            date: Some(date),
            description: Some(Description::parse(description).unwrap()),
            category: None,
        };
        let movement = Movement { request, date, account: None, id: Some(line.to_string()) };
        Row { line, cells: ByteRecord::new(), content: Ok(movement) }
    }

    #[test]
    fn an_entry_is_the_json_that_the_server_takes() {
        let prepared = prepare(row(2, "Pão \"x\""), &mut Keys::default()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&prepared.json).unwrap();
        let key = json["idempotency_key"].as_str().unwrap();
        assert!(key.starts_with("import-"), "{key}");
        let expected = serde_json::json!({
            "idempotency_key": key, "type": "debit", "amount": "1.50", "currency": "BRL", "date": "2026-11-22",
            "description": "Pão \"x\""
        });
        assert_eq!(json, expected);
    }

    fn sizes(descriptions: &str, count: u64) -> Vec<usize> {
        let mut keys = Keys::default();
        let mut batches = vec![Batch::default()];
        for line in 0..count {
            let row = prepare(row(line, descriptions), &mut keys);
            if !batches.last().unwrap().has_room_for(&row) {
                batches.push(Batch::default());
            }
            batches.last_mut().unwrap().add(row);
        }
        for batch in &batches {
            let body: usize = batch.entries.iter().map(|entry| entry.json.len() + 1).sum();
            assert!(body < 200 * 1024, "{body}");
        }
        batches.iter().map(Batch::rows).collect()
    }

    #[test]
    fn batches_are_bounded_by_entries_and_by_bytes() {
        assert_eq!(sizes("short", 1_100), [500, 500, 100]);
        let long = sizes(&"🧾".repeat(255), 450);
        assert_eq!(long, [152, 152, 146]);
    }

    #[test]
    fn refused_rows_are_bounded_too() {
        let mut keys = Keys::default();
        let mut batch = Batch::default();
        let refused = || Row { content: Err(vec![Reason::new("row", "bad")]), ..row(1, "x") };
        while batch.has_room_for(&prepare(refused(), &mut keys)) {
            batch.add(prepare(refused(), &mut keys));
        }
        assert_eq!(batch.rows(), REFUSED_MAX);
    }
}
