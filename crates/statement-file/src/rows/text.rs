//! The encodings that statements come in.

use std::borrow::Cow;

use encoding_rs::{ISO_8859_15, WINDOWS_1252};
use serde::Serialize;

/// How the bytes of a file are to be read as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// Windows-1252, of which ISO 8859-1 is a part.
    Windows1252,
    /// ISO 8859-15, which has the euro sign and seven letters in other places.
    Iso8859_15,
}

/// The bytes are no text in the encoding of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not UTF-8 text: see --encoding")]
pub struct NotText;

impl Encoding {
    /// Reads bytes as text, without surrounding white space and NULs, which some pad with, and never replaces a character.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, NotText> {
        let text = match self {
            Encoding::Utf8 => Cow::Borrowed(str::from_utf8(bytes).map_err(|_| NotText)?),
            Encoding::Windows1252 => WINDOWS_1252.decode_without_bom_handling(bytes).0,
            Encoding::Iso8859_15 => ISO_8859_15.decode_without_bom_handling(bytes).0,
        };
        Ok(match text {
            Cow::Borrowed(text) => Cow::Borrowed(trimmed(text)),
            Cow::Owned(text) => Cow::Owned(trimmed(&text).to_owned()),
        })
    }

    /// Reads bytes as text for a message, whatever they are.
    pub fn decode_lossy(self, bytes: &[u8]) -> String {
        self.decode(bytes).map_or_else(|_| String::from_utf8_lossy(bytes).trim().to_owned(), Cow::into_owned)
    }

    /// Writes text as bytes; a character that the encoding lacks becomes a reference such as `&#8364;`.
    pub fn encode(self, text: &str) -> Cow<'_, [u8]> {
        match self {
            Encoding::Utf8 => Cow::Borrowed(text.as_bytes()),
            Encoding::Windows1252 => WINDOWS_1252.encode(text).0,
            Encoding::Iso8859_15 => ISO_8859_15.encode(text).0,
        }
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || character == '\0')
}

/// The lines of a text, joined by a blank.
pub fn joined_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(['\r', '\n']) {
        return Cow::Borrowed(text);
    }
    let lines = text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty());
    Cow::Owned(lines.collect::<Vec<_>>().join(" "))
}

/// What UTF-8 text looks like to somebody who takes it for Windows-1252: `manutenÃ§Ã£o`.
pub fn misread(text: &str) -> String {
    WINDOWS_1252.decode_without_bom_handling(text.as_bytes()).0.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_exactly_or_not_at_all() {
        assert_eq!(Encoding::Utf8.decode(" Café ".as_bytes()).unwrap(), "Café");
        assert_eq!(Encoding::Utf8.decode(b"Caf\xe9"), Err(NotText));
        assert_eq!(Encoding::Windows1252.decode(b" Caf\xe9 \x80").unwrap(), "Café €");
        assert_eq!(Encoding::Utf8.decode(b"\0 1.00\0\0 \0").unwrap(), "1.00");
        assert_eq!(Encoding::Utf8.decode_lossy(b"Caf\xe9"), "Caf\u{fffd}");
    }

    #[test]
    fn text_is_written_in_the_encoding_of_the_file() {
        assert_eq!(Encoding::Windows1252.encode("é").as_ref(), b"\xe9");
        assert_eq!(Encoding::Utf8.encode("é").as_ref(), "é".as_bytes());
    }

    #[test]
    fn lines_are_joined_and_all_other_white_space_stays() {
        for (text, expected) in [("a  b", "a  b"), ("a\r\nb", "a b"), ("a \n\n  b\rc", "a b c"), ("\n", "")] {
            assert_eq!(joined_lines(text), expected);
        }
    }

    #[test]
    fn text_in_utf8_is_not_what_it_seems_in_windows_1252() {
        assert_eq!(misread("manutenção"), "manutenÃ§Ã£o");
        assert_eq!(misread("Pix à vista"), "Pix Ã vista");
    }
}
