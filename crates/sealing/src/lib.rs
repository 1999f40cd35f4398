//! Sealing a day: first in the ledger, where it counts, then in the read model, where balances show it.

use std::time::Duration;

use aws_clients::AwsLimits;
use balances::{BalanceTable, SealMark, WriteError};
use cashflow::{Currency, Date, MerchantId};
use futures::future::try_join_all;
use ledger::{Ledger, LedgerConfig, LedgerError, NotSealed, Sealing};
use settings::SettingError;

/// Who seals a day is told when it did not work, and does it again.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(1), operation_timeout: Duration::from_secs(2), attempts: 2 };

/// What seals days, built once when a function starts.
#[derive(Debug)]
pub struct Sealer {
    /// Where a day is sealed.
    pub ledger: Ledger,
    /// Where its seal is shown.
    pub table: BalanceTable,
}

/// A day was not sealed, or it was and its balance does not show it. Sealing again is always safe.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The ledger did not seal the day, or gave no answer.
    #[error(transparent)]
    Ledger(#[from] NotSealed),
    /// Writing the seal to the read model failed.
    #[error(transparent)]
    Balances(#[from] WriteError),
}

impl From<LedgerError> for SealError {
    fn from(error: LedgerError) -> SealError {
        SealError::Ledger(error.into())
    }
}

impl SealError {
    /// Whether sealing may succeed later without anybody mending anything.
    pub fn is_transient(&self) -> bool {
        match self {
            SealError::Ledger(NotSealed::Ledger(error)) => error.is_transient(),
            SealError::Ledger(NotSealed::InProgress) => true,
            SealError::Ledger(NotSealed::TooManyEntries { .. }) => false,
            SealError::Balances(_) => true,
        }
    }
}

impl Sealer {
    /// From `LEDGER_…` and `BALANCES_TABLE`.
    pub async fn from_env() -> Result<Sealer, SettingError> {
        Sealer::from_env_with(Ledger::new(LedgerConfig::from_env().await?)).await
    }

    /// From `BALANCES_TABLE`, in this ledger.
    pub async fn from_env_with(ledger: Ledger) -> Result<Sealer, SettingError> {
        let table_name = settings::required("BALANCES_TABLE")?;
        let aws = DYNAMODB.load_config().await?;
        Ok(Sealer { ledger, table: BalanceTable::new(aws_sdk_dynamodb::Client::new(&aws), table_name) })
    }

    /// Seals a day as it is at this moment, unless its newest seal covers it as it is.
    pub async fn seal(&self, merchant: &MerchantId, currency: Currency, date: Date) -> Result<Sealing, SealError> {
        let sealing = self.ledger.seal(merchant, currency, date).await?;
        let seal = sealing.seal();
        // Read after the seal was made, so they cover what it covers, and written before it: a balance must never show
        // fewer entries than its seal.
        if let Some(known) = self.ledger.totals_of_day(merchant, currency, date).await? {
            let writes = known
                .totals
                .iter()
                .map(|totals| self.table.write_if_newer(merchant, totals, known.epoch, known.totals_at));
            try_join_all(writes).await?;
        }
        let mark = SealMark { epoch: seal.epoch, number: seal.number, entry_count: seal.totals.entry_count };
        self.table.write_seal(merchant, currency, date, mark).await?;
        Ok(sealing)
    }
}
