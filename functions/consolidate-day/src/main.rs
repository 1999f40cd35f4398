//! The Lambda function `consolidate-day`.

use std::time::Duration;

use balances::BalanceTable;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use settings::AwsLimits;
use telemetry::Metrics;

/// One attempt: the state machine retries, with pauses that let a throttled table recover.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(3), operation_timeout: Duration::from_secs(3), attempts: 1 };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let metrics = &Metrics::from_env()?;
    let table_name = settings::required("BALANCES_TABLE")?;
    let aws = DYNAMODB.load_config().await;
    let table = &BalanceTable::new(aws_sdk_dynamodb::Client::new(&aws), table_name);
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        consolidate_day::handle(table, metrics, event.payload).await
    }))
    .await
}
