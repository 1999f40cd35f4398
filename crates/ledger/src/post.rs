use std::collections::{HashMap, HashSet};

use cashflow::{Entry, Fingerprint, MerchantId, PeriodTotals};
use futures::future::try_join;
use tokio_postgres::{
    Client, Row,
    error::SqlState,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{
    Ledger, LedgerError, PostgresError,
    columns::Columns,
    refused::record_refused,
    rows::{read_ledger_totals, valid},
    session::STATEMENTS_TIMEOUT,
};

/// What became of one entry of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Posted now.
    Posted,
    /// The same request had been posted before: nothing changed.
    Duplicate,
    /// Another request had used the key before: that one stands, this one is stored as refused and not posted.
    Conflict,
    /// A reversal whose original another reversal has undone: that one stands, this one is stored as refused and not posted.
    AlreadyReversed,
}

/// The ledger's answer to a batch.
#[derive(Debug)]
pub struct Posting {
    /// One outcome for each entry, in the order given.
    pub outcomes: Vec<Outcome>,
    /// The totals of every day and month that the entries belong to, in one snapshot taken after the batch was committed.
    pub after: LedgerTotals,
}

/// Totals as the ledger knew them at one moment.
#[derive(Debug)]
pub struct LedgerTotals {
    /// The totals of days and months.
    pub totals: Vec<PeriodTotals>,
    /// The ledger's epoch in that snapshot.
    pub epoch: u32,
    /// When that snapshot was taken, by the database's clock.
    pub totals_at: jiff::Timestamp,
}

/// Why a batch was not posted, or posted and not answered: posting it again is always safe.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The ledger gave no answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A reversal names an entry that is not in the ledger. It may come yet: what was accepted first is not always posted first.
    #[error("the entry that the reversal names is not in the ledger yet")]
    OriginalNotPosted(#[source] PostgresError),
    /// A check of the database refused the batch, and will do so again.
    #[error("a constraint of the ledger refused the batch")]
    Refused(#[source] PostgresError),
}

impl Ledger {
    /// Posts the new ones among the entries, in one transaction, and answers what became of each and the totals after it.
    pub async fn post(&self, merchant: &MerchantId, entries: &[Entry]) -> Result<Posting, PostError> {
        self.run(STATEMENTS_TIMEOUT, async |client| post(client, merchant, entries).await).await
    }
}

/// Both statements are sent together and answered in one round trip. Each is a transaction of its own, run in this order:
/// the second sees what the first has committed, and what every other writer has committed by then. Totals read inside the
/// writing transaction would miss concurrent writers and give one count to two different sets.
///
/// If the ledger held some of the entries before, it is asked once more, for what it holds and for the totals of that: a
/// repeat may have another date than what was posted first.
async fn post(client: &Client, merchant: &MerchantId, entries: &[Entry]) -> Result<Posting, PostError> {
    let columns = Columns::new(entries);
    let merchant_id = merchant.as_str();
    let parameters = columns.parameters(&merchant_id);
    let (currencies, days) = columns.days();

    let (posted, totals) = try_join(
        client.query_typed(&columns.call("ledger.post", &["total_slot => NULL"]), &parameters),
        client.query_typed(
            "SELECT * FROM ledger.period_totals($1, $2, $3)",
            &[(&merchant_id, Type::TEXT), (&currencies, Type::TEXT_ARRAY), (&days, Type::TEXT_ARRAY)],
        ),
    )
    .await?;
    if posted.len() == entries.len() {
        return Ok(Posting { outcomes: vec![Outcome::Posted; entries.len()], after: read_ledger_totals(&totals)? });
    }

    answer_each(client, merchant, entries, &columns, &posted).await
}

/// What became of entries of which some were known before: the ledger is asked what it holds, and for the totals of that.
pub(crate) async fn answer_each(
    client: &Client,
    merchant: &MerchantId,
    entries: &[Entry],
    columns: &Columns<'_>,
    posted: &[Row],
) -> Result<Posting, PostError> {
    let merchant_id = merchant.as_str();
    let originals = columns.originals();
    let by_id: [(&(dyn ToSql + Sync), Type); 3] =
        [(&merchant_id, Type::TEXT), (columns.ids(), Type::UUID_ARRAY), (&originals, Type::UUID_ARRAY)];
    let (recorded, totals) = try_join(
        client.query_typed("SELECT * FROM ledger.recorded($1, $2, $3)", &by_id),
        client.query_typed("SELECT * FROM ledger.totals($1, $2, $3)", &by_id),
    )
    .await?;
    let outcomes = outcomes(entries, posted, &recorded)?;
    record_refused(client, &merchant_id, entries, &outcomes).await?;
    Ok(Posting { outcomes, after: read_ledger_totals(&totals)? })
}

fn outcomes(entries: &[Entry], posted: &[Row], recorded: &[Row]) -> Result<Vec<Outcome>, LedgerError> {
    let mut newly_posted: HashSet<Uuid> = posted.iter().map(|row| row.get("id")).collect();
    let (stored, overtaken): (Vec<&Row>, Vec<&Row>) = recorded.iter().partition(|row| row.get("is_posted"));
    let reversed: HashSet<Uuid> = stored.iter().filter_map(|row| row.get("reverses")).collect();
    let (stored, overtaken) = (fingerprints(&stored)?, fingerprints(&overtaken)?);
    entries
        .iter()
        .map(|entry| {
            let id = entry.id.as_uuid();
            let has_fingerprint =
                |held: &HashMap<Uuid, Fingerprint>| held.get(id).map(|held| *held == entry.fingerprint);
            match (has_fingerprint(&stored), has_fingerprint(&overtaken)) {
                // Removed when seen, so that an entry given twice in one batch is posted once and then a duplicate.
                (Some(true), _) => Ok(if newly_posted.remove(id) { Outcome::Posted } else { Outcome::Duplicate }),
                (_, Some(true)) => Ok(Outcome::AlreadyReversed),
                (Some(false), _) | (_, Some(false)) => Ok(Outcome::Conflict),
                (None, None) if entry.reverses.is_some_and(|original| reversed.contains(original.as_uuid())) => {
                    Ok(Outcome::AlreadyReversed)
                }
                (None, None) => Err(LedgerError::Inconsistent("an entry was neither posted nor found afterwards")),
            }
        })
        .collect()
}

/// The fingerprint that the ledger holds under each id.
fn fingerprints(rows: &[&Row]) -> Result<HashMap<Uuid, Fingerprint>, LedgerError> {
    rows.iter()
        .map(|row| {
            let fingerprint =
                valid(Fingerprint::from_bytes(row.get("fingerprint")), "a fingerprint is not 32 bytes long")?;
            Ok((row.get("id"), fingerprint))
        })
        .collect()
}

impl From<tokio_postgres::Error> for PostError {
    fn from(error: tokio_postgres::Error) -> PostError {
        match error.code().map(|code| &code.code()[..2]) {
            _ if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => PostError::OriginalNotPosted(error.into()),
            // Data exception; integrity constraint violation.
            Some("22" | "23") => PostError::Refused(error.into()),
            _ => PostError::Ledger(error.into()),
        }
    }
}
