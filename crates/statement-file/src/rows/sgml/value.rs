//! Values and headers of OFX files as text.

use super::{Event, Text};
use crate::rows::{StatementError, text::Encoding};

/// Text before the next tag makes an element one with a value.
pub(super) fn value_or_open(name: String, value: Text) -> Event {
    if value.as_ref().is_ok_and(|value| value.trim().is_empty()) {
        Event::Open(name)
    } else {
        Event::Value(name, trimmed(value))
    }
}

pub(super) fn append(value: &mut Text, more: Text) {
    match (value, more) {
        (Ok(value), Ok(more)) => value.push_str(&more),
        (value @ Ok(_), Err(error)) => *value = Err(error),
        (Err(_), _) => {}
    }
}

/// The value without surrounding white space, and with a space for each white space inside, such as a line break.
pub(super) fn trimmed(value: Text) -> Text {
    value.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Resolves character references. An `&` that begins none stands for itself, as many banks write it.
pub(super) fn unescaped(text: &str) -> String {
    const REFERENCE_BYTES_MAX: usize = 10;
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let reference = after.split_once(';').filter(|(name, _)| name.len() <= REFERENCE_BYTES_MAX);
        match reference.and_then(|(name, after)| Some((referenced(name)?, after))) {
            Some((character, after)) => {
                plain.push(character);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain + rest
}

pub(super) fn referenced(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// The encoding that a header names (OFX 1.6, section 2.2, and XML 1.0, section 4.3.3). Banks write SGML headers without
/// line breaks, too, so a value ends wherever the next name may begin.
pub(super) fn declared_encoding(header: &str) -> Result<Encoding, StatementError> {
    let header = header.to_ascii_uppercase();
    let after = |name: &str| header.split_once(name).map(|(_, value)| value.trim_start());
    let unknown = |value: &str| {
        let value = value.split(|c: char| c.is_whitespace() || c == '"' || c == '\'').next().unwrap_or_default();
        StatementError::Encoding(value.chars().take(40).collect())
    };
    // 8859-1 is not the beginning of 8859-15.
    let starts_with_one_of = |value: &str, names: &[&str]| {
        let rests = names.iter().filter_map(|name| value.strip_prefix(name));
        rests.into_iter().any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    // ASCII is a part of UTF-8; what is more than that is checked where it occurs.
    let utf8 = ["UTF-8", "UTF8", "US-ASCII", "USASCII", "ASCII", "UNICODE"];
    let windows_1252 = ["WINDOWS-1252", "CP1252", "ISO-8859-1", "ISO8859-1", "ISO_8859-1", "LATIN1", "8859-1", "1252"];
    let iso_8859_15 = ["ISO-8859-15", "ISO8859-15", "ISO_8859-15", "LATIN9", "LATIN-9", "8859-15"];
    if let Some(value) = after("ENCODING=").map(|value| value.trim_start_matches(['"', '\''])) {
        return match value {
            _ if starts_with_one_of(value, &utf8) => Ok(Encoding::Utf8),
            _ if starts_with_one_of(value, &windows_1252) => Ok(Encoding::Windows1252),
            _ if starts_with_one_of(value, &iso_8859_15) => Ok(Encoding::Iso8859_15),
            _ => Err(unknown(value)),
        };
    }
    if after("ENCODING:").is_some_and(|value| starts_with_one_of(value, &["UTF-8", "UTF8", "US-ASCII", "UNICODE"])) {
        return Ok(Encoding::Utf8);
    }
    match after("CHARSET:") {
        None => Ok(Encoding::Utf8),
        Some(value) if starts_with_one_of(value, &utf8) || starts_with_one_of(value, &["NONE", "65001"]) => {
            Ok(Encoding::Utf8)
        }
        Some(value) if starts_with_one_of(value, &windows_1252) => Ok(Encoding::Windows1252),
        Some(value) if starts_with_one_of(value, &iso_8859_15) => Ok(Encoding::Iso8859_15),
        Some(value) => Err(unknown(value)),
    }
}
