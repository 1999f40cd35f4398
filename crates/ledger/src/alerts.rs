use cashflow::{AlertDirection, BalanceAlert, Currency, MerchantId};
use futures::future::try_join;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{
    BusinessDay, Ledger, LedgerError,
    events::advance,
    rows::{read_currency, read_minor, read_time, valid},
    session::STATEMENTS_TIMEOUT,
};

/// The most alerts of a merchant.
pub const ALERTS_MAX: i32 = 50;

/// Why an alert was not set.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The ledger gave no answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The merchant has as many alerts as it may.
    #[error("the merchant has {ALERTS_MAX} alerts already")]
    TooMany,
}

impl Ledger {
    /// Sets the merchant's alert of a currency and direction, or its threshold, in minor units. No event says so: the answer says on
    /// which side the balance is.
    pub async fn set_alert(
        &self,
        merchant: &MerchantId,
        today: &BusinessDay,
        currency: Currency,
        direction: AlertDirection,
        threshold: i128,
    ) -> Result<BalanceAlert, AlertError> {
        let (merchant_id, currency, direction) = (merchant.as_str(), currency.code(), direction.as_str());
        let (threshold, date) = (threshold.to_string(), today.date.to_string());
        let parameters: [(&(dyn ToSql + Sync), Type); 6] = [
            (&merchant_id, Type::TEXT),
            (&currency, Type::TEXT),
            (&direction, Type::TEXT),
            (&threshold, Type::TEXT),
            (&date, Type::TEXT),
            (&ALERTS_MAX, Type::INT4),
        ];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let set = client.query_typed_opt("SELECT * FROM ledger.set_alert($1, $2, $3, $4, $5, $6)", &parameters);
            let (_, row) = try_join(advance(client, merchant, today), set).await.map_err(LedgerError::from)?;
            Ok(read_alert(&row.ok_or(AlertError::TooMany)?)?)
        })
        .await
    }

    /// The merchant's alerts, by currency and direction.
    pub async fn alerts(&self, merchant: &MerchantId, today: &BusinessDay) -> Result<Vec<BalanceAlert>, LedgerError> {
        let merchant_id = merchant.as_str();
        let of_merchant: [(&(dyn ToSql + Sync), Type); 1] = [(&merchant_id, Type::TEXT)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let list = client.query_typed("SELECT * FROM ledger.alerts($1)", &of_merchant);
            let (_, rows) = try_join(advance(client, merchant, today), list).await?;
            rows.iter().map(read_alert).collect()
        })
        .await
    }

    /// Removes an alert; false if there is none of this id.
    pub async fn remove_alert(&self, merchant: &MerchantId, id: Uuid) -> Result<bool, LedgerError> {
        let merchant_id = merchant.as_str();
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&merchant_id, Type::TEXT), (&id, Type::UUID)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let row = client.query_typed_one("SELECT * FROM ledger.remove_alert($1, $2)", &parameters).await?;
            Ok(row.get("is_removed"))
        })
        .await
    }
}

fn read_alert(row: &Row) -> Result<BalanceAlert, LedgerError> {
    let direction = AlertDirection::parse(row.get("direction"));
    Ok(BalanceAlert {
        id: row.get("id"),
        currency: read_currency(row)?,
        direction: valid(direction.ok_or(()), "the direction of an alert is unknown")?,
        threshold: read_minor(row, "threshold")?,
        is_triggered: row.get("is_triggered"),
        balance: read_minor(row, "balance")?,
        updated_at: read_time(row, "updated_at_us")?,
    })
}
