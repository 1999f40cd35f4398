//! CSV files, whose columns a mapping names by their headings or numbers.

mod cells;
mod direction;
mod mapping;
mod source;

use std::io::{self, Chain, Cursor, Read};

use ::csv::{ByteRecord, ReaderBuilder};
use cashflow::{Currency, Date};
use jiff::{fmt::strtime::BrokenDownTime, tz::TimeZone};
use serde::Serialize;

pub use self::mapping::{Field, Mapping, MappingError};
use self::source::Source;
use super::{
    Condition, Encoding, ROW_BYTES_MAX, Reading, Row, Shape, Signed, StatementError, Traits, WORDS_MAX, Wording,
    balance::wording,
    layout::{HEAD_BYTES, Layout},
};

/// What a CSV file means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CsvOptions {
    /// Which column holds what. A file that Fluxo has exported needs none.
    pub mapping: Option<Mapping>,
    /// What separates cells, if that is known.
    pub delimiter: Option<u8>,
    /// How many lines come before the header, if that is known.
    pub skip_lines: Option<u64>,
    /// Whether there is no header, and columns have numbers.
    pub no_header: bool,
    /// How dates are written (strftime); `YYYY-MM-DD` if absent.
    pub date_format: Option<String>,
    /// The words of the type column for a credit, in lower case.
    pub credit_words: Vec<String>,
    /// The words of the type column for a debit, in lower case.
    pub debit_words: Vec<String>,
    /// Whether debits carry a minus although a column says that they are debits.
    pub negative_debits: bool,
}

/// Whether dates of this format can be read: such a format must give back the date that it is written with.
pub fn is_date_format(format: &str) -> bool {
    let sample = jiff::civil::date(2026, 11, 22).at(15, 4, 5, 0);
    let written = TimeZone::UTC
        .to_zoned_datetime(sample)
        .ok()
        .and_then(|sample| BrokenDownTime::from(&sample).to_string(format).ok());
    written.and_then(|text| Date::strptime(format, text).ok()) == Some(sample.date())
}

/// Where the amount and its direction stand.
#[derive(Debug)]
enum AmountColumns {
    Signed(usize),
    Typed { amount: usize, entry_type: usize },
    Separate { credit: usize, debit: usize },
}

/// The rows of a CSV file.
#[derive(Debug)]
pub struct CsvRows<R> {
    reader: ::csv::Reader<Source<Chain<Cursor<Vec<u8>>, R>>>,
    layout: Layout,
    options: CsvOptions,
    reading: Reading,
    encoding: Encoding,
    default_currency: String,
    account: Option<String>,
    today: Date,
    only: Vec<(usize, String)>,
    skip: Vec<(usize, Condition)>,
    keep: Vec<(usize, Condition)>,
    date: usize,
    amount: AmountColumns,
    currency: Option<usize>,
    descriptions: Vec<usize>,
    category: Option<usize>,
    id: Option<usize>,
    /// The columns that no field is mapped to.
    unmapped: Vec<usize>,
    /// How many rows beyond ASCII are UTF-8, and how many are not, where the user says Windows-1252.
    utf8_rows: (u64, u64),
}

impl<R: Read> CsvRows<R> {
    /// Finds header and columns.
    pub fn new(
        mut file: R,
        options: &CsvOptions,
        reading: &Reading,
        account: Option<&str>,
        today: Date,
    ) -> Result<CsvRows<R>, StatementError> {
        let encoding = reading.encoding.unwrap_or(Encoding::Utf8);
        let mut head = Vec::new();
        (&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        if head.is_empty() {
            return Err(StatementError::Empty);
        }
        let layout = Layout::find(&head, options, encoding)?;
        let (mapping, header) = (&layout.mapping, &layout.header);
        let find = |name: &str| find_column(header, encoding, name);
        let mapped = |field| mapping.column(field).map(find).transpose();
        let required = |field| mapped(field)?.ok_or(StatementError::Empty);
        let amount = match (mapped(Field::Amount)?, mapped(Field::Type)?) {
            (Some(amount), Some(entry_type)) => AmountColumns::Typed { amount, entry_type },
            (Some(amount), None) => AmountColumns::Signed(amount),
            (None, _) => AmountColumns::Separate { credit: required(Field::Credit)?, debit: required(Field::Debit)? },
        };
        let only = reading.only.iter().map(|(column, value)| Ok((find(column)?, value.clone())));
        let conditions = |conditions: &[Condition]| -> Result<Vec<_>, StatementError> {
            conditions.iter().map(|condition| Ok((find(&condition.column)?, condition.clone()))).collect()
        };
        let taken: Vec<usize> = mapping.columns().map(find).collect::<Result<_, _>>()?;
        let (only, skip, keep) =
            (only.collect::<Result<_, StatementError>>()?, conditions(&reading.skip)?, conditions(&reading.keep)?);
        let (date, currency, category, id) =
            (required(Field::Date)?, mapped(Field::Currency)?, mapped(Field::Category)?, mapped(Field::Id)?);
        let descriptions = mapping.columns_of(Field::Description).map(find).collect::<Result<_, _>>()?;
        let unmapped = (0..header.len()).filter(|column| !taken.contains(column)).collect();
        let mut rest = Cursor::new(head);
        rest.set_position(layout.start as u64);
        let mut reader = ReaderBuilder::new()
            .delimiter(layout.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(Source::new(rest.chain(file), layout.line));
        let mut before = ByteRecord::new();
        for _ in 0..layout.records_before {
            reader.read_byte_record(&mut before).map_err(io::Error::from)?;
        }
        Ok(CsvRows {
            reader,
            layout,
            options: options.clone(),
            reading: reading.clone(),
            encoding,
            default_currency: reading.currency.clone().unwrap_or_else(|| Currency::BRL.code().to_owned()),
            account: account.map(str::to_owned),
            today,
            only,
            skip,
            keep,
            date,
            amount,
            currency,
            descriptions,
            category,
            id,
            unmapped,
            utf8_rows: (0, 0),
        })
    }

    /// The next row that is picked; a row of nothing but empty cells is none.
    pub fn next_row(&mut self) -> Result<Option<Row>, StatementError> {
        loop {
            let mut cells = ByteRecord::new();
            self.reader.get_mut().allowance = ROW_BYTES_MAX;
            if !self.reader.read_byte_record(&mut cells).map_err(io::Error::from)? {
                return Ok(None);
            }
            let end = self.reader.position().byte();
            let mut line_breaks_inside = cells.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
            let source = self.reader.get_mut();
            // A quote that is never closed takes in the line break that ends the file, which is a part of its line.
            line_breaks_inside -= u64::from(cells.as_slice().ends_with(b"\n") && source.ends_unquoted_at(end));
            let line = source.line_before(end) - line_breaks_inside;
            let is_blank = cells.as_slice().iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0);
            if self.encoding == Encoding::Windows1252 && !cells.as_slice().is_ascii() {
                let is_utf8 = str::from_utf8(cells.as_slice()).is_ok();
                self.utf8_rows.0 += u64::from(is_utf8);
                self.utf8_rows.1 += u64::from(!is_utf8);
            }
            if self.as_header(&cells) == Some(false) {
                return Err(StatementError::SecondHeader(line));
            }
            if !is_blank && self.is_picked(&cells) {
                let (content, signed) = self.read(&cells);
                let traits = self.traits(&cells, signed);
                return Ok(Some(Row { line, cells, content, traits }));
            }
        }
    }

    /// How many bytes have been read.
    pub fn offset(&self) -> u64 {
        self.layout.start as u64 + self.reader.position().byte()
    }

    /// How refused rows are to be written.
    pub fn shape(&self) -> Shape {
        Shape { header: self.layout.header.clone(), delimiter: self.layout.delimiter, encoding: self.encoding }
    }

    /// Whether the rows have ids.
    pub fn may_have_ids(&self) -> bool {
        self.id.is_some()
    }

    /// The name of the column that has them.
    pub fn id_column(&self) -> String {
        let name = self.id.and_then(|column| self.layout.header.get(column));
        name.map(|name| self.encoding.decode_lossy(name)).unwrap_or_default()
    }

    /// What has been passed over.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.layout.notes.clone();
        if self.utf8_rows.0 > 0 && self.utf8_rows.1 == 0 {
            notes.push(
                "all texts beyond ASCII look like UTF-8, but --encoding says Windows-1252: is it right?".to_owned(),
            );
        }
        notes
    }

    fn is_picked(&self, cells: &ByteRecord) -> bool {
        let holds = |(column, value): &(usize, String)| {
            // A row without this cell is not passed over in silence.
            cells.get(*column).is_none_or(|cell| self.encoding.decode(cell).is_ok_and(|text| text == value.as_str()))
        };
        self.only.iter().all(holds)
    }

    /// Whether a record is a header, and if so, whether its columns are where those of the first one are.
    fn as_header(&self, cells: &ByteRecord) -> Option<bool> {
        let header = &self.layout.header;
        let name = header.get(self.date)?;
        if self.options.no_header || cells.iter().all(|cell| cell != name) {
            return None;
        }
        let found =
            |record| self.layout.mapping.columns().map(move |name| find_column(record, self.encoding, name).ok());
        found(cells).all(|column| column.is_some()).then(|| found(cells).eq(found(header)))
    }

    /// Whether a quoted cell has a line that is a row by itself: then a quote before it was not closed.
    fn traits(&self, cells: &ByteRecord, signed: Option<Signed>) -> Traits {
        let text = |column: usize| cells.get(column).map(|cell| self.encoding.decode_lossy(cell)).unwrap_or_default();
        let named = |(column, condition): &&(usize, Condition)| condition.holds(&text(*column));
        let skip = self.skip.iter().find(named);
        let mut traits = Traits {
            skip: skip.map(|(_, condition)| format!("--skip {}={}", condition.column, condition.pattern)),
            keep: self.keep.iter().any(|condition| named(&condition)),
            has_id: self.id.map(|column| !text(column).is_empty()),
            signed,
            ..Traits::default()
        };
        if traits.skip.is_none() && self.as_header(cells) == Some(true) {
            // Files that were put together repeat it.
            traits.skip = Some("it is the header again".to_owned());
        }
        // What Fluxo has exported are entries, whatever they are called.
        if self.layout.is_export {
            return traits;
        }
        let mut texts: Vec<String> = self.descriptions.iter().map(|column| text(*column)).collect();
        texts.retain(|text| !text.is_empty());
        if texts.is_empty() {
            // Only a row without a description of its own is judged by its other cells.
            let others = self.unmapped.iter().map(|column| text(*column));
            texts = others.filter(|text| wording(text) == Wording::Balance).collect();
        }
        if let Some(words) = texts.into_iter().max_by_key(|text| wording(text)) {
            traits.wording = wording(&words);
            traits.words = words.chars().take(WORDS_MAX).collect();
        }
        traits
    }
}

pub(super) fn find_column(header: &ByteRecord, encoding: Encoding, name: &str) -> Result<usize, StatementError> {
    let names: Vec<String> = header.iter().map(|cell| encoding.decode_lossy(cell)).collect();
    let mut found = names.iter().enumerate().filter(|(_, column)| *column == name).map(|(index, _)| index);
    match (found.next(), found.next()) {
        (Some(index), None) => Ok(index),
        (Some(_), Some(_)) => Err(StatementError::SameColumns(name.to_owned())),
        (None, _) => Err(StatementError::NoColumn { name: name.to_owned(), columns: listed(&names) }),
    }
}

/// The names for a message, which stays short whatever the file is.
pub(super) fn listed(names: &[impl AsRef<str>]) -> String {
    const NAMES_MAX: usize = 30;
    const CHARACTERS_MAX: usize = 40;
    let short = names.iter().take(NAMES_MAX).map(|name| name.as_ref().chars().take(CHARACTERS_MAX).collect::<String>());
    let more = if names.len() > NAMES_MAX { ", …" } else { "" };
    format!("{}{more}", short.map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests;
