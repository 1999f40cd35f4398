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
mod tests;
