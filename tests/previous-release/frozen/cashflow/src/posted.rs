use jiff::Timestamp;

use crate::{Entry, EntryId};

/// An entry as the ledger holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedEntry {
    /// The entry.
    pub entry: Entry,
    /// When it was posted, by the ledger's clock.
    pub posted_at: Timestamp,
    /// The entry that has undone this one, if there is one.
    pub reversed_by: Option<EntryId>,
    /// The number of the first seal of its day that covers it.
    pub seal: Option<u32>,
    /// Whether it was posted after its day had been sealed, and the day has not been sealed again since.
    pub late: bool,
}

/// What has become of an entry that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordedEntry {
    /// It is in the ledger, with the other payloads that came under its key, which are not. An overtaken reversal is one of them.
    Posted(PostedEntry, Vec<KeyConflict>),
    /// A reversal that another reversal of the same entry has overtaken: it is not in the ledger. With the other payloads that came
    /// under its key, which are not either.
    AlreadyReversed(Entry, Vec<KeyConflict>),
}

/// A payload that came under a key already used by another one, and was therefore not posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyConflict {
    /// What would have been posted.
    pub entry: Entry,
    /// When it came to the ledger.
    pub received_at: Timestamp,
}
