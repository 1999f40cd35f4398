//! The service `entries`.

use std::{error::Error, process::ExitCode};

use clap::Parser;
use entries::serve;
use http_server::Served;

/// Accepts entries, records them in the ledger and answers what the ledger knows.
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
