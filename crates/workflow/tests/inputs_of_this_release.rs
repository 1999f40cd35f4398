//! What this release writes, it reads; and what it refuses, it names.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{
    Amount, Category, Currency, Description, Entry, EntryId, EntryRequest, EntryType, IdempotencyKey, MerchantId,
    Month, Period, PeriodTotals, ReversalRequest, Totals, parse_date,
};
use serde_json::{Value, json};
use workflow::{ErrorName, Outcomes, PeriodTotalsState, PostedEntries, RecordEntries, UnknownFields, execution_name};

fn acme() -> MerchantId {
    MerchantId::parse("acme").unwrap()
}

/// A sale with all fields, and its reversal.
fn entries() -> [Entry; 2] {
    let id = |key: &str| EntryId::derive(&acme(), &IdempotencyKey::parse(key).unwrap());
    let date = parse_date("2026-11-22").unwrap();
    let sale = EntryRequest {
        entry_type: EntryType::Credit,
        amount: Amount::from_minor(15_075, Currency::BRL).unwrap(),
        date: None,
        description: Some(Description::parse("card sale").unwrap()),
        category: Some(Category::parse("sales").unwrap()),
    };
    let sale = sale.into_entry(id("sale-1"), date);
    let refund = ReversalRequest { original: sale.id, date: None, description: None };
    let refund = refund.into_entry(id("refund-1"), &sale, date);
    [sale, refund]
}

fn input() -> Value {
    json!(RecordEntries::new(&acme(), &entries()))
}

/// The totals of a day and of its month.
fn totals() -> [PeriodTotals; 2] {
    let date = parse_date("2026-11-22").unwrap();
    [Period::Day(date), Period::Month(Month::of(date))].map(|period| PeriodTotals {
        period,
        currency: Currency::BRL,
        totals: Totals { credits: i128::MAX, debits: 0, entry_count: 2 },
    })
}

fn posted() -> Value {
    json!(PostedEntries {
        merchant_id: "acme".to_owned(),
        outcomes: Outcomes::default(),
        conflicts: vec![],
        already_reversed: vec![],
        epoch: 1,
        totals_at: "2026-11-22T15:00:02Z".parse().unwrap(),
        waiting_since: None,
        totals: totals().iter().map(PeriodTotalsState::new).collect(),
        unknown: UnknownFields::default(),
    })
}

/// The value with this in the place of what is there.
fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    *value.pointer_mut(pointer).unwrap() = new;
    value
}

#[test]
fn entries_are_read_as_they_were_written() {
    let read: RecordEntries = serde_json::from_value(input()).unwrap();
    assert_eq!(read.parse(), Ok((acme(), entries().to_vec())));
}

#[test]
fn a_replay_is_named_after_its_execution_and_its_attempt() {
    let generation = "3-1f0c9a7e".parse().unwrap();
    let input = RecordEntries::new(&acme(), &entries());
    let name = execution_name(&generation, &entries());
    assert_eq!(input.replay_name(&generation, 2), Ok(format!("{name}-r2")));
}

#[test]
fn totals_are_read_as_they_were_written() {
    let read: PostedEntries = serde_json::from_value(posted()).unwrap();
    assert_eq!(read.parse_totals(), Ok((acme(), totals().to_vec())));
}

#[test]
fn an_input_is_refused_with_the_entry_and_the_field() {
    let cases = [
        ("/merchant_id", json!(""), "merchant_id must be 1 to 64 visible ASCII characters"),
        ("/entries", json!([]), "entries must not be empty"),
        ("/entries/0/id", json!("1"), "entry 0: id must be a UUID in canonical form"),
        ("/entries/1/reverses", json!("1"), "entry 1: reverses must be a UUID in canonical form"),
        ("/entries/0/amount_minor", json!("0"), "entry 0: amount must be greater than zero"),
        ("/entries/0/category", json!("a\nb"), "entry 0: text must not contain control characters, has U+000A"),
    ];
    for (pointer, value, expected) in cases {
        let read: RecordEntries = serde_json::from_value(with(input(), pointer, value)).unwrap();
        let error = read.parse().unwrap_err();
        assert_eq!((error.name(), error.to_string().as_str()), (ErrorName::InvalidInput, expected), "{pointer}");
    }
}

#[test]
fn totals_are_refused_with_the_field() {
    let cases = [
        ("/merchant_id", json!("a b"), "merchant_id must be 1 to 64 visible ASCII characters"),
        ("/totals/0/period", json!("2026"), "period must be a day as YYYY-MM-DD or a month as YYYY-MM"),
        ("/totals/1/currency", json!("brl"), "currency must be an ISO 4217 currency code in upper case, such as BRL"),
        ("/totals/1/debits", json!("-1"), "credits and debits must be whole numbers of minor units, not negative"),
    ];
    for (pointer, value, expected) in cases {
        let read: PostedEntries = serde_json::from_value(with(posted(), pointer, value)).unwrap();
        let error = read.parse_totals().unwrap_err();
        assert_eq!((error.name(), error.to_string().as_str()), (ErrorName::InvalidInput, expected), "{pointer}");
    }
}

#[test]
fn a_date_has_one_form() {
    for date in ["2026-11-22T00:00:00", "20261122", "1899-12-31"] {
        let input = with(input(), "/entries/0/date", json!(date));
        assert!(serde_json::from_value::<RecordEntries>(input).is_err(), "{date}");
    }
}
