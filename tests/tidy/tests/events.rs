//! Events are given out as the contract shows them: each example of a webhook, made again from what the ledger knows.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{fs, path::Path};

use cashflow::{
    AlertCrossing, AlertDirection, Amount, Category, Currency, Date, DayBalanceChanged, DayRestated, Description,
    EndpointDisabled, Entry, EntryId, EntryType, Event, EventContent, EventId, EventPage, EventType, FeedCursor,
    Fingerprint, KeyConflict, MerchantId, Positions, SLOTS, Seal, Totals, TotalsVersion, parse_date,
};
use http_api::ShownPage;
use serde_json::{Value, json};

fn openapi() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.yaml");
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The example of a type.
fn example(openapi: &Value, event_type: EventType) -> Value {
    let webhook = &openapi["webhooks"][event_type.as_str().replace(['.', '_'], "-")];
    webhook["post"]["requestBody"]["content"]["application/json"]["examples"]["event"]["value"].clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn currency(data: &Value) -> Currency {
    Currency::parse(text(data, "currency")).unwrap()
}

fn day(data: &Value) -> Date {
    parse_date(text(data, "date")).unwrap()
}

fn entry_id(text: &str) -> EntryId {
    EntryId::parse(text).unwrap()
}

/// A sum in minor units, of a currency with two fraction digits.
fn minor(data: &Value, name: &str) -> i128 {
    text(data, name).replace('.', "").parse().unwrap()
}

fn totals(data: &Value) -> Totals {
    Totals {
        credits: minor(data, "total_credits"),
        debits: minor(data, "total_debits"),
        entry_count: data["entry_count"].as_u64().unwrap(),
    }
}

fn entry(data: &Value) -> Entry {
    Entry {
        id: entry_id(text(data, "id")),
        fingerprint: Fingerprint::from_bytes(&[0; 32]).unwrap(),
        entry_type: EntryType::parse(text(data, "type")).unwrap(),
        amount: Amount::parse(text(data, "amount"), currency(data)).unwrap(),
        date: day(data),
        description: data["description"].as_str().map(|text| Description::parse(text).unwrap()),
        category: data["category"].as_str().map(|text| Category::parse(text).unwrap()),
        reverses: data["reverses"].as_str().map(entry_id),
    }
}

fn conflict(data: &Value) -> KeyConflict {
    KeyConflict { entry: entry(data), received_at: text(data, "received_at").parse().unwrap() }
}

fn crossing(data: &Value) -> AlertCrossing {
    AlertCrossing {
        alert_id: text(data, "alert_id").parse().unwrap(),
        currency: currency(data),
        direction: AlertDirection::parse(text(data, "direction")).unwrap(),
        threshold: minor(data, "threshold"),
        balance: minor(data, "balance"),
        date: day(data),
        entry: data["entry_id"].as_str().map(entry_id),
    }
}

fn seal(data: &Value) -> Seal {
    Seal {
        date: day(data),
        currency: currency(data),
        number: serde_json::from_value(data["number"].clone()).unwrap(),
        totals: totals(data),
        sealed_at: text(data, "sealed_at").parse().unwrap(),
        epoch: 1,
        positions: Positions::new([1; SLOTS]),
        sha256: text(data, "sha256").to_owned(),
    }
}

fn content(event_type: EventType, data: &Value) -> EventContent {
    match event_type {
        EventType::EntryPosted => EventContent::EntryPosted(entry(data)),
        EventType::EntryConflicted => EventContent::EntryConflicted(conflict(data)),
        EventType::ReversalOvertaken => EventContent::ReversalOvertaken(conflict(data)),
        EventType::DaySealed => EventContent::DaySealed(seal(data)),
        EventType::DayRestated => EventContent::DayRestated(DayRestated {
            date: day(data),
            currency: currency(data),
            entry: entry_id(text(data, "entry_id")),
            seal: serde_json::from_value(data["seal"].clone()).unwrap(),
        }),
        EventType::DayBalanceChanged => EventContent::DayBalanceChanged(DayBalanceChanged {
            date: day(data),
            currency: currency(data),
            totals: totals(data),
            version: TotalsVersion {
                epoch: serde_json::from_value(data["version"]["epoch"].clone()).unwrap(),
                entry_count: data["version"]["entry_count"].as_u64().unwrap(),
            },
        }),
        EventType::AlertTriggered => EventContent::AlertTriggered(crossing(data)),
        EventType::AlertResolved => EventContent::AlertResolved(crossing(data)),
        EventType::EndpointDisabled => EventContent::EndpointDisabled(EndpointDisabled {
            endpoint_id: text(data, "endpoint_id").parse().unwrap(),
            url: text(data, "url").to_owned(),
            reason: text(data, "reason").to_owned(),
        }),
    }
}

#[test]
fn events_are_given_out_as_the_contract_shows_them() {
    let openapi = openapi();
    let acme = MerchantId::parse("acme").unwrap();
    let examples = EventType::ALL.map(|event_type| example(&openapi, event_type));
    let events = EventType::ALL.iter().zip(&examples).map(|(event_type, example)| Event {
        id: EventId::from_uuid(text(example, "id").parse().unwrap()),
        time: text(example, "time").parse().unwrap(),
        content: content(*event_type, &example["data"]),
    });
    let page = EventPage { events: events.collect(), next: FeedCursor::START, has_more: false };
    let shown = serde_json::to_value(ShownPage::new(&page, &acme, &[1; 64])).unwrap();
    for (shown, example) in shown["events"].as_array().unwrap().iter().zip(&examples) {
        assert_eq!(shown, example);
        let schema = &openapi["components"]["schemas"]["Event"]["discriminator"]["mapping"][text(example, "type")];
        let schema = openapi.pointer(schema.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
        assert_eq!(names(&schema["required"]), names(&json!(example.as_object().unwrap().keys().collect::<Vec<_>>())));
    }
    assert_eq!(shown["events"].as_array().map(Vec::len), Some(EventType::ALL.len()));
}

fn names(list: &Value) -> std::collections::BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// An entry's event has an id that anyone can compute, and so the same wherever it is read.
#[test]
fn the_first_example_has_the_id_that_the_code_gives_it() {
    let example = example(&openapi(), EventType::EntryPosted);
    let acme = MerchantId::parse("acme").unwrap();
    let id = EventId::derive(&acme, EventType::EntryPosted, text(&example["data"], "id"));
    assert_eq!(id.to_string(), text(&example, "id"));
}
