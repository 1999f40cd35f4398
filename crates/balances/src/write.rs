use aws_sdk_dynamodb::{error::SdkError, operation::put_item::PutItemError, types::AttributeValue};
use cashflow::{MerchantId, PeriodTotals};

use crate::{
    BalanceTable,
    item::{CREDITS, DEBITS, ENTRY_COUNT, EPOCH, UPDATED_AT, partition_key, sort_key},
};

/// An item is replaced only by a newer version: a higher epoch, or in the same epoch more entries.
const IS_NEWER: &str = "attribute_not_exists(pk) OR epoch < :epoch OR (epoch = :epoch AND entry_count < :entry_count)";

/// What became of a write. Both are success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// The totals were written.
    Written,
    /// The same or newer totals are there already.
    UpToDate,
}

/// The read model did not take a write. Writing again is always safe.
#[derive(Debug, thiserror::Error)]
#[error("the balance table did not take a write")]
pub struct WriteError(#[from] Box<SdkError<PutItemError>>);

impl BalanceTable {
    /// Writes the totals of one period as the ledger knew them at `updated_at`, unless the same or newer ones are there.
    pub async fn write_if_newer(
        &self,
        merchant: &MerchantId,
        totals: &PeriodTotals,
        epoch: u32,
        updated_at: jiff::Timestamp,
    ) -> Result<Write, WriteError> {
        let epoch = AttributeValue::N(epoch.to_string());
        let entry_count = AttributeValue::N(totals.totals.entry_count.to_string());
        let put = self
            .client
            .put_item()
            .table_name(&self.table_name)
            .item("pk", partition_key(merchant, totals.currency))
            .item("sk", sort_key(totals.period))
            .item(CREDITS, AttributeValue::N(totals.totals.credits.to_string()))
            .item(DEBITS, AttributeValue::N(totals.totals.debits.to_string()))
            .item(ENTRY_COUNT, entry_count.clone())
            .item(EPOCH, epoch.clone())
            .item(UPDATED_AT, AttributeValue::S(updated_at.to_string()))
            .condition_expression(IS_NEWER)
            .expression_attribute_values(":epoch", epoch)
            .expression_attribute_values(":entry_count", entry_count);
        match put.send().await {
            Ok(_) => Ok(Write::Written),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(Write::UpToDate)
            }
            Err(error) => Err(WriteError(Box::new(error))),
        }
    }
}
