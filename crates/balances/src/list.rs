use std::collections::HashSet;

use aws_clients::AwsError;
use aws_sdk_dynamodb::types::AttributeValue;
use cashflow::{Currency, MerchantId, Month};
use telemetry::Store;

use crate::{
    BalanceTable, ReadError,
    item::{self, Item},
    year,
};

/// How many items are looked at in one go. A year is up to twelve months, all of which are compared before the next look at
/// the clock.
const SCANNED_MAX: i32 = 50;

/// Months had items of their own before (docs/adr/0018). Nobody reads those; their entries are in the ledger's months.
const FORMER_MONTH: &str = "month#";

/// How far a walk through the table has come: the keys of the last item that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPlace {
    /// Its partition key.
    pub pk: String,
    /// Its sort key.
    pub sk: String,
}

impl BalanceTable {
    /// The months of which the table holds anything, from the next items after a place, and the place to go on from.
    /// The order is DynamoDB's own. A month may come up again behind another place.
    pub async fn months(
        &self,
        after: Option<&ScanPlace>,
    ) -> Result<(HashSet<(MerchantId, Currency, Month)>, Option<ScanPlace>), ReadError> {
        let projection = format!("pk, sk, {}", year::MONTHS.join(", "));
        let mut scan =
            self.client.scan().table_name(&self.table_name).limit(SCANNED_MAX).projection_expression(projection);
        if let Some(place) = after {
            scan = scan
                .exclusive_start_key("pk", AttributeValue::S(place.pk.clone()))
                .exclusive_start_key("sk", AttributeValue::S(place.sk.clone()));
        }
        let page = telemetry::call(Store::Balances("Scan"), scan.send()).await;
        let page = page.map_err(|error| ReadError::Unavailable(AwsError::new(&error)))?;
        let mut months = HashSet::new();
        for item in page.items() {
            let (merchant, currency) = item::owner(item).ok_or(ReadError::Malformed)?;
            let of_item = months_of(item).ok_or(ReadError::Malformed)?;
            months.extend(of_item.into_iter().map(|month| (merchant.clone(), currency, month)));
        }
        let next = page.last_evaluated_key.map(|key| place(&key).ok_or(ReadError::Malformed)).transpose()?;
        Ok((months, next))
    }
}

fn months_of(item: &Item) -> Option<Vec<Month>> {
    if let Some(months) = year::months(item) {
        return Some(months.map(|(month, _)| month).collect());
    }
    if item.get("sk")?.as_s().ok()?.starts_with(FORMER_MONTH) {
        return Some(Vec::new());
    }
    Some(vec![Month::of(item::day(item)?)])
}

fn place(key: &Item) -> Option<ScanPlace> {
    let text = |name: &str| Some(key.get(name)?.as_s().ok()?.clone());
    Some(ScanPlace { pk: text("pk")?, sk: text("sk")? })
}
