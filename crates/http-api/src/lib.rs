//! The HTTP contract: what requests mean, what answers look like, and which failure has which status.
//!
//! Functions hand a request over and get domain types back, or a [`Problem`] that says everything that is wrong with it.

mod accepted;
mod as_of;
mod balances;
mod body;
mod caller;
mod csv;
mod edge;
mod entries;
mod fault;
mod json;
mod opaque;
mod problem;
mod query;
mod response;
mod reversal;
mod seals;
mod serve;
mod shown_entry;
mod statement;
mod token;

pub use accepted::{AcceptedEntry, accepted_batch_response, accepted_response, cached_execution};
pub use as_of::{AsOfQuery, balance_as_of_response, parse_as_of_query};
pub use balances::{
    BalanceQuery, balance_response, balances_csv_response, balances_response, parse_day_query, parse_range_query,
};
pub use body::BODY_BYTES_MAX;
pub use caller::Caller;
pub use edge::{EdgeKey, KeyTooShort};
pub use entries::{BATCH_ENTRIES_MAX, KeyLocation, NewEntry, parse_batch, parse_entry, reused_keys};
pub use fault::{Fault, FaultCode, Flaw};
pub use problem::{Code, Problem};
pub use query::RANGE_DAYS_MAX;
pub use reversal::{NewReversal, parse_reversal};
pub use seals::{
    SNAPSHOT_LENGTH, SealQuery, SealsQuery, parse_seal_query, parse_seals_query, seal_response, seals_response,
};
pub use serve::{Answering, run, serve};
pub use shown_entry::{entry_not_found, parse_entry_lookup, pending_entry_response, recorded_entry_response};
pub use statement::{
    CURSOR_LENGTH, EntryCsv, StatementQuery, parse_export_query, parse_statement_query, statement_response,
};
pub use token::{GivenToken, SecretTooShort, TokenKey};
