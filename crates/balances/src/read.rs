use std::{collections::BTreeMap, error::Error};

use aws_sdk_dynamodb::types::AttributeValue;
use cashflow::{
    BalanceLine, BalanceToken, Currency, DailyBalance, Date, DayStatus, FIRST_DATE, MerchantId, Month, Period,
    TotalOverflow, TotalsVersion, daily_balances,
};
use futures::future::try_join;
use telemetry::Store;

use crate::{
    BalanceTable,
    item::{
        self, CREDITS, DEBITS, ENTRY_COUNT, Item, SEAL_ENTRY_COUNT, SEAL_NUMBER, UPDATED_AT, day_key, month_key,
        partition_key, sort_key,
    },
};

/// Whether a read has to see every write that was answered before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// It may be some moments behind; half the price.
    Eventual,
    /// It sees them all.
    Strong,
}

/// What a query brings of each item: what is not looked at need not be sent and parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attributes {
    /// What an opening balance is summed from.
    Net,
    /// What lines of a statement of balances are read from.
    Lines,
    /// All that there are.
    All,
}

impl Attributes {
    fn projection(self) -> Option<String> {
        let names: &[&str] = match self {
            Attributes::Net => &[CREDITS, DEBITS],
            Attributes::Lines => &["sk", CREDITS, DEBITS, ENTRY_COUNT, UPDATED_AT, SEAL_NUMBER, SEAL_ENTRY_COUNT],
            Attributes::All => return None,
        };
        Some(names.join(", "))
    }
}

/// The read model did not answer, or holds what it should not.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// DynamoDB did not answer.
    #[error("the balance table did not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// An item lacks an attribute, or holds another type.
    #[error("an item of the balance table is malformed")]
    Malformed,
    /// The sums leave the range of 128 bits.
    #[error(transparent)]
    Overflow(#[from] TotalOverflow),
}

impl ReadError {
    /// Whether it passes by itself: asking again is worth it.
    pub fn passes(&self) -> bool {
        match self {
            ReadError::Unavailable(_) => true,
            ReadError::Malformed | ReadError::Overflow(_) => false,
        }
    }
}

impl BalanceTable {
    /// The balance of every day from `from` to `to`, both included: the opening balance is read once, then only days.
    pub async fn daily_balances(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        from: Date,
        to: Date,
        consistency: Consistency,
    ) -> Result<Vec<BalanceLine>, ReadError> {
        let month = Month::of(from);
        let (months, days) = try_join(
            self.months_before(merchant, currency, month, consistency),
            self.query(merchant, currency, day_key(month.first_day()), day_key(to), Attributes::Lines, consistency),
        )
        .await?;

        let mut opening = net(&months)?;
        let mut totals_by_day = BTreeMap::new();
        let mut items_by_day = BTreeMap::new();
        for item in &days {
            let date = item::day(item).ok_or(ReadError::Malformed)?;
            let totals = item::totals(item).ok_or(ReadError::Malformed)?;
            if date < from {
                opening = opening.checked_add(totals.net()?).ok_or(TotalOverflow)?;
            } else {
                totals_by_day.insert(date, totals);
                items_by_day.insert(date, item);
            }
        }
        let balances = daily_balances(opening, from, to, &totals_by_day)?;
        balances.into_iter().map(|balance| line(balance, items_by_day.get(&balance.date).copied())).collect()
    }

    /// Whether the read model has reached what the token asks for: whoever reads with [`Consistency::Strong`] from then on
    /// sees a balance that contains the token's entry.
    pub async fn has_reached(&self, merchant: &MerchantId, token: &BalanceToken) -> Result<bool, ReadError> {
        let (day, month) = try_join(
            self.version(merchant, token.currency, Period::Day(token.date)),
            self.version(merchant, token.currency, Period::Month(Month::of(token.date))),
        )
        .await?;
        Ok(day >= Some(token.day) && month >= Some(token.month))
    }

    /// The version of the totals of one period, if there are any.
    async fn version(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        period: Period,
    ) -> Result<Option<TotalsVersion>, ReadError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table_name)
            .key("pk", partition_key(merchant, currency))
            .key("sk", sort_key(period))
            .consistent_read(true);
        let answer = telemetry::call(Store::Balances("GetItem"), get.send()).await;
        let answer = answer.map_err(|error| ReadError::Unavailable(Box::new(error)))?;
        Ok(answer.item.as_ref().and_then(item::version))
    }

    async fn months_before(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        month: Month,
        consistency: Consistency,
    ) -> Result<Vec<Item>, ReadError> {
        let first = Month::of(FIRST_DATE);
        if month <= first {
            return Ok(Vec::new());
        }
        let last = Month::of(month.first_day().yesterday().map_err(|_| ReadError::Malformed)?);
        self.query(merchant, currency, month_key(first), month_key(last), Attributes::Net, consistency).await
    }

    /// These attributes of all items between two sort keys, both included. The number of pages is bounded by the number of
    /// days and months that the calendar has between them.
    pub(crate) async fn query(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        from: String,
        to: String,
        attributes: Attributes,
        consistency: Consistency,
    ) -> Result<Vec<Item>, ReadError> {
        if from > to {
            // DynamoDB refuses a range that ends before it starts.
            return Ok(Vec::new());
        }
        let items = self
            .client
            .query()
            .table_name(&self.table_name)
            .consistent_read(consistency == Consistency::Strong)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", partition_key(merchant, currency))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .set_projection_expression(attributes.projection())
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<Item>, _>>();
        let items = telemetry::call(Store::Balances("Query"), items).await;
        items.map_err(|error| ReadError::Unavailable(Box::new(error)))
    }
}

fn line(balance: DailyBalance, item: Option<&Item>) -> Result<BalanceLine, ReadError> {
    let updated_at = match item {
        Some(item) if item::has_totals(item) && balance.totals.entry_count > 0 => {
            Some(item::updated_at(item).ok_or(ReadError::Malformed)?)
        }
        Some(_) | None => None,
    };
    let status = DayStatus::of(balance.totals.entry_count, item.and_then(item::sealed_entry_count));
    Ok(BalanceLine { balance, updated_at, status })
}

fn net(items: &[Item]) -> Result<i128, ReadError> {
    items.iter().try_fold(0, |sum: i128, item| {
        let net = item::net(item).ok_or(ReadError::Malformed)?;
        Ok(sum.checked_add(net).ok_or(TotalOverflow)?)
    })
}
