//! The service `entries`: it records what was accepted.

pub mod record;
pub mod sweep;
