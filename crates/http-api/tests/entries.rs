//! How `POST /entries` and `POST /entries/batch` read their requests.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::EntryType;
use http_api::{BODY_BYTES_MAX, NewEntry, Problem, parse_batch, parse_entry};
use lambda_http::Request;
use proptest::prelude::*;
use serde_json::{Value, json};
use test_builders::TODAY;
use test_events::{Answer, HttpEvent};

fn event() -> HttpEvent {
    HttpEvent::load("register-entry/entry")
}

fn read_entry(event: &HttpEvent) -> Result<NewEntry, Answer> {
    answer(parse_entry(&event.request(), TODAY))
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
    let faults = faults_of(|request| parse_entry(request, TODAY).map(drop), &body);
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
    assert_eq!(request.date, Some(TODAY));
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
    let twice_marked = "\u{feff}\u{feff}{}";
    let bodies = ["", "{", "{\"type\":", "credit", "{'type': 'credit'}", "{} {}", "01", "1e", "-", "NaN", twice_marked];
    for body in bodies.into_iter().chain([r#""\ud800""#, r#"{"description": "\udc00\ud800"}"#, deep.as_str()]) {
        let refused = read_entry(&event().body(body)).unwrap_err();
        assert_eq!((refused.status, refused.code()), (400, "malformed_json"), "{body:.40}");
    }
}

#[test]
fn a_number_of_any_size_is_a_fault_where_it_stands() {
    for number in ["1e400", "-1E+999999999999", "0.1e-400", "-0", "1", &"9".repeat(1_000)] {
        let with = |field: &str| {
            read_entry(&event().body(format!(r#"{{"type": "credit", "amount": "1", "{field}": {number}}}"#)))
        };
        assert_eq!(
            with("description").unwrap_err().faults(),
            ["/description: must be a string, is a number"],
            "{number}"
        );
        assert_eq!(with("rate").unwrap_err().faults(), ["/rate: is not a known field"], "{number}");
        assert_eq!(
            read_entry(&event().body(number)).unwrap_err().faults(),
            [": must be an object, is a number"],
            "{number}"
        );
    }
    // A text that looks like one is none of these.
    let text = r#"{"type": "credit", "amount": "1", "description": "1e400 \"2\" \\"}"#;
    assert_eq!(read_entry(&event().body(text)).unwrap().request.description.unwrap().as_str(), r#"1e400 "2" \"#);
}

#[test]
fn a_byte_order_mark_is_left_aside() {
    let body = json!({"type": "credit", "amount": "1.00"});
    let plain = read_entry(&event().json(&body)).unwrap();
    assert_eq!(read_entry(&event().body(format!("\u{feff}{body}"))).unwrap(), plain);
    assert_eq!(read_entry(&event().bytes(format!("\u{feff}{body}").as_bytes())).unwrap(), plain);
}

#[test]
fn a_body_that_is_not_utf_8_is_refused_and_no_character_is_replaced() {
    let of =
        |description: &[u8]| [br#"{"type": "credit", "amount": "1", "description": ""#, description, br#""}"#].concat();
    // "é" in ISO-8859-1, a lone continuation byte, an overlong slash, a surrogate, half a character.
    for bytes in [&b"caf\xe9"[..], b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf0\x9f\xa7"] {
        let refused = read_entry(&event().bytes(&of(bytes))).unwrap_err();
        assert_eq!((refused.status, refused.code()), (400, "malformed_json"), "{bytes:?}");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.starts_with("The body is not UTF-8: its first 5"), "{detail}");
    }
    let utf_16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_entry(&event().bytes(&utf_16)).unwrap_err().code(), "malformed_json");
    // As a character of a text, the replacement character is one like any other.
    let read = read_entry(&event().bytes(&of("\u{fffd}é".as_bytes()))).unwrap();
    assert_eq!(read.request.description.unwrap().as_str(), "\u{fffd}é");
}

#[test]
fn the_body_must_be_declared_as_json() {
    for accepted in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON;charset=UTF-8",
        "application/json; charset=\"utf-8\"",
        "application/json; Charset=utf8",
        "application/json; version=1; charset=UTF8",
        "application/json; name=\"a ; b\"; charset=utf-8",
        // Blanks and empty parameters that RFC 9110, section 5.6.6, lets stand.
        "application/json ; charset=utf-8",
        "application/json\t;\tcharset=utf-8 ; version=1",
        "application/json;",
        "application/json; ; charset=utf-8;",
    ] {
        assert!(read_entry(&event().header("content-type", accepted)).is_ok(), "{accepted}");
    }
    let detail_of = |event: &HttpEvent| {
        let refused = read_entry(event).unwrap_err();
        assert_eq!((refused.status, refused.code()), (415, "unsupported_media_type"));
        refused.body["detail"].as_str().unwrap().to_owned()
    };
    // The last is what the gateway makes of two headers.
    for other in [
        "text/plain",
        "application/xml",
        "application/jsonl",
        "json",
        "",
        ";application/json",
        "application/json,application/json",
    ] {
        let expected = format!("Send the body as application/json; Content-Type is \"{other}\".");
        assert_eq!(detail_of(&event().header("content-type", other)), expected);
    }
    let missing = detail_of(&event().without_header("content-type"));
    assert_eq!(missing, "Send the body as application/json, with one Content-Type header.");
    for (value, charset) in [
        ("application/json; charset=ISO-8859-1", "ISO-8859-1"),
        ("application/json;charset=\"latin1\"", "latin1"),
        ("application/json; charset=utf-16", "utf-16"),
        ("application/json; charset=utf-8; charset=windows-1252", "windows-1252"),
        ("application/json ; charset=utf-16", "utf-16"),
    ] {
        let expected = format!("Send the body in UTF-8; its charset is given as \"{charset}\".");
        assert_eq!(detail_of(&event().header("content-type", value)).to_lowercase(), expected.to_lowercase());
    }
    let long = detail_of(&event().header("content-type", &format!("text/{}", "x".repeat(5_000))));
    assert!(long.len() < 200, "{long}");
}

/// Nothing that is asked for is nested more than three levels deep; a parser needs a bound all the same.
#[test]
fn a_body_is_read_to_127_levels_and_refused_at_128() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let code_of = |body: String| read_entry(&event().body(&body)).unwrap_err().code().to_owned();
    assert_eq!(code_of(nested(127)), "validation_failed");
    assert_eq!(code_of(nested(128)), "malformed_json");
    assert_eq!(code_of(nested(100_000)), "malformed_json");
}

#[test]
fn a_body_comes_without_an_encoding_of_its_content() {
    assert!(read_entry(&event().header("content-encoding", "Identity")).is_ok());
    for (value, named) in [("gzip", "gzip"), ("identity, br", "br"), ("GZIP,gzip", "GZIP")] {
        let refused = read_entry(&event().header("content-encoding", value)).unwrap_err();
        assert_eq!((refused.status, refused.code()), (415, "unsupported_media_type"));
        let expected = format!("Send the body as it is; its Content-Encoding is given as \"{named}\".");
        assert_eq!(refused.body["detail"], expected);
    }
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

/// The gateway joins headers of one name with a comma.
#[test]
fn two_idempotency_keys_are_no_third_one() {
    for joined in ["sale-1,sale-2", "sale-1,sale-1", "sale-1, sale-2", "sale-1,", ",", "sale-1,\"sale-2\""] {
        let refused = read_entry(&event().header("idempotency-key", joined)).unwrap_err();
        assert_eq!((refused.status, refused.code()), (400, "idempotency_key_invalid"), "{joined}");
        let detail = "Send one Idempotency-Key header, and a key that has a comma in quotes: \"a,b\".";
        assert_eq!(refused.body["detail"], detail, "{joined}");
    }
    for joined in ["\"sale-1\",\"sale-2\"", "\"sale-1\", sale-2", "\"sale-1,sale-2"] {
        assert_eq!(
            read_entry(&event().header("idempotency-key", joined)).unwrap_err().code(),
            "idempotency_key_invalid"
        );
    }
    let mut unjoined = event().request();
    unjoined.headers_mut().append("idempotency-key", "sale-2".parse().unwrap());
    assert_eq!(answer(parse_entry(&unjoined, TODAY)).unwrap_err().code(), "idempotency_key_invalid");
    // A key of its own that has a comma.
    let quoted = read_entry(&event().header("idempotency-key", "\"sale-1,sale-2\"")).unwrap();
    assert_eq!(quoted.key.as_str(), "sale-1,sale-2");
}

fn check_batch(body: &Value, expected: &[&str]) {
    let faults = faults_of(|request| parse_batch(request, TODAY).map(drop), body);
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
    let read = |body: &Value| parse_batch(&event().json(body).request(), TODAY);
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
    assert_eq!(refused.body["detail"], "The request has 5000 faults or more; `errors` lists the first 5000.");
}

proptest! {
    #[test]
    fn no_body_makes_the_parsers_panic(body in any::<String>()) {
        let request = event().body(body).request();
        let _ = parse_entry(&request, TODAY);
        let _ = parse_batch(&request, TODAY);
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
        [parse_entry(&entry.request(), TODAY).unwrap_err(), parse_batch(&batch.request(), TODAY).unwrap_err()];
    for problem in refused {
        assert_eq!(Answer::read(problem.into_response()).faults(), ["dry_run: is not a known parameter"]);
    }
}
