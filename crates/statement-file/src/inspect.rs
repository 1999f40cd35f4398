//! What a file seems to be, for a form that a user then corrects. Nothing is posted by a guess: what is guessed here is shown,
//! and becomes options of [`Reading`](crate::Reading).

mod columns;

use csv::{ByteRecord, ReaderBuilder};
use serde::Serialize;

pub use self::columns::Columns;
use crate::rows::{DELIMITERS, byte_order, decoded_utf16, separator_line};

/// How much of the beginning of a file is looked at, in bytes.
const HEAD_BYTES: usize = 128 * 1024;

/// How many records are looked at.
const RECORDS_MAX: usize = 200;

/// What a file seems to be.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "format", rename_all = "lowercase")]
pub enum Inspection {
    /// Comma-separated values.
    Csv(CsvInspection),
    /// Open Financial Exchange; everything else stands in the file.
    Ofx,
    /// There is nothing in it.
    Empty,
}

/// What a CSV file seems to be.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct CsvInspection {
    /// `utf-8` or `windows-1252`; nothing for UTF-16, which the readers know by themselves.
    pub encoding: Option<&'static str>,
    /// What separates cells.
    pub delimiter: char,
    /// The names of the columns, or their numbers.
    pub columns: Vec<String>,
    /// Whether there is no header, and columns have numbers.
    pub no_header: bool,
    /// How many lines come before the header, for `skip_lines`.
    pub lines_before_header: u64,
    /// The first rows as they are, for a preview.
    pub sample: Vec<Vec<String>>,
    /// What the columns seem to hold.
    #[serde(flatten)]
    pub guess: Columns,
}

/// How many rows are shown.
const SAMPLE_ROWS: usize = 5;

/// Looks at a file.
pub fn inspect(file: &[u8]) -> Inspection {
    if file.is_empty() {
        return Inspection::Empty;
    }
    let head = &file[..file.len().min(HEAD_BYTES)];
    let (text, encoding) = match byte_order(head) {
        Some(order) => (decoded_utf16(head, order), None),
        None => text_of(file, head),
    };
    let text = text.trim_start_matches('\u{feff}');
    let upper = text.to_ascii_uppercase();
    if upper.contains("OFXHEADER") || upper.contains("<OFX>") {
        return Inspection::Ofx;
    }
    let named = separator_line(text.as_bytes());
    let start = named.map_or(0, |(_, bytes)| bytes);
    let body = &text[start..];
    let delimiters: Vec<u8> = named.map_or(DELIMITERS.to_vec(), |(delimiter, _)| vec![delimiter]);
    let table = delimiters.iter().map(|delimiter| Table::read(body, *delimiter)).max_by_key(Table::score);
    let Some(table) = table.filter(|table| !table.records.is_empty()) else { return Inspection::Empty };
    Inspection::Csv(table.inspection(encoding, body))
}

/// The text, and the encoding that it is in: whatever is not UTF-8 is taken for Windows-1252, which every file can be.
fn text_of(file: &[u8], head: &[u8]) -> (String, Option<&'static str>) {
    if str::from_utf8(file).is_ok() {
        return (String::from_utf8_lossy(head).into_owned(), Some("utf-8"));
    }
    (encoding_rs::WINDOWS_1252.decode_without_bom_handling(head).0.into_owned(), Some("windows-1252"))
}

/// The beginning of a file as a delimiter makes it.
struct Table {
    delimiter: u8,
    records: Vec<Vec<String>>,
    /// Where each record begins, in bytes.
    starts: Vec<usize>,
    /// How many cells most records have.
    width: usize,
}

impl Table {
    fn read(text: &str, delimiter: u8) -> Table {
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
        let (mut records, mut starts) = (Vec::new(), Vec::new());
        let mut record = ByteRecord::new();
        while records.len() < RECORDS_MAX && reader.read_byte_record(&mut record).unwrap_or(false) {
            starts.push(record.position().map_or(0, |at| usize::try_from(at.byte()).unwrap_or(0)));
            records.push(record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect());
        }
        let width = most_common(records.iter().map(Vec::len));
        Table { delimiter, records, starts, width }
    }

    /// How much it looks like a table: how many records have the same number of cells, more than one.
    fn score(&self) -> (usize, usize) {
        let regular = self.records.iter().filter(|record| record.len() == self.width).count();
        if self.width < 2 { (0, 0) } else { (regular * self.width, self.width) }
    }

    /// The first record that is a row: a date and an amount are in it.
    fn first_row(&self) -> Option<usize> {
        self.records.iter().position(|record| {
            let dates = record.iter().filter(|cell| columns::date_formats(cell).next().is_some()).count();
            dates > 0
                && record.iter().any(|cell| columns::is_amount(cell) && columns::date_formats(cell).next().is_none())
        })
    }

    fn inspection(self, encoding: Option<&'static str>, text: &str) -> CsvInspection {
        let first_row = self.first_row();
        let header = match first_row {
            Some(0) => None,
            Some(row) => Some(row - 1),
            None => Some(0),
        };
        let rows = &self.records[first_row.unwrap_or(self.records.len().min(1))..];
        let columns: Vec<String> = match header {
            Some(at) => self.records[at].clone(),
            None => (1..=self.width).map(|number| number.to_string()).collect(),
        };
        let lines_before_header = header.map_or(0, |at| lines_before(text, self.starts[at]));
        CsvInspection {
            encoding,
            delimiter: char::from(self.delimiter),
            guess: Columns::guess(&columns, header.is_some(), rows),
            columns,
            no_header: header.is_none(),
            lines_before_header,
            sample: rows.iter().take(SAMPLE_ROWS).cloned().collect(),
        }
    }
}

/// How many lines end before the first character of a record, which may have blank lines before it.
fn lines_before(text: &str, start: usize) -> u64 {
    let blank = text.as_bytes()[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    text.as_bytes()[..start + blank].iter().filter(|byte| **byte == b'\n').count() as u64
}

fn most_common(widths: impl Iterator<Item = usize>) -> usize {
    let mut counts = std::collections::BTreeMap::new();
    for width in widths.filter(|width| *width > 1) {
        *counts.entry(width).or_insert(0_usize) += 1;
    }
    counts.into_iter().max_by_key(|(width, count)| (*count, *width)).map_or(1, |(width, _)| width)
}

#[cfg(test)]
mod tests;
