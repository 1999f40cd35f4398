//! The Lambda function `get-balance-as-of`.

use http_api::serve;
use lambda_http::{Error, Request, run, service_fn};
use ledger::{Ledger, LedgerConfig};
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let ledger = &Ledger::new(LedgerConfig::from_env().await?);
    ledger.warm_up().await;
    run(service_fn(async |request: Request| {
        Ok::<_, Error>(serve(telemetry, &request, get_balance_as_of::handle(ledger, &request)).await)
    }))
    .await
}
