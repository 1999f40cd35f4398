//! The receiver that docs/events.md shows in Rust takes what Fluxo signs, and nothing else.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../../docs/examples/verify.rs"]
mod verify;

use http::{HeaderMap, StatusCode};
use jiff::{Timestamp, ToSpan};
use webhooks::{SignedHeaders, SigningKeys};

const ID: &str = "4bc66e48-64b6-84d1-880b-1245d6e67440";
const BODY: &str = r#"{"type":"entry.posted","data":{"description":"devolução"}}"#;

fn headers(keys: &[SigningKeys], at: Timestamp) -> HeaderMap {
    let SignedHeaders { id, timestamp, signature } = SignedHeaders::sign(keys, ID, at, BODY).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", id.parse().unwrap());
    headers.insert("webhook-timestamp", timestamp.parse().unwrap());
    headers.insert("webhook-signature", signature.parse().unwrap());
    headers
}

#[test]
fn the_documented_receiver_takes_what_is_signed_with_its_secret() {
    let (keys, before) = (SigningKeys::generate().unwrap(), SigningKeys::generate().unwrap());
    let now = Timestamp::now();
    let ours = (StatusCode::NO_CONTENT, Some(serde_json::from_str(BODY).unwrap()));
    let receive = |headers: &HeaderMap, body: &str| verify::receive(&keys.secret(), headers, body.as_bytes()).unwrap();
    assert_eq!(receive(&headers(std::slice::from_ref(&keys), now), BODY), ours);
    // While the secret is replaced, whoever knows either takes it.
    let both = headers(&[before.clone(), keys.clone()], now);
    assert_eq!(receive(&both, BODY), ours);
    assert_eq!(verify::receive(&before.secret(), &both, BODY.as_bytes()).unwrap(), ours);

    let refused = (StatusCode::UNAUTHORIZED, None);
    let signed = |at| headers(std::slice::from_ref(&keys), at);
    assert_eq!(receive(&headers(&[before], now), BODY), refused);
    assert_eq!(receive(&signed(now - 6.minutes()), BODY), refused);
    assert_eq!(receive(&signed(now + 6.minutes()), BODY), refused);
    assert_eq!(receive(&signed(now), r#"{"type":"day.sealed"}"#), refused);
    assert_eq!(receive(&HeaderMap::new(), BODY), refused);
}
