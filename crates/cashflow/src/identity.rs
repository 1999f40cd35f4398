use std::fmt;

use uuid::Uuid;

/// The namespace of all entry ids (RFC 9562, section 5.5). Changing it would give every known entry a new name.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x6b9f_3c52_0d47_5e0a_9c1e_7f2a_51d8_c3b4);

const CHARACTERS_MAX: usize = 64;

/// The merchant that an entry belongs to: 1 to 64 visible ASCII characters, from the caller's token only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MerchantId(String);

/// The text is not a merchant id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 visible ASCII characters")]
pub struct MerchantIdError;

impl MerchantId {
    /// Reads a merchant id.
    pub fn parse(text: &str) -> Result<MerchantId, MerchantIdError> {
        if is_visible_ascii(text) { Ok(MerchantId(text.to_owned())) } else { Err(MerchantIdError) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MerchantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The client's name for one request: 1 to 64 visible ASCII characters (IETF draft "The Idempotency-Key HTTP Header Field").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// The text is not an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 visible ASCII characters")]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// Reads a bare key.
    pub fn parse(text: &str) -> Result<IdempotencyKey, IdempotencyKeyError> {
        if is_visible_ascii(text) { Ok(IdempotencyKey(text.to_owned())) } else { Err(IdempotencyKeyError) }
    }

    /// Reads the value of an `Idempotency-Key` header: a bare key or a quoted string (RFC 8941, section 3.3.3).
    pub fn parse_header(value: &str) -> Result<IdempotencyKey, IdempotencyKeyError> {
        let value = value.trim_matches([' ', '\t']);
        match value.strip_prefix('"') {
            Some(rest) => IdempotencyKey::parse(&unquote(rest)?),
            None => IdempotencyKey::parse(value),
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads what follows the opening quote of a quoted string up to its closing quote, which must end it.
fn unquote(rest: &str) -> Result<String, IdempotencyKeyError> {
    let mut text = String::new();
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' if characters.as_str().is_empty() => return Ok(text),
            '"' => return Err(IdempotencyKeyError),
            '\\' => match characters.next() {
                Some(escaped @ ('"' | '\\')) => text.push(escaped),
                _ => return Err(IdempotencyKeyError),
            },
            plain => text.push(plain),
        }
    }
    Err(IdempotencyKeyError)
}

/// The name of an entry, derived from its merchant and idempotency key: the same key always names the same entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(Uuid);

impl EntryId {
    /// The id of the entry that this merchant sends under this key: UUIDv5 over `merchant + "\n" + key`.
    ///
    /// Neither part can contain a line feed, so two different pairs never give the same text.
    pub fn derive(merchant: &MerchantId, key: &IdempotencyKey) -> EntryId {
        EntryId(Uuid::new_v5(&NAMESPACE, format!("{merchant}\n{}", key.as_str()).as_bytes()))
    }

    /// Reads an id in the hyphenated form.
    pub fn parse(text: &str) -> Option<EntryId> {
        let id = Uuid::try_parse(text).ok()?;
        (id.as_hyphenated().to_string() == text).then_some(EntryId(id))
    }

    /// Takes an id that a store has kept.
    pub fn from_uuid(id: Uuid) -> EntryId {
        EntryId(id)
    }

    /// The id as a UUID.
    pub fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

fn is_visible_ascii(text: &str) -> bool {
    (1..=CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(merchant: &str, key: &str) -> EntryId {
        EntryId::derive(&MerchantId::parse(merchant).unwrap(), &IdempotencyKey::parse(key).unwrap())
    }

    #[test]
    fn an_entry_id_never_changes() {
        // Ids are stored for ever: this value may not change with any version of the code.
        assert_eq!(id("acme", "sale-1").to_string(), "f8074bc3-3d8c-5a13-bf98-16220b3a9341");
    }

    #[test]
    fn another_merchant_or_key_gives_another_id() {
        assert_ne!(id("acme", "sale-1"), id("acme", "sale-2"));
        assert_ne!(id("acme", "sale-1"), id("emca", "sale-1"));
        assert_ne!(id("ab", "c"), id("a", "bc"));
    }

    #[test]
    fn a_merchant_is_written_as_it_is_read() {
        let longest = "m".repeat(64);
        for text in ["!", "acme~1", &longest] {
            let merchant = MerchantId::parse(text).unwrap();
            assert_eq!([merchant.as_str(), &merchant.to_string()], [text, text]);
        }
        for text in ["", "a b", "a\n", "é", &"m".repeat(65)] {
            assert_eq!(MerchantId::parse(text), Err(MerchantIdError), "{text:?}");
        }
    }

    #[test]
    fn a_quoted_key_equals_the_bare_one() {
        let bare = IdempotencyKey::parse_header("sale-1").unwrap();
        assert_eq!(IdempotencyKey::parse_header("\"sale-1\"").unwrap(), bare);
        assert_eq!(IdempotencyKey::parse_header("  sale-1 ").unwrap(), bare);
        assert_eq!(IdempotencyKey::parse_header(r#""a\"b\\c""#).unwrap().as_str(), r#"a"b\c"#);
    }

    #[test]
    fn keys_are_1_to_64_visible_ascii_characters() {
        assert!(IdempotencyKey::parse_header(&"k".repeat(64)).is_ok());
        assert!(IdempotencyKey::parse_header(&format!("\"{}\"", "k".repeat(64))).is_ok());
        let long = "k".repeat(65);
        let long_quoted = format!("\"{long}\"");
        let refused = [
            "",
            " ",
            "a b",
            "\"\"",
            "\"a",
            "\"a\"b",
            "\"a b\"",
            r#""a\x""#,
            "clé",
            "a\u{7f}",
            &long,
            &long_quoted,
            "\"",
        ];
        for value in refused {
            assert_eq!(IdempotencyKey::parse_header(value), Err(IdempotencyKeyError), "{value:?}");
        }
    }

    #[test]
    fn an_entry_id_is_read_only_in_its_canonical_form() {
        let id = id("acme", "sale-1");
        assert_eq!(EntryId::parse(&id.to_string()), Some(id));
        for text in [id.to_string().to_uppercase(), id.as_uuid().simple().to_string(), format!("{{{id}}}")] {
            assert_eq!(EntryId::parse(&text), None, "{text:?}");
        }
    }
}
