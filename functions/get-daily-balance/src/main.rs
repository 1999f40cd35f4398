//! The Lambda function `get-daily-balance`.

use get_daily_balance::GetDailyBalance;
use jiff::Timestamp;
use lambda_http::Error;
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let get_daily_balance = &GetDailyBalance::from_env().await?;
    http_api::run(telemetry, get_daily_balance, |get_daily_balance, request| {
        Box::pin(get_daily_balance.handle(request, Timestamp::now()))
    })
    .await
}
