//! The daily balances in DynamoDB: the read model.
//!
//! One item holds the absolute totals of one day, or those of the months of one year, of a merchant and currency. A write
//! replaces totals only by a newer version, so that writes are idempotent and may come in any order: duplicates, delayed retries and
//! replays cannot harm a balance. A balance is read with two queries, the months before and the days of the month, and no
//! transaction: each entry reaches a reader through exactly one total.

mod item;
mod list;
mod probe;
mod read;
mod stored;
mod write;
mod year;

use std::fmt;

use aws_sdk_dynamodb::Client;

pub use item::SealMark;
pub use list::{ListedItem, ScanCursor};
pub use probe::ProbeError;
pub use read::{Consistency, ReadError};
pub use stored::{Stored, StoredBalance};
pub use write::{Write, WriteError};

/// The table of daily balances: partition key `pk` (`merchant#currency`), sort key `sk` (`day#2026-11-22`, `year#2026`).
#[derive(Clone)]
pub struct BalanceTable {
    client: Client,
    table_name: String,
}

impl BalanceTable {
    /// The table of this name, reached through this client.
    pub fn new(client: Client, table_name: impl Into<String>) -> BalanceTable {
        BalanceTable { client, table_name: table_name.into() }
    }
}

impl fmt::Debug for BalanceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BalanceTable({})", self.table_name)
    }
}
