//! The service `worker`.

use std::error::Error;

use balances::BalanceTable;
use clap::{Parser, Subcommand};
use consolidation::consume;
use entry_log::{EntryLog, KafkaConfig, Members, Step, begin_counting_moved};
use http_server::{Listen, Probes, shutdown, start_probes};
use telemetry::{Exposition, Telemetry};
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
            let table =
                BalanceTable::new(aws_sdk_dynamodb::Client::new(&consume::DYNAMODB.load_config().await?), table_name);
            let consumptions = consume::of_retries();
            let members = Members::of(consumptions.len());
            begin_counting_moved(&exposition, Step::Consolidate);
            start_probes(Listen::from_env()?.internal, &Probes::new(&exposition, members.readiness())).await?;
            consume::run(&kafka, &table, &log, telemetry, consumptions, &members, &shutdown()?).await?;
        }
        Some(Command::Redrive) => {
            redrive(&kafka, &log, &telemetry.metrics).await?;
        }
    }
    Ok(())
}
