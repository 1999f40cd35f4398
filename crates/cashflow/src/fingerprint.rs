use std::fmt;

use sha2::{Digest, Sha256};

use crate::{Category, Description, EntryRequest, ReversalRequest};

/// A SHA-256 over a request as sent, normalised: two requests with the same key are the same request if and only if
/// their fingerprints are equal.
///
/// Normalised means: the amount in minor units (`150.7` equals `150.70`), the fixed default of the currency filled in, and
/// everything else as it came. An absent date stays absent, so that a repeat after midnight is still a repeat.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// The text or bytes are not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 64 lower-case hexadecimal digits")]
pub struct FingerprintError;

impl Fingerprint {
    /// The fingerprint of a request to record an entry.
    pub fn of_entry(request: &EntryRequest) -> Fingerprint {
        // Without `..`, so that a field that the fingerprint lacks does not compile.
        let EntryRequest { entry_type, amount, date, description, category } = request;
        Fingerprint::of_fields([
            Some("entry/1"),
            Some(entry_type.as_str()),
            Some(&amount.minor().to_string()),
            Some(amount.currency().code()),
            date.map(|date| date.to_string()).as_deref(),
            description.as_ref().map(Description::as_str),
            category.as_ref().map(Category::as_str),
        ])
    }

    /// The fingerprint of a request to reverse an entry.
    pub fn of_reversal(request: &ReversalRequest) -> Fingerprint {
        let ReversalRequest { original, date, description } = request;
        Fingerprint::of_fields([
            Some("reversal/1"),
            Some(&original.to_string()),
            date.map(|date| date.to_string()).as_deref(),
            description.as_ref().map(Description::as_str),
        ])
    }

    /// The text that is hashed names the operation and its version first, so that no two operations share a fingerprint,
    /// then each field with its length, so that no two different requests give the same text. Fingerprints are stored for
    /// ever: a change of this text needs a new version and code that still recognises the old one.
    fn of_fields<const COUNT: usize>(fields: [Option<&str>; COUNT]) -> Fingerprint {
        let mut hash = Sha256::new();
        for field in fields {
            match field {
                Some(text) => hash.update(format!("{}:{text}\n", text.len())),
                None => hash.update("absent\n"),
            }
        }
        Fingerprint(hash.finalize().into())
    }

    /// Takes a fingerprint that a store has kept.
    pub fn from_bytes(bytes: &[u8]) -> Result<Fingerprint, FingerprintError> {
        bytes.try_into().map(Fingerprint).map_err(|_| FingerprintError)
    }

    /// Reads the form that [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Result<Fingerprint, FingerprintError> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(FingerprintError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_value(pair[0])? << 4 | hex_value(pair[1])?;
        }
        Ok(Fingerprint(bytes))
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn hex_value(digit: u8) -> Result<u8, FingerprintError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(FingerprintError),
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A batch is full of them, and the formatter takes its time with every byte: see ADR 16.
        let digits = self.0.map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]]);
        f.write_str(str::from_utf8(digits.as_flattened()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jiff::civil::date;

    use super::*;
    use crate::{Amount, Currency, EntryId, EntryType};

    fn request() -> EntryRequest {
        EntryRequest {
            entry_type: EntryType::Credit,
            amount: Amount::parse("150.75", Currency::BRL).unwrap(),
            date: Some(date(2026, 11, 22)),
            description: Some(Description::parse("card sale").unwrap()),
            category: None,
        }
    }

    #[test]
    fn a_fingerprint_never_changes() {
        // Fingerprints are stored for ever: this value may not change with any version of the code.
        let expected = "f0c02ee8b8d82b14f0a2ab1e5650b9480ea018ece4144c3e36e5c763783e120e";
        assert_eq!(Fingerprint::of_entry(&request()).to_string(), expected);
    }

    #[test]
    fn a_reversals_fingerprint_never_changes_and_every_field_counts() {
        let original = EntryId::parse("f8074bc3-3d8c-5a13-bf98-16220b3a9341").unwrap();
        let bare = ReversalRequest { original, date: None, description: None };
        let dated = ReversalRequest { date: Some(date(2026, 11, 23)), ..bare.clone() };
        let described =
            ReversalRequest { description: Some(Description::parse("Returned goods").unwrap()), ..bare.clone() };
        let other = EntryId::parse("00000000-0000-5000-8000-000000000000").unwrap();
        let of_other = ReversalRequest { original: other, ..bare.clone() };
        let all = [&bare, &dated, &described, &of_other].map(Fingerprint::of_reversal);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 4);
        assert_eq!(all[0].to_string(), "bd94a5ce43f63d483138621617c8cdf96f7a9b66e407e43b240c97e68a30befa");
        assert_eq!(all[1].to_string(), "988d528da2dfa7c11a09d3fc593060de6dcab1fe27b1d8285969dd0532897a9d");
    }

    #[test]
    fn every_field_counts() {
        let original = Fingerprint::of_entry(&request());
        let changes: [fn(&mut EntryRequest); 8] = [
            |r| r.entry_type = EntryType::Debit,
            |r| r.amount = Amount::parse("150.76", Currency::BRL).unwrap(),
            |r| r.amount = Amount::from_minor(15_075, Currency::parse("USD").unwrap()).unwrap(),
            |r| r.date = None,
            |r| r.date = Some(date(2026, 11, 23)),
            |r| r.description = None,
            |r| r.description = Some(Description::parse("").unwrap()),
            |r| {
                r.description = None;
                r.category = Some(Category::parse("card sale").unwrap());
            },
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut changed = request();
            change(&mut changed);
            assert_ne!(Fingerprint::of_entry(&changed), original, "change {index}");
        }
    }

    #[test]
    fn a_text_cannot_pass_for_a_field_boundary() {
        let with = |description: &str, category: &str| {
            Fingerprint::of_entry(&EntryRequest {
                description: Some(Description::parse(description).unwrap()),
                category: Some(Category::parse(category).unwrap()),
                ..request()
            })
        };
        assert_ne!(with("a1:b", ""), with("a", "1:b"));
        assert_ne!(with("absent", "x"), with("", "absentx"));
    }

    #[test]
    fn the_same_amount_written_otherwise_is_the_same_request() {
        let shorter = EntryRequest { amount: Amount::parse("150.7", Currency::BRL).unwrap(), ..request() };
        let longer = EntryRequest { amount: Amount::parse("150.70", Currency::BRL).unwrap(), ..request() };
        assert_eq!(Fingerprint::of_entry(&shorter), Fingerprint::of_entry(&longer));
    }

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let fingerprint = Fingerprint::of_entry(&request());
        assert_eq!(Fingerprint::parse(&fingerprint.to_string()), Ok(fingerprint));
        assert_eq!(Fingerprint::from_bytes(fingerprint.as_bytes()), Ok(fingerprint));
        let upper = fingerprint.to_string().to_uppercase();
        for text in ["", "00", &"g".repeat(64), &upper, &"é".repeat(32)] {
            assert_eq!(Fingerprint::parse(text), Err(FingerprintError), "{text:?}");
        }
    }
}
