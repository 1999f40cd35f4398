//! Brings the ledger's database up to date and grants the functions access to it: a custom resource of CloudFormation, so that no
//! function of a deployment meets a database of another version.
//!
//! CloudFormation waits for an answer, an hour if need be. It gets one in every case, also when the time is up. Deleting the
//! stack deletes nothing here.

mod answer;
mod connecting;
mod owner;
mod settings;
mod work;

use std::time::{Duration, SystemTime};

use ::settings::SettingError;
use serde_json::Value;
use telemetry::Causes;
use tokio::time::timeout;

pub use answer::{AnswerError, Answers};
pub use connecting::OwnerRefusedError;
pub use owner::{Owner, OwnerError};
pub use settings::Settings;
pub use work::{MigrateLedgerError, Migrated};

use answer::Request;

/// What is kept of the function's time for the answer.
const ANSWER_RESERVE: Duration = Duration::from_secs(10);

/// The function.
#[derive(Debug)]
pub struct MigrateLedger {
    /// What it works with. Wrong settings are a reason to answer with, not to stay silent.
    pub settings: Result<Settings, SettingError>,
    /// What sends its answers.
    pub answers: Answers,
}

impl MigrateLedger {
    /// Does what a request of CloudFormation asks for, and answers it, before the `deadline`.
    ///
    /// # Errors
    /// The answer could not be delivered, or the event does not say where to. Lambda then calls again, which is safe.
    pub async fn handle(&self, event: Value, deadline: SystemTime) -> Result<(), AnswerError> {
        let request = Request::read(&event).ok_or(AnswerError::NoAddress)?;
        let left = || deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let limit = left().saturating_sub(ANSWER_RESERVE);
        let done = timeout(limit, self.act(&request)).await.unwrap_or(Err(MigrateLedgerError::OutOfTime(limit)));
        match &done {
            Ok(Some(Migrated { later, .. })) if !later.is_empty() => {
                tracing::warn!(?later, "ledger is of a later release; its tables and functions were not changed");
            }
            Ok(migrated) => tracing::info!(request = request.kind(), ?migrated, "ledger is up to date"),
            Err(error) => {
                tracing::error!(
                    request = request.kind(),
                    error = %Causes(error),
                    "ledger not migrated"
                );
            }
        }
        self.answers.send(&request, &done, left()).await.inspect_err(|error| {
            tracing::error!(error = %Causes(error), "answering CloudFormation failed");
        })
    }

    async fn act(&self, request: &Request) -> Result<Option<Migrated>, MigrateLedgerError> {
        match request.kind() {
            "Create" | "Update" => self.settings.as_ref().map_err(Clone::clone)?.migrate().await.map(Some),
            "Delete" => Ok(None),
            other => Err(MigrateLedgerError::UnknownRequest(other.to_owned())),
        }
    }
}

/// An error with its causes, on one line.
pub fn one_line(error: &(dyn std::error::Error + 'static)) -> String {
    Causes(error).to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
