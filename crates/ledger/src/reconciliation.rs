//! What comparing the read model with the ledger needs of the ledger.

use cashflow::{Currency, Date, MerchantId, Month, Period, PeriodTotals};
use jiff::Timestamp;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use crate::{
    Ledger, LedgerError,
    day::Day,
    rows::{known, read_currency, read_epoch, read_period, read_period_totals, read_time},
    session::STATEMENTS_TIMEOUT,
};

/// A month of a merchant and currency.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MonthKey {
    /// Whose it is.
    pub merchant: MerchantId,
    /// The currency.
    pub currency: Currency,
    /// The month.
    pub month: Month,
}

/// A month as the ledger knew it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerMonth {
    /// The ledger's epoch.
    pub epoch: u32,
    /// When that was, by the database's clock.
    pub totals_at: Timestamp,
    /// Every day that has entries, and the month itself if one has.
    pub totals: Vec<KnownTotals>,
    /// The newest seal of each sealed day, which need not have entries.
    pub seals: Vec<NewestSeal>,
}

/// The totals of a day or month that has entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownTotals {
    /// The totals.
    pub totals: PeriodTotals,
    /// When its newest entry was recorded.
    pub newest_entry_at: Timestamp,
}

/// The newest seal of a day, as far as a balance shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestSeal {
    /// The day.
    pub date: Date,
    /// The ledger's epoch when it was made.
    pub epoch: u32,
    /// 1 for the first seal of the day, 2 for the next.
    pub number: u32,
    /// How many entries it covers.
    pub entry_count: u64,
}

/// How far the scheduled comparison has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconciled {
    /// What was recorded before has been compared since.
    pub until: Timestamp,
    /// What time it is, by the database's clock.
    pub now: Timestamp,
}

impl Ledger {
    /// A month with its days and their newest seals, all in one snapshot.
    pub async fn month(&self, key: &MonthKey) -> Result<LedgerMonth, LedgerError> {
        let first_day = Day::new(&key.merchant, key.currency, key.month.first_day());
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let rows = client.query_typed("SELECT * FROM ledger.month($1, $2, $3)", &first_day.parameters()).await?;
            let first = rows.first().ok_or(LedgerError::Inconsistent("the ledger has no epoch"))?;
            let of_periods = rows.iter().filter(|row| row.get::<_, Option<i64>>("entry_count").is_some());
            let of_seals = rows.iter().filter(|row| row.get::<_, Option<i32>>("seal_number").is_some());
            Ok(LedgerMonth {
                epoch: read_epoch(first, "epoch")?,
                totals_at: read_time(first, "totals_at_us")?,
                totals: of_periods.map(read_known_totals).collect::<Result<_, _>>()?,
                seals: of_seals.map(read_newest_seal).collect::<Result<_, _>>()?,
            })
        })
        .await
    }

    /// The months that got entries from `since` on and before `until`, in the order of merchant, currency and month.
    pub async fn months_recorded_between(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<MonthKey>, LedgerError> {
        let (since, until) = (since.to_string(), until.to_string());
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&since, Type::TEXT), (&until, Type::TEXT)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let rows = client
                .query_typed("SELECT * FROM ledger_maintenance.months_recorded_between($1, $2)", &parameters)
                .await?;
            rows.iter().map(read_month_key).collect()
        })
        .await
    }

    /// Up to `limit` months that have entries, in the order of merchant, currency and month, from the one that comes after
    /// `after`.
    pub async fn months_with_entries(
        &self,
        after: Option<&MonthKey>,
        limit: u16,
    ) -> Result<Vec<MonthKey>, LedgerError> {
        let limit = i64::from(limit);
        let after_merchant = after.map_or("", |key| key.merchant.as_str());
        let after_currency = after.map_or("", |key| key.currency.code());
        let after_month = after.map_or_else(|| "0001-01-01".to_owned(), |key| key.month.first_day().to_string());
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&after_merchant, Type::TEXT),
            (&after_currency, Type::TEXT),
            (&after_month, Type::TEXT),
            (&limit, Type::INT8),
        ];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let rows = client
                .query_typed("SELECT * FROM ledger_maintenance.months_with_entries($1, $2, $3, $4)", &parameters)
                .await?;
            rows.iter().map(read_month_key).collect()
        })
        .await
    }

    /// The currencies that a merchant has entries in.
    pub async fn currencies(&self, merchant: &MerchantId) -> Result<Vec<Currency>, LedgerError> {
        let merchant_id = merchant.as_str();
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let rows = client.query_typed("SELECT * FROM ledger.currencies($1)", &[(&merchant_id, Type::TEXT)]).await?;
            rows.iter().map(read_currency).collect()
        })
        .await
    }

    /// How far the scheduled comparison has come. It begins with the first migration that knows of it.
    pub async fn reconciled(&self) -> Result<Reconciled, LedgerError> {
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let row = client.query_typed_one("SELECT * FROM ledger_maintenance.reconciled_until()", &[]).await?;
            Ok(Reconciled { until: read_time(&row, "reconciled_until_us")?, now: read_time(&row, "now_us")? })
        })
        .await
    }

    /// Notes that what was recorded before `until` has been compared. A note that says less than another changes nothing.
    pub async fn save_reconciled(&self, until: Timestamp) -> Result<(), LedgerError> {
        let until = until.to_string();
        self.run(STATEMENTS_TIMEOUT, async |client| {
            client
                .query_typed("SELECT * FROM ledger_maintenance.save_reconciled_until($1)", &[(&until, Type::TEXT)])
                .await?;
            Ok(())
        })
        .await
    }
}

fn read_known_totals(row: &Row) -> Result<KnownTotals, LedgerError> {
    Ok(KnownTotals { totals: read_period_totals(row)?, newest_entry_at: read_time(row, "newest_entry_at_us")? })
}

fn read_newest_seal(row: &Row) -> Result<NewestSeal, LedgerError> {
    let Period::Day(date) = read_period(row)? else { return Err(LedgerError::Inconsistent("a month has a seal")) };
    Ok(NewestSeal {
        date,
        epoch: read_epoch(row, "seal_epoch")?,
        number: known(u32::try_from(row.get::<_, i32>("seal_number")), "a negative number of a seal")?,
        entry_count: known(u64::try_from(row.get::<_, i64>("seal_entry_count")), "a negative count")?,
    })
}

fn read_month_key(row: &Row) -> Result<MonthKey, LedgerError> {
    Ok(MonthKey {
        merchant: known(MerchantId::parse(row.get("merchant_id")), "an impossible merchant")?,
        currency: read_currency(row)?,
        month: known(Month::parse(row.get("month")), "an unknown month")?,
    })
}
