use jiff::civil::Date;

use crate::{EntryId, PostedEntry};

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

/// Where a page of a statement ended. It carries the ledger's snapshot of the first page: all pages show the entries of
/// that moment, whatever is posted in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementPosition {
    /// What the ledger saw when the first page was asked for: PostgreSQL's text form of `pg_current_snapshot()`.
    pub snapshot: String,
    /// The business date of the page's last entry.
    pub date: Date,
    /// The transaction that posted it.
    pub posted_xid: u64,
    /// Its id.
    pub id: EntryId,
    /// The balance after it, in minor units.
    pub running_balance: i128,
}
