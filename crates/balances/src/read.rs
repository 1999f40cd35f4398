use std::collections::BTreeMap;

use aws_sdk_dynamodb::{error::SdkError, operation::query::QueryError, types::AttributeValue};
use cashflow::{Currency, DailyBalance, Date, FIRST_DATE, MerchantId, Month, TotalOverflow, Totals, daily_balances};
use futures::future::try_join;

use crate::{
    BalanceTable,
    item::{self, Item, day_key, month_key, partition_key},
};

/// One day as it is shown: its balance, and when its totals were read from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceLine {
    /// The balance.
    pub balance: DailyBalance,
    /// When the day's totals were taken from the ledger; none for a day without entries.
    pub updated_at: Option<jiff::Timestamp>,
}

/// The read model did not answer, or holds what it should not.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// DynamoDB did not answer.
    #[error("the balance table did not answer")]
    Unavailable(#[from] Box<SdkError<QueryError>>),
    /// An item lacks an attribute, or holds another type.
    #[error("an item of the balance table is malformed")]
    Malformed,
    /// The sums leave the range of 128 bits.
    #[error(transparent)]
    Overflow(#[from] TotalOverflow),
}

impl BalanceTable {
    /// The balance of every day from `from` to `to`, both included: the opening balance is read once, then only days.
    pub async fn daily_balances(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        from: Date,
        to: Date,
    ) -> Result<Vec<BalanceLine>, ReadError> {
        let month = Month::of(from);
        let (months, days) = try_join(
            self.months_before(merchant, currency, month),
            self.days_between(merchant, currency, month.first_day(), to),
        )
        .await?;

        let mut opening = sum(&months)?.net()?;
        let mut totals_by_day = BTreeMap::new();
        let mut updated_at_by_day = BTreeMap::new();
        for item in &days {
            let date = item::day(item).ok_or(ReadError::Malformed)?;
            let totals = item::totals(item).ok_or(ReadError::Malformed)?;
            if date < from {
                opening = opening.checked_add(totals.net()?).ok_or(TotalOverflow)?;
            } else {
                totals_by_day.insert(date, totals);
                updated_at_by_day.insert(date, item::updated_at(item).ok_or(ReadError::Malformed)?);
            }
        }
        let balances = daily_balances(opening, from, to, &totals_by_day)?;
        Ok(balances
            .into_iter()
            .map(|balance| BalanceLine { balance, updated_at: updated_at_by_day.get(&balance.date).copied() })
            .collect())
    }

    async fn months_before(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        month: Month,
    ) -> Result<Vec<Item>, ReadError> {
        let first = Month::of(FIRST_DATE);
        if month <= first {
            return Ok(Vec::new());
        }
        let last = Month::of(month.first_day().yesterday().map_err(|_| ReadError::Malformed)?);
        self.query(merchant, currency, month_key(first), month_key(last)).await
    }

    async fn days_between(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        from: Date,
        to: Date,
    ) -> Result<Vec<Item>, ReadError> {
        self.query(merchant, currency, day_key(from), day_key(to)).await
    }

    /// All items between two sort keys, both included. The number of pages is bounded by the number of days and months
    /// that the calendar has between them.
    async fn query(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        from: String,
        to: String,
    ) -> Result<Vec<Item>, ReadError> {
        if from > to {
            // DynamoDB refuses a range that ends before it starts.
            return Ok(Vec::new());
        }
        self.client
            .query()
            .table_name(&self.table_name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", partition_key(merchant, currency))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<Item>, _>>()
            .await
            .map_err(|error| ReadError::Unavailable(Box::new(error)))
    }
}

fn sum(items: &[Item]) -> Result<Totals, ReadError> {
    items.iter().try_fold(Totals::ZERO, |sum, item| {
        let totals = item::totals(item).ok_or(ReadError::Malformed)?;
        Ok(sum.plus(totals)?)
    })
}
