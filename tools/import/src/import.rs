//! The import itself: rows are read, put into batches, sent, and noted as done.

mod books;
mod error;
mod origin;

use std::{
    ffi::OsString,
    fs::{File, TryLockError},
    io::{self, Seek, Write},
    path::{Path, PathBuf},
};

use cashflow::{Date, EntryId, MerchantId};
use jiff::{Timestamp, tz::Offset};
use statement_file::{
    Judged, Keys, Prepared, Reason, RefusedRow, Statement, StatementError, Survey, Tally, Trust, one_line, prepare,
};

pub use self::error::ImportError;
use self::{books::Books, origin::origin};
use crate::{
    arguments::{Endpoint, Target, Task},
    batch::{Batch, Limits, Lookup, SendError, Sender, Tokens, Verdict},
    elsewhere::{Elsewhere, Known},
    progress::{Progress, note},
    report::rows,
};

/// The most rows that are named for being no entries; of all others it is told how many they are.
const SKIPPED_LINES_MAX: usize = 1_000;

/// The latest time zone there is, in hours ahead of UTC.
const LATEST_ZONE_HOURS: i8 = 14;

/// How a complete import has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is accepted.
    AllAccepted,
    /// Some rows are not.
    SomeRefused,
}

/// Does what the command line says, and reports on `out`.
pub fn import(task: &Task, out: &mut impl Write) -> Result<Outcome, ImportError> {
    let file = File::open(&task.file).map_err(|error| task.statement_error(error.into()))?;
    match &task.target {
        Target::DryRun => {
            let survey = task.survey(&file)?;
            survey.notes().iter().for_each(|text| note(text));
            dry_run(task, &file, &survey, out)
        }
        Target::Server { endpoint, token_command, give_up_after } => {
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(ImportError::Running(task.file.clone())),
                Err(TryLockError::Error(error)) => {
                    return Err(ImportError::NotLocked { file: task.file.clone(), error });
                }
            }
            // What is wrong with file or mapping is to be said before anybody is asked for a token, and before anything is posted.
            let survey = task.survey(&file)?;
            survey.notes().iter().for_each(|text| note(text));
            let tokens = Tokens::new(token_command.clone(), std::env::var("FLUXO_TOKEN").ok())?;
            send(task, &file, &survey, endpoint, tokens, Limits::new(*give_up_after), out)
        }
    }
}

impl Task {
    fn statement_error(&self, error: StatementError) -> ImportError {
        ImportError::Statement { file: self.file.clone(), error }
    }

    /// Reads the whole file once.
    fn survey(&self, file: &File) -> Result<Survey, ImportError> {
        let mut statement = self.open_anew(file)?;
        Survey::of(&mut statement).map_err(|error| self.statement_error(error))
    }

    /// Begins to read the file anew, knowing what is in it.
    fn open<'a>(&self, file: &'a File, survey: &Survey) -> Result<Statement<&'a File>, ImportError> {
        let mut statement = self.open_anew(file)?;
        if self.reading.trust == Some(Trust::Type) {
            statement.assume_unsigned(survey.unsigned());
        }
        Ok(statement)
    }

    fn open_anew<'a>(&self, mut file: &'a File) -> Result<Statement<&'a File>, ImportError> {
        let opened = file
            .rewind()
            .map_err(StatementError::from)
            .and_then(|()| Statement::open(file, &self.reading, self.account.as_deref(), latest_today()));
        opened.map_err(|error| self.statement_error(error))
    }

    /// A file beside the statement.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(self.file.as_os_str());
        name.push(suffix);
        PathBuf::from(name)
    }
}

/// The date that it is where the day begins first: the server, which knows the business day, is never stricter.
fn latest_today() -> Date {
    Offset::constant(LATEST_ZONE_HOURS).to_datetime(Timestamp::now()).date()
}

fn dry_run(task: &Task, file: &File, survey: &Survey, out: &mut impl Write) -> Result<Outcome, ImportError> {
    let reader = |error| task.statement_error(error);
    let mut statement = task.open(file, survey)?;
    let mut keys = Keys::new(statement.may_have_ids());
    let mut tally = Tally::default();
    let mut number = 0;
    while let Some(row) = statement.next_row().map_err(reader)? {
        match prepare(number, row, survey, &mut keys) {
            Judged::Send(prepared) => tally.add_movement(&prepared.movement),
            Judged::Refuse(RefusedRow { line, reasons, .. }) => {
                tally.refused += 1;
                let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                writeln!(out, "line {line} would be refused: {}", one_line(&reasons.join("; ")))?;
            }
            Judged::Skip { line, why } => {
                tally.skipped += 1;
                writeln!(out, "line {line} would be skipped: {}", one_line(&why))?;
            }
        }
        number += 1;
    }
    write!(out, "{} would be sent, {} refused", rows(tally.accepted), tally.refused)?;
    if tally.skipped > 0 {
        write!(out, ", {} skipped", tally.skipped)?;
    }
    writeln!(out)?;
    write!(out, "{tally}")?;
    Ok(outcome(&tally))
}

fn outcome(tally: &Tally) -> Outcome {
    if tally.refused == 0 { Outcome::AllAccepted } else { Outcome::SomeRefused }
}

fn send(
    task: &Task,
    file: &File,
    survey: &Survey,
    endpoint: &Endpoint,
    tokens: Tokens,
    limits: Limits,
    out: &mut impl Write,
) -> Result<Outcome, ImportError> {
    let origin = origin(task, file, endpoint, &tokens).map_err(|error| task.statement_error(error.into()))?;
    let bytes = file.metadata().map_err(|error| task.statement_error(error.into()))?.len();
    let statement = task.open(file, survey)?;
    let progress = Progress::begin(bytes);
    let mut books = Books::open(task, statement.shape(), origin, &progress)?;
    let resumed = books.done.tally.accepted;
    progress.advance(0, resumed);
    let note = |text: &str| progress.say(text);
    let mut sender = Sender::new(endpoint, tokens, limits, &note).map_err(|error| books.stopped(error))?;
    let mut skipped = Vec::new();
    let sent = send_rows(task, statement, survey, &mut sender, &mut books, &progress, &mut skipped);
    if sent.is_ok() {
        progress.advance(bytes, books.done.tally.accepted);
    }
    progress.end();
    sent?;
    let tally = books.done.tally.clone();
    let refused_file = books.close()?;
    summary(out, &tally, resumed, &refused_file, &skipped)?;
    Ok(outcome(&tally))
}

fn send_rows(
    task: &Task,
    mut statement: Statement<&File>,
    survey: &Survey,
    sender: &mut Sender<'_>,
    books: &mut Books,
    progress: &Progress,
    skipped: &mut Vec<String>,
) -> Result<(), ImportError> {
    let say = |text: &str| progress.say(text);
    let mut keys = Keys::new(statement.may_have_ids());
    let mut elsewhere = Elsewhere::new(survey, sender, &say).map_err(|error| books.stopped(error))?;
    let mut batch = Batch::default();
    let mut offset = 0;
    let mut to_skip = books.done.rows;
    let mut number = 0;
    while let Some(row) = statement.next_row().map_err(|error| task.statement_error(error))? {
        // Rows that are done are read all the same: the keys of the following ones may depend on them.
        let row = prepare(number, row, survey, &mut keys);
        number += 1;
        if let Judged::Skip { line, why } = &row
            && skipped.len() < SKIPPED_LINES_MAX
        {
            skipped.push(format!("line {line} skipped: {}", one_line(why)));
        }
        if to_skip > 0 {
            to_skip -= 1;
            if let Judged::Send(prepared) = &row
                && survey.is_shared(&prepared.movement)
            {
                // Which of the rows with one id the server has already, is told by their order.
                elsewhere.look(prepared, survey, sender, &say).map_err(|error| books.stopped(error))?;
            }
            continue;
        }
        if !batch.has_room_for(&row) {
            send_batch(std::mem::take(&mut batch), survey, sender, books)?;
            progress.advance(offset, books.done.tally.accepted);
        }
        match row {
            Judged::Send(prepared) => {
                let known = elsewhere.look(&prepared, survey, sender, &say).map_err(|error| books.stopped(error))?;
                match known {
                    Known::No => batch.add(Judged::Send(prepared)),
                    Known::Yes => batch.known.push(prepared.movement),
                    Known::Changed(entry) => {
                        let reasons = vec![changed(&prepared, survey, entry)];
                        let Prepared { line, cells, .. } = *prepared;
                        batch.add(Judged::Refuse(RefusedRow { line, cells, reasons }));
                    }
                }
            }
            row => batch.add(row),
        }
        offset = statement.offset();
    }
    if batch.rows() > 0 {
        send_batch(batch, survey, sender, books)?;
    }
    Ok(())
}

/// The bank gives an id to one row only, so another content under it means that the bank has changed the row.
fn changed(row: &Prepared, survey: &Survey, entry: EntryId) -> Reason {
    let id = row.movement.id.as_ref().or(row.movement.ignored_id.as_ref()).map(String::as_str).unwrap_or_default();
    let column = survey.id_column();
    let detail = format!(
        "{id} was imported before with other values, which stand (entry {entry}): if the new ones are right, reverse that \
         entry and post them by hand; then leave the row out with --skip '{column}={id}'"
    );
    Reason::new("id", detail)
}

/// Whether the server has refused a row for nothing but its text, which an earlier version read in the wrong encoding.
fn was_misread(row: &Prepared, sender: &mut Sender<'_>) -> Result<bool, SendError> {
    let (Some(misread), Ok(merchant)) = (&row.movement.misread, MerchantId::parse(sender.merchant())) else {
        return Ok(false);
    };
    Ok(match sender.find(EntryId::derive(&merchant, &row.key), None)? {
        Lookup::Entry(entry) => entry.description.as_deref() == Some(misread.as_str()) && entry.is_of(&row.movement),
        Lookup::Nothing | Lookup::NotAnswered(_) => false,
    })
}

/// What the server says about the key of a row, in words for who knows rows and no keys.
fn explained(row: &Prepared, survey: &Survey, merchant: &str, reasons: Vec<Reason>) -> Vec<Reason> {
    let is_reused = |reason: &Reason| reason.field == "idempotency_key" && reason.detail.starts_with("was used before");
    let entry = MerchantId::parse(merchant).ok().map(|merchant| EntryId::derive(&merchant, &row.key));
    let explain = |reason: Reason| match entry {
        Some(entry) if row.movement.id.is_some() && is_reused(&reason) => changed(row, survey, entry),
        _ => reason,
    };
    reasons.into_iter().map(explain).collect()
}

/// Sends a batch and writes down what became of it, in this order: what is not written down is sent again.
fn send_batch(batch: Batch, survey: &Survey, sender: &mut Sender<'_>, books: &mut Books) -> Result<(), ImportError> {
    let rows = batch.rows();
    let entries: Vec<&str> = batch.entries.iter().map(|entry| entry.json.as_str()).collect();
    let verdicts = sender.send(&entries).map_err(|error| books.stopped(error))?;
    let mut refused = batch.refused;
    let accepted = books.done.tally.accepted;
    let tally = &mut books.done.tally;
    for (entry, verdict) in batch.entries.into_iter().zip(verdicts) {
        match verdict {
            Verdict::Accepted { known } => {
                tally.add_movement(&entry.movement);
                tally.known += u64::from(known);
            }
            Verdict::Refused(_)
                if was_misread(&entry, sender).map_err(|error| ImportError::Stopped { error, accepted })? =>
            {
                tally.add_movement(&entry.movement);
                tally.known += 1;
            }
            Verdict::Refused(reasons) => {
                let reasons = explained(&entry, survey, sender.merchant(), reasons);
                refused.push(RefusedRow { line: entry.line, cells: entry.cells, reasons });
            }
        }
    }
    for movement in &batch.known {
        tally.add_movement(movement);
        tally.known += 1;
    }
    tally.skipped += batch.skipped;
    tally.refused += refused.len() as u64;
    refused.sort_by_key(|row| row.line);
    books.record(rows, &refused)
}

fn summary(
    out: &mut impl Write,
    tally: &Tally,
    resumed: u64,
    refused_file: &Path,
    skipped: &[String],
) -> io::Result<()> {
    write!(out, "{} accepted", rows(tally.accepted))?;
    if resumed > 0 {
        write!(out, ", {resumed} of them by an earlier run")?;
    }
    if tally.known > 0 {
        write!(out, "; the server knew at least {} of them before", tally.known)?;
    }
    writeln!(out)?;
    write!(out, "{tally}")?;
    if tally.skipped > 0 {
        writeln!(out, "{} skipped:", rows(tally.skipped))?;
        for line in skipped {
            writeln!(out, "  {line}")?;
        }
        if tally.skipped > skipped.len() as u64 {
            writeln!(out, "  and {} more (--dry-run lists them all)", tally.skipped - skipped.len() as u64)?;
        }
    }
    if tally.refused > 0 {
        writeln!(out, "{} refused, see {}", rows(tally.refused), refused_file.display())?;
    }
    Ok(())
}
