//! What Redis holds.

use cashflow::{Fingerprint, MerchantId};
use http_api::{AcceptedEntry, accepted_response, pending_entry_response};
use idempotency_cache::{CachedRequest, RequestState};

use crate::text_line;

/// A line with the merchant who asks, then what is stored under the id.
pub(crate) fn remembered(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (merchant, stored) = text_line(text);
    let Ok(merchant) = MerchantId::parse(merchant) else { return };
    let Some(remembered) = CachedRequest::read(stored) else { return };
    assert_eq!(remembered.write(), stored);
    let Some(answer) = remembered.answer() else { return };
    let Some(accepted) = AcceptedEntry::from_cached(answer, &merchant) else { return };
    assert_eq!(accepted.merchant_id, merchant.as_str());
    assert_remembered(remembered.fingerprint, &accepted, &merchant);
}

/// Checks that an answer comes back from the cache as it was, for its merchant and for no other.
pub(crate) fn assert_remembered(fingerprint: Fingerprint, accepted: &AcceptedEntry, merchant: &MerchantId) {
    let answer = accepted.to_cached(None).expect("JSON");
    for state in [RequestState::Reserved, RequestState::Accepted(answer.clone()), RequestState::Posted(answer.clone())]
    {
        let remembered = CachedRequest { fingerprint, state };
        assert_eq!(CachedRequest::read(&remembered.write()), Some(remembered));
    }
    assert_eq!(AcceptedEntry::from_cached(&answer, merchant).as_ref(), Some(accepted));
    let other = MerchantId::parse(if merchant.as_str() == "emca" { "acme" } else { "emca" }).expect("a merchant");
    assert_eq!(AcceptedEntry::from_cached(&answer, &other), None);
    assert_eq!(accepted_response(accepted, true).status(), 202);
    assert_eq!(pending_entry_response(accepted, None).status(), 200);
}
