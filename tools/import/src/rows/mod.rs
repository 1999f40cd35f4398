//! Statements as rows: each one either a movement that can be posted, or the reasons why it cannot.

mod balance;
mod condition;
mod csv;
mod currency_sign;
mod export;
mod layout;
mod number;
mod ofx;
mod sgml;
mod text;
mod utf16;

use std::{
    collections::HashSet,
    fmt,
    fs::File,
    io::{self, BufReader, Read, Seek},
};

use ::csv::ByteRecord;
use cashflow::{Amount, AmountError, Currency, Date, Description, EntryId, EntryRequest, check_entry_date};
use clap::ValueEnum;
use jiff::{Timestamp, tz::Offset};
use serde::Serialize;

pub use self::{
    balance::Wording,
    condition::Condition,
    csv::{CsvOptions, CsvRows, Mapping, MappingError, is_date_format},
    number::{Convention, Decimal, NumberError},
    ofx::OfxRows,
    text::Encoding,
};
use self::{
    currency_sign::Match,
    number::Number,
    utf16::{Utf16, byte_order},
};

/// No more of a text is kept to say why a row is skipped, in characters.
const WORDS_MAX: usize = 100;

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
    /// How amounts are written, if that is known.
    pub decimal: Option<Decimal>,
    /// The currency of rows that name none.
    pub currency: Option<String>,
    /// Only rows with all of these values are read: column and value.
    pub only: Vec<(String, String)>,
    /// Rows that are no entries.
    pub skip: Vec<Condition>,
    /// Rows that are entries although they look like balances.
    pub keep: Vec<Condition>,
    /// Whether positive amounts are debits.
    pub invert_signs: bool,
    /// What counts where sign and type contradict each other.
    pub trust: Option<Trust>,
    /// Whether the ids of rows are left out.
    pub ignore_ids: bool,
}

/// What counts where the sign of an amount contradicts the type or the column that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
pub enum Trust {
    /// The type or the column; the sign says nothing
    Type,
    /// The sign: a minus is a debit, a plus a credit
    Sign,
    /// Both: a minus turns the type over, as in a reversal (CSV)
    Reversal,
}

/// The format of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Format {
    /// Comma-separated values (RFC 4180), or with another delimiter.
    Csv(CsvOptions),
    /// Open Financial Exchange, 1.x in SGML or 2.x in XML.
    Ofx,
}

/// One row of a statement.
#[derive(Debug)]
pub struct Row {
    /// Where it begins in the file, counted from 1.
    pub line: u64,
    /// Its cells as they are in the file.
    pub cells: ByteRecord,
    /// What it says, or everything that is wrong with it.
    pub content: Content,
    /// What else is seen of it.
    pub traits: Traits,
}

/// What a row says, or everything that is wrong with it.
pub type Content = Result<Movement, Vec<Reason>>;

/// A currency, and how many of its minor units; debits are negative.
pub type Signed = (Currency, i128);

/// What is seen of a row besides what it says: whether it is a movement at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// Why it is none, if the user or the format says so.
    pub skip: Option<String>,
    /// The user says that it is one.
    pub keep: bool,
    /// What its words say.
    pub wording: Wording,
    /// The text that says so.
    pub words: String,
    /// Whether it has an id, if it can have one.
    pub has_id: Option<bool>,
    /// Its amount in minor units with a sign, where that can be read.
    pub signed: Option<Signed>,
    /// Which statement of the file it is in.
    pub statement: u32,
    /// Whose statement that is, beside the number of the account.
    pub holder: Holder,
    /// Whether its amount has a minus.
    pub has_minus: bool,
    /// Its type, if that is usually one of debits, and its amount is positive all the same.
    pub usual_debit: Option<String>,
    /// What its amount says about the file.
    pub convention: Convention,
}

/// What tells apart two accounts of one number, as far as the file says it (OFX 2.2, section 11.3.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// The bank (BANKID), without zeros in front.
    pub bank: Option<String>,
    /// The kind of account (ACCTTYPE).
    pub kind: Option<String>,
}

impl Holder {
    /// Whether both say that they are not the same.
    pub fn contradicts(&self, other: &Holder) -> bool {
        let differ = |a: &Option<String>, b: &Option<String>| a.as_ref().zip(b.as_ref()).is_some_and(|(a, b)| a != b);
        differ(&self.bank, &other.bank) || differ(&self.kind, &other.kind)
    }
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
    /// The bank's own name for the row, if it has one and that counts.
    pub id: Option<String>,
    /// The bank's own name for the row, if it has one and the user says that it does not count.
    pub ignored_id: Option<String>,
    /// The entry that it was exported from, if the file is an export of Fluxo.
    pub entry_id: Option<EntryId>,
    /// The description as an earlier version read it, in the wrong encoding.
    pub misread: Option<Description>,
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
    /// The encoding is plainly another one.
    #[error("the file is {found}, not what --encoding says: leave that out")]
    OtherEncoding {
        /// Which one it is.
        found: &'static str,
    },
    /// Two tables in one file, whose columns differ.
    #[error("line {0}: there is a second header, in another order: put each table into a file of its own")]
    SecondHeader(u64),
    /// There is nothing that says which column holds what.
    #[error("--map: {0}")]
    Mapping(#[from] MappingError),
    /// The file names another delimiter than the user.
    #[error("the file says that its delimiter is {0:?} (sep=), and --delimiter says another one: leave that out")]
    OtherDelimiter(char),
    /// The bank has answered with an error.
    #[error("line {line}: the file has no statement, but an error of the bank: {code} {message}")]
    Bank {
        /// Where.
        line: u64,
        /// The code (OFX 2.2, section 3.1.5).
        code: String,
        /// What it says.
        message: String,
    },
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
    #[error(
        "the file says that its encoding is {0:?}; only UTF-8, Windows-1252 and ISO-8859-15 are read (see --encoding)"
    )]
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

/// A file as the readers of rows take it.
#[derive(Debug)]
pub enum Input<'a> {
    /// As it is.
    Plain(&'a File),
    /// UTF-16, read as UTF-8.
    Utf16(Box<Utf16<&'a File>>),
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Plain(file) => file.read(buffer),
            Input::Utf16(text) => text.read(buffer),
        }
    }
}

/// A statement, read row by row.
#[derive(Debug)]
pub enum Statement<'a> {
    /// From a CSV file.
    Csv(Box<CsvRows<Input<'a>>>),
    /// From an OFX file.
    Ofx(Box<OfxRows<BufReader<Input<'a>>>>),
}

impl<'a> Statement<'a> {
    /// Starts at the beginning of the file; what comes before the first row is read and checked.
    pub fn open(file: &'a File, reading: &Reading, account: Option<&str>) -> Result<Statement<'a>, StatementError> {
        const FIRST_BYTES: u64 = 4;
        let mut bytes = file;
        bytes.rewind()?;
        let mut first = Vec::new();
        bytes.take(FIRST_BYTES).read_to_end(&mut first)?;
        bytes.rewind()?;
        if first.is_empty() {
            return Err(StatementError::Empty);
        }
        let (input, encoding) = match byte_order(&first) {
            Some(_) if reading.encoding.is_some() => return Err(StatementError::OtherEncoding { found: "UTF-16" }),
            Some(order) => (Input::Utf16(Box::new(Utf16::new(file, order))), Some(Encoding::Utf8)),
            None if first.starts_with(b"\xef\xbb\xbf") && reading.encoding == Some(Encoding::Windows1252) => {
                return Err(StatementError::OtherEncoding { found: "UTF-8 (it has its byte order mark)" });
            }
            None => (Input::Plain(file), reading.encoding),
        };
        let reading = &Reading { encoding, ..reading.clone() };
        let today = latest_today();
        Ok(match &reading.format {
            Format::Csv(options) => Statement::Csv(Box::new(CsvRows::new(input, options, reading, account, today)?)),
            Format::Ofx => Statement::Ofx(Box::new(OfxRows::new(BufReader::new(input), reading, account, today)?)),
        })
    }

    /// Says which statements of the file have no minus anywhere: there, the type tells the direction if it is trusted.
    pub fn assume_unsigned(&mut self, statements: HashSet<u32>) {
        match self {
            Statement::Csv(_) => {}
            Statement::Ofx(rows) => rows.assume_unsigned(statements),
        }
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

    /// Whether rows may have ids, or other keys by which they may be known.
    pub fn may_have_ids(&self) -> bool {
        match self {
            Statement::Csv(rows) => rows.may_have_ids(),
            Statement::Ofx(_) => true,
        }
    }

    /// The name of the column, or the element, that has the bank's ids.
    pub fn id_column(&self) -> String {
        match self {
            Statement::Csv(rows) => rows.id_column(),
            Statement::Ofx(_) => "FITID".to_owned(),
        }
    }

    /// What has been passed over so far and is no row, in words.
    pub fn notes(&self) -> Vec<String> {
        match self {
            Statement::Csv(rows) => rows.notes(),
            Statement::Ofx(rows) => rows.notes(),
        }
    }

    /// The balances that the file names beside its rows, so far: of which statement, and how much in minor units.
    pub fn balances(&self) -> &[(u32, i128)] {
        match self {
            Statement::Csv(_) => &[],
            Statement::Ofx(rows) => rows.balances(),
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

    fn amount(&mut self, field: &str, number: &Number, currency: Option<Currency>) -> Option<Amount> {
        let digits = match currency.map(|currency| number.digits_of(currency)) {
            Some(digits) => self.check(field, digits)?,
            None => &number.digits,
        };
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

    /// Compares the sign of a currency beside the amount with the currency that the row is of.
    fn currency_sign(&mut self, field: &str, number: &Number, currency: Option<Currency>, is_named: bool) {
        let (Some(sign), Some(currency)) = (&number.currency_sign, currency) else { return };
        let detail = match currency_sign::compare(sign, currency) {
            Match::Fits => return,
            Match::IfNamed if is_named => return,
            Match::IfNamed => {
                format!("has the sign {sign}, which stands for several currencies: say which with --currency")
            }
            Match::Contradicts => {
                format!("has the sign {sign}, which is not one of {currency}: say the right currency with --currency")
            }
        };
        self.add(field, detail);
    }

    fn entry_date(&mut self, date: Option<Date>, today: Date) -> Option<Date> {
        let date = date?;
        self.check("date", check_entry_date(date, today)).map(|()| date)
    }
}
