//! How `POST /entries` and `POST /entries/batch` read their requests.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Date, EntryType, parse_date};
use http_api::{BODY_BYTES_MAX, NewEntry, Problem, parse_batch, parse_entry};
use lambda_http::Request;
use proptest::prelude::*;
use serde_json::{Value, json};
use test_events::{Answer, HttpEvent};

fn today() -> Date {
    parse_date("2026-11-22").unwrap()
}

fn event() -> HttpEvent {
    HttpEvent::load("register-entry/entry")
}

fn read_entry(event: &HttpEvent) -> Result<NewEntry, Answer> {
    answer(parse_entry(&event.request(), today()))
}

fn answer<T>(result: Result<T, Problem>) -> Result<T, Answer> {
    result.map_err(|problem| Answer::read(problem.into_response()))
}

/// What is wrong with this body, as `code`, then each fault.
fn faults_of(parse: impl Fn(&Request) -> Result<(), Problem>, body: &Value) -> Vec<String> {
    let refused = answer(parse(&event().json(body).request())).expect_err(&body.to_string());
    [vec![format!("{} {}", refused.status, refused.code())], refused.faults()].concat()
}

fn check(body: Value, expected: &[&str]) {
    let faults = faults_of(|request| parse_entry(request, today()).map(drop), &body);
    assert_eq!(faults[0], "400 validation_failed", "{body}");
    assert_eq!(faults[1..], *expected, "{body}");
}

#[test]
fn the_event_of_a_sale_is_read() {
    let NewEntry { key, request } = read_entry(&event()).unwrap();
    assert_eq!(key.as_str(), "sale-1001");
    assert_eq!(request.entry_type, EntryType::Credit);
    assert_eq!(request.amount.to_decimal(), "150.75");
    assert_eq!(request.amount.currency().code(), "BRL");
    assert_eq!(request.date, Some(today()));
    assert_eq!(request.description.unwrap().as_str(), "Venda no cartão");
    assert_eq!(request.category.unwrap().as_str(), "vendas");
}

#[test]
fn what_may_be_left_out_may_also_be_null() {
    let short = read_entry(&event().json(&json!({"type": "debit", "amount": "1"}))).unwrap();
    let nulls = json!({
        "type": "debit", "amount": "1.00", "currency": null, "date": null, "description": null, "category": null
    });
    assert_eq!(read_entry(&event().json(&nulls)).unwrap(), short);
    assert_eq!(short.request.amount.currency().code(), "BRL");
    assert_eq!(short.request.date, None);
}

#[test]
fn every_fault_of_an_entry_is_listed_at_once() {
    check(
        json!({
            "type": "transfer", "amount": 150.75, "currency": "reais", "date": "2026-02-30",
            "description": "x".repeat(256), "category": "a\u{0}b", "colour": "red", "a/b~c": 1
        }),
        &[
            "/type: must be \"credit\" or \"debit\"",
            "/currency: must be an ISO 4217 currency code in upper case, such as BRL",
            "/amount: must be a decimal string such as \"150.75\", is a number",
            "/date: must be a date of the calendar as YYYY-MM-DD",
            "/description: must be at most 255 characters, has 256",
            "/category: must not contain control characters, has U+0000",
            "/a~1b~0c: is not a known field",
            "/colour: is not a known field",
        ],
    );
}

#[test]
fn each_field_is_refused_with_a_clear_word() {
    let with = |field: &str, value: Value| {
        let mut body = json!({"type": "credit", "amount": "150.75"});
        body[field] = value;
        body
    };
    check(json!({}), &["/type: is required", "/amount: is required"]);
    check(json!([]), &[": must be an object, is an array"]);
    check(json!(null), &[": must be an object, is null"]);
    check(with("type", json!("Credit")), &["/type: must be \"credit\" or \"debit\""]);
    check(with("type", json!(null)), &["/type: is required"]);
    check(with("type", json!(["credit"])), &["/type: must be a string, is an array"]);
    check(with("amount", json!(150)), &["/amount: must be a decimal string such as \"150.75\", is a number"]);
    check(with("amount", json!("0.00")), &["/amount: must be greater than zero"]);
    for text in ["-1.00", "NaN", "Infinity", "1e3", "", "1,50", "0x1F", "１"] {
        let expected =
            "/amount: must be a decimal string such as \"150.75\": digits, then optionally a point and digits";
        check(with("amount", json!(text)), &[expected]);
    }
    check(with("amount", json!("1.005")), &["/amount: has more than the 2 fraction digits of BRL"]);
    check(with("amount", json!(format!("1{}", "0".repeat(30)))), &["/amount: must be at most 9999999999999.99"]);
    check(with("amount", json!("10000000000000.00")), &["/amount: must be at most 9999999999999.99"]);
    check(with("currency", json!("XAU")), &["/currency: must be an ISO 4217 currency code in upper case, such as BRL"]);
    check(with("currency", json!(986)), &["/currency: must be a string, is a number"]);
    check(with("date", json!("2027-11-23")), &["/date: must not be after 2027-11-22, one year ahead"]);
    check(with("date", json!("1899-12-31")), &["/date: must not be before 1900-01-01"]);
    check(with("date", json!("22/11/2026")), &["/date: must be a date of the calendar as YYYY-MM-DD"]);
    check(with("description", json!("x".repeat(10_000))), &["/description: must be at most 255 characters, has 10000"]);
    check(with("description", json!("a\nb")), &["/description: must not contain control characters, has U+000A"]);
    check(with("description", json!({})), &["/description: must be a string, is an object"]);
    check(with("category", json!(true)), &["/category: must be a string, is a boolean"]);
    check(with("idempotency_key", json!("k")), &["/idempotency_key: is not a known field"]);
    check(with("merchant_id", json!("other")), &["/merchant_id: is not a known field"]);
}

#[test]
fn the_digits_of_an_amount_are_those_of_its_currency() {
    let read = |amount: &str, currency: &str| {
        read_entry(&event().json(&json!({"type": "credit", "amount": amount, "currency": currency})))
    };
    assert_eq!(read("150", "JPY").unwrap().request.amount.minor(), 150);
    assert_eq!(read("1.234", "KWD").unwrap().request.amount.minor(), 1_234);
    assert_eq!(read("1.5", "JPY").unwrap_err().faults(), ["/amount: has more than the 0 fraction digits of JPY"]);
}

#[test]
fn a_field_that_occurs_twice_is_refused() {
    let body = r#"{"type": "credit", "amount": "1.00", "amount": "9.00"}"#;
    assert_eq!(read_entry(&event().body(body)).unwrap_err().faults(), ["/amount: occurs more than once"]);
}

#[test]
fn what_is_not_json_is_malformed() {
    let deep = "[".repeat(100_000);
    for body in ["", "{", "{\"type\":", "credit", "{'type': 'credit'}", "{} {}", "1e999", r#""\ud800""#, &deep] {
        let refused = read_entry(&event().body(body)).unwrap_err();
        assert_eq!((refused.status, refused.code()), (400, "malformed_json"), "{body:.40}");
    }
}

#[test]
fn the_body_must_be_declared_as_json() {
    for accepted in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8"] {
        assert!(read_entry(&event().header("content-type", accepted)).is_ok(), "{accepted}");
    }
    let others = ["text/plain", "application/xml", "application/json; charset=latin1", "application/jsonl", "json", ""];
    for refused in others.map(|value| event().header("content-type", value)) {
        let refused = read_entry(&refused).unwrap_err();
        assert_eq!((refused.status, refused.code()), (415, "unsupported_media_type"));
    }
    let refused = read_entry(&event().without_header("content-type")).unwrap_err();
    assert_eq!(refused.code(), "unsupported_media_type");
}

#[test]
fn a_body_over_256_kib_is_refused() {
    let padding = |bytes: usize| format!("{{\"type\":\"credit\",\"amount\":\"1.00\"{}}}", " ".repeat(bytes - 33));
    assert_eq!(padding(BODY_BYTES_MAX).len(), BODY_BYTES_MAX);
    assert!(read_entry(&event().body(padding(BODY_BYTES_MAX))).is_ok());
    let refused = read_entry(&event().body(padding(BODY_BYTES_MAX + 1))).unwrap_err();
    assert_eq!((refused.status, refused.code()), (413, "body_too_large"));
}

#[test]
fn an_entry_needs_a_valid_idempotency_key() {
    let missing = read_entry(&event().without_header("idempotency-key")).unwrap_err();
    assert_eq!((missing.status, missing.code()), (400, "idempotency_key_missing"));
    for value in ["", "\"\"", "a b", &"k".repeat(65), "chave-é"] {
        let refused = read_entry(&event().header("idempotency-key", value)).unwrap_err();
        assert_eq!((refused.status, refused.code()), (400, "idempotency_key_invalid"), "{value}");
    }
    let quoted = read_entry(&event().header("idempotency-key", "\"sale-1001\"")).unwrap();
    assert_eq!(quoted, read_entry(&event()).unwrap());
}

#[test]
fn problems_follow_rfc_9457() {
    let refused = read_entry(&event().json(&json!({"type": "credit"}))).unwrap_err();
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(
        refused.body,
        json!({
            "type": "urn:fluxo:problem:validation_failed",
            "title": "The request is not valid",
            "status": 400,
            "detail": "The request has a fault; `errors` names it.",
            "code": "validation_failed",
            "errors": [{"pointer": "/amount", "detail": "is required"}]
        })
    );
    let unavailable = Answer::read(Problem::temporarily_unavailable().into_response());
    assert_eq!(unavailable.status, 503);
    assert!(unavailable.header("retry-after").unwrap().parse::<u32>().is_ok());
}

fn check_batch(body: &Value, expected: &[&str]) {
    let faults = faults_of(|request| parse_batch(request, today()).map(drop), body);
    assert_eq!(faults[0], "400 validation_failed");
    assert_eq!(faults[1..], *expected);
}

fn batch_of(count: usize) -> Value {
    let line = |index| json!({"type": "credit", "amount": "1.00", "idempotency_key": format!("key-{index}")});
    json!({"entries": (0..count).map(line).collect::<Vec<_>>()})
}

#[test]
fn one_invalid_entry_refuses_the_batch_and_is_pointed_at() {
    let mut body = batch_of(20);
    body["entries"][17]["amount"] = json!("1.001");
    body["entries"][18]["idempotency_key"] = json!("a b");
    body["entries"][19] = json!("credit");
    check_batch(
        &body,
        &[
            "/entries/17/amount: has more than the 2 fraction digits of BRL",
            "/entries/18/idempotency_key: must be 1 to 64 visible ASCII characters",
            "/entries/19: must be an object, is a string",
        ],
    );
}

#[test]
fn a_batch_has_1_to_500_entries_under_different_keys() {
    let read = |body: &Value| parse_batch(&event().json(body).request(), today());
    assert_eq!(read(&batch_of(500)).unwrap().len(), 500);
    check_batch(&batch_of(501), &["/entries: must have at most 500 entries, has 501"]);
    check_batch(&batch_of(0), &["/entries: must have at least 1 entry"]);
    check_batch(&json!({}), &["/entries: is required"]);
    check_batch(&json!({"entries": {}}), &["/entries: must be an array, is an object"]);
    check_batch(
        &json!({"entries": [], "more": 1}),
        &["/more: is not a known field", "/entries: must have at least 1 entry"],
    );
    check_batch(&json!([]), &[": must be an object, is an array"]);
    check_batch(
        &json!({"entries": [{}]}),
        &["/entries/0/idempotency_key: is required", "/entries/0/type: is required", "/entries/0/amount: is required"],
    );
    let mut twice = batch_of(3);
    twice["entries"][2]["idempotency_key"] = json!("key-0");
    check_batch(&twice, &["/entries/2/idempotency_key: is also the key of entry 0 of this batch"]);
}

#[test]
fn the_faults_of_a_hostile_body_are_bounded() {
    let fields: Vec<String> = (0..20_000).map(|number| format!("\"f{number}\":0")).collect();
    let refused = read_entry(&event().body(format!("{{{}}}", fields.join(",")))).unwrap_err();
    assert_eq!(refused.faults().len(), 5_000);
}

proptest! {
    #[test]
    fn no_body_makes_the_parsers_panic(body in any::<String>()) {
        let request = event().body(body).request();
        let _ = parse_entry(&request, today());
        let _ = parse_batch(&request, today());
    }

    #[test]
    fn no_key_header_makes_the_parser_panic(value in "[ -~\u{80}-\u{ff}]{0,80}") {
        let _ = read_entry(&event().header("idempotency-key", &value));
    }

    #[test]
    fn any_text_without_control_characters_comes_through_unchanged(text in "\\PC{0,255}") {
        let read = read_entry(&event().json(&json!({"type": "credit", "amount": "1.00", "description": text})));
        let description = read.unwrap().request.description.unwrap();
        prop_assert_eq!(description.as_str(), text);
    }
}

#[test]
fn an_unknown_parameter_is_refused_before_anything_is_done() {
    let entry = HttpEvent::load("register-entry/entry").query("dry_run=true");
    let batch = HttpEvent::load("register-entry/batch").query("dry_run=true");
    let refused =
        [parse_entry(&entry.request(), today()).unwrap_err(), parse_batch(&batch.request(), today()).unwrap_err()];
    for problem in refused {
        assert_eq!(Answer::read(problem.into_response()).faults(), ["dry_run: is not a known parameter"]);
    }
}
