use std::time::Duration;

use ::settings::SettingError;
use ledger::{
    AdmitError, Authentication, ConnectError, Connection, LedgerConfig, MigrateError, admit, connect_within, migrate,
    raise_epoch,
};
use telemetry::Causes;
use tokio::time::{Instant, sleep};

use crate::{Owner, OwnerError, Settings};

/// A cluster that had nothing to do and went to sleep takes some 15 s to wake up, one that slept for a day 30 s.
const WAKING: Duration = Duration::from_secs(40);

/// How long connecting is tried again and again.
const CONNECTING: Duration = Duration::from_secs(60);

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// The ledger as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The migrations that this run applied.
    pub applied: Vec<String>,
    /// Which ledger it is, and of which epoch.
    pub generation: String,
}

/// Why the ledger is not as it should be. What a run had finished stays, and is found done by the next.
#[derive(Debug, thiserror::Error)]
pub enum MigrateLedgerError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// Who owns the ledger is not known.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// There is no connection to the ledger.
    #[error("no connection to the ledger")]
    Connect(#[from] ConnectError),
    /// The migrations failed.
    #[error("the ledger could not be migrated")]
    Migrate(#[from] MigrateError),
    /// The functions' roles could not be made.
    #[error("the functions could not be admitted")]
    Admit(#[from] AdmitError),
    /// The function's time was up.
    #[error("not finished within {0:?}; what was under way is undone")]
    OutOfTime(Duration),
    /// The request is none that CloudFormation makes.
    #[error("there is no request type {0:?}")]
    UnknownRequest(String),
}

impl Settings {
    /// Migrates the ledger, admits the functions and raises the epoch, if it is lower than it should be.
    pub async fn migrate(&self) -> Result<Migrated, MigrateLedgerError> {
        let mut client = connect_patiently(&self.ledger, &self.owner).await?;
        let applied = migrate(&mut client).await?;
        admit(&mut client, &self.logins).await?;
        let generation = raise_epoch(&client, self.epoch).await?;
        Ok(Migrated { applied, generation })
    }
}

/// Tries again what passes: a cluster that was just made or woken up, a password that was just changed.
async fn connect_patiently(ledger: &LedgerConfig, owner: &Owner) -> Result<Connection, MigrateLedgerError> {
    let until = Instant::now() + CONNECTING;
    loop {
        let (user, password) = owner.sign_in().await?;
        let config = LedgerConfig { user, authentication: Authentication::Password(password), ..ledger.clone() };
        match connect_within(&config, WAKING).await {
            Ok(client) => return Ok(client),
            Err(error) if error.passes() && Instant::now() + PAUSE < until => {
                tracing::warn!(error = %Causes(&error), "ledger not reachable yet");
                sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
