//! The Lambda function `consolidate-day`.

use std::time::Duration;

use aws_clients::AwsLimits;
use balances::BalanceTable;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use telemetry::{Invocation, Telemetry};
use workflow::Task;

/// One attempt: the state machine retries, with pauses that let a throttled table recover.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(3), operation_timeout: Duration::from_secs(3), attempts: 1 };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let table_name = settings::required("BALANCES_TABLE")?;
    let aws = DYNAMODB.load_config().await?;
    let table = &BalanceTable::new(aws_sdk_dynamodb::Client::new(&aws), table_name);
    run(service_fn(async |event: LambdaEvent<Task>| {
        let (task, context) = event.into_parts();
        let execution = task.execution.clone();
        let invocation = Invocation::new(&context.request_id, context.xray_trace_id.as_deref());
        let consolidated = consolidate_day::handle(table, &telemetry.metrics, task, Timestamp::now);
        telemetry.observe(invocation.of_execution(execution.as_deref()), consolidated).await
    }))
    .await
}
