//! The Lambda function `apply-to-ledger`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use ledger::{Ledger, LedgerConfig};
use telemetry::Metrics;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let metrics = &Metrics::from_env()?;
    let ledger = &Ledger::new(LedgerConfig::from_env().await?);
    ledger.warm_up().await;
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        apply_to_ledger::handle(ledger, metrics, event.payload).await
    }))
    .await
}
