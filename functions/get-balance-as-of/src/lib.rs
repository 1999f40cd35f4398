//! `GET /daily-balances/{date}/as-of/{instant}`: what the balance of a day was, as known at an earlier moment.

use http_api::{Caller, Problem, balance_as_of_response, parse_as_of_query};
use lambda_http::{Body, Request, Response};
use ledger::{BalanceAsOf, Ledger, LedgerError};

/// Answers one request.
pub async fn handle(ledger: &Ledger, request: &Request) -> Response<Body> {
    answer(ledger, request).await.unwrap_or_else(Problem::into_response)
}

async fn answer(ledger: &Ledger, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request)?;
    let merchant = caller.merchant();
    let query = parse_as_of_query(request)?;
    let failed = |error: LedgerError| Problem::of_store(merchant, &error, error.is_transient());
    match ledger.balance_as_of(merchant, query.currency, query.date, query.instant).await.map_err(failed)? {
        BalanceAsOf::Known(balance) => Ok(balance_as_of_response(&balance, &query)),
        BalanceAsOf::NotSettled { retry_after_s } => Err(Problem::not_settled(retry_after_s)),
    }
}
