use std::{error::Error, sync::Arc, time::Duration};

use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config as AuthTokenConfig};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Authentication, LedgerConfig, Tls};

/// How long connecting may take in all: network, TLS, authentication and the check of the settings.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no connection to the ledger.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No answer in time.
    #[error("no connection within {0:?}")]
    Timeout(Duration),
    /// PostgreSQL or the network refused.
    #[error("PostgreSQL refused the connection")]
    Postgres(#[from] tokio_postgres::Error),
    /// The IAM token could not be signed.
    #[error("no IAM token for the ledger")]
    Token(#[source] Box<dyn Error + Send + Sync>),
    /// TLS could not be set up on this side.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The server answers, but its settings would make totals or durability wrong.
    #[error("the ledger needs {setting} to be {needed}, it is {actual}")]
    Settings {
        /// The setting.
        setting: &'static str,
        /// What the ledger relies on.
        needed: &'static str,
        /// What the server says.
        actual: String,
    },
}

/// Connects to the ledger and checks the settings that its guarantees rest on.
pub async fn connect(config: &LedgerConfig) -> Result<Client, ConnectError> {
    let connecting = async {
        let client = open(config).await?;
        check_settings(&client).await?;
        Ok(client)
    };
    timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or(Err(ConnectError::Timeout(CONNECT_TIMEOUT)))
}

async fn open(config: &LedgerConfig) -> Result<Client, ConnectError> {
    let mut postgres = Config::new();
    postgres
        .host(&config.host)
        .port(config.port)
        .dbname(&config.database)
        .user(&config.user)
        .password(password(config).await?)
        .application_name("fluxo");
    match config.tls {
        Tls::Off => {
            let (client, connection) = postgres.ssl_mode(SslMode::Disable).connect(NoTls).await?;
            tokio::spawn(connection);
            Ok(client)
        }
        Tls::VerifyFull => {
            let (client, connection) = postgres.ssl_mode(SslMode::Require).connect(verifying_tls()?).await?;
            tokio::spawn(connection);
            Ok(client)
        }
    }
}

async fn password(config: &LedgerConfig) -> Result<String, ConnectError> {
    match &config.authentication {
        Authentication::Password(password) => Ok(password.clone()),
        Authentication::Iam(sdk) => {
            let signer = AuthTokenConfig::builder()
                .hostname(&config.host)
                .port(config.port.into())
                .username(&config.user)
                .build()
                .map_err(ConnectError::Token)?;
            let token = AuthTokenGenerator::new(signer).auth_token(sdk).await.map_err(ConnectError::Token)?;
            Ok(token.to_string())
        }
    }
}

fn verifying_tls() -> Result<MakeRustlsConnect, ConnectError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(tls))
}

/// Versions are counts of entries seen by successive snapshots (READ COMMITTED, on the primary), and an entry that was
/// answered as posted must survive a crash (`synchronous_commit`).
async fn check_settings(client: &Client) -> Result<(), ConnectError> {
    let row = client.query_typed_one(include_str!("sql/settings.sql"), &[]).await?;
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
