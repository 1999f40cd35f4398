use jiff::{Timestamp, civil::Date};

use crate::{EntryId, Positions, PostedEntry};

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// The entry.
    pub posted: PostedEntry,
    /// The balance after it, in minor units.
    pub running_balance: i128,
}

/// One page of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementPage {
    /// The lines, in posting order within each day.
    pub lines: Vec<StatementLine>,
    /// Where the next page starts; none after the last one.
    pub next: Option<StatementPosition>,
}

/// Where a page of a statement ended. It carries what was visible to the first page: all pages show the entries of that
/// moment, whatever is posted in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementPosition {
    /// How far the merchant's entries had come when the first page was asked for.
    pub positions: Positions,
    /// The business date of the page's last entry.
    pub date: Date,
    /// When it was posted, in whole microseconds.
    pub posted_at: Timestamp,
    /// Its id.
    pub id: EntryId,
    /// The balance after it, in minor units.
    pub running_balance: i128,
}

/// What the cursors of a merchant's statements are made with.
#[derive(Clone, PartialEq, Eq)]
pub struct StatementKey {
    /// The merchant's key, which changes with the ledger's epoch.
    pub key: [u8; 64],
    /// How far the merchant's entries have come: a cursor that is ahead of it is of a ledger that was set back since.
    pub positions: Positions,
}

impl std::fmt::Debug for StatementKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatementKey").field("positions", &self.positions).finish_non_exhaustive()
    }
}
