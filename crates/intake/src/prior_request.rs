//! What happened to a request before, by its idempotency key. The ledger decides, then the cached answer, then the
//! reservation of a request that is being accepted at this moment.

use cashflow::{Fingerprint, MerchantId};
use http_api::AcceptedEntry;
use idempotency_cache::{CachedRequest, RequestState};
use ledger::Recorded;

/// The request that was made before under the same key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PriorRequest {
    /// None, or one that ended before its execution started.
    NotFound,
    /// It had the same payload and was accepted with this answer.
    Accepted(AcceptedEntry),
    /// It had the same payload and its entry is posted. It was accepted with this answer.
    Posted(AcceptedEntry),
    /// It had another payload.
    KeyReused,
}

impl PriorRequest {
    /// From what the cache holds under the request's key, and what the ledger holds, if it answered.
    pub(crate) fn of(
        merchant: &MerchantId,
        fingerprint: Fingerprint,
        cached: Option<&CachedRequest>,
        recorded: &[&Recorded],
    ) -> PriorRequest {
        let is_of_another = |cached: &CachedRequest| cached.fingerprint != fingerprint;
        let answer = cached.and_then(|cached| AcceptedEntry::from_cached(cached.answer()?, merchant));
        if let (Some(cached), Some(answer)) = (cached, &answer)
            && matches!(cached.state, RequestState::Posted(_))
        {
            return if is_of_another(cached) { PriorRequest::KeyReused } else { PriorRequest::Posted(answer.clone()) };
        }
        // What is posted under the key, or else what was not because another reversal had come before.
        if let Some(first) = recorded.iter().min_by_key(|recorded| recorded.is_overtaken) {
            if first.entry.fingerprint != fingerprint {
                return PriorRequest::KeyReused;
            }
            let answer = AcceptedEntry::new(merchant, &first.entry);
            // Another payload under the key may be on its way into the ledger at the moment at which this one is found overtaken: only
            // what is posted is final.
            return if first.is_overtaken { PriorRequest::Accepted(answer) } else { PriorRequest::Posted(answer) };
        }
        match (cached, answer) {
            (Some(cached), _) if is_of_another(cached) => PriorRequest::KeyReused,
            (Some(_), Some(answer)) => PriorRequest::Accepted(answer),
            (Some(_) | None, _) => PriorRequest::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use cashflow::Entry;
    use test_builders::acme;

    use super::*;

    fn entry(payload: u8) -> Entry {
        let fingerprint = Fingerprint::from_bytes(&[payload; 32]).unwrap();
        Entry { fingerprint, ..test_builders::entry("1").minor(i64::from(payload)).build() }
    }

    fn answer(payload: u8) -> AcceptedEntry {
        AcceptedEntry::new(&acme(), &entry(payload))
    }

    fn reserved(payload: u8) -> CachedRequest {
        CachedRequest { fingerprint: entry(payload).fingerprint, state: RequestState::Reserved }
    }

    fn accepted(payload: u8) -> CachedRequest {
        CachedRequest { state: RequestState::Accepted(answer(payload).to_cached(None).unwrap()), ..reserved(payload) }
    }

    fn cached_as_posted(payload: u8) -> CachedRequest {
        CachedRequest { state: RequestState::Posted(answer(payload).to_cached(None).unwrap()), ..reserved(payload) }
    }

    fn posted(payload: u8) -> Recorded {
        Recorded { entry: entry(payload), is_overtaken: false }
    }

    fn overtaken(payload: u8) -> Recorded {
        Recorded { entry: entry(payload), is_overtaken: true }
    }

    /// What payload 1 meets.
    fn check(cached: Option<CachedRequest>, recorded: &[Recorded], expected: &PriorRequest) {
        let recorded: Vec<&Recorded> = recorded.iter().collect();
        let prior = PriorRequest::of(&acme(), entry(1).fingerprint, cached.as_ref(), &recorded);
        assert_eq!(prior, *expected, "{cached:?} {recorded:?}");
    }

    #[test]
    fn what_the_ledger_holds_counts_whatever_is_remembered() {
        for cached in [None, Some(reserved(1)), Some(reserved(2)), Some(accepted(1)), Some(accepted(2))] {
            check(cached.clone(), &[posted(1)], &PriorRequest::Posted(answer(1)));
            check(cached.clone(), &[posted(2)], &PriorRequest::KeyReused);
            check(cached.clone(), &[overtaken(1)], &PriorRequest::Accepted(answer(1)));
            check(cached.clone(), &[overtaken(2)], &PriorRequest::KeyReused);
            check(cached, &[overtaken(1), posted(2)], &PriorRequest::KeyReused);
        }
    }

    #[test]
    fn what_is_settled_needs_no_ledger() {
        check(Some(cached_as_posted(1)), &[], &PriorRequest::Posted(answer(1)));
        check(Some(cached_as_posted(2)), &[], &PriorRequest::KeyReused);
    }

    #[test]
    fn where_the_ledger_holds_nothing_the_memory_counts() {
        check(None, &[], &PriorRequest::NotFound);
        check(Some(accepted(1)), &[], &PriorRequest::Accepted(answer(1)));
        check(Some(accepted(2)), &[], &PriorRequest::KeyReused);
        check(Some(reserved(2)), &[], &PriorRequest::KeyReused);
    }

    #[test]
    fn a_reservation_is_not_an_answer() {
        check(Some(reserved(1)), &[], &PriorRequest::NotFound);
    }
}
