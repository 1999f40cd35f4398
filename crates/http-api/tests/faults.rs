//! Every fault of a request has a code beside its sentence, and the limit where there is one.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeSet;

use http_api::{
    BATCH_ENTRIES_MAX, FaultCode, KeyLocation, Problem, parse_as_of_query, parse_batch, parse_entry,
    parse_entry_lookup, parse_range_query, parse_reversal, parse_seals_query, parse_statement_query, reused_keys,
};
use serde_json::{Value, json};
use test_builders::{TODAY, acme};
use test_events::HttpEvent;

fn refused<T>(result: Result<T, Problem>) -> Problem {
    result.err().expect("a refusal")
}

fn of_entry(body: &Value) -> Problem {
    refused(parse_entry(&HttpEvent::load("register-entry/entry").json(body).request(), TODAY))
}

fn with(field: &str, value: Value) -> Problem {
    let mut body = json!({"type": "credit", "amount": "150.75"});
    body[field] = value;
    of_entry(&body)
}

fn of_batch(entries: &Value) -> Problem {
    let body = json!({"entries": entries});
    refused(parse_batch(&HttpEvent::load("register-entry/batch").json(&body).request(), TODAY))
}

fn line(key: &str) -> Value {
    json!({"type": "credit", "amount": "1.00", "idempotency_key": key})
}

fn of_lines(query: &str) -> Problem {
    refused(parse_statement_query(&HttpEvent::load("list-entries/day").query(query).request()))
}

fn of_range(query: &str) -> Problem {
    let key = "a secret of at least 32 characters".parse().unwrap();
    refused(parse_range_query(&HttpEvent::load("get-daily-balance/range").query(query).request(), &acme(), &key))
}

/// The place, code and limit of each fault, as it is answered.
fn faults(problem: Problem) -> Vec<(String, String, Option<String>)> {
    let response = problem.into_response();
    let bytes: &[u8] = response.body();
    let body: Value = serde_json::from_slice(bytes).unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let read = |fault: &Value| {
        let place = text(&fault["pointer"]).or(text(&fault["parameter"])).unwrap();
        assert!(text(&fault["detail"]).is_some());
        (place, text(&fault["code"]).unwrap(), text(&fault["limit"]))
    };
    body["errors"].as_array().unwrap().iter().map(read).collect()
}

/// A refusal for each way in which a part of a request can be wrong, with the one fault that it names.
fn refusals() -> Vec<(Problem, &'static str, &'static str, Option<&'static str>)> {
    let twice = HttpEvent::load("register-entry/entry").body(r#"{"type": "credit", "amount": "1", "amount": "2"}"#);
    let reversal = HttpEvent::load("reverse-entry/reversal");
    let lookup = HttpEvent::load("get-entry/entry").path_part("id", "1");
    let seals = HttpEvent::load("list-seals/day").query("cursor=x");
    let as_of = HttpEvent::load("get-balance-as-of/instant").path_part("instant", "noon");
    let many: Vec<Value> = (0..=BATCH_ENTRIES_MAX).map(|index| line(&index.to_string())).collect();
    vec![
        (of_entry(&json!({"type": "credit"})), "/amount", "required", None),
        (of_range("to=2026-11-22"), "from", "required", None),
        (with("colour", json!("red")), "/colour", "unknown_field", None),
        (of_lines("date=2026-11-22&colour=red"), "colour", "unknown_parameter", None),
        (refused(parse_entry(&twice.request(), TODAY)), "/amount", "duplicate", None),
        (of_lines("date=2026-11-22&date=2026-11-23"), "date", "duplicate", None),
        (with("amount", json!(150.75)), "/amount", "wrong_type", None),
        (with("category", json!([])), "/category", "wrong_type", None),
        (of_entry(&json!([])), "", "wrong_type", None),
        (of_batch(&json!("all")), "/entries", "wrong_type", None),
        (of_batch(&json!([1])), "/entries/0", "wrong_type", None),
        (refused(parse_reversal(&reversal.json(&json!(1)).request(), TODAY)), "", "wrong_type", None),
        (with("amount", json!("1,50")), "/amount", "invalid_format", None),
        (with("date", json!("22/11/2026")), "/date", "invalid_format", None),
        (of_batch(&json!([line("a b")])), "/entries/0/idempotency_key", "invalid_format", None),
        (refused(parse_entry_lookup(&lookup.request())), "id", "invalid_format", None),
        (refused(parse_as_of_query(&as_of.request())), "instant", "invalid_format", None),
        (with("type", json!("transfer")), "/type", "unknown_value", None),
        (with("currency", json!("XAU")), "/currency", "unknown_value", None),
        (of_lines("date=2026-11-22&currency=real"), "currency", "unknown_value", None),
        (with("amount", json!("0.00")), "/amount", "not_positive", None),
        (with("amount", json!("10000000000000")), "/amount", "too_large", Some("9999999999999.99")),
        (with("amount", json!("1.005")), "/amount", "too_many_fraction_digits", Some("2")),
        (with("date", json!("1899-12-31")), "/date", "too_early", Some("1900-01-01")),
        (of_range("from=2026-11-22&to=2026-11-21"), "to", "too_early", Some("2026-11-22")),
        (with("date", json!("2027-11-23")), "/date", "too_late", Some("2027-11-22")),
        (with("description", json!("x".repeat(256))), "/description", "too_long", Some("255")),
        (with("category", json!("x".repeat(101))), "/category", "too_long", Some("100")),
        (with("description", json!("a\nb")), "/description", "control_character", None),
        (of_batch(&json!([])), "/entries", "too_few_entries", Some("1")),
        (of_batch(&json!(many)), "/entries", "too_many_entries", Some("500")),
        (of_batch(&json!([line("a"), line("a")])), "/entries/1/idempotency_key", "duplicate_key", None),
        (reused_keys(&[KeyLocation::Batch(7)]), "/entries/7/idempotency_key", "key_reused", None),
        (of_range("from=2024-01-01&to=2025-01-01"), "to", "range_too_long", Some("366")),
        (of_lines("date=2026-11-22&limit=0"), "limit", "out_of_range", Some("500")),
        (refused(parse_seals_query(&seals.request())), "cursor", "invalid_cursor", None),
        (of_range("from=2026-11-22&to=2026-11-22&token=x"), "token", "invalid_token", None),
    ]
}

#[test]
fn every_fault_has_its_code_and_the_limit_that_it_is_beyond() {
    for (problem, place, code, limit) in refusals() {
        let detail = format!("{problem:?}");
        assert_eq!(faults(problem), [(place.to_owned(), code.to_owned(), limit.map(str::to_owned))], "{detail}");
    }
}

#[test]
fn every_code_is_answered_by_some_refusal() {
    let listed: BTreeSet<String> = FaultCode::ALL.iter().map(|code| json!(code).as_str().unwrap().to_owned()).collect();
    assert_eq!(listed.len(), FaultCode::ALL.len());
    let mut answered: BTreeSet<String> = refusals().into_iter().map(|(_, _, code, _)| code.to_owned()).collect();
    // Which URLs webhooks are sent to is known to `webhook-endpoints`, and not here.
    assert!(answered.insert("not_admitted".to_owned()));
    assert_eq!(answered, listed);
}
