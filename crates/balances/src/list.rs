use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use cashflow::{Currency, MerchantId, Month};
use telemetry::Store;

use crate::{
    BalanceTable, ReadError,
    item::{self, Item},
};

/// How many items are looked at in one go.
const SCANNED_MAX: i32 = 200;

/// How far a walk through the table has come: the keys of the last item that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPlace {
    /// Its partition key.
    pub pk: String,
    /// Its sort key.
    pub sk: String,
}

impl BalanceTable {
    /// The months of which the table holds anything, from the next 200 items after a place, and the place to go on from.
    /// The order is DynamoDB's own. A month may come up again behind another place.
    pub async fn months(
        &self,
        after: Option<&ScanPlace>,
    ) -> Result<(HashSet<(MerchantId, Currency, Month)>, Option<ScanPlace>), ReadError> {
        let mut scan =
            self.client.scan().table_name(&self.table_name).limit(SCANNED_MAX).projection_expression("pk, sk");
        if let Some(place) = after {
            scan = scan
                .exclusive_start_key("pk", AttributeValue::S(place.pk.clone()))
                .exclusive_start_key("sk", AttributeValue::S(place.sk.clone()));
        }
        let page = telemetry::call(Store::Balances("Scan"), scan.send()).await;
        let page = page.map_err(|error| ReadError::Unavailable(Box::new(error)))?;
        let months = page.items().iter().map(item::month_of).collect::<Option<_>>().ok_or(ReadError::Malformed)?;
        let next = page.last_evaluated_key.map(|key| place(&key).ok_or(ReadError::Malformed)).transpose()?;
        Ok((months, next))
    }
}

fn place(key: &Item) -> Option<ScanPlace> {
    let text = |name: &str| Some(key.get(name)?.as_s().ok()?.clone());
    Some(ScanPlace { pk: text("pk")?, sk: text("sk")? })
}
