use cashflow::{Entry, EntryId, MerchantId};
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::{Ledger, LedgerError, rows::read_entry, session::STATEMENTS_TIMEOUT};

/// What the ledger holds under an id. It stays so for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The entry that the request asked for.
    pub entry: Entry,
    /// Whether it is a reversal that another one of the same entry has overtaken. It is not posted, and its key is used.
    pub is_overtaken: bool,
}

impl Ledger {
    /// What the ledger holds under these ids, in any order: one round trip, and a look into a primary key for each.
    ///
    /// Who calls this before a request is accepted sets a shorter limit of time than this one's.
    pub async fn recorded(&self, merchant: &MerchantId, ids: &[EntryId]) -> Result<Vec<Recorded>, LedgerError> {
        let merchant_id = merchant.as_str();
        let ids: Vec<Uuid> = ids.iter().map(|id| *id.as_uuid()).collect();
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&merchant_id, Type::TEXT), (&ids, Type::UUID_ARRAY)];
            let rows = client.query_typed("SELECT * FROM ledger_lookup.recorded($1, $2)", &parameters).await?;
            rows.iter()
                .map(|row| Ok(Recorded { entry: read_entry(row)?, is_overtaken: row.get("is_overtaken") }))
                .collect()
        })
        .await
    }
}
