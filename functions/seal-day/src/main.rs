//! The Lambda function `seal-day`.

use lambda_http::Error;
use sealing::Sealer;
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let sealer = &Sealer::from_env().await?;
    sealer.ledger.warm_up().await;
    http_api::run(telemetry, sealer, |sealer, request| Box::pin(seal_day::handle(sealer, request))).await
}
