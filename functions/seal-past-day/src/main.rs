//! The Lambda function `seal-past-day`.

use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use seal_past_day::SealPastDay;
use sealing::Sealer;

/// Sealing one more day takes less than this.
const RESERVE: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let seal_past_day =
        &SealPastDay { sealer: Sealer::from_env().await?, business_time_zone: settings::business_time_zone()? };
    // What the scheduler sends says nothing that the clock does not say.
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        let deadline = event.context.deadline();
        let is_late = || deadline.duration_since(std::time::SystemTime::now()).is_ok_and(|left| left < RESERVE);
        seal_past_day.run(Timestamp::now(), is_late).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "day not sealed");
            Error::from(error)
        })
    }))
    .await
}
