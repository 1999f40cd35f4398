use std::time::Duration;

use ::settings::SettingError;
use ledger::{ConnectError, GrantError, MigrateError, Migrations, grant_access, migrate, raise_epoch};

use crate::{OwnerError, OwnerRefusedError, Settings};

/// The ledger as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The migrations that this run applied.
    pub applied: Vec<String>,
    /// Those of a later release that it has. If there are any, tables and functions were left as they are.
    pub later: Vec<String>,
    /// Which ledger it is, and of which epoch.
    pub generation: String,
}

/// Why the ledger was not migrated. What a run had committed stays, and the next run finds it done.
#[derive(Debug, thiserror::Error)]
pub enum MigrateLedgerError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The owner's credentials could not be read.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// Connecting to the ledger failed.
    #[error("connecting to the ledger failed")]
    Connect(#[from] ConnectError),
    /// The ledger refused its owner's credentials.
    #[error("connecting to the ledger failed")]
    OwnerRefused(#[from] OwnerRefusedError),
    /// The migrations failed.
    #[error("migrating the ledger failed")]
    Migrate(#[from] MigrateError),
    /// The functions' roles did not get access.
    #[error("granting the functions access to the ledger failed")]
    Grant(#[from] GrantError),
    /// The function's time was up.
    #[error("not finished within {0:?}; the open transaction is rolled back")]
    OutOfTime(Duration),
    /// CloudFormation makes no such request.
    #[error("the event has the unknown RequestType {0:?}")]
    UnknownRequest(String),
}

impl Settings {
    /// Migrates the ledger, grants the functions access and raises the epoch, if it is lower than it should be.
    ///
    /// The functions get access to a ledger of a later release as well: who signs in, and with which password, is what this
    /// deployment says, and a rolled back one says what the one before did.
    pub async fn migrate(&self) -> Result<Migrated, MigrateLedgerError> {
        let mut client = self.connect().await?;
        let Migrations { applied, later } = migrate(&mut client).await?;
        grant_access(&mut client, &self.logins).await?;
        let generation = raise_epoch(&client, self.epoch).await?;
        Ok(Migrated { applied, later, generation })
    }
}
