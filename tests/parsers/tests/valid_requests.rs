//! The other half of the checks: what satisfies the documented limits is accepted, and read as it was meant.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::{HashMap, HashSet};

use cashflow::{
    Amount, Category, Currency, Date, Description, EntryRequest, EntryType, FIRST_DATE, IdempotencyKey, MerchantId,
};
use http_api::{NewEntry, parse_as_of_query, parse_batch, parse_entry, parse_range_query};
use jiff::{Timestamp, ToSpan};
use lambda_http::{Body, Request, RequestExt, http::HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

const TODAY: Date = Date::constant(2026, 11, 22);

/// How many days lie between the first date of an entry and the last, a year ahead.
const DAYS: i64 = 46_711;

fn day(number: i64) -> Date {
    FIRST_DATE.checked_add(number.days()).unwrap()
}

fn amount() -> impl Strategy<Value = Amount> {
    let limits = [("BRL", 999_999_999_999_999), ("JPY", 9_999_999_999_999), ("KWD", 9_999_999_999_999_990)];
    prop::sample::select(limits.to_vec()).prop_flat_map(|(code, largest)| {
        let currency = Currency::parse(code).unwrap();
        prop_oneof![1..=10_i64, 1..=largest, Just(largest)]
            .prop_map(move |minor| Amount::from_minor(minor, currency).unwrap())
    })
}

prop_compose! {
    fn request()(
        is_credit in any::<bool>(),
        amount in amount(),
        date in prop::option::of(0..=DAYS),
        description in prop::option::of("\\PC{0,255}"),
        category in prop::option::of("\\PC{0,100}"),
    ) -> EntryRequest {
        EntryRequest {
            entry_type: if is_credit { EntryType::Credit } else { EntryType::Debit },
            amount,
            date: date.map(day),
            description: description.map(|text| Description::parse(&text).unwrap()),
            category: category.map(|text| Category::parse(&text).unwrap()),
        }
    }
}

fn body(request: &EntryRequest) -> Value {
    json!({
        "type": request.entry_type.as_str(),
        "amount": request.amount.to_decimal(),
        "currency": request.amount.currency().code(),
        "date": request.date.map(|date| date.to_string()),
        "description": request.description.as_ref().map(Description::as_str),
        "category": request.category.as_ref().map(Category::as_str),
    })
}

fn post(key: &str, body: &Value) -> Request {
    let mut request = Request::new(Body::Text(body.to_string()));
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    request.headers_mut().insert("idempotency-key", HeaderValue::from_str(key).unwrap());
    request
}

fn get(parts: &[(&str, String)], query: &str) -> Request {
    let mut request = Request::new(Body::Empty);
    *request.uri_mut() = format!("/?{query}").parse().unwrap();
    let parts: HashMap<_, _> = parts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    request.with_path_parameters(parts)
}

#[test]
fn the_last_day_is_a_year_ahead() {
    assert_eq!(day(DAYS).to_string(), "2027-11-22");
}

proptest! {
    #[test]
    fn every_entry_within_the_limits_is_accepted_as_it_was_meant(key in "[!#-~][!-~]{0,63}", request in request()) {
        let expected = NewEntry { key: IdempotencyKey::parse(&key).unwrap(), request };
        // One with a comma has to be quoted.
        let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
        let header = if key.contains(',') { &quoted } else { &key };
        prop_assert_eq!(parse_entry(&post(header, &body(&expected.request)), TODAY), Ok(expected));
    }

    #[test]
    fn every_batch_within_the_limits_is_accepted_in_its_order(
        keys in prop::collection::hash_set("[!-~]{1,64}", 1..8),
        requests in prop::collection::vec(request(), 8),
    ) {
        let keys: HashSet<String> = keys;
        let expected: Vec<NewEntry> = keys
            .iter()
            .zip(requests)
            .map(|(key, request)| NewEntry { key: IdempotencyKey::parse(key).unwrap(), request })
            .collect();
        let entries: Vec<Value> = expected
            .iter()
            .map(|new| {
                let mut entry = body(&new.request);
                entry["idempotency_key"] = json!(new.key.as_str());
                entry
            })
            .collect();
        prop_assert_eq!(parse_batch(&post("ignored", &json!({ "entries": entries })), TODAY), Ok(expected));
    }

    #[test]
    fn every_range_of_up_to_366_days_is_accepted(from in 0..=DAYS, days in 0..366_i64) {
        let (from, to) = (day(from), day(from + days));
        let (merchant, key) = (MerchantId::parse("acme").unwrap(), "k".repeat(32).parse().unwrap());
        let read = parse_range_query(&get(&[], &format!("from={from}&to={to}")), &merchant, &key).unwrap();
        prop_assert_eq!((read.from, read.to, read.currency), (from, to, Currency::BRL));
    }

    #[test]
    fn every_instant_of_our_time_is_accepted(second in 0..=7_258_118_400_i64, nanosecond in 0..1_000_000_000_i32) {
        let instant = Timestamp::new(second, nanosecond).unwrap();
        let parts = [("date", TODAY.to_string()), ("instant", instant.to_string())];
        prop_assert_eq!(parse_as_of_query(&get(&parts, "")).unwrap().instant, instant);
    }
}
