//! The service `worker`.

use std::{error::Error, time::Duration};

use aws_clients::AwsLimits;
use balances::BalanceTable;
use clap::{Parser, Subcommand};
use consolidation::consume;
use entry_log::{EntryLog, KafkaConfig};
use http_server::{Listen, Probes, start_probes};
use telemetry::{Exposition, Telemetry};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use worker::redrive::redrive;

/// Writes totals that could not be written at first, until SIGTERM.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring dead letters back, and end.
    Redrive,
}

/// As of `consolidation consume`.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(2), operation_timeout: Duration::from_secs(6), attempts: 3 };

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let exposition = Exposition::default();
    let telemetry = &Telemetry::start_exposed(&exposition);
    let kafka = KafkaConfig::from_env().await?;
    let log = EntryLog::new(&kafka).await?;
    match arguments.command {
        None => {
            let table_name = settings::required("BALANCES_TABLE")?;
            let table = BalanceTable::new(aws_sdk_dynamodb::Client::new(&DYNAMODB.load_config().await?), table_name);
            let consumptions = consume::of_retries();
            start_probes(Listen::from_env()?.internal, &Probes::new(&exposition, || true)).await?;
            consume::run(&kafka, &table, &log, telemetry, consumptions, &shutdown()?).await?;
        }
        Some(Command::Redrive) => {
            redrive(&kafka, &log, &telemetry.metrics).await?;
        }
    }
    Ok(())
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
