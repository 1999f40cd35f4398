//! The Lambda function `get-daily-balance`.

use std::time::Duration;

use aws_clients::AwsLimits;
use balances::BalanceTable;
use get_daily_balance::GetDailyBalance;
use jiff::Timestamp;
use lambda_http::Error;
use telemetry::Telemetry;

/// Three attempts and their pauses fit the function's timeout.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_millis(1_500), operation_timeout: Duration::from_secs(5), attempts: 3 };

/// How long the read model has to catch up with a token before the client is told to ask again.
const CATCH_UP: Duration = Duration::from_secs(3);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let table_name = settings::required("BALANCES_TABLE")?;
    let aws = DYNAMODB.load_config().await?;
    let get_daily_balance = &GetDailyBalance {
        table: BalanceTable::new(aws_sdk_dynamodb::Client::new(&aws), table_name),
        token_key: settings::required_as("BALANCE_TOKEN_KEY", "a secret of at least 32 characters")?,
        catch_up: CATCH_UP,
    };
    http_api::run(telemetry, get_daily_balance, |get_daily_balance, request| {
        Box::pin(get_daily_balance.handle(request, Timestamp::now()))
    })
    .await
}
