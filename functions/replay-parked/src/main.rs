//! The Lambda function `replay-parked`.

use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use executions::StateMachine;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use replay_parked::{Queues, ReplayParked};
use settings::required_as;
use telemetry::{Invocation, Telemetry};

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let replay_for_days: u64 = required_as("REPLAY_DAYS", "a number of days")?;
    let replay_parked = &ReplayParked {
        state_machine: StateMachine::from_env().await?,
        generation: required_as("LEDGER_GENERATION", "1 to 32 letters, digits and hyphens")?,
        queues: Queues::from_env().await?,
        first_delay: Duration::from_secs(required_as("REPLAY_DELAY_SECONDS", "a number of seconds")?),
        replay_for: Duration::from_secs(replay_for_days.saturating_mul(SECONDS_PER_DAY)),
        metrics: telemetry.metrics.clone(),
    };
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let context = event.context;
        let invocation = Invocation::new(&context.request_id, context.xray_trace_id.as_deref());
        let replayed = replay_parked.handle(event.payload, Timestamp::now());
        Ok::<_, Error>(telemetry.observe(invocation, replayed).await)
    }))
    .await
}
