//! UTF-16 read as UTF-8, on its way into the readers of rows.

use std::io::{self, ErrorKind, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_16BE, UTF_16LE};

const BUFFER_BYTES: usize = 16 * 1024;

/// The byte order of a UTF-16 file: as its mark says, or as its first characters show, which are ASCII in a statement.
pub fn byte_order(first: &[u8]) -> Option<&'static Encoding> {
    match first {
        [0xFF, 0xFE, ..] => Some(UTF_16LE),
        [0xFE, 0xFF, ..] => Some(UTF_16BE),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(UTF_16LE),
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// The beginning of a UTF-16 file as text, whatever it is.
pub fn decoded_utf16(head: &[u8], order: &'static Encoding) -> String {
    order.decode_with_bom_removal(head).0.into_owned()
}

/// A UTF-16 file as UTF-8, without its byte order mark.
pub struct Utf16<R> {
    file: R,
    decoder: Decoder,
    raw: Vec<u8>,
    /// The bytes of `raw` that are not decoded yet.
    left: std::ops::Range<usize>,
    is_last: bool,
    is_done: bool,
    text: Vec<u8>,
    at: usize,
}

impl<R: Read> Utf16<R> {
    /// Reads a file of this byte order.
    pub fn new(file: R, encoding: &'static Encoding) -> Utf16<R> {
        Utf16 {
            file,
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: vec![0; BUFFER_BYTES],
            left: 0..0,
            is_last: false,
            is_done: false,
            text: Vec::new(),
            at: 0,
        }
    }

    fn decode_more(&mut self) -> io::Result<()> {
        if self.left.is_empty() && !self.is_last {
            let count = self.file.read(&mut self.raw)?;
            self.left = 0..count;
            self.is_last = count == 0;
        }
        self.text.resize(BUFFER_BYTES, 0);
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(&self.raw[self.left.clone()], &mut self.text, self.is_last);
        self.text.truncate(written);
        self.at = 0;
        self.left.start += read;
        match result {
            DecoderResult::InputEmpty => self.is_done = self.is_last,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                return Err(io::Error::new(
                    ErrorKind::InvalidData,
                    "the file is not UTF-16 throughout: save it as UTF-8",
                ));
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() && !self.is_done {
            self.decode_more()?;
        }
        let count = buffer.len().min(self.text.len() - self.at);
        buffer[..count].copy_from_slice(&self.text[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl<R> std::fmt::Debug for Utf16<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Utf16").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(text: &str, is_little: bool, has_mark: bool) -> Vec<u8> {
        let mark = has_mark.then_some(0xFEFF);
        let units = mark.into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn the_byte_order_is_told_by_mark_or_by_ascii() {
        for (first, expected) in [
            (&b"\xff\xfed\0"[..], Some(UTF_16LE)),
            (b"\xfe\xff\0d", Some(UTF_16BE)),
            (b"D\0a\0", Some(UTF_16LE)),
            (b"\0D\0a", Some(UTF_16BE)),
            (b"Data", None),
            (b"\0\0\0\0", None),
            (b"D\0\0\0", None),
            (b"", None),
        ] {
            assert_eq!(byte_order(first), expected, "{first:?}");
        }
    }

    #[test]
    fn half_a_character_is_refused() {
        for bytes in [&b"a\0b"[..], b"a\0\x00\xd8b\0"] {
            let mut text = String::new();
            let error = Utf16::new(bytes, UTF_16LE).read_to_string(&mut text).unwrap_err();
            assert!(error.to_string().contains("not UTF-16 throughout"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC{0,40}", repeated in 1..2_000_usize, is_little: bool, has_mark: bool) {
            prop_assume!(!text.starts_with('\u{feff}'));
            let text = text.repeat(repeated);
            let bytes = encoded(&text, is_little, has_mark);
            let mut read = String::new();
            Utf16::new(&bytes[..], if is_little { UTF_16LE } else { UTF_16BE }).read_to_string(&mut read).unwrap();
            prop_assert_eq!(read, text);
        }
    }
}
