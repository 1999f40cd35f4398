use tokio_postgres::Client;

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// Any number that no other program on this database locks on.
const MIGRATION_LOCK: i64 = 0x0066_6c75_786f;

/// Why the migrations did not run to their end. Each migration is one transaction: what failed left nothing behind.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The lock could not be taken or given back.
    #[error("the migration lock failed")]
    Lock(#[from] tokio_postgres::Error),
    /// A migration failed, or an applied one differs from the file of the same version.
    #[error("a migration failed")]
    Migration(#[from] refinery::Error),
}

/// Brings the database to the newest schema and answers the names of the migrations that this run applied.
///
/// Safe to run again and at the same time as another run: a second one waits, then finds nothing to do.
pub async fn migrate(client: &mut Client) -> Result<Vec<String>, MigrateError> {
    // The database's limit is meant for the functions; a migration may take as long as it needs.
    client.batch_execute("SET statement_timeout = 0").await?;
    client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
    let result = embedded::migrations::runner().run_async(client).await;
    client.execute("SELECT pg_advisory_unlock($1)", &[&MIGRATION_LOCK]).await?;
    Ok(result?.applied_migrations().iter().map(ToString::to_string).collect())
}
