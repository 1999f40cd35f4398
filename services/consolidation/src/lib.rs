//! The service `consolidation`: it writes the totals of the log to the read model and answers daily balances from it.

pub mod consume;
mod newest;
pub mod serve;
