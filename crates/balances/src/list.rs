use aws_clients::AwsError;
use aws_sdk_dynamodb::types::AttributeValue;
use cashflow::{Currency, MerchantId, Month};
use telemetry::Store;

use crate::{
    BalanceTable, ReadError,
    item::{self, Item},
    year,
};

/// How many items are looked at in one go.
const SCANNED_MAX: i32 = 50;

/// Months had items of their own before (docs/adr/0018). Nobody reads those; their entries are in the ledger's months.
const FORMER_MONTH: &str = "month#";

/// How far a scan of the table has come: the keys of the last item that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanCursor {
    /// Its partition key.
    pub pk: String,
    /// Its sort key.
    pub sk: String,
}

/// An item of a scan of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedItem {
    /// After this item the scan goes on.
    pub cursor: ScanCursor,
    /// The months that it holds anything of; none if its keys are not those of an item of this table.
    pub months: Option<Vec<(MerchantId, Currency, Month)>>,
}

impl BalanceTable {
    /// The next items after a cursor, and whether there are more. The order is DynamoDB's own. A month may come up again with
    /// another item.
    pub async fn items(&self, after: Option<&ScanCursor>) -> Result<(Vec<ListedItem>, bool), ReadError> {
        let projection = format!("pk, sk, {}", year::MONTHS.join(", "));
        let mut scan =
            self.client.scan().table_name(&self.table_name).limit(SCANNED_MAX).projection_expression(projection);
        if let Some(cursor) = after {
            scan = scan
                .exclusive_start_key("pk", AttributeValue::S(cursor.pk.clone()))
                .exclusive_start_key("sk", AttributeValue::S(cursor.sk.clone()));
        }
        let page = telemetry::call(Store::Balances("Scan"), scan.send()).await;
        let page = page.map_err(|error| ReadError::Unavailable(AwsError::new(&error)))?;
        let items = page.items().iter().map(|item| {
            let cursor = cursor(item).ok_or(ReadError::Malformed)?;
            Ok(ListedItem { cursor, months: months_of(item) })
        });
        Ok((items.collect::<Result<_, ReadError>>()?, page.last_evaluated_key.is_some()))
    }
}

fn months_of(item: &Item) -> Option<Vec<(MerchantId, Currency, Month)>> {
    let (merchant, currency) = item::owner(item)?;
    let months: Vec<Month> = if let Some(months) = year::months(item) {
        months.map(|(month, _)| month).collect()
    } else if item.get("sk")?.as_s().ok()?.starts_with(FORMER_MONTH) {
        Vec::new()
    } else {
        vec![Month::of(item::day(item)?)]
    };
    Some(months.into_iter().map(|month| (merchant.clone(), currency, month)).collect())
}

fn cursor(key: &Item) -> Option<ScanCursor> {
    let text = |name: &str| Some(key.get(name)?.as_s().ok()?.clone());
    Some(ScanCursor { pk: text("pk")?, sk: text("sk")? })
}
