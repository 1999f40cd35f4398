//! Brings the ledger's database to the newest schema. Reads the same `LEDGER_*` variables as the functions; the user must
//! own the database and may create roles.

use std::{error::Error, process::ExitCode};

use ledger::{LedgerConfig, connect, migrate};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(applied) if applied.is_empty() => println!("The ledger is up to date."),
        Ok(applied) => println!("Applied: {}.", applied.join(", ")),
        Err(error) => {
            eprintln!("migrate-ledger: {}", chain(error.as_ref()));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn run() -> Result<Vec<String>, Box<dyn Error>> {
    let config = LedgerConfig::from_env().await?;
    let mut client = connect(&config).await?;
    Ok(migrate(&mut client).await?)
}

fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
