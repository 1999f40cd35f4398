use std::time::Duration;

use cashflow::{Currency, Date, MerchantId, Seal};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use crate::{
    Ledger, LedgerError, LedgerTotals, UnavailableError,
    day::Day,
    rows::{known, read_epoch, read_ledger_totals, read_time, read_totals},
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

/// A day of a merchant and currency that has entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantDay {
    /// Whose it is.
    pub merchant: MerchantId,
    /// The currency.
    pub currency: Currency,
    /// The day.
    pub date: Date,
    /// How many entries it has.
    pub entry_count: u64,
    /// How many of them its newest seal covers; none if it was never sealed.
    pub sealed_entry_count: Option<u64>,
}

/// Some of the merchants and currencies that have entries of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantDayPage {
    /// In the order of merchant and currency.
    pub days: Vec<MerchantDay>,
    /// Whether the list ends here.
    pub is_last: bool,
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

    /// Up to `limit` merchants and currencies with entries of a day, in a fixed order, from the one that comes after `after`.
    pub async fn merchants_of_day(
        &self,
        date: Date,
        after: Option<&MerchantDay>,
        limit: u16,
    ) -> Result<MerchantDayPage, LedgerError> {
        let (day, rows_max) = (date.to_string(), i64::from(limit));
        let after_merchant = after.map_or("", |after| after.merchant.as_str());
        let after_currency = after.map_or("", |after| after.currency.code());
        let parameters: [(&(dyn ToSql + Sync), Type); 4] =
            [(&day, Type::TEXT), (&after_merchant, Type::TEXT), (&after_currency, Type::TEXT), (&rows_max, Type::INT8)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let list = "SELECT * FROM ledger_maintenance.merchants_of_day($1, $2, $3, $4)";
            let rows = client.query_typed(list, &parameters).await?;
            let days: Vec<MerchantDay> = rows.iter().filter_map(|row| read_merchant_day(row, date)).collect();
            let is_last = rows.len() < usize::from(limit);
            if days.is_empty() && !is_last {
                return Err(LedgerError::Inconsistent("a whole page of unknown merchants or currencies"));
            }
            Ok(MerchantDayPage { days, is_last })
        })
        .await
    }
}

/// A row that does not fit, such as one with a currency that only a later release knows, keeps no other from being listed.
fn read_merchant_day(row: &Row, date: Date) -> Option<MerchantDay> {
    let (merchant_id, code): (&str, &str) = (row.get("merchant_id"), row.get("currency"));
    let read = || {
        Some(MerchantDay {
            merchant: MerchantId::parse(merchant_id).ok()?,
            currency: Currency::parse(code).ok()?,
            date,
            entry_count: u64::try_from(row.get::<_, i64>("entry_count")).ok()?,
            sealed_entry_count: row.get::<_, Option<i64>>("sealed_entry_count").map(u64::try_from).transpose().ok()?,
        })
    };
    let day = read();
    if day.is_none() {
        tracing::error!(merchant_id, currency = code, %date, "the ledger has a day that this release does not know");
    }
    day
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
