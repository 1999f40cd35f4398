//! What an import keeps beside the statement while it runs.

use std::{
    io,
    path::{Path, PathBuf},
};

use statement_file::{RefusedRow, Shape};

use super::ImportError;
use crate::{
    arguments::Task,
    batch::SendError,
    journal::{Done, Found, Journal, Origin},
    progress::Progress,
    refused::RefusedRows,
    report::rows,
};

/// What is kept beside the statement.
pub(super) struct Books {
    journal: Journal,
    journal_file: PathBuf,
    refused: RefusedRows,
    refused_file: PathBuf,
    pub(super) done: Done,
}

impl Books {
    /// Opens journal and refused rows, and says where the import goes on.
    pub(super) fn open(task: &Task, shape: Shape, origin: Origin, progress: &Progress) -> Result<Books, ImportError> {
        let journal_file = task.beside(".import-journal");
        let refused_file = task.beside(".refused.csv");
        let (mut journal, found) =
            Journal::open(&journal_file, origin).map_err(|error| not_kept(&journal_file, error))?;
        let shown = journal_file.display();
        let mut done = match found {
            Found::Resumable(done) => done,
            Found::Nothing => Done::default(),
            Found::Other(difference) => {
                progress.say(&format!("{shown} is of an import with another {difference} and not used"));
                Done::default()
            }
            Found::Unreadable => {
                progress.say(&format!("{shown} cannot be read as a journal and is not used"));
                Done::default()
            }
        };
        let resumed = RefusedRows::resume(&refused_file, shape.clone(), done.refused_bytes)
            .map_err(|error| not_kept(&refused_file, error))?;
        let refused = match resumed {
            Some(refused) => refused,
            None => {
                progress
                    .say(&format!("{} is not complete any more, so the import begins anew", refused_file.display()));
                done = Done::default();
                journal.begin().map_err(|error| not_kept(&journal_file, error))?;
                RefusedRows::begin(&refused_file, shape).map_err(|error| not_kept(&refused_file, error))?
            }
        };
        if done.rows > 0 {
            progress.say(&format!("going on after {} that an earlier run has dealt with", rows(done.rows)));
        }
        Ok(Books { journal, journal_file, refused, refused_file, done })
    }

    pub(super) fn record(&mut self, rows: u64, refused: &[RefusedRow]) -> Result<(), ImportError> {
        self.refused.write(refused).map_err(|error| not_kept(&self.refused_file, error))?;
        self.done.rows += rows;
        self.done.refused_bytes = self.refused.bytes();
        self.journal.record(&self.done).map_err(|error| not_kept(&self.journal_file, error))
    }

    /// The import is complete. Answers where the refused rows are.
    pub(super) fn close(self) -> Result<PathBuf, ImportError> {
        self.journal.remove().map_err(|error| not_kept(&self.journal_file, error))?;
        Ok(self.refused_file)
    }

    pub(super) fn stopped(&self, error: SendError) -> ImportError {
        ImportError::Stopped { error, accepted: self.done.tally.accepted }
    }
}

fn not_kept(file: &Path, error: io::Error) -> ImportError {
    ImportError::NotKept { file: file.to_owned(), error }
}
