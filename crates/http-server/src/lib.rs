//! HTTP for the services: what API Gateway and Lambda do for the functions, in front of the very same handlers.
//!
//! [`run`] listens, [`Routes`] finds the handler of a request, [`Tokens`] says who sends it. A handler gets the request in the
//! form in which API Gateway hands it over, with the claims of its verified token; what the gateway would answer by itself is
//! answered in the gateway's own form. [`Probes`] tells Kubernetes how the process is, and Prometheus what it has done.

mod answers;
mod claims;
mod config;
mod key_set;
mod probes;
mod request;
mod routes;
mod server;
mod tokens;

pub use config::{HttpConfig, Listen, Patience, TokenConfig};
pub use key_set::{KEYS_PAUSE, KEYS_REFRESH, KeySet, KeySource};
pub use probes::{Probes, serve_probes};
pub use routes::{Door, Part, Route, Routes};
pub use server::{RunError, Served, run, serve, shutdown, start_probes, terminated};
pub use tokens::{Refusal, Tokens};
