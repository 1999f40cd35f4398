//! The keys and attributes of an item.

use std::{collections::HashMap, str::FromStr};

use aws_sdk_dynamodb::types::AttributeValue;
use cashflow::{Currency, Date, MerchantId, Month, Period, Totals, parse_date};

pub(crate) const CREDITS: &str = "credits";
pub(crate) const DEBITS: &str = "debits";
pub(crate) const ENTRY_COUNT: &str = "entry_count";
pub(crate) const EPOCH: &str = "epoch";
pub(crate) const UPDATED_AT: &str = "updated_at";

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The currency is three letters at the end, so that no two pairs share a key, whatever the merchant is called.
pub(crate) fn partition_key(merchant: &MerchantId, currency: Currency) -> AttributeValue {
    AttributeValue::S(format!("{merchant}#{currency}"))
}

pub(crate) fn sort_key(period: Period) -> AttributeValue {
    AttributeValue::S(match period {
        Period::Day(date) => day_key(date),
        Period::Month(month) => month_key(month),
    })
}

pub(crate) fn day_key(date: Date) -> String {
    format!("day#{date}")
}

pub(crate) fn month_key(month: Month) -> String {
    format!("month#{month}")
}

/// The day of an item, from its sort key.
pub(crate) fn day(item: &Item) -> Option<Date> {
    let key = item.get("sk")?.as_s().ok()?;
    parse_date(key.strip_prefix("day#")?).ok()
}

pub(crate) fn totals(item: &Item) -> Option<Totals> {
    Some(Totals {
        credits: number(item, CREDITS)?,
        debits: number(item, DEBITS)?,
        entry_count: number(item, ENTRY_COUNT)?,
    })
}

pub(crate) fn updated_at(item: &Item) -> Option<jiff::Timestamp> {
    item.get(UPDATED_AT)?.as_s().ok()?.parse().ok()
}

fn number<T: FromStr>(item: &Item, attribute: &str) -> Option<T> {
    item.get(attribute)?.as_n().ok()?.parse().ok()
}
