//! The Lambda function `apply-to-ledger`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use ledger::{Ledger, LedgerConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let ledger = &Ledger::new(LedgerConfig::from_env().await?);
    // Connecting while the environment starts; if it fails, the first batch connects and reports.
    if let Err(error) = ledger.warm_up().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "ledger not reachable at start");
    }
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| apply_to_ledger::handle(ledger, event.payload).await))
        .await
}
