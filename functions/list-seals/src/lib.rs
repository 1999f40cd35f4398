//! `GET /days/{date}/seals`: the seals of a day, the newest first.

use http_api::{Caller, Problem, parse_seal_query, seals_response};
use lambda_http::{Body, Request, Response};
use ledger::{Ledger, LedgerError};

/// Answers one request.
pub async fn handle(ledger: &Ledger, request: &Request) -> Response<Body> {
    answer(ledger, request).await.unwrap_or_else(Problem::into_response)
}

async fn answer(ledger: &Ledger, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request)?;
    let merchant = caller.merchant();
    let query = parse_seal_query(request)?;
    let failed = |error: LedgerError| Problem::of_store(merchant, &error, error.passes());
    let seals = ledger.seals(merchant, query.currency, query.date).await.map_err(failed)?;
    Ok(seals_response(&seals))
}
