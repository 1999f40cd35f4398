use std::{sync::Arc, time::Duration};

use settings::SettingError;
use telemetry::Store;
use tokio_postgres::{Client, error::SqlState};

use crate::{ConnectError, LedgerConfig, PostgresError, pool::Pool};

/// How long the statements of one operation may take, beside connecting. Both together stay below the function's timeout.
pub(crate) const STATEMENTS_TIMEOUT: Duration = Duration::from_secs(4);

/// How long it may take to say whether it takes writes.
const WRITES_PATIENCE: Duration = Duration::from_secs(2);

/// The most connections of one program.
const CONNECTIONS_MAX: u32 = 64;

/// The connections of a service, which answers many at once, unless `LEDGER_CONNECTIONS` says otherwise.
const SERVICE_CONNECTIONS: u32 = 4;

/// The ledger, over a fixed number of connections: one in a function, which does one thing at a time. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Ledger(Arc<Pool>);

/// Why the ledger gave no answer. Asking again is always safe.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The ledger did not answer, or refused for a transient reason (restart, deadlock, too many connections).
    #[error("the ledger is unavailable")]
    Unavailable(#[source] UnavailableError),
    /// The ledger lacks a table, a right or a setting. Waiting does not help; somebody has to mend it.
    #[error("the ledger is misconfigured: a table, right or setting is missing or wrong")]
    Misconfigured(#[source] ConnectError),
    /// The ledger holds something that breaks a rule of the domain.
    #[error("the ledger holds inconsistent data: {0}")]
    Inconsistent(&'static str),
}

/// Why the ledger is unavailable.
#[derive(Debug, thiserror::Error)]
pub enum UnavailableError {
    /// No connection.
    #[error(transparent)]
    Connect(ConnectError),
    /// No answer in time.
    #[error("no answer from the ledger within {0:?}")]
    Timeout(Duration),
    /// All connections stayed in use.
    #[error("no connection to the ledger was free within {0:?}")]
    Busy(Duration),
    /// A failure of the connection or the server.
    #[error(transparent)]
    Postgres(PostgresError),
}

impl LedgerError {
    /// Whether the same call may succeed later without anybody mending anything.
    pub fn is_transient(&self) -> bool {
        match self {
            LedgerError::Unavailable(_) => true,
            LedgerError::Misconfigured(_) | LedgerError::Inconsistent(_) => false,
        }
    }

    /// Whether the statements timed out on an open connection: a query for less data may succeed.
    pub fn is_timeout(&self) -> bool {
        match self {
            LedgerError::Unavailable(UnavailableError::Timeout(_)) => true,
            LedgerError::Unavailable(UnavailableError::Postgres(error)) => {
                error.code() == Some(&SqlState::QUERY_CANCELED)
            }
            LedgerError::Unavailable(_) | LedgerError::Misconfigured(_) | LedgerError::Inconsistent(_) => false,
        }
    }

    /// Whether every other call would fail as well: there is no connection, or the ledger is misconfigured.
    pub fn is_of_whole_ledger(&self) -> bool {
        match self {
            LedgerError::Unavailable(UnavailableError::Connect(_)) | LedgerError::Misconfigured(_) => true,
            LedgerError::Unavailable(_) | LedgerError::Inconsistent(_) => false,
        }
    }
}

impl Ledger {
    /// A ledger that will connect when it is first needed, once.
    pub fn new(config: LedgerConfig) -> Ledger {
        Ledger::with_connections(config, 1)
    }

    /// A ledger that does so many things at once, 1 to 64, each on a connection of its own.
    pub fn with_connections(config: LedgerConfig, count: u32) -> Ledger {
        Ledger(Arc::new(Pool::new(config, count.clamp(1, CONNECTIONS_MAX), None)))
    }

    /// The same with connections of its own, where nobody waits for a turn for longer than this.
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Ledger {
        Ledger(Arc::new(Pool::new(self.0.config().clone(), self.0.count(), Some(patience))))
    }

    /// How many connections a service has, from `LEDGER_CONNECTIONS`.
    pub fn connections_from_env() -> Result<u32, SettingError> {
        let name = "LEDGER_CONNECTIONS";
        let Some(text) = settings::optional(name) else { return Ok(SERVICE_CONNECTIONS) };
        let count = text.parse().ok().filter(|count| (1..=CONNECTIONS_MAX).contains(count));
        count.ok_or(SettingError::Invalid { name, expected: "a number from 1 to 64" })
    }

    /// How many things it does at once.
    pub fn connection_count(&self) -> u32 {
        self.0.count()
    }

    /// Opens every connection now, while the environment starts, so that the first requests do not pay for it. If it fails, the
    /// first requests connect and report.
    pub async fn warm_up(&self) {
        self.0.warm_up().await;
    }

    /// Whether it answers and takes writes, so that what fails meanwhile fails for a reason of its own.
    pub async fn takes_writes(&self) -> bool {
        let asked = self.run(WRITES_PATIENCE, async |client| {
            let answer = client.query_one("SHOW transaction_read_only", &[]).await?;
            Ok::<bool, LedgerError>(answer.try_get::<_, &str>(0)? == "off")
        });
        asked.await.unwrap_or(false)
    }

    /// Does some work on a connection, within a limit of time.
    pub(crate) async fn run<T, E: From<LedgerError>>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&Client) -> Result<T, E>,
    ) -> Result<T, E> {
        telemetry::call(Store::Ledger, async { self.0.connection().await?.run(limit, work).await }).await
    }
}

impl From<ConnectError> for LedgerError {
    fn from(error: ConnectError) -> LedgerError {
        if error.is_transient() {
            LedgerError::Unavailable(UnavailableError::Connect(error))
        } else {
            LedgerError::Misconfigured(error)
        }
    }
}

impl From<tokio_postgres::Error> for LedgerError {
    fn from(error: tokio_postgres::Error) -> LedgerError {
        if is_misconfiguration(error.code()) {
            LedgerError::Misconfigured(ConnectError::Postgres(error.into()))
        } else {
            LedgerError::Unavailable(UnavailableError::Postgres(error.into()))
        }
    }
}

impl ConnectError {
    /// Whether the same connection may succeed later without anybody mending anything.
    ///
    /// A refused IAM token is transient: the next connection signs another one, with credentials and a clock that may be right by
    /// then, and new rights take a moment to be effective. A refused password is not.
    pub fn is_transient(&self) -> bool {
        match self {
            ConnectError::Timeout(_) | ConnectError::Token(_) | ConnectError::TokenRefused { .. } => true,
            ConnectError::Postgres(error) => !is_misconfiguration(error.code()),
            ConnectError::SignInRefused { .. }
            | ConnectError::Certificate { .. }
            | ConnectError::NoTls { .. }
            | ConnectError::Tls(_)
            | ConnectError::Settings { .. } => false,
        }
    }
}

/// A missing database, schema, function or right is not transient.
fn is_misconfiguration(code: Option<&SqlState>) -> bool {
    let missing = [SqlState::INVALID_CATALOG_NAME, SqlState::INVALID_SCHEMA_NAME];
    code.is_some_and(|code| missing.contains(code) || code.code().starts_with("42"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_somebody_has_to_mend_is_no_transient_failure() {
        let cases = [
            (SqlState::INVALID_CATALOG_NAME, true),
            (SqlState::INVALID_SCHEMA_NAME, true),
            (SqlState::UNDEFINED_TABLE, true),
            (SqlState::INSUFFICIENT_PRIVILEGE, true),
            (SqlState::ADMIN_SHUTDOWN, false),
            (SqlState::T_R_DEADLOCK_DETECTED, false),
            (SqlState::TOO_MANY_CONNECTIONS, false),
        ];
        for (code, is_of_setup) in cases {
            assert_eq!(is_misconfiguration(Some(&code)), is_of_setup, "{}", code.code());
            let refused = ConnectError::Postgres(PostgresError::of_code(code.clone()));
            assert_eq!(refused.is_transient(), !is_of_setup, "{}", code.code());
        }
        assert!(!is_misconfiguration(None));
    }

    /// Transient, a timeout of statements, of the whole ledger.
    #[test]
    fn each_failure_says_what_helps_against_it() {
        let cut_off = || PostgresError::new(&io::Error::other("cut off"));
        let no_tls = || ConnectError::NoTls { host: "ledger".to_owned() };
        let of_code = |code| LedgerError::Unavailable(UnavailableError::Postgres(PostgresError::of_code(code)));
        let limit = STATEMENTS_TIMEOUT;
        let cases = [
            (LedgerError::from(ConnectError::Timeout(limit)), (true, false, true)),
            (LedgerError::from(ConnectError::Postgres(cut_off())), (true, false, true)),
            (LedgerError::from(no_tls()), (false, false, true)),
            (LedgerError::Unavailable(UnavailableError::Timeout(limit)), (true, true, false)),
            (of_code(SqlState::QUERY_CANCELED), (true, true, false)),
            (of_code(SqlState::ADMIN_SHUTDOWN), (true, false, false)),
            (LedgerError::Inconsistent("a rule"), (false, false, false)),
        ];
        for (error, expected) in cases {
            let answers = (error.is_transient(), error.is_timeout(), error.is_of_whole_ledger());
            assert_eq!(answers, expected, "{error:?}");
        }
    }
}
