//! What the state machine carries.

use cashflow::{Entry, FIRST_DATE, MerchantId};
use serde_json::{Value, json};
use workflow::{PeriodTotalsState, PostedEntries, RecordEntries, execution_name};

use crate::{
    entries::assert_text,
    values::{assert_amount, assert_currency},
};

/// The longest name of an execution, in characters.
const EXECUTION_NAME_MAX: usize = 80;

/// The input of the state machine.
pub(crate) fn record_entries(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(input) = serde_json::from_value::<RecordEntries>(value.clone()) else { return };
    assert_eq!(serde_json::from_value::<RecordEntries>(json!(input)).ok().as_ref(), Some(&input));
    let Ok((merchant, entries)) = input.parse() else { return };
    assert!(!entries.is_empty());
    assert_all_is_read(&value, &json!(RecordEntries::new(&merchant, &entries)));
    for (entry, sent) in entries.iter().zip(value["entries"].as_array().expect("entries")) {
        assert_eq!(sent["date"], entry.date.to_string());
        assert_amount(entry.amount);
        assert!(entry.date >= FIRST_DATE, "{}", entry.date);
        entry.description.iter().for_each(|text| assert_text(text.as_str(), 255));
        entry.category.iter().for_each(|text| assert_text(text.as_str(), 100));
    }
    assert_recorded(&merchant, &entries);
}

/// No field of what is posted was ignored: whatever it says, it says again when it is written.
fn assert_all_is_read(sent: &Value, written: &Value) {
    let says = |object: &Value, field: &String| object.get(field).is_some_and(|value| !value.is_null());
    let all_of = |sent: &Value, written: &Value, except: &[&str]| {
        for field in sent.as_object().expect("an object").keys().filter(|field| !except.contains(&field.as_str())) {
            assert_eq!(says(sent, field), says(written, field), "{field}");
        }
    };
    all_of(sent, written, &["replay"]);
    let entries = |input: &Value| input["entries"].as_array().expect("entries").clone();
    entries(sent).iter().zip(&entries(written)).for_each(|(sent, written)| all_of(sent, written, &[]));
}

/// Checks that entries are read from the input that records them as they were, and that their execution can have its name.
pub(crate) fn assert_recorded(merchant: &MerchantId, entries: &[Entry]) {
    let input = RecordEntries::new(merchant, entries);
    let read: RecordEntries = serde_json::from_value(json!(input)).expect("what was written");
    let (merchant_read, entries_read) = read.parse().expect("what was written");
    assert_eq!((&merchant_read, entries_read.as_slice()), (merchant, entries));
    let generation = "4294967295-1f0c9a7e".parse().expect("a generation");
    for attempt in [1, u32::MAX] {
        let name = input.replay_name(&generation, attempt).expect("what was written");
        assert_execution_name(&name);
        assert_eq!(name, format!("{}-r{attempt}", execution_name(&generation, entries)));
    }
    assert_execution_name(&execution_name(&generation, entries));
}

/// Checks that an execution can have this name.
pub(crate) fn assert_execution_name(name: &str) {
    assert!(name.len() <= EXECUTION_NAME_MAX, "{name}");
    assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{name}");
}

/// What `ApplyToLedger` answers and `ConsolidateDay` takes.
pub(crate) fn posted_entries(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(posted) = serde_json::from_value::<PostedEntries>(value) else { return };
    assert_eq!(serde_json::from_value::<PostedEntries>(json!(posted)).ok().as_ref(), Some(&posted));
    let Ok((merchant, totals)) = posted.parse_totals() else { return };
    for period in &totals {
        assert_currency(period.currency);
        assert!(period.totals.credits >= 0 && period.totals.debits >= 0, "{period:?}");
    }
    let written = totals.iter().map(PeriodTotalsState::new).collect();
    let again = PostedEntries { totals: written, ..posted };
    assert_eq!(again.parse_totals(), Ok((merchant, totals)));
}
