//! The service `entries`.

use std::{error::Error, process::ExitCode};

use clap::Parser;
use entries::{record, serve, sweep::sweep};
use entry_log::{EntryLog, KafkaConfig};
use http_server::{Listen, Probes, Served, start_probes};
use jiff::Timestamp;
use ledger::{Ledger, LedgerConfig};
use telemetry::{Exposition, Telemetry};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Accepts entries, records them in the ledger and answers what the ledger knows.
#[derive(Debug, Parser)]
enum Command {
    /// Answer requests, until SIGTERM.
    Serve,
    /// Post the entries of the log to the ledger, until SIGTERM.
    Record,
    /// Post a part of the log again; exit with 3 if anything of it was not in the ledger.
    Sweep {
        /// The first time of the part, such as 2026-11-22T00:00:00Z.
        #[arg(long)]
        from: Timestamp,
        /// The time before which it ends.
        #[arg(long)]
        to: Timestamp,
    },
}

/// The exit status of a sweep that has found something.
const SWEPT: u8 = 3;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let command = Command::parse();
    let exposition = Exposition::default();
    let telemetry = Telemetry::start_exposed(&exposition);
    match command {
        Command::Serve => match serve::run(telemetry, &exposition).await? {
            Served::Everything => Ok(ExitCode::SUCCESS),
            Served::NotEverything => Ok(ExitCode::FAILURE),
        },
        Command::Record => {
            let (kafka, ledger, log) = stores().await?;
            start_probes(Listen::from_env()?.internal, &Probes::new(&exposition, || true)).await?;
            record::run(&kafka, &ledger, &log, &telemetry, &shutdown()?).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Sweep { from, to } => {
            let (kafka, ledger, log) = stores().await?;
            let swept = sweep(&kafka, &ledger, &log, &telemetry, (from, to)).await?;
            Ok(if swept.entries_posted == 0 { ExitCode::SUCCESS } else { ExitCode::from(SWEPT) })
        }
    }
}

async fn stores() -> Result<(KafkaConfig, Ledger, EntryLog), Box<dyn Error>> {
    let kafka = KafkaConfig::from_env().await?;
    let ledger = Ledger::with_connections(LedgerConfig::from_env().await?, Ledger::connections_from_env()?);
    let log = EntryLog::new(&kafka).await?;
    Ok((kafka, ledger, log))
}

/// Becomes true at SIGTERM.
fn shutdown() -> std::io::Result<watch::Receiver<bool>> {
    let mut terminated = signal(SignalKind::terminate())?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        terminated.recv().await;
        // Nobody listens if everything has ended already.
        let _ = sender.send(true);
    });
    Ok(receiver)
}
