//! The Lambda function `consolidate-day`.

use std::time::Duration;

use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use balances::BalanceTable;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};

/// One attempt: the state machine retries, with pauses that let a throttled table recover.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(3);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let table_name = settings::required("BALANCES_TABLE")?;
    let aws = aws_config::from_env()
        .timeout_config(TimeoutConfig::builder().operation_timeout(OPERATION_TIMEOUT).build())
        .retry_config(RetryConfig::disabled())
        .load()
        .await;
    let table = &BalanceTable::new(aws_sdk_dynamodb::Client::new(&aws), table_name);
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| consolidate_day::handle(table, event.payload).await))
        .await
}
