use std::time::Duration;

use ledger::{Authentication, ConnectError, Connection, LedgerConfig, connect_within};
use telemetry::Causes;
use tokio::time::{Instant, sleep};

use crate::{MigrateLedgerError, Settings};

/// A cluster that had nothing to do and went to sleep takes some 15 s to wake up, one that slept for a day 30 s.
const WAKING: Duration = Duration::from_secs(40);

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Why the owner is not let in: neither way is open to it.
#[derive(Debug, thiserror::Error)]
#[error("the owner can sign in neither with an IAM token, which needs the right rds-db:connect: {}; nor with its password", Causes(.token))]
pub struct OwnerRefusedError {
    /// What came of the password.
    #[source]
    password: ConnectError,
    /// What came of the token.
    token: ConnectError,
}

impl Settings {
    /// Signs in as the owner, and tries again after a transient failure: a cluster that was just made or woken up, a password that
    /// is just being changed.
    pub(crate) async fn connect(&self) -> Result<Connection, MigrateLedgerError> {
        let until = Instant::now() + self.patience;
        loop {
            match self.sign_in().await {
                Ok(client) => return Ok(client),
                Err(error) if self.is_transient(&error) && Instant::now() + PAUSE < until => {
                    tracing::warn!(error = %Causes(&error), "connecting to the ledger failed; trying again");
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// With the password; where that is refused, with an IAM token.
    ///
    /// Since version 16 of PostgreSQL, the owner is a member of every role that it makes, and so of `rds_iam` through the functions'
    /// users. RDS asks members for a token, and AWS does not say whether this kind of membership counts (ADR 12).
    async fn sign_in(&self) -> Result<Connection, MigrateLedgerError> {
        let (user, password) = self.owner.sign_in().await?;
        let connect = async |authentication| {
            connect_within(&LedgerConfig { user: user.clone(), authentication, ..self.ledger.clone() }, WAKING).await
        };
        let refused = match connect(Authentication::Password(password)).await {
            Err(refused @ ConnectError::SignInRefused { .. }) => refused,
            other => return Ok(other?),
        };
        let Some(tokens) = &self.owner_tokens else { return Err(refused.into()) };
        match connect(tokens.clone()).await {
            Ok(client) => {
                tracing::info!(user, "the owner signed in with an IAM token; its password is refused");
                Ok(client)
            }
            Err(token) => Err(OwnerRefusedError { password: refused, token }.into()),
        }
    }

    fn is_transient(&self, error: &MigrateLedgerError) -> bool {
        match error {
            MigrateLedgerError::Connect(ConnectError::SignInRefused { .. }) | MigrateLedgerError::OwnerRefused(_) => {
                self.owner.may_change()
            }
            MigrateLedgerError::Connect(error) => error.is_transient(),
            _ => false,
        }
    }
}
