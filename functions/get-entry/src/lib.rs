//! `GET /entries/{id}`: what has become of an entry. The ledger knows what is posted; an entry that is accepted and
//! not posted yet is found in the idempotency cache, for as long as that holds it.

use cashflow::{EntryId, Fingerprint, MerchantId, RecordedEntry};
use http_api::{
    AcceptedEntry, Caller, Problem, TokenKey, cached_execution, entry_not_found, parse_entry_lookup,
    pending_entry_response, recorded_entry_response,
};
use idempotency_cache::{CachedRequest, IdempotencyCache};
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
            let execution = if caller.is_operator() { self.execution(id, &found.recorded).await } else { None };
            return Ok(recorded_entry_response(
                merchant,
                &found.recorded,
                found.balance_token.as_ref(),
                &self.token_key,
                execution.as_deref(),
            ));
        }
        let cached = self.cached(id).await.ok_or_else(entry_not_found)?;
        let accepted = pending(merchant, &cached).ok_or_else(entry_not_found)?;
        let execution = cached.answer().filter(|_| caller.is_operator()).and_then(cached_execution);
        Ok(pending_entry_response(&accepted, execution.as_deref()))
    }

    async fn cached(&self, id: EntryId) -> Option<CachedRequest> {
        self.cache.get(&[id]).await.pop().flatten()
    }

    /// The name of the execution that recorded an entry, for as long as the cache holds it. The ledger has no name, and it cannot
    /// be derived: the name of a batch's execution is made of all its entries, and the ledger does not say what came in a batch.
    async fn execution(&self, id: EntryId, recorded: &RecordedEntry) -> Option<String> {
        let cached = self.cached(id).await?;
        // Of another payload under the same key, which was not recorded, the cache has another execution.
        if cached.fingerprint == fingerprint_of(recorded) { cached_execution(cached.answer()?) } else { None }
    }
}

/// The cache is keyed by id alone, so the entry's merchant is checked here.
fn pending(merchant: &MerchantId, cached: &CachedRequest) -> Option<AcceptedEntry> {
    AcceptedEntry::from_cached(cached.answer()?, merchant)
}

fn fingerprint_of(recorded: &RecordedEntry) -> Fingerprint {
    match recorded {
        RecordedEntry::Posted(posted, _) => posted.entry.fingerprint,
        RecordedEntry::AlreadyReversed(reversal, _) => reversal.fingerprint,
    }
}
