use std::collections::BTreeMap;

use aws_clients::AwsError;
use aws_sdk_dynamodb::{operation::query::QueryOutput, types::AttributeValue};
use cashflow::{
    BalanceLine, BalanceToken, Currency, DailyBalance, Date, DayStatus, FIRST_DATE, MerchantId, Month, TotalOverflow,
    daily_balances,
};
use futures::future::try_join;
use telemetry::Store;

use crate::{
    BalanceTable,
    item::{
        self, CREDITS, DEBITS, ENTRY_COUNT, Item, SEAL_ENTRY_COUNT, SEAL_NUMBER, UPDATED_AT, day_key, partition_key,
    },
    year::{self, MonthTotals, year_key},
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
    /// What lines of a statement of balances are read from.
    Lines,
    /// All that there are.
    All,
}

impl Attributes {
    fn projection(self) -> Option<String> {
        let names: &[&str] = match self {
            Attributes::Lines => &["sk", CREDITS, DEBITS, ENTRY_COUNT, UPDATED_AT, SEAL_NUMBER, SEAL_ENTRY_COUNT],
            Attributes::All => return None,
        };
        Some(names.join(", "))
    }
}

/// Reading the read model failed, or it holds something malformed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// DynamoDB did not answer.
    #[error("reading the balance table failed")]
    Unavailable(#[source] AwsError),
    /// An item lacks an attribute, or holds another type.
    #[error("an item of the balance table is malformed")]
    Malformed,
    /// The sums leave the range of 128 bits.
    #[error(transparent)]
    Overflow(#[from] TotalOverflow),
}

impl ReadError {
    /// Whether the same read may succeed later without anybody mending anything.
    pub fn is_transient(&self) -> bool {
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
        let (years, days) = try_join(
            self.years_before(merchant, currency, month, consistency),
            self.query(merchant, currency, day_key(month.first_day()), day_key(to), Attributes::Lines, consistency),
        )
        .await?;

        let mut opening = net_of_months_before(month, &years)?;
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
        let month = Month::of(token.date);
        let (day, year) = try_join(
            self.item(merchant, token.currency, day_key(token.date)),
            self.item(merchant, token.currency, year_key(month)),
        )
        .await?;
        let day = day.as_ref().and_then(item::version);
        let month = year.as_ref().and_then(|year| MonthTotals::parse(year.get(year::attribute(month))?));
        Ok(day >= Some(token.day) && month.map(MonthTotals::version) >= Some(token.month))
    }

    /// The item with this sort key, if there is one. It sees every write that was answered before.
    async fn item(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        sort_key: String,
    ) -> Result<Option<Item>, ReadError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table_name)
            .key("pk", partition_key(merchant, currency))
            .key("sk", AttributeValue::S(sort_key))
            .consistent_read(true);
        let answer = telemetry::call(Store::Balances("GetItem"), get.send()).await;
        Ok(answer.map_err(|error| ReadError::Unavailable(AwsError::new(&error)))?.item)
    }

    /// The years that hold the months before this one.
    async fn years_before(
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
        self.query(merchant, currency, year_key(first), year_key(last), Attributes::All, consistency).await
    }

    /// These attributes of all items between two sort keys, both included. The number of pages is bounded by the number of
    /// days and years that the calendar has between them.
    pub(crate) async fn query(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        from: String,
        to: String,
        attributes: Attributes,
        consistency: Consistency,
    ) -> Result<Vec<Item>, ReadError> {
        self.query_partition(partition_key(merchant, currency), from, to, attributes, consistency).await
    }

    /// As [`Self::query`], of any partition.
    pub(crate) async fn query_partition(
        &self,
        partition: AttributeValue,
        from: String,
        to: String,
        attributes: Attributes,
        consistency: Consistency,
    ) -> Result<Vec<Item>, ReadError> {
        if from > to {
            // DynamoDB refuses a range that ends before it starts.
            return Ok(Vec::new());
        }
        // Page by page: the SDK's stream of items hands over each on its own, and everything that waits is polled again for it.
        let pages = self
            .client
            .query()
            .table_name(&self.table_name)
            .consistent_read(consistency == Consistency::Strong)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", partition)
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .set_projection_expression(attributes.projection())
            .into_paginator()
            .send()
            .collect::<Result<Vec<QueryOutput>, _>>();
        let pages = telemetry::call(Store::Balances("Query"), pages).await;
        let pages = pages.map_err(|error| ReadError::Unavailable(AwsError::new(&error)))?;
        Ok(pages.into_iter().flat_map(|page| page.items.unwrap_or_default()).collect())
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

fn net_of_months_before(month: Month, years: &[Item]) -> Result<i128, ReadError> {
    let mut sum: i128 = 0;
    for year in years {
        for (_, value) in year::months(year).ok_or(ReadError::Malformed)?.filter(|(other, _)| *other < month) {
            let totals = MonthTotals::parse(value).ok_or(ReadError::Malformed)?.totals;
            sum = sum.checked_add(totals.net()?).ok_or(TotalOverflow)?;
        }
    }
    Ok(sum)
}
