use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use cashflow::{Currency, MerchantId, Month, Period, Totals, TotalsVersion};
use futures::future::try_join;
use jiff::Timestamp;

use crate::{
    BalanceTable, Consistency, ReadError, SealMark,
    item::{self, Item, month_key},
    read::Attributes,
    write::{SEAL, TOTALS},
};

/// What the read model holds of one day or month: what its writers wrote, or what somebody has made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBalance(Item);

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
        self.part(&TOTALS, |item| Some((item::totals(item)?, item::version(item)?)))
    }

    /// The mark of the newest seal of a day.
    pub fn seal(&self) -> Stored<SealMark> {
        self.part(&SEAL, item::seal)
    }

    /// When the ledger knew the totals.
    pub fn updated_at(&self) -> Option<Timestamp> {
        item::updated_at(&self.0)
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&AttributeValue> {
        self.0.get(name)
    }

    fn part<T>(&self, names: &[&str], read: impl Fn(&Item) -> Option<T>) -> Stored<T> {
        if !names.iter().any(|name| self.0.contains_key(*name)) {
            return Stored::Missing;
        }
        read(&self.0).map_or(Stored::Malformed, Stored::Present)
    }
}

impl BalanceTable {
    /// Everything that is held of a month, its days and itself. It sees every write that was answered before.
    pub async fn month(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        month: Month,
    ) -> Result<BTreeMap<Period, StoredBalance>, ReadError> {
        let query = |from, to| self.query(merchant, currency, from, to, Attributes::All, Consistency::Strong);
        let days = query(format!("day#{month}-01"), format!("day#{month}-31"));
        let (mut items, itself) = try_join(days, query(month_key(month), month_key(month))).await?;
        items.extend(itself);
        items
            .into_iter()
            .map(|item| Ok((item::period(&item).ok_or(ReadError::Malformed)?, StoredBalance(item))))
            .collect()
    }
}
