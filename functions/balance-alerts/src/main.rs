//! The Lambda function `balance-alerts`.

use balance_alerts::BalanceAlerts;
use jiff::Timestamp;
use lambda_http::Error;
use ledger::{Ledger, LedgerConfig};
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let ledger = Ledger::new(LedgerConfig::from_env().await?);
    let balance_alerts = &BalanceAlerts { ledger, business_time_zone: settings::business_time_zone()? };
    balance_alerts.ledger.warm_up().await;
    http_api::run(telemetry, balance_alerts, |balance_alerts, request| {
        Box::pin(balance_alerts.handle(request, Timestamp::now()))
    })
    .await
}
