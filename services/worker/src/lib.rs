//! The service `worker`: it writes totals that could not be written at first, as `consolidation::consume` does, and brings dead
//! letters back.

pub mod redrive;
