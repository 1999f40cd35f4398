//! The feed and the alerts, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod alerts;
mod costs;
mod order;
mod reader;
mod restated;
mod told;
