//! `POST /days/{date}/seal`: seals a day as it is at this moment. It refuses no later entry; it makes them visible.

use http_api::{Caller, Problem, parse_seal_query, seal_response};
use lambda_http::{Body, Request, Response};
use ledger::Sealing;
use sealing::{SealError, Sealer};

/// Answers one request.
pub async fn handle(sealer: &Sealer, request: &Request) -> Response<Body> {
    answer(sealer, request).await.unwrap_or_else(Problem::into_response)
}

async fn answer(sealer: &Sealer, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request)?;
    let merchant = caller.writing_merchant()?;
    let query = parse_seal_query(request)?;
    let failed = |error: SealError| Problem::of_store(merchant, &error, error.passes());
    let sealing = sealer.seal(merchant, query.currency, query.date).await.map_err(failed)?;
    Ok(seal_response(sealing.seal(), matches!(sealing, Sealing::Sealed(_))))
}
