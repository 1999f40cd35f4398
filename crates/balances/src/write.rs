use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::AttributeValue,
};
use cashflow::{Currency, Date, MerchantId, Period, PeriodTotals};

use crate::{
    BalanceTable,
    item::{
        CREDITS, DEBITS, ENTRY_COUNT, EPOCH, SEAL_ENTRY_COUNT, SEAL_EPOCH, SEAL_NUMBER, UPDATED_AT, partition_key,
        sort_key,
    },
};

/// What became of a write. Both are success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// It was written.
    Written,
    /// The same or something newer is there already.
    UpToDate,
}

/// The read model did not take a write. Writing again is always safe.
#[derive(Debug, thiserror::Error)]
#[error("the balance table did not take a write")]
pub struct WriteError(#[from] Box<SdkError<UpdateItemError>>);

/// A seal, as far as a balance shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealMark {
    /// The ledger's epoch.
    pub epoch: u32,
    /// The number of the seal.
    pub number: u32,
    /// How many entries it covers.
    pub entry_count: u64,
}

impl BalanceTable {
    /// Writes the totals of one period as the ledger knew them at `updated_at`, unless the same or newer ones are there: of a
    /// higher epoch, or in the same epoch of as many entries or more.
    pub async fn write_if_newer(
        &self,
        merchant: &MerchantId,
        totals: &PeriodTotals,
        epoch: u32,
        updated_at: jiff::Timestamp,
    ) -> Result<Write, WriteError> {
        let sums = totals.totals;
        let update = self
            .update(merchant, totals.currency, totals.period, EPOCH, ENTRY_COUNT)
            .update_expression(
                "SET #epoch = :epoch, #version = :version, #credits = :credits, #debits = :debits, #at = :at",
            )
            .expression_attribute_values(":epoch", AttributeValue::N(epoch.to_string()))
            .expression_attribute_values(":version", AttributeValue::N(sums.entry_count.to_string()))
            .expression_attribute_names("#credits", CREDITS)
            .expression_attribute_values(":credits", AttributeValue::N(sums.credits.to_string()))
            .expression_attribute_names("#debits", DEBITS)
            .expression_attribute_values(":debits", AttributeValue::N(sums.debits.to_string()))
            .expression_attribute_names("#at", UPDATED_AT)
            .expression_attribute_values(":at", AttributeValue::S(updated_at.to_string()));
        send(update).await
    }

    /// Marks a day with its newest seal, unless the same or a newer one is there.
    ///
    /// Write the totals that the seal covers first: a balance must never show fewer entries than its seal.
    pub async fn write_seal(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        date: Date,
        seal: SealMark,
    ) -> Result<Write, WriteError> {
        let update = self
            .update(merchant, currency, Period::Day(date), SEAL_EPOCH, SEAL_NUMBER)
            .update_expression("SET #epoch = :epoch, #version = :version, #count = :count")
            .expression_attribute_values(":epoch", AttributeValue::N(seal.epoch.to_string()))
            .expression_attribute_values(":version", AttributeValue::N(seal.number.to_string()))
            .expression_attribute_names("#count", SEAL_ENTRY_COUNT)
            .expression_attribute_values(":count", AttributeValue::N(seal.entry_count.to_string()));
        send(update).await
    }

    /// An update that takes place only if the item has no such version yet, or an older one.
    fn update(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        period: Period,
        epoch: &str,
        version: &str,
    ) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table_name)
            .key("pk", partition_key(merchant, currency))
            .key("sk", sort_key(period))
            .condition_expression(
                "attribute_not_exists(#version) OR #epoch < :epoch OR (#epoch = :epoch AND #version < :version)",
            )
            .expression_attribute_names("#epoch", epoch)
            .expression_attribute_names("#version", version)
    }
}

async fn send(update: UpdateItemFluentBuilder) -> Result<Write, WriteError> {
    match update.send().await {
        Ok(_) => Ok(Write::Written),
        Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
            Ok(Write::UpToDate)
        }
        Err(error) => Err(WriteError(Box::new(error))),
    }
}
