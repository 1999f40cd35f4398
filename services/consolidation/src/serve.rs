//! The routes that ask the read model, with the handler of the function.

use std::error::Error;

use get_daily_balance::GetDailyBalance;
use http_server::{HttpConfig, Part, Route, Served};
use jiff::Timestamp;
use telemetry::{Exposition, Telemetry};

/// Every route of the service. All of them wait for the same store, so none needs room beside it.
pub static ROUTES: &[Route<GetDailyBalance>] = &[
    Route {
        name: "GET /daily-balances/{date}",
        part: Part::Any,
        handle: |balances, request| Box::pin(balances.handle(request, Timestamp::now())),
    },
    Route {
        name: "GET /daily-balances",
        part: Part::Any,
        handle: |balances, request| Box::pin(balances.handle(request, Timestamp::now())),
    },
    Route {
        name: "GET /daily-balances.csv",
        part: Part::Any,
        handle: |balances, request| Box::pin(balances.handle(request, Timestamp::now())),
    },
];

/// Answers requests until the process is told to end.
pub async fn run(telemetry: Telemetry, exposition: &Exposition) -> Result<Served, Box<dyn Error>> {
    let config = HttpConfig::from_env()?;
    let balances = GetDailyBalance::from_env().await?;
    Ok(http_server::run(&config, ROUTES, balances, telemetry, exposition).await?)
}
