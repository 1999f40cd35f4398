use cashflow::{
    Currency, Date, EntryId, EntryType, MerchantId, StatementKey, StatementLine, StatementPage, StatementPosition,
    TotalOverflow,
};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{
    Ledger, LedgerError,
    rows::{positions_parameter, read_date, read_key, read_minor, read_positions, read_posted_entry, read_time, valid},
    session::STATEMENTS_TIMEOUT,
};

impl Ledger {
    /// One page of the statement from `from` to `to`, both included, of at most `limit` lines; the first page, or the one
    /// after a position.
    pub async fn statement(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        (from, to): (Date, Date),
        after: Option<&StatementPosition>,
        limit: u16,
    ) -> Result<StatementPage, LedgerError> {
        let merchant_id = merchant.as_str();
        let currency = currency.code();
        let (first_day, last_day) = (from.to_string(), to.to_string());
        let positions = after.map(|position| positions_parameter(&position.positions));
        let balance = after.map(|position| position.running_balance.to_string());
        // Before all entries of the first day, if there is no position.
        let last_date = after.map_or(from, |position| position.date).to_string();
        let last_time = after.map_or_else(|| "-infinity".to_owned(), |position| position.posted_at.to_string());
        let last_id = after.map_or(Uuid::nil(), |position| *position.id.as_uuid());
        // One more than asked for tells whether there is a next page.
        let rows_max = i64::from(limit) + 1;
        let parameters: [(&(dyn ToSql + Sync), Type); 10] = [
            (&merchant_id, Type::TEXT),
            (&currency, Type::TEXT),
            (&first_day, Type::TEXT),
            (&last_day, Type::TEXT),
            (&positions, Type::INT8_ARRAY),
            (&balance, Type::TEXT),
            (&last_date, Type::TEXT),
            (&last_time, Type::TEXT),
            (&last_id, Type::UUID),
            (&rows_max, Type::INT8),
        ];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let rows = client
                .query_typed(
                    "SELECT * FROM ledger.statement_page($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                    &parameters,
                )
                .await?;
            read_page(&rows, usize::from(limit))
        })
        .await
    }

    /// What this merchant's cursors are made with.
    pub async fn statement_key(&self, merchant: &MerchantId) -> Result<StatementKey, LedgerError> {
        let merchant_id = merchant.as_str();
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let of_merchant: [(&(dyn ToSql + Sync), Type); 1] = [(&merchant_id, Type::TEXT)];
            let row = client.query_typed_one("SELECT * FROM ledger.statement_key($1)", &of_merchant).await?;
            Ok(StatementKey { key: read_key(&row)?, positions: read_positions(&row, "positions")? })
        })
        .await
    }
}

fn read_page(rows: &[Row], limit: usize) -> Result<StatementPage, LedgerError> {
    let mut lines: Vec<StatementLine> = Vec::with_capacity(rows.len().min(limit));
    let mut balance = rows.first().map_or(Ok(0), |row| read_minor(row, "balance"))?;
    for row in rows.iter().take(limit) {
        let posted = read_posted_entry(row)?;
        let minor = i128::from(posted.entry.amount.minor());
        let after = match posted.entry.entry_type {
            EntryType::Credit => balance.checked_add(minor),
            EntryType::Debit => balance.checked_sub(minor),
        };
        balance = valid(after.ok_or(TotalOverflow), "a balance exceeds 128 bits")?;
        lines.push(StatementLine { posted, running_balance: balance });
    }
    let next = match rows.get(limit.wrapping_sub(1)) {
        Some(last) if rows.len() > limit => Some(read_position(last, balance)?),
        Some(_) | None => None,
    };
    Ok(StatementPage { lines, next })
}

fn read_position(row: &Row, running_balance: i128) -> Result<StatementPosition, LedgerError> {
    Ok(StatementPosition {
        positions: read_positions(row, "positions")?,
        date: read_date(row)?,
        posted_at: read_time(row, "recorded_at_us")?,
        id: EntryId::from_uuid(row.get("id")),
        running_balance,
    })
}
