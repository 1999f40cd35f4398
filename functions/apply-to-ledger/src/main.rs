//! The Lambda function `apply-to-ledger`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use ledger::{Ledger, LedgerConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let ledger = &Ledger::new(LedgerConfig::from_env().await?);
    ledger.warm_up().await;
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| apply_to_ledger::handle(ledger, event.payload).await))
        .await
}
