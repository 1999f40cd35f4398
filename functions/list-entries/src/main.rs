//! The Lambda function `list-entries`.

use lambda_http::Error;
use ledger::{Ledger, LedgerConfig};
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let ledger = &Ledger::new(LedgerConfig::from_env().await?);
    ledger.warm_up().await;
    http_api::run(telemetry, ledger, |ledger, request| Box::pin(list_entries::handle(ledger, request))).await
}
