//! `POST /entries`, `POST /entries/batch`, `POST /entries/{id}/reversal`.

use std::collections::HashSet;

use cashflow::{
    Category, Date, Description, Entry, EntryId, EntryRequest, Fingerprint, IdempotencyKey, MerchantId,
    ReversalRequest, check_entry_date,
};
use http_api::{AcceptedEntry, BATCH_ENTRIES_MAX, BODY_BYTES_MAX, NewEntry, parse_batch, parse_entry, parse_reversal};
use lambda_http::http::HeaderValue;
use serde_json::{Value, json};

use crate::{
    TODAY, line,
    memory::assert_remembered,
    refusal::{assert_refusal, assert_refusal_of_body},
    request::{post, with_path_part},
    values::{assert_amount, assert_date, assert_key, quoted},
    workflow::assert_recorded,
};

/// A line with the idempotency key, then the body.
pub(crate) fn entry(data: &[u8]) {
    let (key, body) = line(data);
    let Ok(key) = HeaderValue::from_bytes(key) else { return };
    match parse_entry(&post(key, body), TODAY) {
        Ok(new) => {
            assert_new_entry(&new);
            let shown = shown(&new.request).to_string();
            let again = parse_entry(&post(header(&new.key), shown.as_bytes()), TODAY);
            assert_eq!(again, Ok(new));
        }
        Err(problem) => assert_refusal_of_body(problem, body),
    }
}

/// A body.
pub(crate) fn batch(data: &[u8]) {
    match parse_batch(&post(HeaderValue::from_static("ignored"), data), TODAY) {
        Ok(entries) => {
            assert!((1..=BATCH_ENTRIES_MAX).contains(&entries.len()));
            assert_eq!(entries.iter().map(|new| new.key.as_str()).collect::<HashSet<_>>().len(), entries.len());
            entries.iter().for_each(assert_new_entry);
            let shown: Vec<Value> = entries
                .iter()
                .map(|new| {
                    let mut entry = shown(&new.request);
                    entry["idempotency_key"] = json!(new.key.as_str());
                    entry
                })
                .collect();
            let shown = json!({ "entries": shown }).to_string();
            // What was left out and is spelled out here can make it longer than a body may be.
            if shown.len() <= BODY_BYTES_MAX {
                let again = parse_batch(&post(HeaderValue::from_static("other"), shown.as_bytes()), TODAY);
                assert_eq!(again, Ok(entries));
            }
        }
        Err(problem) => assert_refusal_of_body(problem, data),
    }
}

/// A line with the id of the entry to reverse, a line with the idempotency key, then the body.
pub(crate) fn reversal(data: &[u8]) {
    let (id, rest) = line(data);
    let (key, body) = line(rest);
    let (Ok(id), Ok(key)) = (std::str::from_utf8(id), HeaderValue::from_bytes(key)) else { return };
    match parse_reversal(&with_path_part(post(key, body), id), TODAY) {
        Ok(new) => {
            assert_eq!(new.request.original.to_string(), id.to_ascii_lowercase());
            assert_key(&new.key);
            assert_reversal(&new.request, &new.key);
            let ReversalRequest { date, description, .. } = &new.request;
            let shown = json!({
                "date": date.map(|date| date.to_string()),
                "description": description.as_ref().map(Description::as_str),
            });
            let again = post(header(&new.key), shown.to_string().as_bytes());
            let again = parse_reversal(&with_path_part(again, id), TODAY);
            assert_eq!(again, Ok(new));
        }
        Err(problem) if body.is_empty() => assert_refusal(problem),
        Err(problem) => assert_refusal_of_body(problem, body),
    }
}

/// The key in its quoted form.
fn header(key: &IdempotencyKey) -> HeaderValue {
    HeaderValue::try_from(quoted(key)).expect("visible ASCII")
}

/// The request with everything spelled out.
fn shown(request: &EntryRequest) -> Value {
    json!({
        "type": request.entry_type.as_str(),
        "amount": request.amount.to_decimal(),
        "currency": request.amount.currency().code(),
        "date": request.date.map(|date| date.to_string()),
        "description": request.description.as_ref().map(Description::as_str),
        "category": request.category.as_ref().map(Category::as_str),
    })
}

fn assert_new_entry(new: &NewEntry) {
    let NewEntry { key, request } = new;
    assert_key(key);
    assert_amount(request.amount);
    request.date.iter().copied().for_each(assert_entry_date);
    request.description.iter().for_each(|text| assert_text(text.as_str(), 255));
    request.category.iter().for_each(|text| assert_text(text.as_str(), 100));
    let entry = request.clone().into_entry(EntryId::derive(&merchant(), key), TODAY);
    assert_eq!(entry.fingerprint, Fingerprint::of_entry(request));
    assert_eq!(entry.date, request.date.unwrap_or(TODAY));
    assert_entry(&entry);
    // The direction is a part of the fingerprint.
    let other = EntryRequest { entry_type: request.entry_type.mirrored(), ..request.clone() };
    assert_ne!(Fingerprint::of_entry(&other), entry.fingerprint);
}

fn assert_reversal(request: &ReversalRequest, key: &IdempotencyKey) {
    request.date.iter().copied().for_each(assert_entry_date);
    request.description.iter().for_each(|text| assert_text(text.as_str(), 255));
    let original = EntryRequest {
        entry_type: cashflow::EntryType::Credit,
        amount: cashflow::Amount::from_minor(1, cashflow::Currency::BRL).expect("an amount"),
        date: None,
        description: None,
        category: None,
    };
    let original = original.into_entry(request.original, TODAY);
    let reversal = request.clone().into_entry(EntryId::derive(&merchant(), key), &original, TODAY);
    assert_eq!(reversal.reverses, Some(request.original));
    assert_eq!(reversal.fingerprint, Fingerprint::of_reversal(request));
    assert_entry(&reversal);
}

/// An accepted entry is answered, remembered and recorded as what it is.
fn assert_entry(entry: &Entry) {
    assert_remembered(entry.fingerprint, &AcceptedEntry::new(&merchant(), entry), &merchant());
    assert_recorded(&merchant(), std::slice::from_ref(entry));
}

fn assert_entry_date(date: Date) {
    assert_date(date);
    assert_eq!(check_entry_date(date, TODAY), Ok(()));
}

/// Checks a text: not too long, and without the control characters that PostgreSQL (U+0000) or a terminal could not take.
pub(crate) fn assert_text(text: &str, characters_max: usize) {
    assert!(text.chars().count() <= characters_max, "{text:?}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

fn merchant() -> MerchantId {
    MerchantId::parse("acme").expect("a merchant")
}
