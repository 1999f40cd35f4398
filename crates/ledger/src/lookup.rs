use cashflow::{
    BalanceToken, EntryId, KeyConflict, MerchantId, Period, PeriodTotals, PostedEntry, RecordedEntry, TotalsVersion,
};
use futures::future::try_join4;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{
    Ledger, LedgerError, LedgerTotals,
    rows::{read_entry, read_ledger_totals, read_posted_entry, read_time},
    session::STATEMENTS_TIMEOUT,
};

/// An entry that the ledger knows.
#[derive(Debug)]
pub struct FoundEntry {
    /// What has become of it.
    pub recorded: RecordedEntry,
    /// What a balance must have reached to contain it; none for an entry that no balance will contain.
    pub balance_token: Option<BalanceToken>,
}

impl Ledger {
    /// What has become of an entry of this merchant; none if the ledger does not know it, or not yet.
    pub async fn find(&self, merchant: &MerchantId, id: EntryId) -> Result<Option<FoundEntry>, LedgerError> {
        let merchant_id = merchant.as_str();
        let ids = vec![*id.as_uuid()];
        let no_originals: Vec<Uuid> = Vec::new();
        let by_ids: [(&(dyn ToSql + Sync), Type); 2] = [(&merchant_id, Type::TEXT), (&ids, Type::UUID_ARRAY)];
        let by_id: [(&(dyn ToSql + Sync), Type); 2] = [(&merchant_id, Type::TEXT), (id.as_uuid(), Type::UUID)];
        let mut for_totals = by_ids.to_vec();
        for_totals.push((&no_originals, Type::UUID_ARRAY));
        self.run(STATEMENTS_TIMEOUT, async |client| {
            // Answered in this order and in one round trip: totals read after the entry was seen contain it.
            let (posted, conflicts, overtaken, totals) = try_join4(
                client.query_typed("SELECT * FROM ledger.posted($1, $2)", &by_ids),
                client.query_typed("SELECT * FROM ledger.conflicts($1, $2)", &by_id),
                client.query_typed("SELECT * FROM ledger.overtaken($1, $2)", &by_id),
                client.query_typed("SELECT * FROM ledger.totals($1, $2, $3)", &for_totals),
            )
            .await?;
            let mut conflicts = conflicts.iter().map(read_conflict).collect::<Result<Vec<_>, _>>()?;
            if let Some(row) = posted.first() {
                // Of two that came at the same time, one may be posted and the other kept as overtaken.
                conflicts.extend(overtaken.iter().map(read_conflict).collect::<Result<Vec<_>, _>>()?);
                conflicts.sort_by_key(|conflict| conflict.received_at);
                let posted = read_posted_entry(row)?;
                let balance_token = Some(balance_token(&posted, &read_ledger_totals(&totals)?)?);
                return Ok(Some(FoundEntry { recorded: RecordedEntry::Posted(posted, conflicts), balance_token }));
            }
            overtaken
                .first()
                .map(|row| {
                    let recorded = RecordedEntry::AlreadyReversed(read_entry(row)?, conflicts);
                    Ok(FoundEntry { recorded, balance_token: None })
                })
                .transpose()
        })
        .await
    }

    /// The posted ones among these entries, in any order.
    pub async fn posted(&self, merchant: &MerchantId, ids: &[EntryId]) -> Result<Vec<PostedEntry>, LedgerError> {
        let merchant_id = merchant.as_str();
        let ids: Vec<Uuid> = ids.iter().map(|id| *id.as_uuid()).collect();
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&merchant_id, Type::TEXT), (&ids, Type::UUID_ARRAY)];
            let rows = client.query_typed("SELECT * FROM ledger.posted($1, $2)", &parameters).await?;
            rows.iter().map(read_posted_entry).collect()
        })
        .await
    }
}

fn read_conflict(row: &Row) -> Result<KeyConflict, LedgerError> {
    Ok(KeyConflict { entry: read_entry(row)?, received_at: read_time(row, "recorded_at_us")? })
}

fn balance_token(posted: &PostedEntry, after: &LedgerTotals) -> Result<BalanceToken, LedgerError> {
    let version = |is_wanted: fn(&PeriodTotals) -> bool| {
        let totals = after.totals.iter().find(|totals| is_wanted(totals));
        let totals = totals.ok_or(LedgerError::Inconsistent("there are no totals for a posted entry"))?;
        Ok::<_, LedgerError>(TotalsVersion { epoch: after.epoch, entry_count: totals.totals.entry_count })
    };
    Ok(BalanceToken {
        currency: posted.entry.amount.currency(),
        date: posted.entry.date,
        day: version(|totals| matches!(totals.period, Period::Day(_)))?,
        month: version(|totals| matches!(totals.period, Period::Month(_)))?,
    })
}
