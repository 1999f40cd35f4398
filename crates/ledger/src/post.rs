use std::collections::{BTreeSet, HashMap, HashSet};

use cashflow::{Category, Description, Entry, EntryId, Fingerprint, MerchantId, PeriodTotals};
use futures::future::try_join;
use tokio_postgres::{
    Client, Row,
    error::SqlState,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{
    Ledger, LedgerError, PostgresError,
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
        client.query_typed("SELECT * FROM ledger.post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL)", &parameters),
        client.query_typed(
            "SELECT * FROM ledger.period_totals($1, $2, $3)",
            &[(&merchant_id, Type::TEXT), (&currencies, Type::TEXT_ARRAY), (&days, Type::TEXT_ARRAY)],
        ),
    )
    .await?;
    if posted.len() == entries.len() {
        return Ok(Posting { outcomes: vec![Outcome::Posted; entries.len()], after: read_ledger_totals(&totals)? });
    }

    let originals: Vec<Uuid> = columns.reverses.iter().flatten().copied().collect();
    let by_id: [(&(dyn ToSql + Sync), Type); 3] =
        [(&merchant_id, Type::TEXT), (&columns.ids, Type::UUID_ARRAY), (&originals, Type::UUID_ARRAY)];
    let (recorded, totals) = try_join(
        client.query_typed("SELECT * FROM ledger.recorded($1, $2, $3)", &by_id),
        client.query_typed("SELECT * FROM ledger.totals($1, $2, $3)", &by_id),
    )
    .await?;
    let outcomes = outcomes(entries, &posted, &recorded)?;
    let keep_conflicts = "SELECT * FROM ledger.keep_conflicts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    keep_aside(client, keep_conflicts, &merchant_id, entries, &outcomes, Outcome::Conflict).await?;
    let keep_overtaken = "SELECT * FROM ledger.keep_overtaken($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    keep_aside(client, keep_overtaken, &merchant_id, entries, &outcomes, Outcome::AlreadyReversed).await?;
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

/// Keeps the entries that came to this outcome where a lookup finds them.
async fn keep_aside(
    client: &Client,
    statement: &str,
    merchant_id: &&str,
    entries: &[Entry],
    outcomes: &[Outcome],
    outcome: Outcome,
) -> Result<(), PostError> {
    let kept: Vec<Entry> =
        entries.iter().zip(outcomes).filter(|(_, other)| **other == outcome).map(|(entry, _)| entry.clone()).collect();
    if !kept.is_empty() {
        client.query_typed(statement, &Columns::new(&kept).parameters(merchant_id)).await?;
    }
    Ok(())
}

/// The entries of a batch as one array for each column, the form that `unnest` takes.
struct Columns<'a> {
    ids: Vec<Uuid>,
    fingerprints: Vec<&'a [u8]>,
    types: Vec<&'static str>,
    amounts_minor: Vec<i64>,
    currencies: Vec<&'static str>,
    dates: Vec<String>,
    descriptions: Vec<Option<&'a str>>,
    categories: Vec<Option<&'a str>>,
    reverses: Vec<Option<Uuid>>,
}

impl<'a> Columns<'a> {
    fn new(entries: &'a [Entry]) -> Columns<'a> {
        Columns {
            ids: entries.iter().map(|entry| *entry.id.as_uuid()).collect(),
            fingerprints: entries.iter().map(|entry| entry.fingerprint.as_bytes().as_slice()).collect(),
            types: entries.iter().map(|entry| entry.entry_type.as_str()).collect(),
            amounts_minor: entries.iter().map(|entry| entry.amount.minor()).collect(),
            currencies: entries.iter().map(|entry| entry.amount.currency().code()).collect(),
            dates: entries.iter().map(|entry| entry.date.to_string()).collect(),
            descriptions: entries.iter().map(|entry| entry.description.as_ref().map(Description::as_str)).collect(),
            categories: entries.iter().map(|entry| entry.category.as_ref().map(Category::as_str)).collect(),
            reverses: entries.iter().map(|entry| entry.reverses.as_ref().map(EntryId::as_uuid).copied()).collect(),
        }
    }

    /// The currency and date of each day that has entries, each once.
    fn days(&self) -> (Vec<&'static str>, Vec<&str>) {
        let days: BTreeSet<(&'static str, &str)> =
            self.currencies.iter().copied().zip(self.dates.iter().map(String::as_str)).collect();
        days.into_iter().unzip()
    }

    /// Parameters `$1` to `$10` of the statements that take whole entries.
    fn parameters<'p>(&'p self, merchant_id: &'p &str) -> Vec<(&'p (dyn ToSql + Sync), Type)> {
        vec![
            (merchant_id, Type::TEXT),
            (&self.ids, Type::UUID_ARRAY),
            (&self.fingerprints, Type::BYTEA_ARRAY),
            (&self.types, Type::TEXT_ARRAY),
            (&self.amounts_minor, Type::INT8_ARRAY),
            (&self.currencies, Type::TEXT_ARRAY),
            (&self.dates, Type::TEXT_ARRAY),
            (&self.descriptions, Type::TEXT_ARRAY),
            (&self.categories, Type::TEXT_ARRAY),
            (&self.reverses, Type::UUID_ARRAY),
        ]
    }
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
