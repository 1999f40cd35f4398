//! The Lambda function `seal-past-day`.

use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use seal_past_day::SealPastDay;
use sealing::Sealer;
use telemetry::{Causes, Invocation, Telemetry};

/// Sealing one more day takes less than this.
const RESERVE: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let seal_past_day =
        &SealPastDay { sealer: Sealer::from_env().await?, business_time_zone: settings::business_time_zone()? };
    // What the scheduler sends says nothing that the clock does not say.
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        let context = event.context;
        let deadline = context.deadline();
        let is_out_of_time = || deadline.duration_since(std::time::SystemTime::now()).is_ok_and(|left| left < RESERVE);
        let invocation = Invocation::new(&context.request_id, context.xray_trace_id.as_deref());
        // On the heap: the compiler gives up on futures that are nested as deeply as all of this.
        let sealed = Box::pin(async {
            let sealed = seal_past_day.run(Timestamp::now(), is_out_of_time).await;
            sealed.inspect_err(|error| tracing::error!(error = %Causes(error), "day not sealed"))
        });
        telemetry.observe(invocation, sealed).await.map_err(Error::from)
    }))
    .await
}
