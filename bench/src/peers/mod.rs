//! What the functions are measured against: clients of the same stores that do nothing else.

pub mod pgbench;
pub mod reader;
pub mod registrar;
pub mod threads;
