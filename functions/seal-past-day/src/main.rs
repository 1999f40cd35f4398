//! The Lambda function `seal-past-day`. Started outside of Lambda, it does one run and ends.

use std::{
    env,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use seal_past_day::{RunError, SealPastDay, Sealed};
use sealing::Sealer;
use telemetry::{Causes, Invocation, Telemetry};

/// Sealing one more day takes less than this.
const RESERVE: Duration = Duration::from_secs(20);

/// How long a run outside of Lambda may begin to seal one more day.
const RUN: Duration = Duration::from_secs(3000);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Error> {
    let telemetry = &Telemetry::start()?;
    let seal_past_day =
        &SealPastDay { sealer: Sealer::from_env().await?, business_time_zone: settings::business_time_zone()? };
    if env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        let begun = Instant::now();
        let sealed = seal(seal_past_day, || begun.elapsed() > RUN);
        let sealed = telemetry.observe(Invocation::new("job", None), sealed).await;
        return Ok(if sealed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    // What the scheduler sends says nothing that the clock does not say.
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        let context = event.context;
        let deadline = context.deadline();
        let is_out_of_time = || deadline.duration_since(SystemTime::now()).is_ok_and(|left| left < RESERVE);
        let invocation = Invocation::new(&context.request_id, context.xray_trace_id.as_deref());
        // On the heap: the compiler gives up on futures that are nested as deeply as all of this.
        let sealed = Box::pin(seal(seal_past_day, is_out_of_time));
        telemetry.observe(invocation, sealed).await.map_err(Error::from)
    }))
    .await?;
    Ok(ExitCode::SUCCESS)
}

async fn seal(seal_past_day: &SealPastDay, is_out_of_time: impl Fn() -> bool) -> Result<Sealed, RunError> {
    let sealed = seal_past_day.run(Timestamp::now(), is_out_of_time).await;
    sealed.inspect_err(|error| tracing::error!(error = %Causes(error), "day not sealed"))
}
