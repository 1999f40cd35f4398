//! A file of either format, read row by row.

use std::{
    collections::HashSet,
    io::{self, BufReader, Chain, Cursor, Read},
};

use ::csv::ByteRecord;
use cashflow::Date;

use super::{
    CsvRows, Encoding, Format, OfxRows, Reading, Row, StatementError,
    utf16::{Utf16, byte_order},
};

/// A file whose first bytes have been looked at.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// A file as the readers of rows take it.
#[derive(Debug)]
pub enum Input<R> {
    /// As it is.
    Plain(Whole<R>),
    /// UTF-16, read as UTF-8.
    Utf16(Box<Utf16<Whole<R>>>),
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Plain(file) => file.read(buffer),
            Input::Utf16(text) => text.read(buffer),
        }
    }
}

/// A statement, read row by row.
#[derive(Debug)]
pub enum Statement<R> {
    /// From a CSV file.
    Csv(Box<CsvRows<Input<R>>>),
    /// From an OFX file.
    Ofx(Box<OfxRows<BufReader<Input<R>>>>),
}

impl<R: Read> Statement<R> {
    /// Reads what comes before the first row, and checks it. Entries must not be later than a year after `today`.
    pub fn open(
        mut file: R,
        reading: &Reading,
        account: Option<&str>,
        today: Date,
    ) -> Result<Statement<R>, StatementError> {
        const FIRST_BYTES: u64 = 4;
        let mut first = Vec::new();
        (&mut file).take(FIRST_BYTES).read_to_end(&mut first)?;
        if first.is_empty() {
            return Err(StatementError::Empty);
        }
        let order = byte_order(&first);
        let has_mark = first.starts_with(b"\xef\xbb\xbf");
        let file = Cursor::new(first).chain(file);
        let (input, encoding) = match order {
            Some(_) if reading.encoding.is_some() => return Err(StatementError::OtherEncoding { found: "UTF-16" }),
            Some(order) => (Input::Utf16(Box::new(Utf16::new(file, order))), Some(Encoding::Utf8)),
            None if has_mark && reading.encoding == Some(Encoding::Windows1252) => {
                return Err(StatementError::OtherEncoding { found: "UTF-8 (it has its byte order mark)" });
            }
            None => (Input::Plain(file), reading.encoding),
        };
        let reading = &Reading { encoding, ..reading.clone() };
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
            Statement::Ofx(_) => OfxRows::<BufReader<R>>::shape(),
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
