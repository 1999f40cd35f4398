//! Entries, merchants and ids for tests: a test says what matters to it, the rest is as in most tests.
//!
//! ```
//! use test_builders::{TODAY, entry};
//!
//! let sale = entry("sale").credit("150.75").described("card sale").build();
//! let refund = entry("refund").reversing(&sale).build();
//! assert_eq!((sale.date, refund.reverses), (TODAY, Some(sale.id)));
//! ```

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[cfg(feature = "rows")]
pub mod rows;

use cashflow::{
    Amount, Category, Currency, Date, Description, Entry, EntryId, EntryRequest, EntryType, IdempotencyKey, MerchantId,
    ReversalRequest, parse_date,
};

/// The business date of entries that name none.
pub const TODAY: Date = Date::constant(2026, 11, 22);

/// The merchant with this name.
///
/// # Panics
/// If no merchant can have it.
#[must_use]
pub fn merchant(name: &str) -> MerchantId {
    MerchantId::parse(name).unwrap()
}

/// The merchant of all entries that are not said to be of another.
#[must_use]
pub fn acme() -> MerchantId {
    merchant("acme")
}

/// The id of the entry that `acme` has under an idempotency key.
///
/// # Panics
/// If it is no idempotency key.
#[must_use]
pub fn id(key: &str) -> EntryId {
    EntryId::derive(&acme(), &IdempotencyKey::parse(key).unwrap())
}

/// The date that is written `2026-11-22`.
///
/// # Panics
/// If the text is none.
#[must_use]
pub fn date(text: &str) -> Date {
    parse_date(text).unwrap()
}

/// An entry of `acme` under this idempotency key: a credit of 10.00 BRL whose request names no date, made [`TODAY`].
pub fn entry(key: &str) -> EntryBuilder {
    EntryBuilder {
        merchant: acme(),
        key: key.to_owned(),
        entry_type: EntryType::Credit,
        amount: Quantity::Text("10.00".to_owned()),
        currency: Currency::BRL,
        date: None,
        description: None,
        category: None,
        original: None,
    }
}

/// What an entry is made of. [`entry`] begins one.
#[derive(Debug, Clone)]
#[must_use]
pub struct EntryBuilder {
    merchant: MerchantId,
    key: String,
    entry_type: EntryType,
    amount: Quantity,
    currency: Currency,
    date: Option<Date>,
    description: Option<Description>,
    category: Option<Category>,
    original: Option<Entry>,
}

/// An amount whose currency may still change.
#[derive(Debug, Clone)]
enum Quantity {
    Text(String),
    Minor(i64),
}

/// All of these panic if a text or number is not a valid part of an entry.
impl EntryBuilder {
    /// It is of this merchant, and so is its id.
    pub fn of(self, merchant: &MerchantId) -> EntryBuilder {
        EntryBuilder { merchant: merchant.clone(), ..self }
    }

    /// A credit of as much as is written.
    pub fn credit(self, amount: &str) -> EntryBuilder {
        EntryBuilder { entry_type: EntryType::Credit, amount: Quantity::Text(amount.to_owned()), ..self }
    }

    /// A debit of as much as is written.
    pub fn debit(self, amount: &str) -> EntryBuilder {
        EntryBuilder { entry_type: EntryType::Debit, ..self.credit(amount) }
    }

    /// A credit of so many minor units, or a debit if the number is negative.
    pub fn minor(self, amount: i64) -> EntryBuilder {
        let entry_type = if amount < 0 { EntryType::Debit } else { EntryType::Credit };
        EntryBuilder { entry_type, amount: Quantity::Minor(amount.abs()), ..self }
    }

    /// The amount is of the currency with this code.
    pub fn currency(self, code: &str) -> EntryBuilder {
        EntryBuilder { currency: Currency::parse(code).unwrap(), ..self }
    }

    /// Its request names this business date, written `2026-11-22`.
    pub fn on(self, date: &str) -> EntryBuilder {
        EntryBuilder { date: Some(self::date(date)), ..self }
    }

    /// It has this description.
    pub fn described(self, description: &str) -> EntryBuilder {
        EntryBuilder { description: Some(Description::parse(description).unwrap()), ..self }
    }

    /// It is of this category.
    pub fn category(self, category: &str) -> EntryBuilder {
        EntryBuilder { category: Some(Category::parse(category).unwrap()), ..self }
    }

    /// It reverses this entry: amount and category are the original's, and cannot be chosen.
    pub fn reversing(self, original: &Entry) -> EntryBuilder {
        EntryBuilder { original: Some(original.clone()), ..self }
    }

    /// What a client sends for an entry that reverses none.
    #[must_use]
    pub fn request(self) -> EntryRequest {
        assert!(self.original.is_none(), "a reversal has a request of another kind");
        let amount = match &self.amount {
            Quantity::Text(text) => Amount::parse(text, self.currency).unwrap(),
            Quantity::Minor(minor) => Amount::from_minor(*minor, self.currency).unwrap(),
        };
        EntryRequest {
            entry_type: self.entry_type,
            amount,
            date: self.date,
            description: self.description,
            category: self.category,
        }
    }

    /// The entry, as its request makes it.
    #[must_use]
    pub fn build(self) -> Entry {
        let id = EntryId::derive(&self.merchant, &IdempotencyKey::parse(&self.key).unwrap());
        let Some(original) = &self.original else { return self.request().into_entry(id, TODAY) };
        let request = ReversalRequest { original: original.id, date: self.date, description: self.description };
        request.into_entry(id, original, TODAY)
    }
}
