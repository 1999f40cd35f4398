//! The keys of items, and the attributes of a day.

use std::{collections::HashMap, str::FromStr};

use aws_sdk_dynamodb::types::AttributeValue;
use cashflow::{Currency, Date, MerchantId, Totals, TotalsVersion, parse_date};

pub(crate) const CREDITS: &str = "credits";
pub(crate) const DEBITS: &str = "debits";
pub(crate) const ENTRY_COUNT: &str = "entry_count";
pub(crate) const EPOCH: &str = "epoch";
pub(crate) const UPDATED_AT: &str = "updated_at";
/// Of the newest seal of a day: the ledger's epoch, its number, how many entries it covers.
pub(crate) const SEAL_EPOCH: &str = "seal_epoch";
pub(crate) const SEAL_NUMBER: &str = "seal_number";
pub(crate) const SEAL_ENTRY_COUNT: &str = "seal_entry_count";

/// The attributes of a day's totals, and those of a seal's mark, first the two that make the version.
pub(crate) const TOTALS: [&str; 4] = [EPOCH, ENTRY_COUNT, CREDITS, DEBITS];
pub(crate) const SEAL: [&str; 3] = [SEAL_EPOCH, SEAL_NUMBER, SEAL_ENTRY_COUNT];

pub(crate) type Item = HashMap<String, AttributeValue>;

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

/// The currency is three letters at the end, so that no two pairs share a key, whatever the merchant is called.
pub(crate) fn partition_key(merchant: &MerchantId, currency: Currency) -> AttributeValue {
    AttributeValue::S(format!("{merchant}#{currency}"))
}

pub(crate) fn day_key(date: Date) -> String {
    format!("day#{date}")
}

/// The day of an item, from its sort key.
pub(crate) fn day(item: &Item) -> Option<Date> {
    let key = item.get("sk")?.as_s().ok()?;
    parse_date(key.strip_prefix("day#")?).ok()
}

/// The merchant and the currency of an item, from its partition key.
pub(crate) fn owner(item: &Item) -> Option<(MerchantId, Currency)> {
    let (merchant, currency) = item.get("pk")?.as_s().ok()?.rsplit_once('#')?;
    Some((MerchantId::parse(merchant).ok()?, Currency::parse(currency).ok()?))
}

/// The totals of an item, zero for a day that was sealed without entries; nothing if an attribute is missing or malformed.
pub(crate) fn totals(item: &Item) -> Option<Totals> {
    if !has_totals(item) {
        return item.contains_key(SEAL_NUMBER).then_some(Totals::ZERO);
    }
    Some(Totals {
        credits: number(item, CREDITS)?,
        debits: number(item, DEBITS)?,
        entry_count: number(item, ENTRY_COUNT)?,
    })
}

pub(crate) fn has_totals(item: &Item) -> bool {
    item.contains_key(ENTRY_COUNT)
}

/// The version of the totals; none for a day that was sealed without entries.
pub(crate) fn version(item: &Item) -> Option<TotalsVersion> {
    Some(TotalsVersion { epoch: number(item, EPOCH)?, entry_count: number(item, ENTRY_COUNT)? })
}

/// The mark of the newest seal of a day.
pub(crate) fn seal(item: &Item) -> Option<SealMark> {
    Some(SealMark {
        epoch: number(item, SEAL_EPOCH)?,
        number: number(item, SEAL_NUMBER)?,
        entry_count: number(item, SEAL_ENTRY_COUNT)?,
    })
}

/// How many entries the newest seal of a day covers.
pub(crate) fn sealed_entry_count(item: &Item) -> Option<u64> {
    number(item, SEAL_ENTRY_COUNT)
}

pub(crate) fn updated_at(item: &Item) -> Option<jiff::Timestamp> {
    item.get(UPDATED_AT)?.as_s().ok()?.parse().ok()
}

fn number<T: FromStr>(item: &Item, attribute: &str) -> Option<T> {
    item.get(attribute)?.as_n().ok()?.parse().ok()
}
