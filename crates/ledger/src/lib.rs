//! The ledger in PostgreSQL: the write model and the truth.
//!
//! [`Ledger::post`] writes entries, and nothing else does but [`Ledger::post_together`], which does the same for several merchants. It
//! posts a batch in one transaction and then, in a fresh snapshot, reads the totals of the affected days and months; both travel in one
//! network round trip.
//! [`Ledger::seal`] records what a day was at one moment. Everything else reads.
//!
//! Who connects has no rights on tables. Each operation calls a function of the database, which is a file in `sql/`: those of
//! `ledger` take the merchant first, that of `ledger_lookup` too and is for a role that can do nothing else, and those of
//! `ledger_maintenance` look at all merchants and need a role of their own.

mod access;
mod alerts;
mod as_of;
mod columns;
mod config;
mod connection;
mod day;
mod event_rows;
mod events;
mod history;
mod iam_token;
mod lookup;
mod migrate;
mod pool;
mod post;
mod post_together;
mod postgres_error;
mod reconciliation;
mod recorded;
mod refused;
mod rows;
mod seal;
mod session;
mod statement;

pub use access::{GrantError, Login, Rights, SignIn, grant_access};
pub use alerts::{ALERTS_MAX, AlertError};
pub use as_of::BalanceAsOf;
pub use config::{Authentication, LedgerConfig, Tls};
pub use connection::{CONNECTION_AGE_MAX, ConnectError, Connection, connect, connect_within};
pub use events::{ActiveMerchants, BusinessDay, FeedError, WaitClaim};
pub use history::DivergenceError;
pub use iam_token::iam_token;
pub use lookup::FoundEntry;
pub use migrate::{MigrateError, Migrations, migrate, raise_epoch};
pub use post::{LedgerTotals, Outcome, PostError, Posting};
pub use postgres_error::PostgresError;
pub use reconciliation::{KnownTotals, LedgerMonth, MonthKey, MonthPage, NewestSeal, Watermark, WindowCursor};
pub use recorded::Recorded;
pub use seal::{ENTRIES_SEALED_MAX, MerchantDay, MerchantDayPage, NotSealed, SealPage, Sealing};
pub use session::{Ledger, LedgerError, UnavailableError};
