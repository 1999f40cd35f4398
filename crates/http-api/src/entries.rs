use std::collections::HashMap;

use cashflow::{
    Amount, AmountError, Category, Currency, Date, DateError, Description, EntryRequest, EntryType, IdempotencyKey,
    check_entry_date, parse_date,
};
use lambda_http::Request;

use crate::{
    Code, Fault, FaultCode, Flaw, Problem,
    body::{Faults, NotText, Object, parse_body, wrong_type},
    json::Json,
    query::Query,
};

/// The most entries of a batch.
pub const BATCH_ENTRIES_MAX: usize = 500;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// One entry that a client wants recorded, under its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The client's name for this request.
    pub key: IdempotencyKey,
    /// What is to be recorded.
    pub request: EntryRequest,
}

/// Reads `POST /entries`; `today` bounds how far ahead an entry may be dated.
pub fn parse_entry(request: &Request, today: Date) -> Result<NewEntry, Problem> {
    Query::read(request, &[]).none_or_problem()?;
    let key = header_key(request)?;
    let body = parse_body(request)?;
    let mut faults = Faults::default();
    let entry = match &body {
        Json::Object(members) => parse_entry_object(&mut Object::new("", members, &mut faults), today),
        other => {
            faults.add("", wrong_type("an object", other));
            None
        }
    };
    faults.none_or_problem()?;
    entry.map(|request| NewEntry { key, request }).ok_or_else(Problem::internal_error)
}

/// Reads `POST /entries/batch`. One invalid entry refuses the whole batch.
pub fn parse_batch(request: &Request, today: Date) -> Result<Vec<NewEntry>, Problem> {
    Query::read(request, &[]).none_or_problem()?;
    let body = parse_body(request)?;
    let mut faults = Faults::default();
    let entries = parse_batch_body(&body, today, &mut faults);
    faults.none_or_problem()?;
    Ok(entries)
}

fn parse_batch_body(body: &Json, today: Date, faults: &mut Faults) -> Vec<NewEntry> {
    let Json::Object(members) = body else {
        faults.add("", wrong_type("an object", body));
        return Vec::new();
    };
    let mut object = Object::new("", members, faults);
    let entries = object.required("entries").and_then(|value| match value {
        Json::Array(entries) => Some(entries.as_slice()),
        other => {
            object.fault("entries", wrong_type("an array", other));
            None
        }
    });
    object.refuse_other_members();
    match entries {
        Some([]) => faults.add("/entries", Flaw::new(FaultCode::TooFewEntries, "must have at least 1 entry").beyond(1)),
        Some(entries) if entries.len() > BATCH_ENTRIES_MAX => {
            let detail = format!("must have at most {BATCH_ENTRIES_MAX} entries, has {}", entries.len());
            faults.add("/entries", Flaw::new(FaultCode::TooManyEntries, detail).beyond(BATCH_ENTRIES_MAX));
        }
        Some(entries) => return parse_batch_entries(entries, today, faults),
        None => {}
    }
    Vec::new()
}

fn parse_batch_entries(entries: &[Json], today: Date, faults: &mut Faults) -> Vec<NewEntry> {
    let mut parsed = Vec::with_capacity(entries.len());
    let mut first_use = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let pointer = format!("/entries/{index}");
        let Json::Object(members) = entry else {
            faults.add(pointer, wrong_type("an object", entry));
            continue;
        };
        let mut object = Object::new(&pointer, members, faults);
        let key = object.required_text("idempotency_key").and_then(|text| match IdempotencyKey::parse(text) {
            Ok(key) => Some(key),
            Err(error) => {
                object.fault("idempotency_key", error);
                None
            }
        });
        if let Some(first) = key.clone().and_then(|key| first_use.insert(key, index)) {
            let detail = format!("is also the key of entry {first} of this batch");
            object.fault("idempotency_key", Flaw::new(FaultCode::DuplicateKey, detail));
        }
        let request = parse_entry_object(&mut object, today);
        if let (Some(key), Some(request)) = (key, request) {
            parsed.push(NewEntry { key, request });
        }
    }
    parsed
}

/// Reads the members of an entry; whatever is wrong is noted, and then there is no entry.
fn parse_entry_object(object: &mut Object<'_, '_>, today: Date) -> Option<EntryRequest> {
    let entry_type = object.required_text("type").and_then(|text| object.check("type", EntryType::parse(text)));
    let currency = match object.optional_text("currency") {
        Ok(Some(code)) => object.check("currency", Currency::parse(code)),
        Ok(None) => Some(Currency::BRL),
        Err(NotText) => None,
    };
    let amount = parse_amount(object, currency);
    let date = parse_entry_date(object, today);
    let description = object.optional_parsed("description", Description::parse);
    let category = object.optional_parsed("category", Category::parse);
    object.refuse_other_members();
    Some(EntryRequest {
        entry_type: entry_type?,
        amount: amount?,
        date: date?,
        description: description?,
        category: category?,
    })
}

/// The business date, if the client named one.
pub(crate) fn parse_entry_date(object: &mut Object<'_, '_>, today: Date) -> Option<Option<Date>> {
    object.optional_parsed("date", |text| {
        let date = parse_date(text)?;
        check_entry_date(date, today)?;
        Ok::<_, DateError>(date)
    })
}

fn parse_amount(object: &mut Object<'_, '_>, currency: Option<Currency>) -> Option<Amount> {
    let value = object.required("amount")?;
    let Json::String(text) = value else {
        object.fault("amount", wrong_type("a decimal string such as \"150.75\"", value));
        return None;
    };
    match (Amount::parse(text, currency.unwrap_or(Currency::BRL)), currency) {
        (Ok(amount), Some(_)) => Some(amount),
        // The number of fraction digits of an unknown currency is unknown.
        (Ok(_) | Err(AmountError::TooManyFractionDigits { .. }), None) => None,
        (Err(error), _) => {
            object.fault("amount", error);
            None
        }
    }
}

/// The key that names the request.
pub(crate) fn header_key(request: &Request) -> Result<IdempotencyKey, Problem> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY).iter();
    let value = values.next().ok_or_else(|| {
        Problem::new(
            Code::IdempotencyKeyMissing,
            "Name this request with an Idempotency-Key header, and keep the name when you repeat it.",
        )
    })?;
    let value = value.to_str().unwrap_or_default();
    // The gateway joins headers of one name with a comma: two keys must not name a third request.
    if values.next().is_some() || (value.contains(',') && !value.trim_start().starts_with('"')) {
        let detail = "Send one Idempotency-Key header, and a key that has a comma in quotes: \"a,b\".";
        return Err(Problem::new(Code::IdempotencyKeyInvalid, detail));
    }
    IdempotencyKey::parse_header(value).map_err(|_| {
        Problem::new(Code::IdempotencyKeyInvalid, "Idempotency-Key must be 1 to 64 visible ASCII characters.")
    })
}

/// Where the idempotency key of an entry stands in its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyLocation {
    /// In the header `Idempotency-Key`.
    Header,
    /// In the entry with this index of a batch.
    Batch(usize),
}

/// The refusal of a request that uses keys which were used with another payload.
pub fn reused_keys(locations: &[KeyLocation]) -> Problem {
    let faults = locations
        .iter()
        .filter_map(|location| match location {
            KeyLocation::Header => None,
            KeyLocation::Batch(index) => {
                let flaw = Flaw::new(FaultCode::KeyReused, "was used before with another payload");
                Some(Fault::at(format!("/entries/{index}/idempotency_key"), flaw))
            }
        })
        .collect();
    Problem {
        errors: faults,
        ..Problem::new(
            Code::IdempotencyKeyReused,
            "A key names one request for ever: repeat the same payload, or use a new key. Nothing was changed.",
        )
    }
}
