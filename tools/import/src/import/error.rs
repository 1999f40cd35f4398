//! Why an import stops.

use std::{io, path::PathBuf};

use statement_file::StatementError;

use crate::{
    batch::{SendError, TokenError},
    report::rows,
};

/// Why an import stops.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The statement cannot be opened or read.
    #[error("{}: {error}", file.display())]
    Statement {
        /// Which one.
        file: PathBuf,
        /// Why.
        error: StatementError,
    },
    /// Another import has the statement.
    #[error("{}: another import of this file is running", .0.display())]
    Running(PathBuf),
    /// The system cannot say whether another import has the statement.
    #[error("{}: cannot be locked ({error}): copy it to a disk of this machine", file.display())]
    NotLocked {
        /// Which one.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is no token to begin with.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// Journal or refused rows cannot be kept.
    #[error("{}: {error}", file.display())]
    NotKept {
        /// Which file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Sending has stopped.
    #[error("stopped: {error}; {}, run the same command again to resume", so_far(*.accepted))]
    Stopped {
        /// Why.
        error: SendError,
        /// How many rows are accepted.
        accepted: u64,
    },
    /// Nobody takes the report.
    #[error("the report cannot be written: {0}")]
    Report(#[from] io::Error),
}

fn so_far(count: u64) -> String {
    match count {
        0 => "nothing is accepted so far".to_owned(),
        count => format!("{} accepted so far", rows(count)),
    }
}
