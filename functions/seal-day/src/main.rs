//! The Lambda function `seal-day`.

use http_api::serve;
use lambda_http::{Error, Request, run, service_fn};
use sealing::Sealer;
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let sealer = &Sealer::from_env().await?;
    sealer.ledger.warm_up().await;
    run(service_fn(async |request: Request| {
        Ok::<_, Error>(serve(telemetry, &request, seal_day::handle(sealer, &request)).await)
    }))
    .await
}
