//! The service `consolidation`: it writes the totals of the log to the read model.

pub mod consume;
mod newest;
