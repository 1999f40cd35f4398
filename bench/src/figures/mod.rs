//! The figures, each measured by a module of its own.

pub mod apply;
pub mod chain;
pub mod history;
pub mod node;
pub mod read;
pub mod register;
pub mod start;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use ledger::LedgerConfig;
use serde_json::Value;

use crate::{
    plan::Plan,
    pool::{Pool, Program},
    results::Results,
    stores::Stores,
};

/// What all of them work with.
pub struct Bench {
    /// The stores.
    pub stores: Stores,
    /// How long and how often.
    pub plan: Plan,
    /// Where other programs are.
    pub tools: Tools,
    /// What has been measured.
    pub results: Results,
}

/// Programs that are not the functions'.
pub struct Tools {
    /// `pgbench`.
    pub pgbench: PathBuf,
    /// Node.js.
    pub node: PathBuf,
    /// The bundled functions of the Node.js peer, and the loop that runs them.
    pub peer_node: PathBuf,
    /// The deployment packages, `{function}.zip`.
    pub packages: PathBuf,
    /// The function that does nothing.
    pub no_op: PathBuf,
}

impl Bench {
    /// A function's release program, signing in to this ledger.
    pub fn program(&self, function: &str, ledger: &LedgerConfig) -> Program {
        Program { command: vec![self.stores.programs.join(function)], environment: self.stores.environment(ledger) }
    }

    /// Starts so many processes of a function.
    pub async fn pool(&self, function: &str, ledger: &LedgerConfig, processes: usize) -> Result<Pool> {
        Pool::start(&self.program(function, ledger), processes).await
    }
}

/// The event in `events/{name}.json`.
pub fn event(name: &str) -> Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(name).with_extension("json");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_str(&text)?)
}

/// The same of a request that another merchant has signed.
pub fn event_of(name: &str, merchant_id: &str) -> Result<Value> {
    let mut event = event(name)?;
    event["requestContext"]["authorizer"]["jwt"]["claims"]["custom:merchant_id"] = merchant_id.into();
    Ok(event)
}

/// An event as it is sent.
pub fn bytes(event: &Value) -> Bytes {
    event.to_string().into()
}

/// Fails unless a function answered something with this text in it.
pub fn ensure_says(answer: &[u8], expected: &str) -> Result<()> {
    let says = answer.windows(expected.len()).any(|window| window == expected.as_bytes());
    ensure!(says, "a function answered {} without {expected}", String::from_utf8_lossy(answer));
    Ok(())
}

/// Says what has been measured, for whoever waits.
#[macro_export]
macro_rules! progress {
    ($($words:tt)*) => { println!("  {}", format_args!($($words)*)) };
}
