//! An entry is written down in many forms. Every field of it reaches each of them, or stands here with the reason why not.
//!
//! Who adds a field is led here by the compiler: [`fields`], and the code that makes a form of an entry, name all fields.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{
    Amount, Category, Currency, Description, Entry, EntryRequest, EntryType, Fingerprint, KeyConflict, PostedEntry,
    RecordedEntry, ReversalRequest, SealDigest, SealedEntry, StatementLine, StatementPage, parse_date,
};
use http_api::{
    AcceptedEntry, EntryCsv, TokenKey, accepted_response, parse_entry, parse_export_query, parse_reversal,
    pending_entry_response, recorded_entry_response, statement_response,
};
use lambda_http::{Body, Response};
use ledger::{Ledger, Outcome};
use serde_json::{Value, json};
use test_builders::{TODAY, acme, entry, id};
use test_events::{Answer, HttpEvent};
use test_stores::Database;
use workflow::RecordEntries;

/// A field of an entry, and how it is written: the name and the value.
struct Field {
    name: &'static str,
    in_workflow: Vec<(&'static str, String)>,
    /// In answers and in CSV files.
    shown: Vec<(&'static str, String)>,
}

/// The fingerprint is of use to the server alone.
const SHOWN_NOWHERE: [&str; 1] = ["fingerprint"];

/// The id of a conflict is the one that was asked for. What a conflicting reversal names is in the ledger only.
const NOT_SHOWN_OF_A_CONFLICT: [&str; 2] = ["id", "reverses"];

/// Every field of an entry that has them all. Without `..`: a new field belongs here first.
fn fields(entry: &Entry) -> Vec<Field> {
    let Entry { id, fingerprint, entry_type, amount, date, description, category, reverses } = entry;
    let alike = |name: &'static str, key: &'static str, text: String| Field {
        name,
        in_workflow: vec![(key, text.clone())],
        shown: vec![(key, text)],
    };
    let currency = ("currency", amount.currency().to_string());
    vec![
        alike("id", "id", id.to_string()),
        Field { name: "fingerprint", in_workflow: vec![("fingerprint", fingerprint.to_string())], shown: vec![] },
        alike("entry_type", "type", entry_type.to_string()),
        Field {
            name: "amount",
            in_workflow: vec![("amount_minor", amount.minor().to_string()), currency.clone()],
            shown: vec![("amount", amount.to_decimal()), currency],
        },
        alike("date", "date", date.to_string()),
        alike("description", "description", description.as_ref().unwrap().as_str().to_owned()),
        alike("category", "category", category.as_ref().unwrap().as_str().to_owned()),
        alike("reverses", "reverses", reverses.unwrap().to_string()),
    ]
}

/// Checks that a form has every field that is shown, but for these.
fn assert_shows(form: &Value, entry: &Entry, but_for: &[&str], what: &str) {
    for field in fields(entry) {
        if but_for.contains(&field.name) {
            continue;
        }
        assert_eq!(field.shown.is_empty(), SHOWN_NOWHERE.contains(&field.name), "{}", field.name);
        for (key, value) in field.shown {
            assert_eq!(form[key], json!(value), "{}, {what}: {form}", field.name);
        }
    }
}

/// Written in full, so that a new field of a request has to be said here.
fn request(description: &str, category: &str) -> EntryRequest {
    EntryRequest {
        entry_type: EntryType::Credit,
        amount: Amount::parse("123.45", Currency::BRL).unwrap(),
        date: Some(parse_date("2026-11-20").unwrap()),
        description: Some(Description::parse(description).unwrap()),
        category: Some(Category::parse(category).unwrap()),
    }
}

fn sale() -> Entry {
    request("card sale", "sales").into_entry(id("sale"), TODAY)
}

/// A reversal: the only kind of entry that has every field.
fn reversal(key: &str) -> Entry {
    entry(key).reversing(&sale()).described("returned").build()
}

fn posted(entry: Entry) -> PostedEntry {
    let posted_at = "2026-11-22T18:00:00Z".parse().unwrap();
    PostedEntry { entry, posted_at, reversed_by: None, seal: None, late: false }
}

fn shown(response: Response<Body>) -> Value {
    Answer::read(response).body
}

#[test]
fn every_field_of_an_entry_travels_through_the_workflow() {
    let entry = reversal("refund");
    let input = serde_json::to_value(RecordEntries::new(&acme(), std::slice::from_ref(&entry))).unwrap();
    for field in fields(&entry) {
        for (key, value) in field.in_workflow {
            assert_eq!(input["entries"][0][key], json!(value), "{}: {input}", field.name);
        }
    }
    let read: RecordEntries = serde_json::from_value(input).unwrap();
    assert_eq!(read.parse().unwrap(), (acme(), vec![entry]));
}

#[tokio::test]
async fn every_field_of_an_entry_is_read_back_from_the_ledger() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let refund = reversal("refund");
    let batch = ledger.post(&acme(), &[sale()]).await.unwrap();
    assert_eq!(batch.outcomes, [Outcome::Posted]);
    ledger.post(&acme(), std::slice::from_ref(&refund)).await.unwrap();

    let posted = ledger.posted(&acme(), &[refund.id]).await.unwrap();
    assert_eq!(posted.into_iter().map(|posted| posted.entry).collect::<Vec<_>>(), std::slice::from_ref(&refund));
    let recorded = ledger.recorded(&acme(), &[refund.id]).await.unwrap();
    assert_eq!(recorded.into_iter().map(|recorded| recorded.entry).collect::<Vec<_>>(), std::slice::from_ref(&refund));
    let days = (sale().date, TODAY);
    let lines = ledger.statement(&acme(), Currency::BRL, days, None, 9).await.unwrap().lines;
    assert_eq!(lines.into_iter().map(|line| line.posted.entry).collect::<Vec<_>>(), [sale(), refund.clone()]);

    // What is refused is read back like what is posted: an overtaken reversal, and another payload under a used key.
    let overtaken = reversal("second-refund");
    let conflicting = Entry { id: refund.id, ..reversal("third-refund") };
    let conflicting = Entry { fingerprint: Fingerprint::of_entry(&request("other", "others")), ..conflicting };
    let batch = ledger.post(&acme(), &[overtaken.clone(), conflicting.clone()]).await.unwrap();
    assert_eq!(batch.outcomes, [Outcome::AlreadyReversed, Outcome::Conflict]);
    let RecordedEntry::AlreadyReversed(kept, conflicts) =
        ledger.find(&acme(), overtaken.id).await.unwrap().unwrap().recorded
    else {
        panic!("posted")
    };
    assert_eq!((kept, conflicts), (overtaken, vec![]));
    let RecordedEntry::Posted(_, conflicts) = ledger.find(&acme(), refund.id).await.unwrap().unwrap().recorded else {
        panic!("not posted")
    };
    assert_eq!(conflicts.into_iter().map(|conflict| conflict.entry).collect::<Vec<_>>(), [conflicting]);
}

#[test]
fn every_field_of_an_entry_is_in_its_answer_and_in_the_cache() {
    let entry = reversal("refund");
    let accepted = AcceptedEntry::new(&acme(), &entry);
    assert_shows(&shown(accepted_response(&accepted, false)), &entry, &[], "accepted");
    let remembered = AcceptedEntry::from_cached(&accepted.to_cached(None).unwrap(), &acme()).unwrap();
    assert_shows(&shown(pending_entry_response(&remembered, None)), &entry, &[], "pending");
}

#[test]
fn every_field_of_an_entry_is_shown_in_a_lookup() {
    let (entry, key) = (reversal("refund"), "k".repeat(32).parse::<TokenKey>().unwrap());
    let conflict = KeyConflict { entry: entry.clone(), received_at: "2026-11-22T18:00:00Z".parse().unwrap() };
    let records = [
        RecordedEntry::Posted(posted(entry.clone()), vec![conflict.clone()]),
        RecordedEntry::AlreadyReversed(entry.clone(), vec![conflict]),
    ];
    for recorded in records {
        let answer = shown(recorded_entry_response(&acme(), &recorded, None, &key, None));
        assert_shows(&answer, &entry, &[], "lookup");
        assert_shows(&answer["conflicts"][0], &entry, &NOT_SHOWN_OF_A_CONFLICT, "conflict");
    }
}

#[test]
fn every_field_of_an_entry_is_shown_in_a_statement_and_its_csv() {
    let entry = reversal("refund");
    let line = StatementLine { posted: posted(entry.clone()), running_balance: 0 };
    let page = StatementPage { lines: vec![line], next: None };
    let answer = shown(statement_response(&page, Currency::BRL, None));
    assert_shows(&answer["entries"][0], &entry, &[], "statement");

    let query = parse_export_query(&HttpEvent::load("export-entries/month").request()).unwrap();
    let mut csv = EntryCsv::new(&query);
    csv.add(&page.lines);
    let Body::Text(csv) = csv.into_response(None).into_body() else { panic!("no text") };
    // No value of this entry has to be quoted.
    let rows: Vec<Vec<&str>> =
        csv.trim_start_matches('\u{feff}').lines().map(|line| line.split(',').collect()).collect();
    let row: serde_json::Map<String, Value> =
        rows[0].iter().map(|name| (*name).to_owned()).zip(rows[1].iter().map(|cell| json!(cell))).collect();
    assert_shows(&Value::Object(row), &entry, &[], "CSV");
}

#[test]
fn every_field_that_is_shown_is_in_the_description_of_the_api() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("openapi.yaml")).unwrap();
    let description: Value = serde_saphyr::from_str(&text).unwrap();
    let schemas: [(&str, &[&str]); 5] = [
        ("AcceptedReversal", &[]),
        ("PostedEntry", &[]),
        ("PendingEntry", &[]),
        ("OvertakenReversal", &[]),
        ("Conflict", &NOT_SHOWN_OF_A_CONFLICT),
    ];
    for (name, but_for) in schemas {
        let schema = &description["components"]["schemas"][name];
        for field in fields(&reversal("refund")) {
            for (key, _) in field.shown.iter().filter(|_| !but_for.contains(&field.name)) {
                let is_required = schema["required"].as_array().unwrap().contains(&json!(key));
                assert!(is_required && schema["properties"][*key].is_object(), "{}: {key} in {name}", field.name);
            }
        }
    }
}

#[test]
fn every_field_of_a_request_is_read_from_its_body() {
    let asked = request("card sale", "sales");
    let EntryRequest { entry_type, amount, date, description, category } = &asked;
    let body = json!({
        "type": entry_type.as_str(),
        "amount": amount.to_decimal(),
        "currency": amount.currency().code(),
        "date": date.unwrap().to_string(),
        "description": description.as_ref().unwrap().as_str(),
        "category": category.as_ref().unwrap().as_str(),
    });
    let event = HttpEvent::load("register-entry/entry").json(&body);
    assert_eq!(parse_entry(&event.request(), TODAY).unwrap().request, asked);

    let asked = ReversalRequest {
        original: sale().id,
        date: Some(TODAY),
        description: Some(Description::parse("returned").unwrap()),
    };
    let ReversalRequest { original, date, description } = &asked;
    let body = json!({"date": date.unwrap().to_string(), "description": description.as_ref().unwrap().as_str()});
    let event = HttpEvent::load("reverse-entry/reversal").path_part("id", &original.to_string()).json(&body);
    assert_eq!(parse_reversal(&event.request(), TODAY).unwrap().request, asked);
}

/// All of these differ.
fn assert_distinct<T: PartialEq + std::fmt::Debug>(all: &[T]) {
    for (index, one) in all.iter().enumerate() {
        assert!(!all[index + 1..].contains(one), "{index}: {one:?}");
    }
}

#[test]
fn every_field_of_a_request_is_in_its_fingerprint() {
    let asked = request("card sale", "sales");
    // Without `..`: each of these is changed below.
    let EntryRequest { entry_type, amount, date: _, description: _, category: _ } = asked.clone();
    let other_amount = Amount::from_minor(amount.minor() + 1, amount.currency()).unwrap();
    let other_currency = Amount::from_minor(amount.minor(), Currency::parse("USD").unwrap()).unwrap();
    let variants = [
        asked.clone(),
        EntryRequest { entry_type: entry_type.mirrored(), ..asked.clone() },
        EntryRequest { amount: other_amount, ..asked.clone() },
        EntryRequest { amount: other_currency, ..asked.clone() },
        EntryRequest { date: None, ..asked.clone() },
        EntryRequest { description: None, ..asked.clone() },
        EntryRequest { category: None, ..asked },
    ];
    assert_distinct(&variants.map(|request| Fingerprint::of_entry(&request)));

    let asked = ReversalRequest { original: id("sale"), date: Some(TODAY), description: None };
    let ReversalRequest { original: _, date: _, description: _ } = asked.clone();
    let variants = [
        asked.clone(),
        ReversalRequest { original: id("other"), ..asked.clone() },
        ReversalRequest { date: None, ..asked.clone() },
        ReversalRequest { description: Some(Description::parse("returned").unwrap()), ..asked },
    ];
    assert_distinct(&variants.map(|request| Fingerprint::of_reversal(&request)));
}

/// All but the fingerprint, which is no part of what was posted; currency and date are those of the day.
#[test]
fn every_field_of_an_entry_is_in_the_digest_of_a_seal() {
    let entry = reversal("refund");
    let Entry { id, fingerprint: _, entry_type, amount, date, description, category, reverses } = &entry;
    let sealed = SealedEntry {
        id: *id,
        entry_type: *entry_type,
        amount_minor: amount.minor(),
        description: description.as_ref().map(Description::as_str),
        category: category.as_ref().map(Category::as_str),
        reverses: *reverses,
    };
    let digest = |currency, date, entry: SealedEntry<'_>| {
        let mut digest = SealDigest::new(currency, date);
        digest.add(&entry);
        digest.finish()
    };
    let of_day = |entry: SealedEntry<'_>| digest(amount.currency(), *date, entry);
    assert_distinct(&[
        of_day(sealed),
        digest(Currency::parse("USD").unwrap(), *date, sealed),
        digest(amount.currency(), sale().date, sealed),
        of_day(SealedEntry { id: sale().id, ..sealed }),
        of_day(SealedEntry { entry_type: entry_type.mirrored(), ..sealed }),
        of_day(SealedEntry { amount_minor: amount.minor() + 1, ..sealed }),
        of_day(SealedEntry { description: None, ..sealed }),
        of_day(SealedEntry { category: None, ..sealed }),
        of_day(SealedEntry { reverses: None, ..sealed }),
    ]);
}
