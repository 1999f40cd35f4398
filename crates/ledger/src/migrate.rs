use refinery::Migration;
use refinery_core::{
    AsyncMigrate,
    traits::r#async::{AsyncQuery, AsyncTransaction},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio_postgres::{Client, Error, Transaction};

use crate::{
    PostgresError,
    history::{DivergenceError, later_migrations},
};

pub(crate) mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// Any number that no other program on this database locks on.
const MIGRATION_LOCK: i64 = 0x0066_6c75_786f;

/// Where `refinery` keeps which migrations were applied; its default.
const HISTORY: &str = "refinery_schema_history";

/// The database's limit is meant for the functions; a migration may take as long as it needs, but not longer than anybody waits
/// for it: a server whose client is gone stops within seconds. All names are those of one schema, whoever the owner is.
const SESSION: &str =
    "SET statement_timeout = 0; SET client_connection_check_interval = '2s'; SET search_path = public";

/// The functions of the database, which are all that the application's roles may use. What they are is the newest text; what
/// they were is in the history of these files. Those that others call come before them. One that goes, or takes or answers
/// something else, is dropped by a migration.
const FUNCTIONS: &[&str] = &[
    include_str!("sql/public/count_waits.sql"),
    include_str!("sql/public/cross_alerts.sql"),
    include_str!("sql/ledger/add_seal.sql"),
    include_str!("sql/ledger/advance_feed.sql"),
    include_str!("sql/ledger/alerts.sql"),
    include_str!("sql/ledger/append_event.sql"),
    include_str!("sql/ledger/as_of.sql"),
    include_str!("sql/ledger/claim_wait.sql"),
    include_str!("sql/ledger/conflicts.sql"),
    include_str!("sql/ledger/currencies.sql"),
    include_str!("sql/ledger/cursor_key.sql"),
    include_str!("sql/ledger/day_to_seal.sql"),
    include_str!("sql/ledger/entries_to_seal.sql"),
    include_str!("sql/ledger/feed_end.sql"),
    include_str!("sql/ledger/feed_key.sql"),
    include_str!("sql/ledger/feed_page.sql"),
    include_str!("sql/ledger/keep_conflicts.sql"),
    include_str!("sql/ledger/keep_overtaken.sql"),
    include_str!("sql/ledger/lock_sealing.sql"),
    include_str!("sql/ledger/month.sql"),
    include_str!("sql/ledger/overtaken.sql"),
    include_str!("sql/ledger/period_totals.sql"),
    include_str!("sql/ledger/post.sql"),
    include_str!("sql/ledger/posted.sql"),
    include_str!("sql/ledger/record_refused.sql"),
    include_str!("sql/ledger/recorded.sql"),
    include_str!("sql/ledger/refused.sql"),
    include_str!("sql/ledger/release_wait.sql"),
    include_str!("sql/ledger/remove_alert.sql"),
    include_str!("sql/ledger/seal.sql"),
    include_str!("sql/ledger/seal_key.sql"),
    include_str!("sql/ledger/seal_page.sql"),
    include_str!("sql/ledger/seals.sql"),
    include_str!("sql/ledger/set_alert.sql"),
    include_str!("sql/ledger/statement.sql"),
    include_str!("sql/ledger/statement_key.sql"),
    include_str!("sql/ledger/statement_page.sql"),
    include_str!("sql/ledger/stored.sql"),
    include_str!("sql/ledger/totals.sql"),
    include_str!("sql/ledger/totals_of_day.sql"),
    include_str!("sql/ledger_lookup/recorded.sql"),
    include_str!("sql/ledger_maintenance/count_months_set_aside.sql"),
    include_str!("sql/ledger_maintenance/entries_recorded_between.sql"),
    include_str!("sql/ledger_maintenance/merchants_of_day.sql"),
    include_str!("sql/ledger_maintenance/merchants_with_events_since.sql"),
    include_str!("sql/ledger_maintenance/months_recorded_after.sql"),
    include_str!("sql/ledger_maintenance/months_recorded_between.sql"),
    include_str!("sql/ledger_maintenance/months_set_aside.sql"),
    include_str!("sql/ledger_maintenance/months_with_entries.sql"),
    include_str!("sql/ledger_maintenance/reconciled_until.sql"),
    include_str!("sql/ledger_maintenance/reconciliation_place.sql"),
    include_str!("sql/ledger_maintenance/save_reconciled_until.sql"),
    include_str!("sql/ledger_maintenance/save_reconciliation_place.sql"),
    include_str!("sql/ledger_maintenance/set_month_aside.sql"),
    include_str!("sql/ledger_maintenance/take_back_months.sql"),
    include_str!("sql/ledger_maintenance/unsealed.sql"),
];

/// Why the migrations did not run to their end. All of it is one transaction: what failed left nothing behind.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The lock could not be taken or given back, or the transaction not begun or committed.
    #[error("taking the migration lock, or beginning or committing its transaction, failed")]
    Lock(#[source] PostgresError),
    /// The migrations that the database has are not those of this program, nor those and later ones. Nothing was changed.
    #[error("the ledger's migrations are not those of this release; nothing was changed")]
    Diverged(#[from] DivergenceError),
    /// A migration failed.
    #[error("a migration failed")]
    Migration(#[source] PostgresError),
    /// The functions could not be created; those of before are still there.
    #[error("creating the functions of the database failed; the former ones are still there")]
    Functions(#[source] PostgresError),
    /// The epoch could not be raised.
    #[error("raising the epoch failed")]
    Epoch(#[source] PostgresError),
}

impl From<tokio_postgres::Error> for MigrateError {
    fn from(error: tokio_postgres::Error) -> MigrateError {
        MigrateError::Lock(error.into())
    }
}

/// What a run did, by the names of migrations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrations {
    /// Those that it applied.
    pub applied: Vec<String>,
    /// Those of a later release that the database has already. If there are any, the run changed nothing.
    pub later: Vec<String>,
}

/// Brings the database to the newest schema and replaces its functions by those of this program.
///
/// A database of a later release stays as it is, tables, functions and rights: it serves the release before, too, and CloudFormation
/// runs the program of that release when it rolls a deployment back.
///
/// Safe to run again and at the same time as another run: a second one waits, then finds nothing to do.
pub async fn migrate(client: &mut Client) -> Result<Migrations, MigrateError> {
    locked(client, apply).await
}

/// Raises the ledger's epoch to this, unless it is higher, and answers its generation: which ledger it is, and of which epoch.
///
/// An epoch begins when the ledger is restored to an earlier moment: what was said of it before may not be true any more.
pub async fn raise_epoch(client: &Client, epoch: u32) -> Result<String, MigrateError> {
    let raise =
        "UPDATE public.ledger_epoch SET epoch = greatest(epoch, $1) RETURNING epoch || '-' || left(ledger_id::text, 8)";
    let epoch = i32::try_from(epoch).unwrap_or(i32::MAX);
    Ok(client.query_one(raise, &[&epoch]).await.map_err(|error| MigrateError::Epoch(error.into()))?.get(0))
}

/// Does some work on the database's structure while nobody else does.
pub(crate) async fn locked<T, E: From<tokio_postgres::Error>>(
    client: &mut Client,
    work: impl AsyncFnOnce(&mut Client) -> Result<T, E>,
) -> Result<T, E> {
    client.batch_execute(SESSION).await?;
    client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
    let result = work(client).await;
    let unlocked = client.execute("SELECT pg_advisory_unlock($1)", &[&MIGRATION_LOCK]).await;
    // Of two failures the first one says why; a session that ends gives its locks back.
    let answer = result?;
    unlocked?;
    Ok(answer)
}

/// Migrations and functions in one transaction: a call of a function meanwhile waits, and then runs one that fits the tables. No function is ever missing, nor there with other rights than it should have.
async fn apply(client: &mut Client) -> Result<Migrations, MigrateError> {
    let transaction = client.transaction().await?;
    let runner = embedded::migrations::runner();
    let history = history(&transaction).await.map_err(|error| MigrateError::Migration(error.into()))?;
    let later = later_migrations(runner.get_migrations(), &history)?;
    if !later.is_empty() {
        return Ok(Migrations { applied: Vec::new(), later });
    }
    let report = runner.run_async(&mut WithinTransaction(&transaction)).await;
    let report = report.map_err(|error| MigrateError::Migration(PostgresError::new(&error)))?;
    replace_functions(&transaction).await.map_err(|error| MigrateError::Functions(error.into()))?;
    transaction.commit().await?;
    Ok(Migrations { applied: report.applied_migrations().iter().map(ToString::to_string).collect(), later })
}

/// The migrations that the database has.
async fn history(transaction: &Transaction<'_>) -> Result<Vec<Migration>, Error> {
    let exists = transaction.query_one("SELECT to_regclass($1) IS NOT NULL", &[&HISTORY]).await?;
    if !exists.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let applied = WithinTransaction::get_applied_migrations_query(HISTORY);
    WithinTransaction(transaction).query(&applied).await
}

async fn replace_functions(transaction: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
    for function in FUNCTIONS {
        transaction.batch_execute(function).await?;
    }
    transaction.batch_execute(include_str!("sql/grants.sql")).await
}

/// Lets `refinery` work inside a transaction that is open, where its own driver begins one for each migration.
struct WithinTransaction<'a>(&'a Transaction<'a>);

impl AsyncTransaction for WithinTransaction<'_> {
    type Error = Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(&mut self, queries: T) -> Result<usize, Error> {
        let mut count = 0;
        for query in queries {
            self.0.batch_execute(query).await?;
            count += 1;
        }
        Ok(count)
    }
}

impl AsyncQuery<Vec<Migration>> for WithinTransaction<'_> {
    async fn query(&mut self, query: &str) -> Result<Vec<Migration>, Error> {
        let rows = self.0.query(query, &[]).await?;
        let applied = rows.iter().map(|row| {
            let (version, name, applied_on, checksum) =
                (row.get(0), row.get(1), row.get::<_, &str>(2), row.get::<_, &str>(3));
            // `refinery` wrote both itself. Should somebody have changed them, the checksum is none of a file: it says so.
            let applied_on = OffsetDateTime::parse(applied_on, &Rfc3339).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            Migration::applied(version, name, applied_on, checksum.parse().unwrap_or_default())
        });
        Ok(applied.collect())
    }
}

impl AsyncMigrate for WithinTransaction<'_> {}
