//! How far an import has come, kept in a file beside the statement until the import has ended.
//!
//! The journal is text, one JSON object a line. The first line says what is being imported: the journal's version, the
//! SHA-256 of the file, the SHA-256 of how it is read, the URL and the merchant. Each further line is written after the server
//! has accepted a batch, and holds for everything up to there: how many rows of the file are done, how long the file of
//! refused rows is, and the sums so far. Of these the last one counts. A line that has no end was torn and does not count.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use statement_file::Tally;

const VERSION: u32 = 1;

/// No line is longer: a file of longer ones is no journal.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// What is being imported, where to, for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    journal: u32,
    file_sha256: String,
    reading_sha256: String,
    url: String,
    merchant: String,
}

impl Origin {
    /// The origin of one import.
    pub fn new(file_sha256: String, reading_sha256: String, url: String, merchant: String) -> Origin {
        Origin { journal: VERSION, file_sha256, reading_sha256, url, merchant }
    }

    /// In what it differs from this import.
    fn difference(&self, other: &Origin) -> Option<&'static str> {
        let differs = [
            (self.journal != other.journal, "version"),
            (self.file_sha256 != other.file_sha256, "content of the file"),
            (self.reading_sha256 != other.reading_sha256, "mapping or other options"),
            (self.url != other.url, "URL"),
            (self.merchant != other.merchant, "merchant"),
        ];
        differs.into_iter().find(|(differs, _)| *differs).map(|(_, what)| what)
    }
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// How many rows are done: accepted or refused.
    pub rows: u64,
    /// How many bytes of the file of refused rows belong to them.
    pub refused_bytes: u64,
    /// What was counted of them.
    pub tally: Tally,
}

/// What a journal says when it is opened.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// There was none, or an empty one.
    Nothing,
    /// It is of this import, which goes on here.
    Resumable(Done),
    /// It is of another import, and in what that differs.
    Other(&'static str),
    /// It cannot be read as a journal.
    Unreadable,
}

/// The journal of one import.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    origin: Origin,
}

impl Journal {
    /// Opens the journal, or begins one, and says what was in it. One that is not of this import is begun anew.
    pub fn open(path: &Path, origin: Origin) -> io::Result<(Journal, Found)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let (found, end) = read(&file, &origin)?;
        let mut journal = Journal { path: path.to_owned(), file, origin };
        match &found {
            Found::Resumable(_) => {
                journal.file.set_len(end)?;
                journal.file.seek(io::SeekFrom::Start(end))?;
            }
            Found::Nothing | Found::Other(_) | Found::Unreadable => journal.begin()?,
        }
        Ok((journal, found))
    }

    /// Forgets what was done.
    pub fn begin(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        let origin = serde_json::to_string(&self.origin)?;
        self.write_line(&origin)
    }

    /// Notes what is done. When this returns, it lies on the disk.
    pub fn record(&mut self, done: &Done) -> io::Result<()> {
        let line = serde_json::to_string(done)?;
        self.write_line(&line)
    }

    /// The import has ended: there is nothing to resume.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }

    fn write_line(&mut self, line: &str) -> io::Result<()> {
        // In one piece, so that only the power supply can tear it.
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.file.sync_data()
    }
}

/// What a journal says, and where the last line ends that counts.
fn read(file: &File, origin: &Origin) -> io::Result<(Found, u64)> {
    let mut lines = BufReader::new(file);
    let Some(first) = next_line(&mut lines)? else {
        let found = if file.metadata()?.len() == 0 { Found::Nothing } else { Found::Unreadable };
        return Ok((found, 0));
    };
    let Ok(of) = serde_json::from_slice::<Origin>(&first) else { return Ok((Found::Unreadable, 0)) };
    if let Some(difference) = of.difference(origin) {
        return Ok((Found::Other(difference), 0));
    }
    let mut end = first.len() as u64;
    let mut last = Done::default();
    while let Some(line) = next_line(&mut lines)? {
        let Ok(done) = serde_json::from_slice(&line) else { break };
        last = done;
        end += line.len() as u64;
    }
    Ok((Found::Resumable(last), end))
}

/// The next line with its end, if it has one.
fn next_line(lines: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    lines.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    Ok(line.ends_with(b"\n").then_some(line))
}

#[cfg(test)]
mod tests;
