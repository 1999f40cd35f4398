//! The Lambda function `seal-day`.

use lambda_http::{Error, Request, run, service_fn, tracing};
use sealing::Sealer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let sealer = &Sealer::from_env().await?;
    sealer.ledger.warm_up().await;
    run(service_fn(async |request: Request| Ok::<_, Error>(seal_day::handle(sealer, &request).await))).await
}
