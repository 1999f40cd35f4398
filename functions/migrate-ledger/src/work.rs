use std::time::Duration;

use ::settings::SettingError;
use ledger::{AdmitError, ConnectError, MigrateError, Migrations, admit, migrate, raise_epoch};

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
    /// The ledger does not let its owner in.
    #[error("no connection to the ledger")]
    OwnerRefused(#[from] OwnerRefusedError),
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
    ///
    /// The functions are admitted to a ledger of a later release as well: who signs in, and with which password, is what this
    /// deployment says, and a rolled back one says what the one before did.
    pub async fn migrate(&self) -> Result<Migrated, MigrateLedgerError> {
        let mut client = self.connect().await?;
        let Migrations { applied, later } = migrate(&mut client).await?;
        admit(&mut client, &self.logins).await?;
        let generation = raise_epoch(&client, self.epoch).await?;
        Ok(Migrated { applied, later, generation })
    }
}
