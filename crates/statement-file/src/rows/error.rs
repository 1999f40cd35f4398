//! Why a file cannot be read.

use std::io;

use super::MappingError;

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
