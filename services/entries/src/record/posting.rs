use std::collections::BTreeMap;

use apply_to_ledger::error_name;
use cashflow::{Entry, MerchantId};
use entry_log::Record;
use futures::{StreamExt, future::join_all, stream};
use jiff::Timestamp;
use ledger::{Ledger, LedgerError, PostError, Posting};
use telemetry::{Causes, Metrics};
use workflow::{ErrorName, PostedEntries, RecordEntries, TaskError};

use super::{
    groups::{Batch, Request, groups, together},
    totals::Merged,
};

/// How many transactions are begun at once. The ledger's connections are the limit; what waits for one costs nothing.
const TRANSACTIONS_AT_ONCE: usize = 32;

/// How often all records are handled again together before those of merchants whose entries alone cannot be posted now wait
/// elsewhere: somebody may hold a lock on what one merchant has, and must not stop all others.
const ATTEMPTS_TOGETHER: u32 = 3;

/// What became of records.
#[derive(Debug, Default)]
pub(crate) struct Posted<'r> {
    /// The totals after what was posted.
    pub(crate) totals: Vec<PostedEntries>,
    /// What could not be posted.
    pub(crate) unposted: Vec<Unposted<'r>>,
}

/// A record whose entries could not be posted.
#[derive(Debug)]
pub(crate) struct Unposted<'r> {
    pub(crate) record: &'r Record,
    pub(crate) error: ErrorName,
}

/// What became of records, and of merchants for whom the ledger gave no answer.
#[derive(Debug, Default)]
pub(crate) struct Attempt<'r> {
    pub(crate) posted: Posted<'r>,
    pub(crate) unanswered: Vec<(Vec<&'r Record>, PostError)>,
}

impl<'r> Attempt<'r> {
    /// What became of the records, unless all of them have to be posted again: the ledger gave no answer, for some merchants at
    /// least. If that goes on while it answers for others, or when it is asked about nobody, their records count as unposted.
    pub(crate) async fn unless_all_have_to_wait(self, ledger: &Ledger, attempt: u32) -> Result<Posted<'r>, PostError> {
        let Attempt { mut posted, mut unanswered } = self;
        let is_of_whole_ledger =
            |error: &PostError| matches!(error, PostError::Ledger(error) if error.is_of_whole_ledger());
        let have_to_wait = !unanswered.is_empty()
            && (attempt < ATTEMPTS_TOGETHER
                || unanswered.iter().any(|(_, error)| is_of_whole_ledger(error))
                // These may be the only ones here, and others come after them.
                || (posted.totals.is_empty() && !ledger.takes_writes().await));
        if have_to_wait && let Some((_, error)) = unanswered.pop() {
            return Err(error);
        }
        for (records, error) in unanswered {
            let error = error_name(&error);
            posted.unposted.extend(records.into_iter().map(|record| Unposted { record, error }));
        }
        Ok(posted)
    }
}

/// Posts the entries of records: those of each merchant in order, merchants side by side, and those with few in one transaction. Once that
/// has failed (`attempt`), each merchant by itself: a statement that waits for what somebody holds of one merchant goes on for some
/// seconds on the server, with what it has locked of the others.
pub(crate) async fn post<'r>(ledger: &Ledger, metrics: &Metrics, records: &'r [Record], attempt: u32) -> Attempt<'r> {
    let is_first = attempt == 0;
    let mut attempt = Attempt::default();
    let mut requests: BTreeMap<MerchantId, Vec<Request<'r>>> = BTreeMap::new();
    for record in records {
        match parse(record) {
            Ok((merchant, entries)) => requests.entry(merchant).or_default().push(Request { record, entries }),
            Err((name, error)) => attempt.posted.unposted.push(refused(record, name, &error)),
        }
    }
    let batches = requests.into_iter().map(|(merchant, requests)| Batch { merchant, groups: groups(requests) });
    let transactions = if is_first { together(batches) } else { batches.map(|batch| vec![batch]).collect() };
    let posting = stream::iter(transactions).map(|batches| post_together(ledger, metrics, batches));
    let mut posting = posting.buffer_unordered(TRANSACTIONS_AT_ONCE).map(stream::iter).flatten();
    while let Some((records, posted)) = posting.next().await {
        match posted {
            Ok(Posted { totals, unposted }) => {
                attempt.posted.totals.extend(totals);
                attempt.posted.unposted.extend(unposted);
            }
            Err(error) => attempt.unanswered.push((records, error)),
        }
    }
    attempt
}

fn parse(record: &Record) -> Result<(MerchantId, Vec<Entry>), (ErrorName, TaskError)> {
    let refusal = |name, error: &(dyn std::error::Error + 'static)| (name, TaskError::new(name, error));
    let input: RecordEntries =
        serde_json::from_slice(&record.value).map_err(|error| refusal(ErrorName::InvalidInput, &error))?;
    input.parse().map_err(|error| refusal(error.name(), &error))
}

/// What became of a merchant's records.
type Answer<'r> = (Vec<&'r Record>, Result<Posted<'r>, PostError>);

/// Posts the requests of one merchant, or of several in one transaction. Who has no answer then is posted by itself.
async fn post_together<'r>(ledger: &Ledger, metrics: &Metrics, batches: Vec<Batch<'r>>) -> Vec<Answer<'r>> {
    let posted = match &*batches {
        [_] => vec![None],
        batches => post_at_once(ledger, metrics, batches).await,
    };
    let answers = batches.into_iter().zip(posted).map(|(batch, posted)| async move {
        let records = batch.groups.iter().flatten().map(|request| request.record).collect();
        let posted = match posted {
            Some(posted) => Ok(Posted { totals: Merged::from(posted).into_messages(), unposted: Vec::new() }),
            None => post_in_order(ledger, metrics, batch).await,
        };
        (records, posted)
    });
    join_all(answers).await
}

/// Posts the requests of several merchants in one transaction. Nobody has an answer if something is refused, or waits for what somebody
/// holds of one merchant.
async fn post_at_once(ledger: &Ledger, metrics: &Metrics, batches: &[Batch<'_>]) -> Vec<Option<PostedEntries>> {
    let entries: Vec<Vec<Entry>> = batches.iter().map(Batch::entries).collect();
    let of_merchants: Vec<_> =
        batches.iter().map(|batch| &batch.merchant).zip(entries.iter().map(Vec::as_slice)).collect();
    let postings = match Box::pin(ledger.post_together(&of_merchants)).await {
        Ok(postings) => postings,
        Err(error) => {
            tracing::warn!(error = %Causes(&error), "posting for several merchants at once failed; each is posted by itself");
            return batches.iter().map(|_| None).collect();
        }
    };
    let answers = postings.into_iter().zip(batches).zip(&entries);
    let posted = answers.map(|((posting, batch), entries)| {
        let since = waiting_since(batch.groups.iter().flatten());
        Some(posted(metrics, &batch.merchant, entries, since, &posting.ok()?))
    });
    posted.collect()
}

/// What became of entries. There is no execution here whose name could stand for one.
fn posted(
    metrics: &Metrics,
    merchant: &MerchantId,
    entries: &[Entry],
    waiting_since: Option<Timestamp>,
    posting: &Posting,
) -> PostedEntries {
    let posted = apply_to_ledger::posted(merchant, entries, waiting_since, posting);
    apply_to_ledger::emit(metrics, &apply_to_ledger::listed(merchant, entries), &posted);
    posted
}

/// Posts a merchant's requests, group by group.
async fn post_in_order<'r>(ledger: &Ledger, metrics: &Metrics, batch: Batch<'r>) -> Result<Posted<'r>, PostError> {
    let Batch { merchant, groups } = batch;
    let mut merged = Merged::default();
    let mut unposted = Vec::new();
    for group in groups {
        match post_group(ledger, metrics, &merchant, &group).await {
            Ok(posted) => merged.add(posted),
            Err(error) if is_of_request(&error) => {
                for request in group {
                    match post_group(ledger, metrics, &merchant, std::slice::from_ref(&request)).await {
                        Ok(posted) => merged.add(posted),
                        Err(error) if is_of_request(&error) => {
                            unposted.push(refused(request.record, error_name(&error), &error));
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Posted { totals: merged.into_messages(), unposted })
}

/// Whether it is about what is posted, so that others may well be posted.
fn is_of_request(error: &PostError) -> bool {
    match error {
        PostError::OriginalNotPosted(_) | PostError::Refused(_) | PostError::Ledger(LedgerError::Inconsistent(_)) => {
            true
        }
        PostError::Ledger(LedgerError::Unavailable(_) | LedgerError::Misconfigured(_)) => false,
    }
}

async fn post_group(
    ledger: &Ledger,
    metrics: &Metrics,
    merchant: &MerchantId,
    group: &[Request<'_>],
) -> Result<PostedEntries, PostError> {
    let entries: Vec<Entry> = group.iter().flat_map(|request| request.entries.iter().cloned()).collect();
    // On the heap: the compiler would otherwise look through more layers of futures than it is allowed to.
    let posting = Box::pin(ledger.post(merchant, &entries)).await?;
    Ok(posted(metrics, merchant, &entries, waiting_since(group), &posting))
}

/// Since when the first of these has been on its way.
fn waiting_since<'r>(requests: impl IntoIterator<Item = &'r Request<'r>>) -> Option<Timestamp> {
    requests.into_iter().map(|request| request.record.waiting_since()).min()
}

fn refused<'r>(record: &'r Record, name: ErrorName, error: &(dyn std::error::Error + 'static)) -> Unposted<'r> {
    tracing::error!(
        origin = %record.origin,
        execution = record.headers.execution,
        reason = name.as_str(),
        error = %Causes(error),
        "entries not posted"
    );
    Unposted { record, error: name }
}
