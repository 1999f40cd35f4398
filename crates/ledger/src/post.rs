use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use cashflow::{
    Category, Currency, Description, Entry, Fingerprint, FingerprintError, MerchantId, Period, PeriodError,
    PeriodTotals, Totals, UnknownCurrency,
};
use futures::future::try_join3;
use tokio::{sync::Mutex, time::timeout};
use tokio_postgres::{
    Client, Row,
    error::SqlState,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{ConnectError, LedgerConfig, connect};

/// Over how many rows the totals of one day are spread, so that writers of one merchant seldom wait for each other.
pub const TOTAL_SLOTS: u8 = 8;

/// How long the statements of one posting may take, beside connecting. Both together stay below the function's timeout.
const STATEMENTS_TIMEOUT: Duration = Duration::from_secs(4);

/// The ledger, over one connection that is opened when needed and replaced when broken.
#[derive(Debug)]
pub struct Ledger {
    config: LedgerConfig,
    connection: Mutex<Option<Client>>,
}

/// What became of one entry of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Posted now.
    Applied,
    /// The same request had been posted before: nothing changed.
    Duplicate,
    /// Another request had used the key before: that one stands, this one is kept aside and not posted.
    Conflict,
}

/// The ledger's answer to a batch.
#[derive(Debug)]
pub struct Posting {
    /// One outcome for each entry, in the order given.
    pub outcomes: Vec<Outcome>,
    /// The totals of every day and month that the entries belong to, in one snapshot taken after the batch was committed.
    pub totals: Vec<PeriodTotals>,
    /// The ledger's epoch in that snapshot.
    pub epoch: u32,
    /// When that snapshot was taken, by the database's clock.
    pub totals_at: jiff::Timestamp,
}

/// Why a batch was not posted, or posted and not answered: posting it again is always safe.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The ledger did not answer, or refused for a reason that passes (restart, deadlock, too many connections).
    #[error("the ledger is unavailable")]
    Unavailable(#[source] UnavailableError),
    /// The ledger lacks a table, a right or a setting. Somebody has to mend it.
    #[error("the ledger is not set up as needed")]
    Misconfigured(#[source] ConnectError),
    /// A check of the database refused the batch, and will do so again.
    #[error("the ledger refused the batch")]
    Refused(#[source] tokio_postgres::Error),
    /// The ledger answered something that the domain does not know.
    #[error("the ledger answered what it should not: {0}")]
    Inconsistent(&'static str),
}

/// What kept the ledger from answering.
#[derive(Debug, thiserror::Error)]
pub enum UnavailableError {
    /// No connection.
    #[error(transparent)]
    Connect(ConnectError),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// A failure of the connection or the server.
    #[error(transparent)]
    Postgres(tokio_postgres::Error),
}

impl Ledger {
    /// A ledger that will connect when it is first needed.
    pub fn new(config: LedgerConfig) -> Ledger {
        Ledger { config, connection: Mutex::new(None) }
    }

    /// Connects now, so that the first batch does not pay for it.
    pub async fn warm_up(&self) -> Result<(), ConnectError> {
        let mut connection = self.connection.lock().await;
        *connection = Some(connect(&self.config).await?);
        Ok(())
    }

    /// Posts the new ones among the entries, in one transaction, and answers what became of each and the totals after it.
    pub async fn post(&self, merchant: &MerchantId, entries: &[Entry]) -> Result<Posting, PostError> {
        let mut connection = self.connection.lock().await;
        // Taken out for the work: whatever goes wrong, a connection in an unknown state is dropped and never reused.
        let client = match connection.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => connect(&self.config).await.map_err(PostError::from_connect)?,
        };
        let posting = timeout(STATEMENTS_TIMEOUT, post(&client, merchant, entries))
            .await
            .unwrap_or(Err(PostError::Unavailable(UnavailableError::Timeout(STATEMENTS_TIMEOUT))))?;
        *connection = Some(client);
        Ok(posting)
    }
}

/// The three statements are sent together and answered in one round trip. Each is a transaction of its own, run in this
/// order: the second and third see what the first has committed, and what every other writer has committed by then.
/// Totals read inside the writing transaction would miss concurrent writers and give one count to two different sets.
async fn post(client: &Client, merchant: &MerchantId, entries: &[Entry]) -> Result<Posting, PostError> {
    let columns = Columns::new(entries);
    let merchant_id = merchant.as_str();
    let slot = i16::from(total_slot(entries));
    let mut parameters = columns.parameters(&merchant_id);
    parameters.push((&slot, Type::INT2));
    let by_id: [(&(dyn ToSql + Sync), Type); 2] = [(&merchant_id, Type::TEXT), (&columns.ids, Type::UUID_ARRAY)];

    let (posted, stored, totals) = try_join3(
        client.query_typed(include_str!("sql/post.sql"), &parameters),
        client.query_typed(include_str!("sql/stored.sql"), &by_id),
        client.query_typed(include_str!("sql/totals.sql"), &by_id),
    )
    .await
    .map_err(PostError::from_postgres)?;

    let outcomes = outcomes(entries, &posted, &stored)?;
    keep_conflicts(client, &merchant_id, entries, &outcomes).await?;
    read_totals(outcomes, &totals)
}

/// The slot is drawn from an id, which is a hash: spread evenly, and the same when a batch is repeated.
fn total_slot(entries: &[Entry]) -> u8 {
    entries.first().map_or(0, |entry| entry.id.as_uuid().as_bytes()[0] % TOTAL_SLOTS)
}

fn outcomes(entries: &[Entry], posted: &[Row], stored: &[Row]) -> Result<Vec<Outcome>, PostError> {
    let mut newly_posted: HashSet<Uuid> = posted.iter().map(|row| row.get("id")).collect();
    let stored = stored
        .iter()
        .map(|row| Ok((row.get::<_, Uuid>("id"), Fingerprint::from_bytes(row.get("fingerprint"))?)))
        .collect::<Result<HashMap<_, _>, FingerprintError>>()
        .map_err(|_| PostError::Inconsistent("a fingerprint has no 32 bytes"))?;
    entries
        .iter()
        .map(|entry| match stored.get(entry.id.as_uuid()) {
            // Removed when seen, so that an entry given twice in one batch is applied once and then a duplicate.
            Some(fingerprint) if *fingerprint == entry.fingerprint => {
                Ok(if newly_posted.remove(entry.id.as_uuid()) { Outcome::Applied } else { Outcome::Duplicate })
            }
            Some(_) => Ok(Outcome::Conflict),
            None => Err(PostError::Inconsistent("an entry is neither posted nor found")),
        })
        .collect()
}

async fn keep_conflicts(
    client: &Client,
    merchant_id: &&str,
    entries: &[Entry],
    outcomes: &[Outcome],
) -> Result<(), PostError> {
    let conflicts: Vec<Entry> = entries
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| **outcome == Outcome::Conflict)
        .map(|(entry, _)| entry.clone())
        .collect();
    if conflicts.is_empty() {
        return Ok(());
    }
    let columns = Columns::new(&conflicts);
    client
        .query_typed(include_str!("sql/keep_conflicts.sql"), &columns.parameters(merchant_id))
        .await
        .map_err(PostError::from_postgres)?;
    Ok(())
}

fn read_totals(outcomes: Vec<Outcome>, rows: &[Row]) -> Result<Posting, PostError> {
    let first = rows.first().ok_or(PostError::Inconsistent("no totals for posted entries"))?;
    let epoch = u32::try_from(first.get::<_, i32>("epoch")).map_err(|_| PostError::Inconsistent("a negative epoch"))?;
    let totals_at = jiff::Timestamp::from_microsecond(first.get("totals_at_us"))
        .map_err(|_| PostError::Inconsistent("a time out of range"))?;
    let totals = rows.iter().map(read_period_totals).collect::<Result<_, _>>()?;
    Ok(Posting { outcomes, totals, epoch, totals_at })
}

fn read_period_totals(row: &Row) -> Result<PeriodTotals, PostError> {
    let minor = |column| {
        row.get::<_, String>(column).parse().map_err(|_| PostError::Inconsistent("a total is no whole number"))
    };
    let entry_count: i64 = row.get("entry_count");
    Ok(PeriodTotals {
        period: Period::parse(row.get("period"))?,
        currency: Currency::parse(row.get("currency"))?,
        totals: Totals {
            credits: minor("credits")?,
            debits: minor("debits")?,
            entry_count: u64::try_from(entry_count).map_err(|_| PostError::Inconsistent("a negative count"))?,
        },
    })
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
        }
    }

    /// Parameters `$1` to `$9` of the statements that take whole entries.
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
        ]
    }
}

impl PostError {
    fn from_connect(error: ConnectError) -> PostError {
        match &error {
            ConnectError::Settings { .. } | ConnectError::Tls(_) => PostError::Misconfigured(error),
            ConnectError::Postgres(postgres) if is_set_up_wrong(postgres.code()) => PostError::Misconfigured(error),
            ConnectError::Timeout(_) | ConnectError::Postgres(_) | ConnectError::Token(_) => {
                PostError::Unavailable(UnavailableError::Connect(error))
            }
        }
    }

    fn from_postgres(error: tokio_postgres::Error) -> PostError {
        let class = error.code().map(|code| &code.code()[..2]);
        match class {
            // Data exception; integrity constraint violation.
            Some("22" | "23") => PostError::Refused(error),
            _ if is_set_up_wrong(error.code()) => PostError::Misconfigured(error.into()),
            _ => PostError::Unavailable(UnavailableError::Postgres(error)),
        }
    }
}

/// A missing database, table or right does not pass by waiting.
fn is_set_up_wrong(code: Option<&SqlState>) -> bool {
    code.is_some_and(|code| *code == SqlState::INVALID_CATALOG_NAME || code.code().starts_with("42"))
}

impl From<PeriodError> for PostError {
    fn from(_: PeriodError) -> PostError {
        PostError::Inconsistent("an unknown period")
    }
}

impl From<UnknownCurrency> for PostError {
    fn from(_: UnknownCurrency) -> PostError {
        PostError::Inconsistent("an unknown currency")
    }
}
