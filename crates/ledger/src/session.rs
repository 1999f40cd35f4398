use std::time::Duration;

use telemetry::{Causes, Store};
use tokio::{sync::Mutex, time::timeout};
use tokio_postgres::{Client, error::SqlState};

use crate::{ConnectError, Connection, LedgerConfig, PostgresError, connect};

/// How long the statements of one operation may take, beside connecting. Both together stay below the function's timeout.
pub(crate) const STATEMENTS_TIMEOUT: Duration = Duration::from_secs(4);

/// The ledger, over one connection that is opened when needed and replaced when broken or old.
#[derive(Debug)]
pub struct Ledger {
    config: LedgerConfig,
    connection: Mutex<Option<Connection>>,
}

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
    /// A ledger that will connect when it is first needed.
    pub fn new(config: LedgerConfig) -> Ledger {
        Ledger { config, connection: Mutex::new(None) }
    }

    /// Connects now, while the environment starts, so that the first request does not pay for it. If it fails, the first
    /// request connects and reports.
    pub async fn warm_up(&self) {
        let mut connection = self.connection.lock().await;
        match connect(&self.config).await {
            Ok(opened) => *connection = Some(opened),
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "connecting to the ledger failed at start; the first request connects");
            }
        }
    }

    /// Does some work on the connection, within a limit of time.
    pub(crate) async fn run<T, E: From<LedgerError>>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&Client) -> Result<T, E>,
    ) -> Result<T, E> {
        telemetry::call(Store::Ledger, self.run_unmeasured(limit, work)).await
    }

    async fn run_unmeasured<T, E: From<LedgerError>>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&Client) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection.lock().await;
        // Taken out for the work: whatever goes wrong, a connection in an unknown state is dropped and never reused.
        let opened = match connection.take() {
            Some(opened) if opened.is_usable().await => opened,
            _ => connect(&self.config).await.map_err(LedgerError::from)?,
        };
        let timed_out = || Err(LedgerError::Unavailable(UnavailableError::Timeout(limit)).into());
        let answer = timeout(limit, work(&opened)).await.unwrap_or_else(|_| timed_out())?;
        *connection = Some(opened);
        Ok(answer)
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
