//! The ledger in PostgreSQL: the write model and the truth.
//!
//! [`Ledger::post`] is the only operation that writes. It posts a batch in one transaction and then, in a fresh snapshot,
//! reads the outcomes and the totals of the affected days and months; both travel in one network round trip.

mod config;
mod connection;
mod migrate;
mod post;

pub use config::{Authentication, LedgerConfig, Tls};
pub use connection::{ConnectError, connect};
pub use migrate::{MigrateError, migrate};
pub use post::{Ledger, Outcome, PostError, Posting, TOTAL_SLOTS, UnavailableError};
