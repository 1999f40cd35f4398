//! The Lambda function `replay-parked`.

use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use executions::StateMachine;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use replay_parked::{Queues, ReplayParked};
use settings::required_as;
use telemetry::Metrics;

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let replay_for_days: u64 = required_as("REPLAY_DAYS", "a number of days")?;
    let replay_parked = &ReplayParked {
        state_machine: StateMachine::from_env().await?,
        queues: Queues::from_env().await?,
        first_delay: Duration::from_secs(required_as("REPLAY_DELAY_SECONDS", "a number of seconds")?),
        replay_for: Duration::from_secs(replay_for_days.saturating_mul(SECONDS_PER_DAY)),
        metrics: Metrics::from_env()?,
    };
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        Ok::<_, Error>(replay_parked.handle(event.payload, Timestamp::now()).await)
    }))
    .await
}
