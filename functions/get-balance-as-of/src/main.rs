//! The Lambda function `get-balance-as-of`.

use lambda_http::{Error, Request, run, service_fn, tracing};
use ledger::{Ledger, LedgerConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let ledger = &Ledger::new(LedgerConfig::from_env().await?);
    ledger.warm_up().await;
    run(service_fn(async |request: Request| Ok::<_, Error>(get_balance_as_of::handle(ledger, &request).await))).await
}
