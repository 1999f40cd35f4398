//! `GET /daily-balances/{date}`, `GET /daily-balances?from&to` and the same as CSV: exact balances from the read model, with
//! no database connection.

use std::time::Duration;

use balances::{BalanceTable, Consistency, ReadError};
use cashflow::{BalanceLine, BalanceToken, MerchantId};
use http_api::{
    BalanceQuery, Caller, Problem, balance_response, balances_csv_response, balances_response, parse_day_query,
    parse_range_query,
};
use lambda_http::{Body, Request, Response};
use tokio::time::{Instant, sleep};

/// How long to wait between two looks at a read model that has not caught up.
const POLL: Duration = Duration::from_millis(100);

/// Answers one request; for one with a token the read model has this long to catch up.
pub async fn handle(table: &BalanceTable, request: &Request, catch_up: Duration) -> Response<Body> {
    answer(table, request, catch_up).await.unwrap_or_else(Problem::into_response)
}

async fn answer(table: &BalanceTable, request: &Request, catch_up: Duration) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request)?;
    let merchant = caller.merchant();
    match request.uri().path() {
        "/daily-balances" => {
            let query = parse_range_query(request)?;
            let balances = read(table, merchant, query, catch_up).await?;
            Ok(balances_response(&balances, query.currency))
        }
        "/daily-balances.csv" => {
            let query = parse_range_query(request)?;
            let balances = read(table, merchant, query, catch_up).await?;
            Ok(balances_csv_response(&balances, &query))
        }
        _ => {
            let query = parse_day_query(request)?;
            let balances = read(table, merchant, query, catch_up).await?;
            let balance = balances.first().ok_or_else(Problem::internal_error)?;
            Ok(balance_response(balance, query.currency))
        }
    }
}

async fn read(
    table: &BalanceTable,
    merchant: &MerchantId,
    query: BalanceQuery,
    catch_up: Duration,
) -> Result<Vec<BalanceLine>, Problem> {
    let failed = |error: ReadError| Problem::of_store(merchant, &error, error.passes());
    let consistency = match &query.token {
        Some(token) => {
            wait_for(table, merchant, token, catch_up).await?;
            Consistency::Strong
        }
        None => Consistency::Eventual,
    };
    table.daily_balances(merchant, query.currency, query.from, query.to, consistency).await.map_err(failed)
}

/// Waits until the read model contains the token's entry.
async fn wait_for(
    table: &BalanceTable,
    merchant: &MerchantId,
    token: &BalanceToken,
    catch_up: Duration,
) -> Result<(), Problem> {
    let failed = |error: ReadError| Problem::of_store(merchant, &error, error.passes());
    let deadline = Instant::now() + catch_up;
    while !table.has_reached(merchant, token).await.map_err(failed)? {
        if Instant::now() + POLL > deadline {
            return Err(Problem::not_yet_reflected());
        }
        sleep(POLL).await;
    }
    Ok(())
}
