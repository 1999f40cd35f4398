//! The ledger in PostgreSQL: the write model and the truth.
//!
//! [`Ledger::post`] is the only operation that writes entries. It posts a batch in one transaction and then, in a fresh
//! snapshot, reads the outcomes and the totals of the affected days and months; both travel in one network round trip.
//! [`Ledger::seal`] records what a day was at one moment. Everything else reads.

mod as_of;
mod config;
mod connection;
mod day;
mod lookup;
mod migrate;
mod post;
mod reconciliation;
mod rows;
mod seal;
mod session;
mod statement;

pub use as_of::BalanceAsOf;
pub use config::{Authentication, LedgerConfig, Tls};
pub use connection::{ConnectError, connect};
pub use lookup::FoundEntry;
pub use migrate::{MigrateError, migrate};
pub use post::{LedgerTotals, Outcome, PostError, Posting, TOTAL_SLOTS};
pub use reconciliation::{KnownTotals, LedgerMonth, MonthKey, NewestSeal, Reconciled};
pub use seal::{SEALS_LISTED_MAX, Sealing};
pub use session::{Ledger, LedgerError, UnavailableError};
