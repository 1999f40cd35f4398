//! `GET /daily-balances/{date}` and `GET /daily-balances?from&to`: exact balances from the read model, with no database
//! connection.

use balances::{BalanceTable, ReadError};
use cashflow::MerchantId;
use http_api::{
    BalanceQuery, Caller, Code, Problem, balance_response, balances_response, parse_day_query, parse_range_query,
};
use lambda_http::{Body, Request, Response};

/// Answers one request.
pub async fn handle(table: &BalanceTable, request: &Request) -> Response<Body> {
    answer(table, request).await.unwrap_or_else(Problem::into_response)
}

async fn answer(table: &BalanceTable, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request)?;
    let path: Vec<&str> = request.uri().path().trim_start_matches('/').split('/').collect();
    match path[..] {
        ["daily-balances"] => answer_range(table, caller.merchant(), parse_range_query(request)?).await,
        ["daily-balances", date] => answer_day(table, caller.merchant(), parse_day_query(date, request)?).await,
        _ => Err(Problem::new(Code::NotFound, "Balances are at /daily-balances and /daily-balances/{date}.")),
    }
}

async fn answer_day(
    table: &BalanceTable,
    merchant: &MerchantId,
    query: BalanceQuery,
) -> Result<Response<Body>, Problem> {
    let lines = read(table, merchant, query).await?;
    let line = lines.first().ok_or_else(Problem::internal_error)?;
    Ok(balance_response(&line.balance, query.currency, line.updated_at))
}

async fn answer_range(
    table: &BalanceTable,
    merchant: &MerchantId,
    query: BalanceQuery,
) -> Result<Response<Body>, Problem> {
    let lines = read(table, merchant, query).await?;
    Ok(balances_response(lines.into_iter().map(|line| (line.balance, line.updated_at)), query.currency))
}

async fn read(
    table: &BalanceTable,
    merchant: &MerchantId,
    query: BalanceQuery,
) -> Result<Vec<balances::BalanceLine>, Problem> {
    let read = table.daily_balances(merchant, query.currency, query.from, query.to).await;
    read.map_err(|error| {
        tracing::error!(%merchant, error = &error as &dyn std::error::Error, "balance not read");
        match error {
            ReadError::Unavailable(_) => Problem::temporarily_unavailable(),
            ReadError::Malformed | ReadError::Overflow(_) => Problem::internal_error(),
        }
    })
}
