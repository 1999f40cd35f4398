//! The service `consolidation`: it answers daily balances from the read model.

pub mod serve;
