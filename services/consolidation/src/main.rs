//! The service `consolidation`.

use std::{error::Error, time::Duration};

use aws_clients::AwsLimits;
use balances::BalanceTable;
use clap::Parser;
use consolidation::consume;
use entry_log::{EntryLog, KafkaConfig};
use telemetry::Telemetry;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Writes totals to the read model and answers daily balances from it.
#[derive(Debug, Parser)]
enum Command {
    /// Write the totals of the log to the read model, until SIGTERM.
    Consume,
}

/// Attempts of a moment are the SDK's, so that one that fails does not send its totals round a topic of retries.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(2), operation_timeout: Duration::from_secs(6), attempts: 3 };

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let command = Command::parse();
    let telemetry = &Telemetry::start()?;
    match command {
        Command::Consume => {
            let kafka = KafkaConfig::from_env().await?;
            let table_name = settings::required("BALANCES_TABLE")?;
            let table = BalanceTable::new(aws_sdk_dynamodb::Client::new(&DYNAMODB.load_config().await?), table_name);
            let log = EntryLog::new(&kafka).await?;
            let consumptions = consume::of_posted();
            consume::run(&kafka, &table, &log, telemetry, consumptions, &shutdown()?).await?;
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
