//! The Lambda function `seal-day`.

use http_api::serve;
use lambda_http::{Error, Request, run, service_fn};
use ledger::{Ledger, LedgerConfig};
use sealing::{Sealer, table_from_env};
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let ledger = Ledger::new(LedgerConfig::from_env().await?);
    // The ledger's server works on the connection while the client of the other store is made.
    let ((), table) = tokio::join!(ledger.warm_up(), table_from_env());
    let sealer = &Sealer { ledger, table: table? };
    run(service_fn(async |request: Request| {
        Ok::<_, Error>(serve(telemetry, &request, seal_day::handle(sealer, &request)).await)
    }))
    .await
}
