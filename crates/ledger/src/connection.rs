use std::{
    error::Error,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use aws_clients::Roots;
use rustls::ClientConfig;
use tokio::{
    task::{JoinHandle, yield_now},
    time::{Instant, timeout},
};
use tokio_postgres::{Client, Config, NoTls, config::SslMode, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Authentication, LedgerConfig, PostgresError, Tls, iam_token};

/// How long connecting may take in all: network, TLS, authentication and the check of the settings.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection is replaced at this age: that of an IAM token, so that who may not sign in any more is out by then. It is also
/// well below the half hour after which RDS Proxy ends an idle connection.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_secs(15 * 60);

/// What the PostgreSQL client says of a server that declines TLS. It has no kind of its own; a test on such a server holds this.
const DECLINED_TLS: &str = "server does not support TLS";

/// A connection to the ledger. Dropped, it closes at once, whatever it is waiting for.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    task: JoinHandle<()>,
    opened_at: Instant,
}

/// Why connecting to the ledger failed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No answer in time.
    #[error("connecting took longer than {0:?}")]
    Timeout(Duration),
    /// PostgreSQL or the network refused.
    #[error("PostgreSQL refused the connection")]
    Postgres(#[source] PostgresError),
    /// The IAM token could not be signed.
    #[error("signing an IAM token for the ledger failed")]
    Token(#[source] Box<dyn Error + Send + Sync>),
    /// The server took the IAM token for expired or invalid. The next connection has another one.
    #[error("the ledger refused the IAM token of {user}")]
    TokenRefused {
        /// The login role.
        user: String,
        /// What the server said.
        source: PostgresError,
    },
    /// The server refused to let the role in with its password, or at all from here. The password will not change by itself.
    #[error("the ledger refused the password of {user}, or connections of {user} from here")]
    SignInRefused {
        /// The login role.
        user: String,
        /// What the server said.
        source: PostgresError,
    },
    /// The server's certificate is not of an authority to trust, is for another name, or has expired.
    #[error("the TLS certificate of {host} is not trusted")]
    Certificate {
        /// The name that was asked for.
        host: String,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The server offers no TLS. Nothing was sent to it.
    #[error("{host} offers no TLS; nothing was sent")]
    NoTls {
        /// The server.
        host: String,
    },
    /// TLS could not be set up on this side, or the two sides have none in common.
    #[error("setting up TLS failed")]
    Tls(#[from] rustls::Error),
    /// The server answers, but its settings would make totals or durability wrong.
    #[error("{setting} must be {needed}, is {actual}")]
    Settings {
        /// The setting.
        setting: &'static str,
        /// What the ledger relies on.
        needed: &'static str,
        /// What the server says.
        actual: String,
    },
}

impl Connection {
    fn new(
        client: Client,
        task: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
    ) -> Connection {
        // What ends a connection is told to whoever is waiting for an answer.
        let task = tokio::spawn(async { drop(task.await) });
        Connection { client, task, opened_at: Instant::now() }
    }

    /// Whether it is young enough and has not ended. An environment that was frozen has not seen what came meanwhile: the first
    /// pause lets the runtime look at the network, the second lets the connection's own task read that it has ended.
    pub(crate) async fn is_usable(&self) -> bool {
        yield_now().await;
        yield_now().await;
        !self.client.is_closed() && self.opened_at.elapsed() < CONNECTION_AGE_MAX
    }
}

impl Deref for Connection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects to the ledger and checks the settings that its guarantees rest on.
pub async fn connect(config: &LedgerConfig) -> Result<Connection, ConnectError> {
    connect_within(config, CONNECT_TIMEOUT).await
}

/// As [`connect`], for those who can wait for a server that is just waking up.
pub async fn connect_within(config: &LedgerConfig, limit: Duration) -> Result<Connection, ConnectError> {
    let connecting = async {
        let connection = open(config).await?;
        check_settings(&connection).await?;
        Ok(connection)
    };
    timeout(limit, connecting).await.unwrap_or(Err(ConnectError::Timeout(limit)))
}

async fn open(config: &LedgerConfig) -> Result<Connection, ConnectError> {
    let mut postgres = Config::new();
    postgres
        .host(&config.host)
        .port(config.port)
        .dbname(&config.database)
        .user(&config.user)
        .password(password(config).await?)
        .application_name("fluxo");
    let refused = |error| refusal(error, config);
    match &config.tls {
        Tls::Off => {
            let (client, task) = postgres.ssl_mode(SslMode::Disable).connect(NoTls).await.map_err(refused)?;
            Ok(Connection::new(client, task))
        }
        Tls::VerifyFull(roots) => {
            let tls = verifying_tls(roots)?;
            let (client, task) = postgres.ssl_mode(SslMode::Require).connect(tls).await.map_err(refused)?;
            Ok(Connection::new(client, task))
        }
    }
}

async fn password(config: &LedgerConfig) -> Result<String, ConnectError> {
    match &config.authentication {
        Authentication::Password(password) => Ok(password.clone()),
        Authentication::Iam(sdk) => {
            iam_token(sdk, &config.host, config.port, &config.user).await.map_err(ConnectError::Token)
        }
    }
}

fn verifying_tls(roots: &Roots) -> Result<MakeRustlsConnect, ConnectError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots.store())
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(tls))
}

/// Tells what somebody has to mend from what is transient. A handshake that the network cut off is transient.
fn refusal(error: tokio_postgres::Error, config: &LedgerConfig) -> ConnectError {
    if refuses_sign_in(error.code()) {
        let user = config.user.clone();
        return match &config.authentication {
            Authentication::Iam(_) => ConnectError::TokenRefused { user, source: error.into() },
            Authentication::Password(_) => ConnectError::SignInRefused { user, source: error.into() },
        };
    }
    if error.source().is_some_and(|source| source.to_string() == DECLINED_TLS) {
        return ConnectError::NoTls { host: config.host.clone() };
    }
    match tls_error(&error) {
        Some(source @ rustls::Error::InvalidCertificate(_)) => {
            ConnectError::Certificate { host: config.host.clone(), source: source.clone() }
        }
        Some(source @ rustls::Error::PeerIncompatible(_)) => ConnectError::Tls(source.clone()),
        _ => ConnectError::Postgres(error.into()),
    }
}

/// Class 28: the password or token is wrong (28P01), or the role may not connect from here or at all (28000).
fn refuses_sign_in(code: Option<&SqlState>) -> bool {
    code.is_some_and(|code| code.code().starts_with("28"))
}

/// What TLS found wrong, if that is what ended the handshake.
fn tls_error(error: &tokio_postgres::Error) -> Option<&rustls::Error> {
    error.source()?.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref()
}

/// Versions are counts of entries seen by successive snapshots (READ COMMITTED, on the primary), and an entry that was
/// answered as posted must survive a crash (`synchronous_commit`).
async fn check_settings(client: &Client) -> Result<(), ConnectError> {
    let row = client
        .query_typed_one(include_str!("sql/settings.sql"), &[])
        .await
        .map_err(|error| ConnectError::Postgres(error.into()))?;
    let isolation: String = row.get("isolation");
    if isolation != "read committed" {
        return Err(setting("default_transaction_isolation", "read committed", isolation));
    }
    let synchronous_commit: String = row.get("synchronous_commit");
    if synchronous_commit == "off" {
        return Err(setting("synchronous_commit", "on", synchronous_commit));
    }
    let encoding: String = row.get("encoding");
    if encoding != "UTF8" {
        return Err(setting("server_encoding", "UTF8", encoding));
    }
    if row.get("is_replica") {
        return Err(setting("the server", "the primary", "a replica".to_owned()));
    }
    Ok(())
}

fn setting(setting: &'static str, needed: &'static str, actual: String) -> ConnectError {
    ConnectError::Settings { setting, needed, actual }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_class_28_refuses_to_sign_in() {
        assert!(!refuses_sign_in(None));
        let cases = [
            (SqlState::INVALID_PASSWORD, true),
            (SqlState::INVALID_AUTHORIZATION_SPECIFICATION, true),
            (SqlState::INVALID_CATALOG_NAME, false),
            (SqlState::TOO_MANY_CONNECTIONS, false),
        ];
        for (code, refuses) in cases {
            assert_eq!(refuses_sign_in(Some(&code)), refuses, "{}", code.code());
        }
    }
}
