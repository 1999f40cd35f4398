//! What this release makes of what a newer one has written: nothing of it is ignored, and nothing is final.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use serde_json::{Value, json};
use workflow::{ErrorName, Generation, InputError, PostedEntries, RecordEntries, TotalsError};

fn input() -> Value {
    json!({
        "merchant_id": "acme",
        "entries": [entry("cfa8bece-e667-5d04-9fd2-16305e61fcd8"), entry("00000000-0000-5000-8000-000000000001")],
        "replay": {"attempt": 1, "first_parked_at": "2026-11-22T15:00:02Z"}
    })
}

fn entry(id: &str) -> Value {
    json!({
        "id": id,
        "fingerprint": "16d8d9c4591d57a214f053252a13823c02d0f8fa7704e1025c2a1ebaa5d93d58",
        "type": "credit",
        "amount_minor": "15075",
        "currency": "BRL",
        "date": "2026-11-22"
    })
}

fn posted() -> Value {
    let totals = json!({"period": "2026-11-22", "currency": "BRL", "credits": "1", "debits": "0", "entry_count": 1});
    json!({
        "merchant_id": "acme",
        "outcomes": {"applied": 1, "duplicate": 0, "conflict": 0, "already_reversed": 0},
        "epoch": 1,
        "totals_at": "2026-11-22T15:00:02Z",
        "totals": [totals]
    })
}

/// The value with this at a place.
fn with(mut value: Value, place: &str, member: &str, new: Value) -> Value {
    value.pointer_mut(place).unwrap()[member] = new;
    value
}

fn refused(input: Value) -> InputError {
    serde_json::from_value::<RecordEntries>(input).unwrap().parse().unwrap_err()
}

fn refused_totals(posted: Value) -> TotalsError {
    serde_json::from_value::<PostedEntries>(posted).unwrap().parse_totals().unwrap_err()
}

fn name(input: Value) -> String {
    let generation: Generation = "1".parse().unwrap();
    serde_json::from_value::<RecordEntries>(input).unwrap().replay_name(&generation, 2).unwrap()
}

#[test]
fn a_field_that_is_not_known_is_refused_wherever_it_is() {
    for (place, at) in [("", ""), ("/replay", ""), ("/entries/0", "entry 0: "), ("/entries/1", "entry 1: ")] {
        let error = refused(with(input(), place, "settlement_date", json!("2026-12-22")));
        assert_eq!(error.name(), ErrorName::NewerInput, "{place}");
        let expected = "has a field that this release does not know; a newer release wrote it";
        assert_eq!(error.to_string(), format!("{at}{expected}"));
    }
    for place in ["", "/outcomes", "/totals/0"] {
        let error = refused_totals(with(posted(), place, "late", json!(1)));
        assert_eq!(error.name(), ErrorName::NewerInput, "{place}");
    }
}

#[test]
fn it_is_refused_as_of_a_newer_release_whatever_else_is_wrong() {
    let malformed = with(input(), "/entries/0", "amount_minor", json!("-1"));
    assert_eq!(refused(malformed.clone()).name(), ErrorName::InvalidInput);
    assert_eq!(refused(with(malformed, "/entries/1", "rounding", json!("up"))).name(), ErrorName::NewerInput);
}

#[test]
fn a_type_or_currency_that_is_not_known_may_be_one_of_a_newer_release() {
    for (member, value) in [("type", "transfer"), ("type", "standing_order"), ("currency", "XXX"), ("currency", "ZZZ")]
    {
        let error = refused(with(input(), "/entries/1", member, json!(value)));
        assert_eq!(error.name(), ErrorName::NewerInput, "{value}");
        assert!(!error.to_string().contains(value), "{error}");
    }
    assert_eq!(refused_totals(with(posted(), "/totals/0", "currency", json!("ZZZ"))).name(), ErrorName::NewerInput);
}

#[test]
fn what_is_malformed_in_itself_is_final() {
    let faults = [
        ("type", ""),
        ("type", "Credit"),
        ("type", "credit "),
        ("currency", "brl"),
        ("currency", "REAL"),
        ("amount_minor", "1.5"),
        ("id", "1"),
        ("fingerprint", "00"),
    ];
    for (member, value) in faults {
        let malformed = with(input(), "/entries/1", member, json!(value));
        assert_eq!(refused(malformed.clone()).name(), ErrorName::InvalidInput, "{member} {value:?}");
        // No release posts the batch, whatever it makes of the other entry.
        assert_eq!(refused(with(malformed, "/entries/0", "type", json!("transfer"))).name(), ErrorName::InvalidInput);
    }
    for (member, value) in [("currency", json!("brl")), ("credits", json!("-1")), ("period", json!("2026-11-22-"))] {
        assert_eq!(refused_totals(with(posted(), "/totals/0", member, value)).name(), ErrorName::InvalidInput);
    }
}

#[test]
fn whoever_passes_an_input_on_passes_on_what_is_not_known() {
    let mut newer = with(input(), "/entries/0", "tags", json!(["a", {"b": null}]));
    newer = with(newer, "", "priority", json!(7));
    newer = with(newer, "/replay", "reason", json!("r"));
    let read: RecordEntries = serde_json::from_value(newer.clone()).unwrap();
    assert_eq!(json!(read), newer);
    let posted = with(posted(), "/totals/0", "late", json!(1));
    assert_eq!(json!(serde_json::from_value::<PostedEntries>(posted.clone()).unwrap()), posted);
}

/// Else each release would start an execution of its own for what was parked.
#[test]
fn the_name_of_a_replay_does_not_depend_on_what_is_known() {
    let newer = with(input(), "/entries/0", "tags", json!(["a"]));
    assert_eq!(name(newer), name(input()));
    assert_eq!(name(with(input(), "/entries/0", "type", json!("transfer"))), name(input()));
}
