//! The service `consolidation`.

use std::{error::Error, process::ExitCode, time::Duration};

use aws_clients::AwsLimits;
use balances::BalanceTable;
use clap::Parser;
use consolidation::{consume, serve};
use entry_log::{EntryLog, KafkaConfig};
use http_server::{Listen, Probes, Served, start_probes};
use telemetry::{Exposition, Telemetry};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Writes totals to the read model and answers daily balances from it.
#[derive(Debug, Parser)]
enum Command {
    /// Answer requests, until SIGTERM.
    Serve,
    /// Write the totals of the log to the read model, until SIGTERM.
    Consume,
}

/// Attempts of a moment are the SDK's, so that one that fails does not send its totals round a topic of retries.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(2), operation_timeout: Duration::from_secs(6), attempts: 3 };

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
            let table = BalanceTable::new(aws_sdk_dynamodb::Client::new(&DYNAMODB.load_config().await?), table_name);
            let log = EntryLog::new(&kafka).await?;
            let consumptions = consume::of_posted();
            start_probes(Listen::from_env()?.internal, &Probes::new(&exposition, || true)).await?;
            consume::run(&kafka, &table, &log, &telemetry, consumptions, &shutdown()?).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
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
