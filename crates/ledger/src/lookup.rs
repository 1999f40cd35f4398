use cashflow::{BalanceToken, EntryId, MerchantId, Period, PeriodTotals, PostedEntry, RecordedEntry, TotalsVersion};
use futures::future::try_join3;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::{
    Ledger, LedgerError, LedgerTotals,
    refused::{Reason, read_refused},
    rows::{read_ledger_totals, read_posted_entry},
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
            let (posted, refused, totals) = try_join3(
                client.query_typed("SELECT * FROM ledger.posted($1, $2)", &by_ids),
                client.query_typed("SELECT * FROM ledger.refused($1, $2)", &by_id),
                client.query_typed("SELECT * FROM ledger.totals($1, $2, $3)", &for_totals),
            )
            .await?;
            let refused = read_refused(&refused)?;
            if let Some(row) = posted.first() {
                // Of two that came at the same time, one may be posted and the other recorded as overtaken.
                let conflicts = refused.into_iter().map(|(_, conflict)| conflict).collect();
                let posted = read_posted_entry(row)?;
                let balance_token = Some(balance_token(&posted, &read_ledger_totals(&totals)?)?);
                return Ok(Some(FoundEntry { recorded: RecordedEntry::Posted(posted, conflicts), balance_token }));
            }
            let (overtaken, conflicts): (Vec<_>, Vec<_>) =
                refused.into_iter().partition(|(reason, _)| *reason == Reason::AlreadyReversed);
            let conflicts = conflicts.into_iter().map(|(_, conflict)| conflict).collect();
            Ok(overtaken.into_iter().next().map(|(_, reversal)| {
                let recorded = RecordedEntry::AlreadyReversed(reversal.entry, conflicts);
                FoundEntry { recorded, balance_token: None }
            }))
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
