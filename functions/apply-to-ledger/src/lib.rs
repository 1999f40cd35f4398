//! `ApplyToLedger`: posts a batch of entries to the ledger and answers what became of each and the totals after it.
//!
//! Posting is idempotent: a batch that was posted but not answered is posted again and answered as duplicates.

use cashflow::{Entry, MerchantId};
use jiff::Timestamp;
use ledger::{Ledger, LedgerError, Outcome, PostError, Posting};
use telemetry::{Causes, Line, Metrics, PostingMetrics, StoreMetrics};
use workflow::{
    ErrorName, Outcomes, PeriodTotalsState, PostedEntries, RecordEntries, Task, TaskError, UnknownFields, listed_ids,
};

/// Runs the task on one input of the workflow.
pub async fn handle(ledger: &Ledger, metrics: &Metrics, task: Task) -> Result<PostedEntries, TaskError> {
    let applied = apply(ledger, metrics, task).await;
    if let Err(error) = &applied {
        tracing::error!(error = %Causes(error), "entries not posted");
    }
    applied
}

async fn apply(ledger: &Ledger, metrics: &Metrics, task: Task) -> Result<PostedEntries, TaskError> {
    let input: RecordEntries = task.state().map_err(|error| TaskError::new(ErrorName::InvalidInput, &error))?;
    let first_parked_at = input.replay.as_ref().map(|replay| replay.first_parked_at);
    let (merchant, entries) = input.parse().map_err(|error| TaskError::new(error.name(), &error))?;

    let waiting_since = task.started_at.map(|started_at| first_parked_at.unwrap_or(started_at));
    post(ledger, metrics, &merchant, &entries, waiting_since)
        .await
        .map_err(|error| TaskError::new(error_name(&error), &error))
}

async fn post(
    ledger: &Ledger,
    metrics: &Metrics,
    merchant: &MerchantId,
    entries: &[Entry],
    waiting_since: Option<Timestamp>,
) -> Result<PostedEntries, PostError> {
    // On the heap: the compiler would otherwise look through more layers of futures than it is allowed to.
    let posting = Box::pin(ledger.post(merchant, entries)).await?;
    let posted = posted(merchant, entries, waiting_since, &posting);
    // That of one alone stands in the name of the execution.
    let line = match entries {
        [_] => Line::new("entries posted").text("merchant", merchant),
        entries => listed(merchant, entries),
    };
    emit(metrics, &line, &posted);
    Ok(posted)
}

/// What became of entries of a merchant, and the totals after it. `waiting_since` says since when they have been on their way.
pub fn posted(
    merchant: &MerchantId,
    entries: &[Entry],
    waiting_since: Option<Timestamp>,
    posting: &Posting,
) -> PostedEntries {
    PostedEntries {
        merchant_id: merchant.to_string(),
        outcomes: count(posting),
        conflicts: ids(entries, posting, Outcome::Conflict),
        already_reversed: ids(entries, posting, Outcome::AlreadyReversed),
        epoch: posting.after.epoch,
        totals_at: posting.after.totals_at,
        waiting_since,
        totals: posting.after.totals.iter().map(PeriodTotalsState::new).collect(),
        unknown: UnknownFields::default(),
    }
}

/// A line of entries that are posted, in which each is found by its id.
pub fn listed(merchant: &MerchantId, entries: &[Entry]) -> Line {
    Line::new("entries posted").text("merchant", merchant).text("ids", listed_ids(entries))
}

/// Logs and counts what was posted.
pub fn emit(metrics: &Metrics, line: &Line, posted: &PostedEntries) {
    let outcomes = &posted.outcomes;
    let counted = PostingMetrics {
        entries_posted: outcomes.posted.into(),
        entries_duplicate: outcomes.duplicate.into(),
        key_conflicts: outcomes.conflict.into(),
        reversals_overtaken: outcomes.already_reversed.into(),
        stores: StoreMetrics::take(),
    };
    metrics.emit(line, counted);
}

/// The name of the error with which entries are not posted.
pub fn error_name(error: &PostError) -> ErrorName {
    match error {
        PostError::Ledger(LedgerError::Unavailable(_)) => ErrorName::LedgerUnavailable,
        PostError::Ledger(LedgerError::Misconfigured(_) | LedgerError::Inconsistent(_)) => {
            ErrorName::LedgerMisconfigured
        }
        PostError::OriginalNotPosted(_) => ErrorName::OriginalNotPosted,
        PostError::Refused(_) => ErrorName::InvalidInput,
    }
}

/// The ids of the entries that came to this outcome.
fn ids(entries: &[Entry], posting: &Posting, outcome: Outcome) -> Vec<String> {
    let outcomes = entries.iter().zip(&posting.outcomes);
    outcomes.filter(|(_, other)| **other == outcome).map(|(entry, _)| entry.id.to_string()).collect()
}

fn count(posting: &Posting) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for outcome in &posting.outcomes {
        match outcome {
            Outcome::Posted => outcomes.posted += 1,
            Outcome::Duplicate => outcomes.duplicate += 1,
            Outcome::Conflict => outcomes.conflict += 1,
            Outcome::AlreadyReversed => outcomes.already_reversed += 1,
        }
    }
    outcomes
}
