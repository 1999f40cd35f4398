use cashflow::{Currency, Date, MerchantId};
use tokio_postgres::types::{ToSql, Type};

/// A day of a merchant and currency, as most statements that read take it.
pub(crate) struct Day<'a> {
    merchant_id: &'a str,
    currency: &'static str,
    date: String,
}

impl<'a> Day<'a> {
    pub(crate) fn new(merchant: &'a MerchantId, currency: Currency, date: Date) -> Day<'a> {
        Day { merchant_id: merchant.as_str(), currency: currency.code(), date: date.to_string() }
    }

    /// Parameters `$1` to `$3`. Dates travel as text, because the driver knows no type for them.
    pub(crate) fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        vec![(&self.merchant_id, Type::TEXT), (&self.currency, Type::TEXT), (&self.date, Type::TEXT)]
    }
}
