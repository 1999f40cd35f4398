//! Rows on their way to the server: prepared, put together into batches, sent.

mod send;
mod token;

use cashflow::{Category, Date, Description, IdempotencyKey};
use csv::ByteRecord;
use serde::Serialize;

pub use self::{
    send::{FoundEntry, Limits, Lookup, SendError, Sender, Verdict},
    token::{TokenError, Tokens},
};
use crate::{
    key::Keys,
    rows::{Movement, Reason, Row},
    survey::{Fate, Survey},
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
    /// Its idempotency key.
    pub key: IdempotencyKey,
    /// The keys that it would have if the file were read in another way.
    pub other_keys: Vec<IdempotencyKey>,
    /// What it says.
    pub movement: Movement,
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

/// A row, and what is to be done with it.
#[derive(Debug)]
pub enum Judged {
    /// It can be sent.
    Send(Box<Prepared>),
    /// It is not posted, although it may be an entry.
    Refuse(RefusedRow),
    /// It is no entry.
    Skip {
        /// Where it begins in the file.
        line: u64,
        /// Why it is none.
        why: String,
    },
}

/// Judges the next row, the how many-th it is in the file, counted from 0, and gives it its key and its JSON.
pub fn prepare(number: u64, row: Row, survey: &Survey, keys: &mut Keys) -> Judged {
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
    let fate = survey.fate(number, &row);
    let Row { line, cells, content, .. } = row;
    if let Fate::Skip(why) = fate {
        return Judged::Skip { line, why };
    }
    let prepared = content.and_then(|movement| {
        // Rows that are refused count all the same among equal ones: how these are counted must not depend on an option.
        let row_keys = keys.next_keys(&movement).map_err(|reason| vec![reason])?;
        if let Fate::Refuse(reason) = fate {
            return Err(vec![reason]);
        }
        let request = &movement.request;
        let entry = Entry {
            idempotency_key: row_keys.key.as_str(),
            r#type: request.entry_type.as_str(),
            amount: request.amount.to_decimal(),
            currency: request.amount.currency().code(),
            date: movement.date,
            description: request.description.as_ref().map(Description::as_str),
            category: request.category.as_ref().map(Category::as_str),
        };
        let json = serde_json::to_string(&entry).map_err(|error| vec![Reason::new("row", error)])?;
        Ok((json, row_keys, movement))
    });
    match prepared {
        Ok((json, row_keys, movement)) => Judged::Send(Box::new(Prepared {
            line,
            cells,
            json,
            key: row_keys.key,
            other_keys: row_keys.others,
            movement,
        })),
        Err(reasons) => Judged::Refuse(RefusedRow { line, cells, reasons }),
    }
}

/// Rows that follow each other in the file and are dealt with together.
#[derive(Debug, Default)]
pub struct Batch {
    /// Those to be sent.
    pub entries: Vec<Prepared>,
    /// Those that the server has already, under another key.
    pub known: Vec<Movement>,
    /// Those that are refused already.
    pub refused: Vec<RefusedRow>,
    /// How many are no entries.
    pub skipped: u64,
    state_bytes: usize,
}

impl Batch {
    /// Whether this row still fits. The first one always does: whether it is too large, the server says.
    pub fn has_room_for(&self, row: &Judged) -> bool {
        match row {
            Judged::Send(prepared) => {
                let rows = self.entries.len() + self.known.len();
                rows == 0
                    || rows < ENTRIES_MAX
                        && self.state_bytes + prepared.json.len() + STATE_BYTES_MORE <= STATE_BYTES_MAX
            }
            Judged::Refuse(_) => self.refused.len() < REFUSED_MAX,
            Judged::Skip { .. } => true,
        }
    }

    /// Adds a row.
    pub fn add(&mut self, row: Judged) {
        match row {
            Judged::Send(prepared) => {
                self.state_bytes += prepared.json.len() + STATE_BYTES_MORE;
                self.entries.push(*prepared);
            }
            Judged::Refuse(refused) => self.refused.push(refused),
            Judged::Skip { .. } => self.skipped += 1,
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        (self.entries.len() + self.known.len() + self.refused.len()) as u64 + self.skipped
    }
}

#[cfg(test)]
mod tests;
