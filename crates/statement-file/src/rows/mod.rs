//! Statements as rows: each one either a movement that can be posted, or the reasons why it cannot.

mod balance;
mod condition;
mod csv;
mod currency_sign;
mod error;
mod export;
mod layout;
mod number;
mod ofx;
mod reasons;
mod sgml;
mod statement;
mod text;
mod utf16;

use ::csv::ByteRecord;
use cashflow::{Currency, Date, Description, EntryId, EntryRequest};
use serde::Serialize;

use self::reasons::Reasons;
pub use self::{
    balance::Wording,
    condition::Condition,
    csv::{CsvOptions, CsvRows, Mapping, MappingError, is_date_format},
    error::StatementError,
    export::COLUMNS as EXPORT_COLUMNS,
    number::{Convention, Decimal, NumberError},
    ofx::OfxRows,
    reasons::Reason,
    statement::{Shape, Statement},
    text::Encoding,
};
pub(crate) use self::{
    layout::{DELIMITERS, separator_line},
    number::Number,
    utf16::{byte_order, decoded_utf16},
};

/// No more of a text is kept to say why a row is skipped, in characters.
const WORDS_MAX: usize = 100;

/// The longest row of a file, in bytes: a quote that is never closed would otherwise take in all the rest.
const ROW_BYTES_MAX: usize = 1024 * 1024;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
