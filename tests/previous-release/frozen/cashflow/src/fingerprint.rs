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
        let date = request.date.map(|date| date.to_string());
        Fingerprint::of_fields([
            Some("entry/1"),
            Some(request.entry_type.as_str()),
            Some(&request.amount.minor().to_string()),
            Some(request.amount.currency().code()),
            date.as_deref(),
            request.description.as_ref().map(Description::as_str),
            request.category.as_ref().map(Category::as_str),
        ])
    }

    /// The fingerprint of a request to reverse an entry.
    pub fn of_reversal(request: &ReversalRequest) -> Fingerprint {
        let date = request.date.map(|date| date.to_string());
        Fingerprint::of_fields([
            Some("reversal/1"),
            Some(&request.original.to_string()),
            date.as_deref(),
            request.description.as_ref().map(Description::as_str),
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
