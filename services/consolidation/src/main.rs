//! The service `consolidation`.

use std::{error::Error, process::ExitCode};

use clap::Parser;
use consolidation::serve;
use http_server::Served;

/// Writes totals to the read model and answers daily balances from it.
#[derive(Debug, Parser)]
enum Command {
    /// Answer requests, until SIGTERM.
    Serve,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    match Command::parse() {
        Command::Serve => match serve::run().await? {
            Served::Everything => Ok(ExitCode::SUCCESS),
            Served::NotEverything => Ok(ExitCode::FAILURE),
        },
    }
}
