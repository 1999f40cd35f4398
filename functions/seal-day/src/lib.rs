//! `POST /days/{date}/seal`: seals a day as it is at this moment. It refuses no later entry; it makes them visible.

use cashflow::MerchantId;
use http_api::{Caller, Problem, parse_seal_query, seal_response};
use lambda_http::{Body, Request, Response};
use ledger::{ENTRIES_SEALED_MAX, NotSealed, Sealing};
use sealing::{SealError, Sealer};

/// Answers one request.
pub async fn handle(sealer: &Sealer, request: &Request) -> Response<Body> {
    answer(sealer, request).await.unwrap_or_else(Problem::into_response)
}

async fn answer(sealer: &Sealer, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request)?;
    let merchant = caller.writing_merchant()?;
    let query = parse_seal_query(request)?;
    let sealing = sealer.seal(merchant, query.currency, query.date).await.map_err(|error| problem(merchant, &error))?;
    let key = sealer.ledger.seal_key(merchant).await.map_err(|error| problem(merchant, &error.into()))?;
    Ok(seal_response(sealing.seal(), matches!(sealing, Sealing::Sealed(_)), merchant, &key))
}

fn problem(merchant: &MerchantId, error: &SealError) -> Problem {
    match error {
        SealError::Ledger(NotSealed::InProgress) => Problem::seal_in_progress(),
        SealError::Ledger(NotSealed::TooManyEntries { entry_count }) => {
            Problem::day_too_large(*entry_count, ENTRIES_SEALED_MAX)
        }
        SealError::Ledger(NotSealed::Ledger(_)) | SealError::Balances(_) => {
            Problem::of_store(merchant, error, error.is_transient())
        }
    }
}
