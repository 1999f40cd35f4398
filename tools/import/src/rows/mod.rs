//! Statements as rows: each one either a movement that can be posted, or the reasons why it cannot.

mod csv;
mod number;
mod ofx;
mod sgml;
mod text;

use std::{
    fmt,
    fs::File,
    io::{self, BufReader, Read, Seek},
};

use ::csv::ByteRecord;
use cashflow::{Amount, AmountError, Currency, Date, EntryRequest, check_entry_date};
use jiff::{Timestamp, tz::Offset};
use serde::Serialize;

pub use self::{
    csv::{CsvOptions, CsvRows, Mapping, MappingError, is_date_format},
    number::Decimal,
    ofx::OfxRows,
    text::Encoding,
};

/// The longest row of a file, in bytes: a quote that is never closed would otherwise take in all the rest.
const ROW_BYTES_MAX: usize = 1024 * 1024;

/// The latest time zone there is, in hours ahead of UTC.
const LATEST_ZONE_HOURS: i8 = 14;

/// What is to be read from a file, and how. The keys of its rows do not depend on it, only the values that are sent do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The format, with what only it needs.
    pub format: Format,
    /// The encoding, if it is not to be the format's default.
    pub encoding: Option<Encoding>,
    /// The currency of rows that name none.
    pub currency: Option<String>,
    /// Only rows with all of these values are read: column and value.
    pub only: Vec<(String, String)>,
}

/// The format of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Format {
    /// Comma-separated values with a header (RFC 4180), or with another delimiter.
    Csv(CsvOptions),
    /// Open Financial Exchange, 1.x in SGML or 2.x in XML.
    Ofx {
        /// Whether the bank's ids of rows are left out.
        ignore_ids: bool,
    },
}

/// One row of a statement.
#[derive(Debug)]
pub struct Row {
    /// Where it begins in the file, counted from 1.
    pub line: u64,
    /// Its cells as they are in the file.
    pub cells: ByteRecord,
    /// What it says, or everything that is wrong with it.
    pub content: Result<Movement, Vec<Reason>>,
}

/// What a row says.
#[derive(Debug, PartialEq, Eq)]
pub struct Movement {
    /// The entry to be posted; its date is always there.
    pub request: EntryRequest,
    /// The day it belongs to.
    pub date: Date,
    /// The account that the statement is of, if it is known.
    pub account: Option<String>,
    /// The bank's own name for the row, if it has one.
    pub id: Option<String>,
}

/// One reason why a row is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What is wrong: a field such as `amount`, or `row`.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Reason {
    /// A reason.
    pub fn new(field: impl Into<String>, detail: impl ToString) -> Reason {
        Reason { field: field.into(), detail: detail.to_string() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

/// Why a file cannot be read, or not any further.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The system does not hand out its bytes.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Two bytes a character.
    #[error("the file is UTF-16: save it as UTF-8")]
    Utf16,
    /// A column that is asked for is not in the header.
    #[error("the file has no column {name:?}; its columns are {columns}")]
    NoColumn {
        /// Which one.
        name: String,
        /// Those there are.
        columns: String,
    },
    /// Nobody can say which of two columns is meant.
    #[error("the file has more than one column {0:?}")]
    SameColumns(String),
    /// An encoding that is not known here.
    #[error("the file says that its encoding is {0:?}; only UTF-8 and Windows-1252 are read (see --encoding)")]
    Encoding(String),
    /// Not an OFX file, or one that ends too early.
    #[error("line {line}: {fault}")]
    Ofx {
        /// Where.
        line: u64,
        /// What is wrong there.
        fault: String,
    },
}

/// A statement, read row by row.
#[derive(Debug)]
pub enum Statement<'a> {
    /// From a CSV file.
    Csv(Box<CsvRows<&'a File>>),
    /// From an OFX file.
    Ofx(Box<OfxRows<BufReader<&'a File>>>),
}

impl<'a> Statement<'a> {
    /// Starts at the beginning of the file; what comes before the first row is read and checked.
    pub fn open(file: &'a File, reading: &Reading, account: Option<&str>) -> Result<Statement<'a>, StatementError> {
        let mut bytes = file;
        bytes.rewind()?;
        let mut mark = Vec::new();
        bytes.take(3).read_to_end(&mut mark)?;
        bytes.rewind()?;
        match &mark[..] {
            [] => return Err(StatementError::Empty),
            [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] => return Err(StatementError::Utf16),
            _ => {}
        }
        let today = latest_today();
        Ok(match &reading.format {
            Format::Csv(options) => Statement::Csv(Box::new(CsvRows::new(file, options, reading, account, today)?)),
            Format::Ofx { ignore_ids } => {
                Statement::Ofx(Box::new(OfxRows::new(BufReader::new(file), reading, *ignore_ids, today)?))
            }
        })
    }

    /// The next row that is to be read.
    pub fn next_row(&mut self) -> Result<Option<Row>, StatementError> {
        match self {
            Statement::Csv(rows) => rows.next_row(),
            Statement::Ofx(rows) => rows.next_row(),
        }
    }

    /// How many bytes of the file have been read.
    pub fn offset(&self) -> u64 {
        match self {
            Statement::Csv(rows) => rows.offset(),
            Statement::Ofx(rows) => rows.offset(),
        }
    }

    /// How refused rows are to be written, so that they look as in the file.
    pub fn shape(&self) -> Shape {
        match self {
            Statement::Csv(rows) => rows.shape(),
            Statement::Ofx(_) => OfxRows::<BufReader<&File>>::shape(),
        }
    }
}

/// What a file of rows looks like.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The names of the columns.
    pub header: ByteRecord,
    /// What separates cells.
    pub delimiter: u8,
    /// The encoding of the cells.
    pub encoding: Encoding,
}

/// The date that it is where the day begins first: the server, which knows the business day, is never stricter.
fn latest_today() -> Date {
    Offset::constant(LATEST_ZONE_HOURS).to_datetime(Timestamp::now()).date()
}

/// Collects everything that is wrong with a row.
#[derive(Debug, Default)]
struct Reasons(Vec<Reason>);

impl Reasons {
    fn add(&mut self, field: &str, detail: impl ToString) {
        self.0.push(Reason::new(field, detail));
    }

    /// The value, or a reason and no value.
    fn check<T, E: ToString>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(field, error.to_string())).ok()
    }

    fn currency(&mut self, code: &str) -> Option<Currency> {
        self.check("currency", Currency::parse(code))
    }

    fn amount(&mut self, field: &str, digits: &str, currency: Option<Currency>) -> Option<Amount> {
        match (Amount::parse(digits, currency.unwrap_or(Currency::BRL)), currency) {
            (Ok(amount), Some(_)) => Some(amount),
            // How many digits an unknown currency has, nobody can say.
            (Ok(_) | Err(AmountError::TooManyFractionDigits { .. }), None) => None,
            (Err(error), _) => {
                self.add(field, error);
                None
            }
        }
    }

    fn entry_date(&mut self, date: Option<Date>, today: Date) -> Option<Date> {
        let date = date?;
        self.check("date", check_entry_date(date, today)).map(|()| date)
    }
}
