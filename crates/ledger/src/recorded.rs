use cashflow::{Entry, EntryId, MerchantId};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{
    Ledger, LedgerError,
    columns::{Parts, by_number},
    rows::read_entry,
    session::STATEMENTS_TIMEOUT,
};

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
            rows.iter().map(read_recorded).collect()
        })
        .await
    }

    /// The same for several who ask, a merchant each, with one statement. What cannot be read fails for whom it concerns.
    pub async fn recorded_together(
        &self,
        asked: &[(&MerchantId, &[EntryId])],
    ) -> Result<Vec<Result<Vec<Recorded>, LedgerError>>, LedgerError> {
        let mut parts = Parts::default();
        for (merchant, ids) in asked {
            parts.push(merchant.as_str(), ids.len());
        }
        let ids: Vec<Uuid> = asked.iter().flat_map(|(_, ids)| ids.iter()).map(|id| *id.as_uuid()).collect();
        let call =
            Parts::call_each("ledger_lookup.recorded", &[format!("ids => {}", Parts::slice(Parts::PARAMETERS + 1))]);
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let mut parameters = parts.parameters().to_vec();
            parameters.push((&ids, Type::UUID_ARRAY));
            let rows = by_number(client.query_typed(&call, &parameters).await?);
            let rows_of = |number| rows.get(&number).map(Vec::as_slice).unwrap_or_default();
            Ok((1..).zip(asked).map(|(number, _)| rows_of(number).iter().map(read_recorded).collect()).collect())
        })
        .await
    }
}

fn read_recorded(row: &Row) -> Result<Recorded, LedgerError> {
    Ok(Recorded { entry: read_entry(row)?, is_overtaken: row.get("is_overtaken") })
}
