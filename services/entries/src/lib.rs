//! The service `entries`: it accepts entries and answers what the ledger knows.

mod recorder;
pub mod serve;

pub use recorder::LogRecorder;
