use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use cashflow::{Currency, MerchantId, Month, Period, Totals, TotalsVersion};
use futures::future::try_join;
use jiff::Timestamp;

use crate::{
    BalanceTable, Consistency, ReadError, SealMark,
    item::{self, Item, SEAL, TOTALS, day_key},
    read::Attributes,
    year::{self, MonthTotals, year_key},
};

/// What the read model holds of one day or month: what this crate wrote, or something malformed.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBalance(pub(crate) Held);

/// Where it is held.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Held {
    /// A day in an item of its own.
    Day(Item),
    /// A month in an attribute of its year's item.
    Month(AttributeValue),
}

/// One part of a stored balance: the totals, or the mark of a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored<T> {
    /// Nothing of it is there.
    Missing,
    /// It is there, but an attribute of it is missing or of another type.
    Malformed,
    /// It is there.
    Present(T),
}

impl StoredBalance {
    /// The totals and their version.
    pub fn totals(&self) -> Stored<(Totals, TotalsVersion)> {
        match &self.0 {
            Held::Day(item) => part(item, &TOTALS, |item| Some((item::totals(item)?, item::version(item)?))),
            Held::Month(value) => MonthTotals::parse(value)
                .map_or(Stored::Malformed, |month| Stored::Present((month.totals, month.version()))),
        }
    }

    /// The mark of the newest seal of a day.
    pub fn seal(&self) -> Stored<SealMark> {
        match &self.0 {
            Held::Day(item) => part(item, &SEAL, item::seal),
            Held::Month(_) => Stored::Missing,
        }
    }

    /// When the ledger knew the totals.
    pub fn updated_at(&self) -> Option<Timestamp> {
        match &self.0 {
            Held::Day(item) => item::updated_at(item),
            Held::Month(value) => MonthTotals::parse(value).map(|month| month.updated_at),
        }
    }
}

fn part<T>(item: &Item, names: &[&str], read: impl Fn(&Item) -> Option<T>) -> Stored<T> {
    if !names.iter().any(|name| item.contains_key(*name)) {
        return Stored::Missing;
    }
    read(item).map_or(Stored::Malformed, Stored::Present)
}

impl BalanceTable {
    /// Everything that is held of a month, its days and itself. It sees every write that was answered before.
    pub async fn month(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        month: Month,
    ) -> Result<BTreeMap<Period, StoredBalance>, ReadError> {
        let (first, last) = (month.first_day(), month.first_day().last_of_month());
        // Two queries, also for the one item of the year: who compares and repairs has no right to GetItem.
        let query = |from, to| self.query(merchant, currency, from, to, Attributes::All, Consistency::Strong);
        let days = query(day_key(first), day_key(last));
        let (days, years) = try_join(days, query(year_key(month), year_key(month))).await?;
        let mut stored = BTreeMap::new();
        for day in days {
            let date = item::day(&day).ok_or(ReadError::Malformed)?;
            stored.insert(Period::Day(date), StoredBalance(Held::Day(day)));
        }
        if let Some(value) = years.into_iter().find_map(|mut year| year.remove(year::attribute(month))) {
            stored.insert(Period::Month(month), StoredBalance(Held::Month(value)));
        }
        Ok(stored)
    }
}
