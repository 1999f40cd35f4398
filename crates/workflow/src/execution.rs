use std::str::FromStr;

use cashflow::{Entry, EntryId, Fingerprint, NAMESPACE};
use uuid::Uuid;

/// How many digits of a hash a name has: two payloads of one key that have them in common would have to be looked for among
/// some 2^45.
const DIGITS: usize = 24;

/// Which ledger records the entries, and of which epoch: `3-1f0c9a7e`. A part of what must not outlive the ledger it is about:
/// after a restore, or with another ledger, the same request has to be recorded again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation(String);

/// A text is not a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 32 letters, digits and hyphens")]
pub struct GenerationError;

impl FromStr for Generation {
    type Err = GenerationError;

    fn from_str(text: &str) -> Result<Generation, GenerationError> {
        let is_generation =
            (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if is_generation { Ok(Generation(text.to_owned())) } else { Err(GenerationError) }
    }
}

/// The name of the execution that records these entries: the same requests always give the same name, another payload
/// under a known key gives another, so that "this name exists already" means "this very request was accepted before".
///
/// One entry: its id and digits of a UUIDv5 over generation, id and fingerprint. Several: a UUIDv5 over the generation and all
/// ids and fingerprints.
pub fn execution_name(generation: &Generation, entries: &[Entry]) -> String {
    let requests: Vec<_> = entries.iter().map(|entry| (entry.id, entry.fingerprint)).collect();
    name_of(generation, &requests)
}

fn name_of(generation: &Generation, requests: &[(EntryId, Fingerprint)]) -> String {
    let of_all: String = requests.iter().map(|(id, fingerprint)| format!("{id} {fingerprint}\n")).collect();
    let hash = Uuid::new_v5(&NAMESPACE, format!("{}\n{of_all}", generation.0).as_bytes());
    match requests {
        [(id, _)] => format!("{id}-{}", &hash.simple().to_string()[..DIGITS]),
        _ => format!("batch-{}", hash.as_hyphenated()),
    }
}

/// The ids of entries as logs list them: the name of an execution of several does not tell which they are.
pub fn listed_ids(entries: &[Entry]) -> String {
    let ids: Vec<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
    ids.join(" ")
}

/// The name of the execution that runs a parked input again. Each attempt has a name of its own, because a finished name
/// cannot run again; and it follows from the input, so that of several messages about one failure only one counts.
pub(crate) fn name_of_replay(generation: &Generation, requests: &[(EntryId, Fingerprint)], attempt: u32) -> String {
    format!("{}-r{attempt}", name_of(generation, requests))
}

#[cfg(test)]
mod tests {
    use cashflow::{Amount, Currency, EntryRequest, EntryType, IdempotencyKey, MerchantId, parse_date};

    use super::*;

    const SALE_1: &str = "f8074bc3-3d8c-5a13-bf98-16220b3a9341";
    const SALE_2: &str = "fa49d23b-2fc0-5454-b3c4-bc8ae383f00b";

    fn sale(key: &str) -> Entry {
        let request = EntryRequest {
            entry_type: EntryType::Credit,
            amount: Amount::from_minor(15_075, Currency::BRL).unwrap(),
            date: None,
            description: None,
            category: None,
        };
        let acme = MerchantId::parse("acme").unwrap();
        let id = EntryId::derive(&acme, &IdempotencyKey::parse(key).unwrap());
        request.into_entry(id, parse_date("2026-11-22").unwrap())
    }

    /// A request that is repeated after a deployment must come to the name that the release before gave it.
    #[test]
    fn the_name_of_an_execution_never_changes() {
        let generation = "3-1f0c9a7e".parse().unwrap();
        let entries = [sale("sale-1"), sale("sale-2")];
        let of_one = execution_name(&generation, &entries[..1]);
        assert_eq!(of_one, format!("{SALE_1}-bcb8b57fa834577fa5c8266e"));
        assert_eq!(execution_name(&generation, &entries), "batch-cb9969ba-b366-55ee-9583-5878c9922ee3");
        let requests = [(entries[0].id, entries[0].fingerprint)];
        assert_eq!(name_of_replay(&generation, &requests, 7), format!("{of_one}-r7"));
    }

    #[test]
    fn a_log_line_lists_the_ids_in_the_order_of_the_request() {
        assert_eq!(listed_ids(&[sale("sale-2"), sale("sale-1")]), format!("{SALE_2} {SALE_1}"));
    }

    #[test]
    fn a_generation_is_short_and_plain() {
        for text in ["1", "3-1f0c9a7e", "4294967295-ffffffff", &"1".repeat(32)] {
            assert_eq!(text.parse(), Ok(Generation(text.to_owned())));
        }
        for text in ["", "a b", "a/b", "ç", &"1".repeat(33)] {
            assert_eq!(text.parse::<Generation>(), Err(GenerationError), "{text:?}");
        }
    }
}
