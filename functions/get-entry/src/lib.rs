//! `GET /entries/{id}`: what has become of an entry. The ledger knows what is posted; an entry that is accepted and
//! not posted yet is found in the idempotency cache, for as long as that holds it.

use cashflow::{EntryId, MerchantId};
use http_api::{
    AcceptedEntry, Caller, Problem, TokenKey, entry_not_found, parse_entry_lookup, pending_entry_response,
    recorded_entry_response,
};
use idempotency_cache::IdempotencyCache;
use lambda_http::{Body, Request, Response};
use ledger::{Ledger, LedgerError};

/// What the function works with, built once when it starts.
#[derive(Debug)]
pub struct GetEntry {
    /// What is posted.
    pub ledger: Ledger,
    /// What was accepted.
    pub cache: IdempotencyCache,
    /// What balance tokens are signed with.
    pub token_key: TokenKey,
}

impl GetEntry {
    /// Answers one request.
    pub async fn handle(&self, request: &Request) -> Response<Body> {
        self.answer(request).await.unwrap_or_else(Problem::into_response)
    }

    async fn answer(&self, request: &Request) -> Result<Response<Body>, Problem> {
        let caller = Caller::of(request)?;
        let merchant = caller.merchant();
        let id = parse_entry_lookup(request)?;
        let failed = |error: LedgerError| Problem::of_store(merchant, &error, error.is_transient());
        if let Some(found) = self.ledger.find(merchant, id).await.map_err(failed)? {
            return Ok(recorded_entry_response(
                merchant,
                &found.recorded,
                found.balance_token.as_ref(),
                &self.token_key,
            ));
        }
        let accepted = self.accepted(merchant, id).await.ok_or_else(entry_not_found)?;
        Ok(pending_entry_response(&accepted))
    }

    /// The cache is keyed by id alone, so the entry's merchant is checked here.
    async fn accepted(&self, merchant: &MerchantId, id: EntryId) -> Option<AcceptedEntry> {
        let cached = self.cache.get(&[id]).await.pop().flatten()?;
        AcceptedEntry::from_cached(cached.answer()?, merchant)
    }
}
