use std::time::Duration;

use cashflow::{Currency, Date, MerchantId, Seal};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use crate::{
    Ledger, LedgerError, LedgerTotals, UnavailableError,
    day::Day,
    rows::{known, read_currency, read_epoch, read_ledger_totals, read_time, read_totals},
    session::STATEMENTS_TIMEOUT,
};

/// Sealing reads and hashes every entry of the day: some hundred thousand of them in this time.
const SEAL_TIMEOUT: Duration = Duration::from_secs(8);

/// Each further attempt means that somebody else has sealed the same day in between.
const SEAL_ATTEMPTS_MAX: usize = 50;

/// The most seals that are listed.
pub const SEALS_LISTED_MAX: i64 = 100;

/// What sealing a day led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Sealing {
    /// A new seal.
    Sealed(Seal),
    /// No entry of the day was posted since its newest seal, which this is.
    Unchanged(Seal),
}

impl Sealing {
    /// The seal that covers the day now.
    pub fn seal(&self) -> &Seal {
        match self {
            Sealing::Sealed(seal) | Sealing::Unchanged(seal) => seal,
        }
    }
}

impl Ledger {
    /// Seals a day as it is at this moment. Writers are not kept waiting, and nothing they post is refused.
    pub async fn seal(&self, merchant: &MerchantId, currency: Currency, date: Date) -> Result<Sealing, LedgerError> {
        let day = Day::new(merchant, currency, date);
        self.run(SEAL_TIMEOUT, async |client| {
            for _ in 0..SEAL_ATTEMPTS_MAX {
                let row = client.query_typed_opt("SELECT * FROM ledger.seal($1, $2, $3)", &day.parameters()).await?;
                if let Some(row) = row {
                    let seal = read_seal(&row, currency, date)?;
                    return Ok(if row.get("is_new") { Sealing::Sealed(seal) } else { Sealing::Unchanged(seal) });
                }
            }
            Err(LedgerError::Unavailable(UnavailableError::Contended))
        })
        .await
    }

    /// The newest seals of a day, the newest first.
    pub async fn seals(&self, merchant: &MerchantId, currency: Currency, date: Date) -> Result<Vec<Seal>, LedgerError> {
        let merchant_id = merchant.as_str();
        let code = currency.code();
        let day = date.to_string();
        let parameters: [(&(dyn ToSql + Sync), Type); 4] =
            [(&merchant_id, Type::TEXT), (&code, Type::TEXT), (&day, Type::TEXT), (&SEALS_LISTED_MAX, Type::INT8)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let rows = client.query_typed("SELECT * FROM ledger.seals($1, $2, $3, $4)", &parameters).await?;
            rows.iter().map(|row| read_seal(row, currency, date)).collect()
        })
        .await
    }

    /// The totals of a day and of its month; none if the day has no entries.
    pub async fn totals_of_day(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        date: Date,
    ) -> Result<Option<LedgerTotals>, LedgerError> {
        let day = Day::new(merchant, currency, date);
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let rows = client.query_typed("SELECT * FROM ledger.totals_of_day($1, $2, $3)", &day.parameters()).await?;
            if rows.is_empty() { Ok(None) } else { read_ledger_totals(&rows).map(Some) }
        })
        .await
    }

    /// Up to `limit` merchants and currencies with entries of a day that its newest seal does not cover, in a fixed order,
    /// from the one that comes after `after`.
    pub async fn unsealed(
        &self,
        date: Date,
        after: Option<&(MerchantId, Currency)>,
        limit: u16,
    ) -> Result<Vec<(MerchantId, Currency)>, LedgerError> {
        let day = date.to_string();
        let limit = i64::from(limit);
        let after_merchant = after.map_or("", |(merchant, _)| merchant.as_str());
        let after_currency = after.map_or("", |(_, currency)| currency.code());
        let parameters: [(&(dyn ToSql + Sync), Type); 4] =
            [(&day, Type::TEXT), (&after_merchant, Type::TEXT), (&after_currency, Type::TEXT), (&limit, Type::INT8)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let rows =
                client.query_typed("SELECT * FROM ledger_maintenance.unsealed($1, $2, $3, $4)", &parameters).await?;
            rows.iter()
                .map(|row| {
                    let merchant = known(MerchantId::parse(row.get("merchant_id")), "an impossible merchant")?;
                    Ok((merchant, read_currency(row)?))
                })
                .collect()
        })
        .await
    }
}

fn read_seal(row: &Row, currency: Currency, date: Date) -> Result<Seal, LedgerError> {
    Ok(Seal {
        date,
        currency,
        number: known(u32::try_from(row.get::<_, i32>("number")), "a negative number of a seal")?,
        totals: read_totals(row)?,
        sealed_at: read_time(row, "sealed_at_us")?,
        epoch: read_epoch(row, "epoch")?,
        snapshot: row.get("snapshot"),
        sha256: row.get("sha256"),
    })
}
