use std::fmt;

use jiff::civil::Date;

use crate::{Amount, Category, Description, EntryId, Fingerprint};

/// The direction of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryType {
    /// Money that comes in.
    Credit,
    /// Money that goes out.
    Debit,
}

/// The text is neither `credit` nor `debit`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be \"credit\" or \"debit\"")]
pub struct UnknownEntryType;

impl EntryType {
    /// Reads `credit` or `debit`.
    pub fn parse(text: &str) -> Result<EntryType, UnknownEntryType> {
        match text {
            "credit" => Ok(EntryType::Credit),
            "debit" => Ok(EntryType::Debit),
            _ => Err(UnknownEntryType),
        }
    }

    /// `credit` or `debit`.
    pub fn as_str(self) -> &'static str {
        match self {
            EntryType::Credit => "credit",
            EntryType::Debit => "debit",
        }
    }

    /// The other direction.
    pub fn mirrored(self) -> EntryType {
        match self {
            EntryType::Credit => EntryType::Debit,
            EntryType::Debit => EntryType::Credit,
        }
    }
}

impl fmt::Display for EntryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An entry as a client asks for it. What the client left out stays absent, so that its [`Fingerprint`] is that of the
/// request and not of the moment it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRequest {
    /// Credit or debit.
    pub entry_type: EntryType,
    /// How much, in which currency.
    pub amount: Amount,
    /// The business date, if the client named one.
    pub date: Option<Date>,
    /// What it was for.
    pub description: Option<Description>,
    /// The merchant's own grouping.
    pub category: Option<Category>,
}

impl EntryRequest {
    /// The entry that this request stands for; `today` is the business date of a request that names none.
    pub fn into_entry(self, id: EntryId, today: Date) -> Entry {
        Entry {
            id,
            fingerprint: Fingerprint::of_entry(&self),
            entry_type: self.entry_type,
            amount: self.amount,
            date: self.date.unwrap_or(today),
            description: self.description,
            category: self.category,
            reverses: None,
        }
    }
}

/// The reversal of an entry as a client asks for it: everything else is that of the original, which never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReversalRequest {
    /// The entry to reverse.
    pub original: EntryId,
    /// The business date of the reversal, if the client named one.
    pub date: Option<Date>,
    /// Why it was reversed.
    pub description: Option<Description>,
}

impl ReversalRequest {
    /// The entry that undoes `original`: the same amount in the other direction; `today` is the business date of a
    /// request that names none.
    pub fn into_entry(self, id: EntryId, original: &Entry, today: Date) -> Entry {
        Entry {
            id,
            fingerprint: Fingerprint::of_reversal(&self),
            entry_type: original.entry_type.mirrored(),
            amount: original.amount,
            date: self.date.unwrap_or(today),
            description: self.description,
            category: original.category.clone(),
            reverses: Some(original.id),
        }
    }
}

/// A movement of a merchant's cash flow, as it is posted to the ledger: never changed, never removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, derived from merchant and idempotency key.
    pub id: EntryId,
    /// What the client sent, to tell a repeat from another payload under the same key.
    pub fingerprint: Fingerprint,
    /// Credit or debit.
    pub entry_type: EntryType,
    /// How much, in which currency.
    pub amount: Amount,
    /// The business date whose balance it belongs to.
    pub date: Date,
    /// What it was for.
    pub description: Option<Description>,
    /// The merchant's own grouping.
    pub category: Option<Category>,
    /// The entry that this one undoes, if it is a reversal.
    pub reverses: Option<EntryId>,
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{Currency, IdempotencyKey, MerchantId};

    #[test]
    fn a_type_is_read_as_it_is_written() {
        for (text, entry_type) in [("credit", EntryType::Credit), ("debit", EntryType::Debit)] {
            assert_eq!(EntryType::parse(text), Ok(entry_type));
            assert_eq!(entry_type.to_string(), text);
        }
        for text in ["", "Credit", "credit ", "transfer"] {
            assert_eq!(EntryType::parse(text), Err(UnknownEntryType), "{text:?}");
        }
    }

    #[test]
    fn each_direction_mirrors_the_other() {
        assert_eq!(EntryType::Credit.mirrored(), EntryType::Debit);
        assert_eq!(EntryType::Debit.mirrored(), EntryType::Credit);
    }

    #[test]
    fn a_reversal_is_the_same_amount_in_the_other_direction() {
        let acme = MerchantId::parse("acme").unwrap();
        let id = |key: &str| EntryId::derive(&acme, &IdempotencyKey::parse(key).unwrap());
        let sale = EntryRequest {
            entry_type: EntryType::Credit,
            amount: Amount::parse("150.75", Currency::BRL).unwrap(),
            date: Some(date(2026, 11, 20)),
            description: Some(Description::parse("card sale").unwrap()),
            category: Some(Category::parse("sales").unwrap()),
        };
        let sale = sale.into_entry(id("sale-1"), date(2026, 11, 22));
        let request = ReversalRequest { original: sale.id, date: None, description: None };
        let reversal = request.clone().into_entry(id("refund-1"), &sale, date(2026, 11, 22));
        let expected = Entry {
            id: id("refund-1"),
            fingerprint: Fingerprint::of_reversal(&request),
            entry_type: EntryType::Debit,
            amount: sale.amount,
            date: date(2026, 11, 22),
            description: None,
            category: sale.category.clone(),
            reverses: Some(sale.id),
        };
        assert_eq!(reversal, expected);
    }
}
