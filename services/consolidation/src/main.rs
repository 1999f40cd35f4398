//! The service `consolidation`.

use std::{error::Error, process::ExitCode};

use balances::BalanceTable;
use clap::Parser;
use consolidation::{consume, serve};
use entry_log::{EntryLog, KafkaConfig, Members, Step, begin_counting_moved};
use http_server::{Listen, Probes, Served, shutdown, start_probes};
use telemetry::{Exposition, Telemetry};

/// Writes totals to the read model and answers daily balances from it.
#[derive(Debug, Parser)]
enum Command {
    /// Answer requests, until SIGTERM.
    Serve,
    /// Write the totals of the log to the read model, until SIGTERM.
    Consume,
}

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
        Command::Consume => {
            let kafka = KafkaConfig::from_env().await?;
            let table_name = settings::required("BALANCES_TABLE")?;
            let table =
                BalanceTable::new(aws_sdk_dynamodb::Client::new(&consume::DYNAMODB.load_config().await?), table_name);
            let log = EntryLog::new(&kafka).await?;
            let consumptions = consume::of_posted();
            let members = Members::of(consumptions.len());
            begin_counting_moved(&exposition, Step::Consolidate);
            start_probes(Listen::from_env()?.internal, &Probes::new(&exposition, members.readiness())).await?;
            consume::run(&kafka, &table, &log, &telemetry, consumptions, &members, &shutdown()?).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
