//! Rows on their way to the server: prepared, put together into batches, sent.

mod send;
mod token;

use statement_file::{Judged, Movement, Prepared, RefusedRow};

pub use self::{
    send::{FoundEntry, Limits, Lookup, SendError, Sender, Verdict},
    token::{TokenError, Tokens},
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
