use aws_clients::AwsError;
use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::AttributeValue,
};
use cashflow::{Currency, Date, MerchantId, Month, Period, PeriodTotals, Totals, TotalsVersion};
use jiff::Timestamp;
use telemetry::Store;

use crate::{
    BalanceTable, StoredBalance,
    item::{
        CREDITS, DEBITS, ENTRY_COUNT, EPOCH, SEAL, SEAL_ENTRY_COUNT, SEAL_EPOCH, SEAL_NUMBER, SealMark, TOTALS,
        UPDATED_AT, day_key, partition_key,
    },
    stored::Held,
    year::{self, MonthTotals, least_value_of, year_key},
};

/// Attributes with the values that they are to have.
type Values = Vec<(&'static str, AttributeValue)>;

/// What became of a write. Both are success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// It was written.
    Written,
    /// The same or something newer is there already.
    UpToDate,
}

/// Writing to the read model failed. Writing again is always safe.
#[derive(Debug, thiserror::Error)]
#[error("writing to the balance table failed")]
pub struct WriteError(#[source] AwsError);

impl BalanceTable {
    /// Writes the totals of one period as the ledger knew them at `updated_at`, unless the same or newer ones are there: of a
    /// higher epoch, or in the same epoch of as many entries or more.
    pub async fn write_if_newer(
        &self,
        merchant: &MerchantId,
        totals: &PeriodTotals,
        epoch: u32,
        updated_at: Timestamp,
    ) -> Result<Write, WriteError> {
        let update = self.set_totals(merchant, totals, epoch, updated_at);
        let update = match totals.period {
            Period::Day(_) => if_newer(update, &TOTALS),
            Period::Month(_) => {
                let version = TotalsVersion { epoch, entry_count: totals.totals.entry_count };
                update
                    .condition_expression("attribute_not_exists(#month) OR #month < :version")
                    .expression_attribute_values(":version", least_value_of(version))
            }
        };
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
        send(if_newer(self.set_on_day(merchant, currency, date, seal_values(seal)), &SEAL)).await
    }

    /// Puts these totals in the place of what was seen, whatever version that claims to be, if it still is as it was seen.
    pub async fn replace_totals(
        &self,
        merchant: &MerchantId,
        totals: &PeriodTotals,
        epoch: u32,
        updated_at: Timestamp,
        seen: &StoredBalance,
    ) -> Result<Write, WriteError> {
        let update = self.set_totals(merchant, totals, epoch, updated_at);
        send(if_as_seen(update, &TOTALS, seen)).await
    }

    /// Puts this mark in the place of the one that was seen, if that is still as it was seen.
    pub async fn replace_seal(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        date: Date,
        seal: SealMark,
        seen: &StoredBalance,
    ) -> Result<Write, WriteError> {
        send(if_as_seen(self.set_on_day(merchant, currency, date, seal_values(seal)), &SEAL, seen)).await
    }

    /// Removes the mark that was seen, if it is still as it was seen.
    pub async fn remove_seal(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        date: Date,
        seen: &StoredBalance,
    ) -> Result<Write, WriteError> {
        let update = self.update(merchant, currency, day_key(date));
        let remove = SEAL.map(|name| format!("#{name}")).join(", ");
        send(if_as_seen(update.update_expression(format!("REMOVE {remove}")), &SEAL, seen)).await
    }

    fn update(&self, merchant: &MerchantId, currency: Currency, sort_key: String) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table_name);
        update.key("pk", partition_key(merchant, currency)).key("sk", AttributeValue::S(sort_key))
    }

    /// An update that sets the totals of a day or month.
    fn set_totals(
        &self,
        merchant: &MerchantId,
        totals: &PeriodTotals,
        epoch: u32,
        updated_at: Timestamp,
    ) -> UpdateItemFluentBuilder {
        let PeriodTotals { period, currency, totals } = *totals;
        match period {
            Period::Day(date) => self.set_on_day(merchant, currency, date, totals_values(totals, epoch, updated_at)),
            Period::Month(month) => {
                self.set_month(merchant, currency, month, MonthTotals { totals, epoch, updated_at })
            }
        }
    }

    /// An update that sets a month in the item of its year: `#month = :month`.
    fn set_month(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        month: Month,
        totals: MonthTotals,
    ) -> UpdateItemFluentBuilder {
        self.update(merchant, currency, year_key(month))
            .update_expression("SET #month = :month")
            .expression_attribute_names("#month", year::attribute(month))
            .expression_attribute_values(":month", totals.value())
    }

    /// An update that sets these attributes of a day, each under its own name: `#credits = :credits`.
    fn set_on_day(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        date: Date,
        values: Values,
    ) -> UpdateItemFluentBuilder {
        let assignments: Vec<String> = values.iter().map(|(name, _)| format!("#{name} = :{name}")).collect();
        let update = self.update(merchant, currency, day_key(date));
        let update = update.update_expression(format!("SET {}", assignments.join(", ")));
        values.into_iter().fold(update, |update, (name, value)| {
            let update = update.expression_attribute_names(format!("#{name}"), name);
            update.expression_attribute_values(format!(":{name}"), value)
        })
    }
}

/// Takes place only if the item has no such version yet, or an older one than the update sets.
fn if_newer(update: UpdateItemFluentBuilder, names: &[&str]) -> UpdateItemFluentBuilder {
    let (epoch, version) = (names[0], names[1]);
    update.condition_expression(format!(
        "attribute_not_exists(#{version}) OR #{epoch} < :{epoch} OR (#{epoch} = :{epoch} AND #{version} < :{version})"
    ))
}

/// Takes place only if a day has these attributes with the very values that were seen, or has them as little; a month, if it
/// is the very one that was seen.
fn if_as_seen(update: UpdateItemFluentBuilder, names: &[&str], seen: &StoredBalance) -> UpdateItemFluentBuilder {
    let seen = match &seen.0 {
        Held::Day(item) => item,
        Held::Month(value) => {
            return update
                .condition_expression("#month = :seen_month")
                .expression_attribute_values(":seen_month", value.clone());
        }
    };
    let mut conditions = Vec::new();
    let update = names.iter().fold(update, |update, name| {
        let update = update.expression_attribute_names(format!("#{name}"), *name);
        match seen.get(*name) {
            Some(value) => {
                conditions.push(format!("#{name} = :seen_{name}"));
                update.expression_attribute_values(format!(":seen_{name}"), value.clone())
            }
            None => {
                conditions.push(format!("attribute_not_exists(#{name})"));
                update
            }
        }
    });
    update.condition_expression(conditions.join(" AND "))
}

fn totals_values(totals: Totals, epoch: u32, updated_at: Timestamp) -> Values {
    vec![
        (EPOCH, AttributeValue::N(epoch.to_string())),
        (ENTRY_COUNT, AttributeValue::N(totals.entry_count.to_string())),
        (CREDITS, AttributeValue::N(totals.credits.to_string())),
        (DEBITS, AttributeValue::N(totals.debits.to_string())),
        (UPDATED_AT, AttributeValue::S(updated_at.to_string())),
    ]
}

fn seal_values(seal: SealMark) -> Values {
    vec![
        (SEAL_EPOCH, AttributeValue::N(seal.epoch.to_string())),
        (SEAL_NUMBER, AttributeValue::N(seal.number.to_string())),
        (SEAL_ENTRY_COUNT, AttributeValue::N(seal.entry_count.to_string())),
    ]
}

pub(crate) async fn send(update: UpdateItemFluentBuilder) -> Result<Write, WriteError> {
    let written = async {
        match update.send().await {
            Ok(_) => Ok(Write::Written),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(Write::UpToDate)
            }
            Err(error) => Err(WriteError(AwsError::new(&error))),
        }
    };
    telemetry::call(Store::Balances("UpdateItem"), written).await
}
