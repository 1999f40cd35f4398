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
    rows::{read_currency, read_epoch, read_period, read_period_totals, read_time, valid},
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

/// The watermark of the scheduled reconciliation: how far it has compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// What was recorded before has been compared since.
    pub until: Timestamp,
    /// How far the window that begins there has been compared, if a run left it before its end.
    pub cursor: Option<WindowCursor>,
    /// What time it is, by the database's clock.
    pub now: Timestamp,
}

/// A cursor within a window of time: of the months that got entries in it, those up to `after` have been compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowCursor {
    /// Where the window ends.
    pub until: Timestamp,
    /// The last month that was compared, in the order of merchant, currency and month.
    pub after: MonthKey,
}

/// Some of the months of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthPage {
    /// In the order of the list.
    pub months: Vec<MonthKey>,
    /// Whether the list ends here.
    pub is_last: bool,
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

    /// How many entries were recorded from `since` on and before `until`, counted up to `entries_max`.
    pub async fn entries_recorded_between(
        &self,
        since: Timestamp,
        until: Timestamp,
        entries_max: u32,
    ) -> Result<u64, LedgerError> {
        let (since, until, entries_max) = (since.to_string(), until.to_string(), i64::from(entries_max));
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&since, Type::TEXT), (&until, Type::TEXT), (&entries_max, Type::INT8)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let count = "SELECT * FROM ledger_maintenance.entries_recorded_between($1, $2, $3)";
            read_count(&client.query_typed_one(count, &parameters).await?, "entry_count")
        })
        .await
    }

    /// Up to `limit` months that got entries from `since` on and before `until`, in the order of merchant, currency and month,
    /// from the one that comes after `after`.
    pub async fn months_recorded_between(
        &self,
        since: Timestamp,
        until: Timestamp,
        after: Option<&MonthKey>,
        limit: u16,
    ) -> Result<MonthPage, LedgerError> {
        let (since, until, after, rows_max) =
            (since.to_string(), until.to_string(), After::new(after), i64::from(limit));
        let parameters: [(&(dyn ToSql + Sync), Type); 6] = [
            (&since, Type::TEXT),
            (&until, Type::TEXT),
            (&after.merchant_id, Type::TEXT),
            (&after.currency, Type::TEXT),
            (&after.month, Type::TEXT),
            (&rows_max, Type::INT8),
        ];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let list = "SELECT * FROM ledger_maintenance.months_recorded_after($1, $2, $3, $4, $5, $6)";
            read_month_page(&client.query_typed(list, &parameters).await?, limit)
        })
        .await
    }

    /// Up to `limit` months that have entries, in the order of merchant, currency and month, from the one that comes after
    /// `after`.
    pub async fn months_with_entries(&self, after: Option<&MonthKey>, limit: u16) -> Result<MonthPage, LedgerError> {
        let (after, rows_max) = (After::new(after), i64::from(limit));
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&after.merchant_id, Type::TEXT),
            (&after.currency, Type::TEXT),
            (&after.month, Type::TEXT),
            (&rows_max, Type::INT8),
        ];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let list = "SELECT * FROM ledger_maintenance.months_with_entries($1, $2, $3, $4)";
            read_month_page(&client.query_typed(list, &parameters).await?, limit)
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

    /// The watermark of the scheduled reconciliation: how far it has compared. It begins with the first migration that knows of it.
    pub async fn reconciliation_watermark(&self) -> Result<Watermark, LedgerError> {
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let row = client.query_typed_one("SELECT * FROM ledger_maintenance.reconciliation_place()", &[]).await?;
            let window_until = row.get::<_, Option<i64>>("window_until_us");
            // Without a cursor that can be read, the window is compared from its beginning.
            let cursor = match window_until.and_then(|_| read_month_key(&row)) {
                Some(after) => Some(WindowCursor { until: read_time(&row, "window_until_us")?, after }),
                None => None,
            };
            Ok(Watermark { until: read_time(&row, "reconciled_until_us")?, cursor, now: read_time(&row, "now_us")? })
        })
        .await
    }

    /// Moves the watermark to `until`, if it is behind: what was recorded before has been compared.
    pub async fn save_reconciliation_watermark(&self, until: Timestamp) -> Result<(), LedgerError> {
        let until = until.to_string();
        self.call("SELECT * FROM ledger_maintenance.save_reconciled_until($1)", &[(&until, Type::TEXT)]).await
    }

    /// Saves how far the window that begins at `reconciled_until` has been compared, unless the watermark has passed it.
    pub async fn save_window_cursor(
        &self,
        reconciled_until: Timestamp,
        cursor: &WindowCursor,
    ) -> Result<(), LedgerError> {
        let (since, until, after) =
            (reconciled_until.to_string(), cursor.until.to_string(), After::new(Some(&cursor.after)));
        let parameters: [(&(dyn ToSql + Sync), Type); 5] = [
            (&since, Type::TEXT),
            (&until, Type::TEXT),
            (&after.merchant_id, Type::TEXT),
            (&after.currency, Type::TEXT),
            (&after.month, Type::TEXT),
        ];
        self.call("SELECT * FROM ledger_maintenance.save_reconciliation_place($1, $2, $3, $4, $5)", &parameters).await
    }

    /// Sets a month aside that could not be compared, so that it is tried again later. Of the reason, 500 characters are kept.
    pub async fn set_month_aside(&self, key: &MonthKey, reason: &str) -> Result<(), LedgerError> {
        let month = Day::new(&key.merchant, key.currency, key.month.first_day());
        let mut parameters = month.parameters();
        parameters.push((&reason, Type::TEXT));
        self.call("SELECT * FROM ledger_maintenance.set_month_aside($1, $2, $3, $4)", &parameters).await
    }

    /// Up to `limit` months that are set aside and were last tried before a moment, those first that have waited longest.
    pub async fn months_set_aside(&self, tried_before: Timestamp, limit: u16) -> Result<MonthPage, LedgerError> {
        let (before, rows_max) = (tried_before.to_string(), i64::from(limit));
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&before, Type::TEXT), (&rows_max, Type::INT8)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let list = "SELECT * FROM ledger_maintenance.months_set_aside($1, $2)";
            read_month_page(&client.query_typed(list, &parameters).await?, limit)
        })
        .await
    }

    /// How many months are set aside.
    pub async fn count_months_set_aside(&self) -> Result<u64, LedgerError> {
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let count = "SELECT * FROM ledger_maintenance.count_months_set_aside()";
            read_count(&client.query_typed_one(count, &[]).await?, "month_count")
        })
        .await
    }

    /// Months that have been compared are not set aside any more, if they were.
    pub async fn take_back_months(&self, keys: &[&MonthKey]) -> Result<(), LedgerError> {
        let merchants: Vec<&str> = keys.iter().map(|key| key.merchant.as_str()).collect();
        let currencies: Vec<&str> = keys.iter().map(|key| key.currency.code()).collect();
        let months: Vec<String> = keys.iter().map(|key| key.month.first_day().to_string()).collect();
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&merchants, Type::TEXT_ARRAY), (&currencies, Type::TEXT_ARRAY), (&months, Type::TEXT_ARRAY)];
        self.call("SELECT * FROM ledger_maintenance.take_back_months($1, $2, $3)", &parameters).await
    }

    /// A function of the database that answers nothing.
    async fn call(&self, statement: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<(), LedgerError> {
        self.run(STATEMENTS_TIMEOUT, async |client| {
            client.query_typed(statement, parameters).await?;
            Ok(())
        })
        .await
    }
}

/// The month after which a list goes on, as parameters.
struct After<'a> {
    merchant_id: &'a str,
    currency: &'a str,
    month: String,
}

impl After<'_> {
    /// Before all others if there is none.
    fn new(key: Option<&MonthKey>) -> After<'_> {
        After {
            merchant_id: key.map_or("", |key| key.merchant.as_str()),
            currency: key.map_or("", |key| key.currency.code()),
            month: key.map_or_else(|| "0001-01-01".to_owned(), |key| key.month.first_day().to_string()),
        }
    }
}

fn read_known_totals(row: &Row) -> Result<KnownTotals, LedgerError> {
    Ok(KnownTotals { totals: read_period_totals(row)?, newest_entry_at: read_time(row, "newest_entry_at_us")? })
}

fn read_newest_seal(row: &Row) -> Result<NewestSeal, LedgerError> {
    let Period::Day(date) = read_period(row)? else {
        return Err(LedgerError::Inconsistent("a month has a seal; only days can be sealed"));
    };
    Ok(NewestSeal {
        date,
        epoch: read_epoch(row, "seal_epoch")?,
        number: valid(u32::try_from(row.get::<_, i32>("seal_number")), "the number of a seal is negative")?,
        entry_count: valid(u64::try_from(row.get::<_, i64>("seal_entry_count")), "a count of entries is negative")?,
    })
}

fn read_count(row: &Row, column: &str) -> Result<u64, LedgerError> {
    valid(u64::try_from(row.get::<_, i64>(column)), "a count of entries is negative")
}

/// A row that does not fit, such as one with a currency that only a later release knows, keeps no other month from being listed.
fn read_month_page(rows: &[Row], limit: u16) -> Result<MonthPage, LedgerError> {
    let months: Vec<MonthKey> = rows.iter().filter_map(read_month_key).collect();
    let is_last = rows.len() < usize::from(limit);
    if months.is_empty() && !is_last {
        return Err(LedgerError::Inconsistent("no month of a whole page is known to this release"));
    }
    Ok(MonthPage { months, is_last })
}

fn read_month_key(row: &Row) -> Option<MonthKey> {
    let (merchant_id, code, month): (&str, &str, &str) =
        (row.get("merchant_id"), row.get("currency"), row.get("month"));
    let read = || {
        let merchant = MerchantId::parse(merchant_id).ok()?;
        Some(MonthKey { merchant, currency: Currency::parse(code).ok()?, month: Month::parse(month).ok()? })
    };
    let key = read();
    if key.is_none() {
        tracing::error!(
            merchant_id,
            currency = code,
            month,
            "skipped a month whose merchant or currency is unknown to this release"
        );
    }
    key
}
