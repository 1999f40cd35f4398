//! `GET /days/{date}/seals`: the seals of a day, the newest first, page by page.

use http_api::{Caller, Problem, parse_seals_query, seals_response};
use lambda_http::{Body, Request, Response};
use ledger::{Ledger, LedgerError};

/// Answers one request.
pub async fn handle(ledger: &Ledger, request: &Request) -> Response<Body> {
    answer(ledger, request).await.unwrap_or_else(Problem::into_response)
}

async fn answer(ledger: &Ledger, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request)?;
    let merchant = caller.merchant();
    let query = parse_seals_query(request)?;
    let failed = |error: LedgerError| Problem::of_store(merchant, &error, error.is_transient());
    let page = ledger.seals(merchant, query.currency, query.date, query.below, query.limit).await.map_err(failed)?;
    let key = ledger.seal_key(merchant).await.map_err(failed)?;
    Ok(seals_response(&page.seals, page.next_below, merchant, &key))
}
