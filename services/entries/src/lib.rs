//! The service `entries`: it accepts entries, records them in the ledger and answers what the ledger knows.

pub mod record;
mod recorder;
pub mod serve;
pub mod sweep;

pub use recorder::LogRecorder;
