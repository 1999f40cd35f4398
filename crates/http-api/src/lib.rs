//! The HTTP contract: what requests mean, what answers look like, and which failure has which status.
//!
//! Functions hand a request over and get domain types back, or a [`Problem`] that says everything that is wrong with it.

mod balances;
mod caller;
mod entries;
mod json;
mod problem;
mod response;

pub use balances::{
    BalanceQuery, RANGE_DAYS_MAX, balance_response, balances_response, parse_day_query, parse_range_query,
};
pub use caller::Caller;
pub use entries::{
    AcceptedEntry, BATCH_ENTRIES_MAX, BODY_BYTES_MAX, NewEntry, Place, accepted_batch_response, accepted_response,
    parse_batch, parse_entry, reused_keys,
};
pub use problem::{Code, Fault, Problem};
