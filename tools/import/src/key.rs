//! Idempotency keys of rows: the same row always has the same key, in any file, so that nothing is posted twice.

use std::collections::HashMap;

use cashflow::{Category, Description, IdempotencyKey, IdempotencyKeyError};
use sha2::{Digest, Sha256};

use crate::rows::{Movement, Reason};

/// The bytes of a hash that are kept of each row. Two of a billion rows are equal with a chance of 1 in 10^21.
pub type Short = [u8; 16];

/// How many bytes of a hash make a key.
const KEY_BYTES: usize = 20;

/// Gives the rows of one file their keys, in the order of the file.
///
/// A key is `import-` and the first 20 bytes, in hexadecimal, of the SHA-256 of a text. The text is a list of fields, each
/// written as its length in bytes, a colon, the field and a line feed, or `absent` and a line feed:
///
/// - for a row that the bank has given an id: `import-id/1`, account, id;
/// - for any other, and for all with `--ignore-ids`: `import-row/1`, account, type, amount in minor units, currency, date,
///   description, category, and which of the equal rows of this file it is, counted from 1.
///
/// The account is `ACCTID` in OFX, and the value of `--account` where the file names none. Keys are stored for ever: none of this
/// may change.
#[derive(Debug, Default)]
pub struct Keys {
    /// How often each content has come so far among the rows that have a key of this kind.
    occurrences: HashMap<Short, u64>,
    /// How often it has come among all rows, as it is counted with `--ignore-ids`.
    occurrences_of_all: HashMap<Short, u64>,
    /// How often it has come among rows without an id, as it is counted without `--ignore-ids`.
    occurrences_without_id: HashMap<Short, u64>,
    /// Whether there is one way only to import the file.
    has_no_ids: bool,
}

/// The keys of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowKeys {
    /// The one that it is sent under.
    pub key: IdempotencyKey,
    /// Those under which another way of reading the same file would have sent it, or has in an earlier version.
    pub others: Vec<IdempotencyKey>,
}

impl Keys {
    /// Keys for a file whose rows may have ids, or for one that has none, which takes less memory.
    pub fn new(may_have_ids: bool) -> Keys {
        Keys { has_no_ids: !may_have_ids, ..Keys::default() }
    }

    /// The keys of the next row.
    pub fn next_keys(&mut self, movement: &Movement) -> Result<RowKeys, Reason> {
        let account = movement.account.as_deref();
        let bank_id = movement.id.as_ref().or(movement.ignored_id.as_ref());
        let content = content(movement, movement.request.description.as_ref());
        if self.has_no_ids {
            return Ok(RowKeys { key: key_of(numbered(&mut self.occurrences, &content))?, others: Vec::new() });
        }
        let of_all = numbered(&mut self.occurrences_of_all, &content);
        let without_id = bank_id.is_none().then(|| numbered(&mut self.occurrences_without_id, &content));
        let by_id = bank_id.map(|id| hash_of(&[Some("import-id/1"), account, Some(id)]));
        let key = match (&movement.id, by_id) {
            (Some(_), Some(by_id)) => by_id,
            _ => numbered(&mut self.occurrences, &content),
        };
        let mut others: Vec<[u8; 32]> = [by_id, Some(of_all), without_id].into_iter().flatten().collect();
        if let Some(misread) = movement.misread.as_ref().filter(|_| movement.id.is_none()) {
            others.push(numbered(&mut self.occurrences_of_all, &self::content(movement, Some(misread))));
        }
        others.retain(|other| *other != key);
        others.dedup();
        Ok(RowKeys { key: key_of(key)?, others: others.into_iter().map(key_of).collect::<Result<_, _>>()? })
    }
}

fn key_of(hash: [u8; 32]) -> Result<IdempotencyKey, Reason> {
    let digits: String = hash[..KEY_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
    IdempotencyKey::parse(&format!("import-{digits}")).map_err(|error: IdempotencyKeyError| Reason::new("id", error))
}

/// What tells apart the ids of a file: an id is the bank's for one account.
pub fn short_of_id(account: Option<&str>, id: &str) -> Short {
    short(&hash_of(&[Some("import-id/1"), account, Some(id)]))
}

/// What tells apart the contents of rows.
pub fn short_of_content(movement: &Movement) -> Short {
    short(&hash_of(&borrowed(&content(movement, movement.request.description.as_ref()))))
}

/// The fields of a content. Which of the equal rows it is, comes last.
fn content(movement: &Movement, description: Option<&Description>) -> Vec<Option<String>> {
    let request = &movement.request;
    vec![
        Some("import-row/1".to_owned()),
        movement.account.clone(),
        Some(request.entry_type.as_str().to_owned()),
        Some(request.amount.minor().to_string()),
        Some(request.amount.currency().code().to_owned()),
        Some(movement.date.to_string()),
        description.map(|text| text.as_str().to_owned()),
        request.category.as_ref().map(|text: &Category| text.as_str().to_owned()),
    ]
}

fn borrowed(fields: &[Option<String>]) -> Vec<Option<&str>> {
    fields.iter().map(Option::as_deref).collect()
}

/// The hash of a content with its number among equal ones.
fn numbered(occurrences: &mut HashMap<Short, u64>, content: &[Option<String>]) -> [u8; 32] {
    let mut fields = borrowed(content);
    let occurrence = occurrences.entry(short(&hash_of(&fields))).or_default();
    *occurrence += 1;
    let number = occurrence.to_string();
    fields.push(Some(&number));
    hash_of(&fields)
}

/// Each field with its length, so that no two different lists give the same text.
fn hash_of(fields: &[Option<&str>]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for field in fields {
        match field {
            Some(text) => hash.update(format!("{}:{text}\n", text.len())),
            None => hash.update("absent\n"),
        }
    }
    hash.finalize().into()
}

fn short(hash: &[u8; 32]) -> Short {
    let mut short = Short::default();
    short.copy_from_slice(&hash[..size_of::<Short>()]);
    short
}

#[cfg(test)]
mod tests {
    use cashflow::{Amount, Currency, EntryRequest, EntryType};
    use jiff::civil::date;

    use super::*;

    fn movement(amount: &str, id: Option<&str>) -> Movement {
        let date = date(2026, 11, 22);
        Movement {
            request: EntryRequest {
                entry_type: EntryType::Credit,
                amount: Amount::parse(amount, Currency::BRL).unwrap(),
                date: Some(date),
                description: Some(Description::parse("Venda à vista").unwrap()),
                category: None,
            },
            date,
            account: None,
            id: id.map(str::to_owned),
            ignored_id: None,
            entry_id: None,
            misread: None,
        }
    }

    fn keys(movements: &[Movement]) -> Vec<String> {
        let mut keys = Keys::default();
        movements.iter().map(|movement| keys.next_keys(movement).unwrap().key.as_str().to_owned()).collect()
    }

    #[test]
    fn keys_never_change() {
        // The server keeps keys for ever. If these values change, every statement imported so far can be imported a second time.
        let of_account = |account: &str, movement| Movement { account: Some(account.to_owned()), ..movement };
        let expected = [
            "import-460564f56cff1d3fc0b20236fded60559e5dd0bd",
            "import-82e7967268db642e615d0164c2db364f60014ba5",
            "import-c9df3a3ac9d2b5c4ccfa9e0265a5250cf798ab5f",
            "import-00cc749c2d8f9f8dccefb6c645dec68fc8ce1422",
            "import-1da66c19666831214f0aa2ffe1851ee55f23a9e0",
        ];
        let movements = [
            movement("150.75", None),
            movement("150.75", None),
            of_account("12-3", movement("150.75", None)),
            movement("150.75", Some("A1")),
            of_account("12-3", movement("150.75", Some("A1"))),
        ];
        assert_eq!(keys(&movements), expected);
    }

    #[test]
    fn the_same_row_has_the_same_key_wherever_it_stands() {
        let (a, b) = (movement("1.00", None), || movement("2.00", None));
        let first = keys(&[movement("1.00", None), b(), b()]);
        let second = keys(&[b(), b(), a, b()]);
        assert_eq!(first[0], second[2]);
        assert_eq!(first[1..], second[..2]);
        assert!(!first.contains(&second[3]), "a third equal row is another row");
    }

    #[test]
    fn every_value_that_is_sent_makes_another_key() {
        let base = || movement("1.00", None);
        let mut movements =
            vec![base(), movement("1.01", None), movement("1.00", Some("1")), movement("1.00", Some("2"))];
        let mut change = |change: &dyn Fn(&mut Movement)| {
            let mut movement = base();
            change(&mut movement);
            movements.push(movement);
        };
        change(&|m| m.request.entry_type = EntryType::Debit);
        change(&|m| m.request.amount = Amount::parse("1.00", Currency::parse("USD").unwrap()).unwrap());
        change(&|m| m.date = date(2026, 11, 23));
        change(&|m| m.request.description = None);
        change(&|m| m.request.description = Some(Description::parse("Venda").unwrap()));
        change(&|m| m.request.category = Some(Category::parse("Venda à vista").unwrap()));
        change(&|m| m.account = Some("1".to_owned()));
        change(&|m| {
            m.request.category = m.request.description.take().map(|text| Category::parse(text.as_str()).unwrap());
        });
        let mut keys = keys(&movements);
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn the_other_keys_of_a_row_are_those_of_the_other_ways_to_import_it() {
        let ids = [Some("A1"), None, Some("A2"), Some("A1"), None];
        let with_ids: Vec<_> = ids.map(|id| movement("1.00", id)).into();
        let ignoring = |id: Option<&str>| Movement { ignored_id: id.map(str::to_owned), ..movement("1.00", None) };
        let without_ids: Vec<_> = ids.map(ignoring).into();
        let all = |movements: &[Movement]| {
            let mut keys = Keys::default();
            movements.iter().map(|movement| keys.next_keys(movement).unwrap()).collect::<Vec<_>>()
        };
        for (first, second) in [(&with_ids, &without_ids), (&without_ids, &with_ids)] {
            for (first, second) in all(first).into_iter().zip(all(second)) {
                assert!(second.key == first.key || second.others.contains(&first.key), "{first:?} {second:?}");
                assert!(!second.others.contains(&second.key));
            }
        }
        let plain = all(&[movement("1.00", None), movement("1.00", None)]);
        assert!(plain.iter().all(|keys| keys.others.is_empty()), "there is one way only");
    }

    #[test]
    fn a_text_that_was_misread_has_the_key_of_that_time_among_its_others() {
        let text = |text: &str| Description::parse(text).unwrap();
        let mut before = movement("1.00", None);
        before.request.description = Some(text("manutenÃ§Ã£o"));
        let mut now = movement("1.00", None);
        now.request.description = Some(text("manutenção"));
        now.misread = Some(text("manutenÃ§Ã£o"));
        let before = Keys::default().next_keys(&before).unwrap().key;
        assert_eq!(Keys::default().next_keys(&now).unwrap().others, [before]);
    }

    #[test]
    fn any_id_makes_a_valid_key() {
        for id in ["", " ", "ç", "a\nb", &"x".repeat(10_000)] {
            assert_eq!(keys(&[movement("1.00", Some(id))])[0].len(), 47);
        }
    }
}
