//! The Lambda function `get-daily-balance`.

use std::time::Duration;

use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use balances::BalanceTable;
use lambda_http::{Error, Request, run, service_fn, tracing};

/// Three attempts and their pauses fit the function's timeout.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_500);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let table_name = settings::required("BALANCES_TABLE")?;
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let aws = aws_config::from_env()
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .load()
        .await;
    let table = &BalanceTable::new(aws_sdk_dynamodb::Client::new(&aws), table_name);
    run(service_fn(async |request: Request| Ok::<_, Error>(get_daily_balance::handle(table, &request).await))).await
}
