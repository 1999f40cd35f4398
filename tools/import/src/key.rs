//! Idempotency keys of rows: the same row always has the same key, in any file, so that nothing is posted twice.

use std::collections::HashMap;

use cashflow::{Category, Description, IdempotencyKey, IdempotencyKeyError};
use sha2::{Digest, Sha256};

use crate::rows::{Movement, Reason};

/// How many bytes of a hash are kept of each row. Two of a billion rows are equal with a chance of 1 in 10^21.
type Short = [u8; 16];

/// How many bytes of a hash make a key.
const KEY_BYTES: usize = 20;

/// Gives the rows of one file their keys, in the order of the file.
///
/// A key is `import-` and the first 20 bytes, in hexadecimal, of the SHA-256 of a text. The text is a list of fields, each
/// written as its length in bytes, a colon, the field and a line feed, or `absent` and a line feed:
///
/// - for a row that the bank has given an id: `import-id/1`, account, id;
/// - for any other: `import-row/1`, account, type, amount in minor units, currency, date, description, category, and which of
///   the equal rows of this file it is, counted from 1.
///
/// The account is `ACCTID` in OFX and the value of `--account` in CSV. Keys are stored for ever: none of this may change.
#[derive(Debug, Default)]
pub struct Keys {
    /// How often each content has come so far.
    occurrences: HashMap<Short, u64>,
    /// The line of the row with each id.
    lines: HashMap<Short, u64>,
}

impl Keys {
    /// The key of the next row, or why it has none: of two rows with one id nobody can say whether they are the same.
    pub fn next_key(&mut self, movement: &Movement, line: u64) -> Result<IdempotencyKey, Reason> {
        let account = movement.account.as_deref();
        let hash = match &movement.id {
            Some(id) => {
                let hash = hash_of(&[Some("import-id/1"), account, Some(id)]);
                if let Some(first) = self.lines.get(&short(&hash)) {
                    return Err(Reason::new("id", format!("is also that of the row in line {first}")));
                }
                self.lines.insert(short(&hash), line);
                hash
            }
            None => self.content_hash(movement, account),
        };
        let digits: String = hash[..KEY_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        IdempotencyKey::parse(&format!("import-{digits}"))
            .map_err(|error: IdempotencyKeyError| Reason::new("id", error))
    }

    fn content_hash(&mut self, movement: &Movement, account: Option<&str>) -> [u8; 32] {
        let request = &movement.request;
        let (minor, date) = (request.amount.minor().to_string(), movement.date.to_string());
        let content = [
            Some("import-row/1"),
            account,
            Some(request.entry_type.as_str()),
            Some(&minor),
            Some(request.amount.currency().code()),
            Some(&date),
            request.description.as_ref().map(Description::as_str),
            request.category.as_ref().map(Category::as_str),
        ];
        let occurrence = self.occurrences.entry(short(&hash_of(&content))).or_default();
        *occurrence += 1;
        let number = occurrence.to_string();
        let mut numbered = content.to_vec();
        numbered.push(Some(&number));
        hash_of(&numbered)
    }
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
        }
    }

    fn keys(movements: &[Movement]) -> Vec<String> {
        let mut keys = Keys::default();
        movements.iter().map(|movement| keys.next_key(movement, 1).unwrap().as_str().to_owned()).collect()
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
    fn of_two_rows_with_one_id_the_second_is_refused() {
        let mut keys = Keys::default();
        assert!(keys.next_key(&movement("1.00", Some("A1")), 2).is_ok());
        let refused = keys.next_key(&movement("1.00", Some("A1")), 7);
        assert_eq!(refused.unwrap_err().to_string(), "id: is also that of the row in line 2");
    }

    #[test]
    fn any_id_makes_a_valid_key() {
        for id in ["", " ", "ç", "a\nb", &"x".repeat(10_000)] {
            assert_eq!(keys(&[movement("1.00", Some(id))])[0].len(), 47);
        }
    }
}
