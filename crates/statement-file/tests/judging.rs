//! What becomes of a row.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use statement_file::{Judged, Keys};
use test_builders::rows::{judged, row};

#[test]
fn an_entry_is_the_json_that_the_server_takes() {
    let Judged::Send(prepared) = judged(row(2, "Pão \"x\""), &mut Keys::default()) else { panic!() };
    let json: serde_json::Value = serde_json::from_str(&prepared.json).unwrap();
    let key = json["idempotency_key"].as_str().unwrap();
    assert!(key.starts_with("import-"), "{key}");
    let expected = serde_json::json!({
        "idempotency_key": key, "type": "debit", "amount": "1.50", "currency": "BRL", "date": "2026-11-22",
        "description": "Pão \"x\""
    });
    assert_eq!(json, expected);
}
