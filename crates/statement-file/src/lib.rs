//! Bank statements as files, CSV and OFX: their rows, which of these are entries, and under which keys they are posted.
//!
//! A statement is read twice. [`Survey::of`] reads it to its end and learns what no row tells by itself: which rows are balances,
//! and which ids several rows share. Then it is opened anew, and [`prepare`] judges row by row.
//!
//! No IO, no async, no clock: a file is anything that can be read, today is an argument. The command `import` and the console
//! read statements with this crate, so that one file has the same rows and keys in both.

mod inspect;
mod judge;
mod key;
mod line;
mod options;
mod refused;
mod rows;
mod survey;
mod tally;

pub use self::{
    inspect::{Columns, CsvInspection, Inspection, inspect},
    judge::{Judged, Prepared, RefusedRow, prepare},
    key::{Keys, RowKeys},
    line::one_line,
    options::{CREDIT_WORDS, DEBIT_WORDS, OPTIONS, options_named_in},
    refused::refused_csv,
    rows::*,
    survey::{Fate, Probe, Survey},
    tally::{Sums, Tally},
};
