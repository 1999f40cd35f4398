//! The elements of an OFX file, one after the other: SGML without closing tags (OFX 1.x) and XML (OFX 2.x) alike.
//!
//! OFX needs little of either: no attributes, no element with both text and other elements, no declarations. What remains
//! can be read in one pass, whatever the length of the file. A file may have several documents, one behind the other.

mod value;

use std::{
    borrow::Cow,
    io::{BufRead, ErrorKind, Read},
};

use self::value::{append, declared_encoding, trimmed, unescaped, value_or_open};
use super::{
    StatementError,
    text::{Encoding, NotText},
};

/// The longest tag, value or header, in bytes.
const BYTES_MAX: usize = 64 * 1024;

/// One step through the file.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The beginning of an element that has others inside, or of an empty one.
    Open(String),
    /// An element with a value, its character references resolved, without surrounding white space.
    Value(String, Result<String, NotText>),
    /// The end of an element that has others inside.
    Close(String),
}

type Text = Result<String, NotText>;

/// A piece of the file.
enum Piece {
    Open(String),
    Close(String),
    Text(Text),
    End,
}

/// Reads the events of a file.
#[derive(Debug)]
pub struct Events<R> {
    file: R,
    encoding: Encoding,
    /// The encoding that the caller knows.
    given: Option<Encoding>,
    /// How many values are UTF-8 although the header names another encoding.
    misdeclared: u64,
    /// Where there is text behind the last document.
    text_behind: Option<u64>,
    offset: u64,
    line: u64,
    /// An opening tag whose element is not known yet to have a value or others inside.
    pending: Option<(String, Text, u64)>,
    /// An event that has become known together with the one before it.
    next: Option<(Event, u64)>,
}

impl<R: BufRead> Events<R> {
    /// Reads what comes before the first element, and learns the encoding from it unless the caller knows better.
    pub fn new(file: R, encoding: Option<Encoding>) -> Result<Events<R>, StatementError> {
        let mut events = Events {
            file,
            encoding: Encoding::Utf8,
            given: encoding,
            misdeclared: 0,
            text_behind: None,
            offset: 0,
            line: 1,
            pending: None,
            next: None,
        };
        if !events.read_header()? {
            return Err(no_ofx(events.line));
        }
        Ok(events)
    }

    /// Reads up to the element OFX, and learns the encoding of what follows. The header is lines `NAME:VALUE` in SGML,
    /// `<?xml … ?>` and `<?OFX … ?>` in XML. Answers whether there is such an element or nothing but text.
    fn read_header(&mut self) -> Result<bool, StatementError> {
        self.skip_padding()?;
        let first_line = self.line;
        let mut header = Vec::new();
        while header.len() <= BYTES_MAX {
            let text = self.read_until(b'<', "the header")?;
            if !text.complete {
                self.text_behind = (!text.bytes.is_empty()).then_some(first_line);
                return Ok(false);
            }
            let tag = self.read_until(b'>', "a tag")?;
            if !tag.complete {
                break;
            }
            header.extend_from_slice(&text.bytes);
            if tag.bytes.trim_ascii().eq_ignore_ascii_case(b"OFX") {
                self.encoding = match self.given {
                    Some(encoding) => encoding,
                    None => declared_encoding(&String::from_utf8_lossy(&header))?,
                };
                return Ok(true);
            }
            if !tag.bytes.starts_with(b"?") && !tag.bytes.starts_with(b"!") {
                break;
            }
            header.extend_from_slice(&tag.bytes);
        }
        Err(no_ofx(self.line))
    }

    /// White space, and what fills up the last block of a file on some systems.
    fn skip_padding(&mut self) -> Result<(), StatementError> {
        const END_OF_FILE: u8 = 0x1A;
        loop {
            let bytes = self.file.fill_buf()?;
            let is_padding = |byte: &&u8| byte.is_ascii_whitespace() || matches!(**byte, 0 | END_OF_FILE);
            let padding = bytes.iter().take_while(is_padding).count();
            self.line += bytes[..padding].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.offset += padding as u64;
            self.file.consume(padding);
            if padding == 0 {
                return Ok(());
            }
        }
    }

    /// How many values so far are UTF-8, and read as such, although the header names another encoding.
    pub fn misdeclared(&self) -> u64 {
        self.misdeclared
    }

    /// The line in which text begins behind the last document, if there is any.
    pub fn text_behind(&self) -> Option<u64> {
        self.text_behind
    }

    /// How many bytes have been read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next event and its line, or nothing after the end of the last element OFX. Where another one follows, that is an
    /// event, too.
    pub fn next_event(&mut self) -> Result<Option<(Event, u64)>, StatementError> {
        match self.next.take() {
            Some((Event::Close(name), _)) if name == "OFX" => return self.next_document(),
            Some(next) => return Ok(Some(next)),
            None => {}
        }
        loop {
            let line = self.line;
            match self.next_piece()? {
                Piece::Text(text) => match &mut self.pending {
                    Some((_, value, _)) => append(value, text),
                    None if text.as_ref().is_ok_and(|text| text.trim().is_empty()) => {}
                    None => return Err(fault(line, "there is text outside of an element")),
                },
                Piece::Open(name) => {
                    let before = self.pending.replace((name, Ok(String::new()), line));
                    if let Some((name, value, line)) = before {
                        return Ok(Some((value_or_open(name, value), line)));
                    }
                }
                Piece::Close(name) => match self.pending.take() {
                    Some((open, value, line)) if open == name => {
                        return Ok(Some((Event::Value(name, trimmed(value)), line)));
                    }
                    Some((open, value, open_line)) => {
                        self.next = Some((Event::Close(name), line));
                        return Ok(Some((value_or_open(open, value), open_line)));
                    }
                    None if name == "OFX" => return self.next_document(),
                    None => return Ok(Some((Event::Close(name), line))),
                },
                Piece::End => {
                    return Err(fault(line, "the file ends in the middle of the statement: it is not complete"));
                }
            }
        }
    }

    fn next_document(&mut self) -> Result<Option<(Event, u64)>, StatementError> {
        Ok(if self.read_header()? { Some((Event::Open("OFX".to_owned()), self.line)) } else { None })
    }

    fn next_piece(&mut self) -> Result<Piece, StatementError> {
        let first = loop {
            match self.file.fill_buf() {
                Ok(bytes) => break bytes.first().copied(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        };
        match first {
            None => Ok(Piece::End),
            Some(b'<') => {
                self.consume_one();
                self.read_markup()
            }
            Some(_) => {
                let text = self.read_text()?;
                Ok(Piece::Text(self.decoded(&text).map(|text| unescaped(&text))))
            }
        }
    }

    /// Reads bytes as text. Where only the header says that they are Windows-1252, what is UTF-8 beyond ASCII is that: in any
    /// other language than that of computers nobody writes `Ã§Ã£`.
    fn decoded(&mut self, bytes: &[u8]) -> Text {
        let is_misdeclared = self.given.is_none()
            && self.encoding == Encoding::Windows1252
            && !bytes.is_ascii()
            && str::from_utf8(bytes).is_ok();
        self.misdeclared += u64::from(is_misdeclared);
        let encoding = if is_misdeclared { Encoding::Utf8 } else { self.encoding };
        encoding.decode(bytes).map(Cow::into_owned)
    }

    /// Text up to the next tag, which stays unread.
    fn read_text(&mut self) -> Result<Vec<u8>, StatementError> {
        let line = self.line;
        let mut text = Vec::new();
        loop {
            let bytes = self.file.fill_buf()?;
            let end = bytes.iter().position(|byte| *byte == b'<');
            let count = end.unwrap_or(bytes.len());
            text.extend_from_slice(&bytes[..count]);
            self.count_lines_of_last(&text, count);
            self.file.consume(count);
            if end.is_some() || count == 0 {
                return Ok(text);
            }
            if text.len() > BYTES_MAX {
                return Err(too_long(line, "a value"));
            }
        }
    }

    /// What follows a `<`.
    fn read_markup(&mut self) -> Result<Piece, StatementError> {
        let line = self.line;
        let mut tag = Vec::new();
        loop {
            let part = self.read_until(b'>', "a tag")?;
            tag.extend_from_slice(&part.bytes);
            if !part.complete {
                return Err(fault(line, "the file ends in the middle of a tag: it is not complete"));
            }
            if tag.len() > BYTES_MAX {
                return Err(too_long(line, "a tag"));
            }
            let closes = if tag.starts_with(b"![CDATA[") {
                tag.ends_with(b"]]")
            } else if tag.starts_with(b"!--") {
                tag.len() >= 5 && tag.ends_with(b"--")
            } else {
                true
            };
            if closes {
                break;
            }
            tag.push(b'>');
        }
        if let Some(data) = tag.strip_prefix(b"![CDATA[") {
            let data = data.strip_suffix(b"]]").unwrap_or(data);
            return Ok(Piece::Text(self.decoded(data)));
        }
        if tag.starts_with(b"!") || tag.starts_with(b"?") {
            return Ok(Piece::Text(Ok(String::new())));
        }
        let (is_end, name) = match tag.strip_prefix(b"/") {
            Some(name) => (true, name),
            None => (false, &tag[..]),
        };
        let is_empty = !is_end && name.ends_with(b"/");
        let name = name.strip_suffix(b"/").filter(|_| is_empty).unwrap_or(name);
        // Attributes mean nothing in OFX.
        let name = name.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let is_name = name.first().is_some_and(u8::is_ascii_alphabetic)
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if !is_name {
            return Err(fault(line, "there is a < that begins no tag"));
        }
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        if is_empty && name != "STMTTRN" {
            // `<MEMO/>`: nothing is said that `<MEMO>` without a value would not say.
            return Ok(Piece::Text(Ok(String::new())));
        }
        Ok(if is_end { Piece::Close(name) } else { Piece::Open(name) })
    }

    /// Reads up to a delimiter and past it.
    fn read_until(&mut self, delimiter: u8, what: &str) -> Result<Part, StatementError> {
        let line = self.line;
        let mut bytes = Vec::new();
        let count = (&mut self.file).take(BYTES_MAX as u64 + 1).read_until(delimiter, &mut bytes)?;
        if count > BYTES_MAX {
            return Err(too_long(line, what));
        }
        self.count_lines_of_last(&bytes, count);
        let complete = bytes.last() == Some(&delimiter);
        if complete {
            bytes.pop();
        }
        Ok(Part { bytes, complete })
    }

    fn consume_one(&mut self) {
        self.file.consume(1);
        self.offset += 1;
    }

    fn count_lines_of_last(&mut self, bytes: &[u8], count: usize) {
        let last = &bytes[bytes.len().saturating_sub(count)..];
        self.line += last.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.offset += count as u64;
    }
}

struct Part {
    bytes: Vec<u8>,
    /// Whether the delimiter was there.
    complete: bool,
}

fn no_ofx(line: u64) -> StatementError {
    fault(line, "there is no element OFX: is this an OFX file?")
}

fn fault(line: u64, fault: &str) -> StatementError {
    StatementError::Ofx { line, fault: fault.to_owned() }
}

fn too_long(line: u64, what: &str) -> StatementError {
    StatementError::Ofx { line, fault: format!("{what} is longer than {BYTES_MAX} bytes: is this an OFX file?") }
}

#[cfg(test)]
mod tests;
