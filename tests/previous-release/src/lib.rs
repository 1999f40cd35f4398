//! Everything that this release writes into the workflow, one of each kind: with each optional part and without it, and as long,
//! large and strange as it can be.
//!
//! `frozen/` is the reading side of the release before, as it was: `cashflow`, `workflow` and the definition of the state machine.
//! It has to read all of this, because during a deployment and after a rollback it does (`tests/`). `inputs/` is what earlier
//! releases have written, which this one has to read: for 14 days, parked inputs and failed executions run again.
//! `make freeze` makes the release that was just deployed the release before.

use cashflow::{
    Amount, CATEGORY_CHARACTERS_MAX, Category, Currency, DESCRIPTION_CHARACTERS_MAX, Date, Description, Entry, EntryId,
    EntryType, FIRST_DATE, Fingerprint, MerchantId, Month, Period, PeriodTotals, Totals,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use workflow::{EntryInput, Outcomes, PeriodTotalsState, PostedEntries, RecordEntries, Replay, UnknownFields};

/// The inputs of the state machine that this release starts, by what they are.
///
/// # Panics
/// If one of the examples is none.
#[must_use]
pub fn inputs() -> Vec<(String, Value)> {
    let merchant = merchant();
    let input = |entries: &[Entry]| RecordEntries::new(&merchant, entries);
    let mut inputs: Vec<_> = optional_parts()
        .into_iter()
        .map(|(name, entry)| (name, input(&[entry])))
        .chain([
            ("the-largest-entry".to_owned(), input(&[largest()])),
            ("a-batch".to_owned(), input(&[plain(), everything(), largest()])),
        ])
        .collect();
    let every_currency = currencies().map(|currency| Entry { amount: amount(1, currency), ..plain() });
    inputs.push(("every-currency".to_owned(), input(&every_currency.collect::<Vec<_>>())));
    inputs.push(("parked".to_owned(), RecordEntries { replay: Some(replay()), ..input(&[everything()]) }));
    inputs.iter().for_each(|(_, input)| nothing_is_left_out(input));
    inputs.into_iter().map(|(name, input)| (name, json!(input))).collect()
}

/// What `apply-to-ledger` answers and `consolidate-day` takes, by what it is.
#[must_use]
pub fn answers() -> Vec<(String, Value)> {
    let plain = PostedEntries {
        merchant_id: merchant().to_string(),
        outcomes: Outcomes { posted: 1, ..Outcomes::default() },
        conflicts: Vec::new(),
        already_reversed: Vec::new(),
        epoch: 1,
        totals_at: timestamp(),
        waiting_since: None,
        totals: totals(Totals { credits: 15_075, debits: 0, entry_count: 1 }),
        unknown: UnknownFields::default(),
    };
    let everything = PostedEntries {
        outcomes: Outcomes {
            posted: 1,
            duplicate: 2,
            conflict: 3,
            already_reversed: 4,
            unknown: UnknownFields::default(),
        },
        conflicts: vec![id(1).to_string()],
        already_reversed: vec![id(2).to_string(), id(3).to_string()],
        epoch: u32::MAX,
        waiting_since: Some(timestamp()),
        totals: totals(Totals { credits: i128::MAX, debits: i128::MAX, entry_count: u64::MAX }),
        ..plain.clone()
    };
    [("plain", plain), ("everything", everything)].map(|(name, posted)| (name.to_owned(), json!(posted))).into()
}

/// An entry for each choice of optional parts, by their names.
fn optional_parts() -> Vec<(String, Entry)> {
    let Entry { description, category, reverses, .. } = everything();
    (0..8)
        .map(|choice: u8| {
            let has = |part: u8| choice >> part & 1 == 1;
            let parts = [(0, "description"), (1, "category"), (2, "reverses")];
            let names = parts.iter().filter(|(part, _)| has(*part)).map(|(_, name)| *name);
            let entry = Entry {
                description: description.clone().filter(|_| has(0)),
                category: category.clone().filter(|_| has(1)),
                reverses: reverses.filter(|_| has(2)),
                ..plain()
            };
            (["an-entry"].into_iter().chain(names).collect::<Vec<_>>().join("-"), entry)
        })
        .collect()
}

/// An entry without what can be left out.
fn plain() -> Entry {
    Entry {
        id: id(1),
        fingerprint: Fingerprint::parse(&"0f".repeat(32)).expect("a fingerprint"),
        entry_type: EntryType::Credit,
        amount: amount(15_075, Currency::BRL),
        date: Date::constant(2026, 11, 22),
        description: None,
        category: None,
        reverses: None,
    }
}

/// An entry with everything. Written in full, so that a new part of an entry has to be said here, and then its name above.
fn everything() -> Entry {
    Entry {
        id: id(2),
        fingerprint: Fingerprint::parse(&"f0".repeat(32)).expect("a fingerprint"),
        entry_type: EntryType::Debit,
        amount: amount(1, Currency::BRL),
        date: FIRST_DATE,
        description: Some(Description::parse("Venda no cartão, 3 × \"à vista\" \\ 😀").expect("a description")),
        category: Some(Category::parse("vendas").expect("a category")),
        reverses: Some(id(1)),
    }
}

/// An entry in which all is as large as it can be.
fn largest() -> Entry {
    Entry {
        amount: amount(999_999_999_999_999, Currency::BRL),
        date: Date::constant(9999, 12, 31),
        description: Some(Description::parse(&"😀".repeat(DESCRIPTION_CHARACTERS_MAX)).expect("a description")),
        category: Some(Category::parse(&"ç".repeat(CATEGORY_CHARACTERS_MAX)).expect("a category")),
        ..everything()
    }
}

/// Fails to compile, or fails, when an input has a part that no example has.
fn nothing_is_left_out(input: &RecordEntries) {
    let RecordEntries { merchant_id: _, entries, replay: _, unknown } = input;
    assert!(unknown.is_empty());
    if let [_, everything, _] = &entries[..] {
        let EntryInput {
            id: _,
            fingerprint: _,
            entry_type: _,
            amount_minor: _,
            currency: _,
            date: _,
            description,
            category,
            reverses,
            unknown,
        } = everything;
        assert!(description.is_some() && category.is_some() && reverses.is_some() && unknown.is_empty());
    }
}

fn replay() -> Replay {
    Replay { attempt: 1, first_parked_at: timestamp(), unknown: UnknownFields::default() }
}

fn totals(totals: Totals) -> Vec<PeriodTotalsState> {
    let day = Date::constant(2026, 11, 22);
    let periods = [Period::Day(day), Period::Month(Month::of(day))];
    periods.map(|period| PeriodTotalsState::new(&PeriodTotals { period, currency: Currency::BRL, totals })).into()
}

/// Every currency in which there can be entries.
fn currencies() -> impl Iterator<Item = Currency> {
    let letters = || 'A'..='Z';
    letters()
        .flat_map(move |first| letters().flat_map(move |second| letters().map(move |third| [first, second, third])))
        .filter_map(|code| Currency::parse(&String::from_iter(code)).ok())
}

fn merchant() -> MerchantId {
    MerchantId::parse("acme").expect("a merchant")
}

fn id(number: u8) -> EntryId {
    EntryId::parse(&format!("00000000-0000-5000-8000-0000000000{number:02}")).expect("an id")
}

fn amount(minor: i64, currency: Currency) -> Amount {
    Amount::from_minor(minor, currency).expect("an amount")
}

fn timestamp() -> Timestamp {
    "2026-11-22T15:04:05.123456Z".parse().expect("a moment")
}
