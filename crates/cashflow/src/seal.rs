use jiff::{Timestamp, civil::Date};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{Currency, EntryId, EntryType, Positions, Totals};

/// A day as it was when somebody closed it: a statement about the entries of that moment, which refuses no later ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The day.
    pub date: Date,
    /// The currency.
    pub currency: Currency,
    /// 1 for the first seal of the day, 2 for the next.
    pub number: u32,
    /// The sums of the entries it covers.
    pub totals: Totals,
    /// When it was made, by the ledger's clock.
    pub sealed_at: Timestamp,
    /// The ledger's epoch.
    pub epoch: u32,
    /// How far the merchant's entries had come: it covers those of its day up to there.
    pub positions: Positions,
    /// The SHA-256 over the entries it covers, in 64 hexadecimal digits.
    pub sha256: String,
}

/// What a seal hashes of an entry, beside its currency and date, which are those of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedEntry<'a> {
    /// Its id.
    pub id: EntryId,
    /// Its direction.
    pub entry_type: EntryType,
    /// Its amount in minor units.
    pub amount_minor: i64,
    /// Its description.
    pub description: Option<&'a str>,
    /// Its category.
    pub category: Option<&'a str>,
    /// The entry that it undoes.
    pub reverses: Option<EntryId>,
}

/// The digest of a day, entry by entry, in order of their ids. What is hashed is a part of the contract and fixed for ever.
#[derive(Debug, Clone)]
pub struct SealDigest {
    hash: Sha256,
    currency: Currency,
    date: String,
    /// The text of one entry, kept so that not every entry needs memory of its own.
    text: String,
}

impl SealDigest {
    /// The digest of a day without entries.
    pub fn new(currency: Currency, date: Date) -> SealDigest {
        SealDigest { hash: Sha256::new(), currency, date: date.to_string(), text: String::new() }
    }

    /// Adds the entry with the next id.
    pub fn add(&mut self, entry: &SealedEntry<'_>) {
        let text = &mut self.text;
        text.clear();
        let mut id = Uuid::encode_buffer();
        push_field(text, Some(entry.id.as_uuid().hyphenated().encode_lower(&mut id)));
        push_field(text, Some(entry.entry_type.as_str()));
        push_field(text, Some(&entry.amount_minor.to_string()));
        push_field(text, Some(self.currency.code()));
        push_field(text, Some(&self.date));
        push_field(text, entry.description);
        push_field(text, entry.category);
        let mut original = Uuid::encode_buffer();
        let reverses = entry.reverses.as_ref().map(|id| &*id.as_uuid().hyphenated().encode_lower(&mut original));
        push_field(text, reverses);
        self.hash.update(text.as_bytes());
    }

    /// The digest of the entries added.
    pub fn finish(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}

/// A field with its length, which keeps a text from passing for the end of its field.
fn push_field(text: &mut String, field: Option<&str>) {
    match field {
        Some(field) => {
            text.push_str(&field.len().to_string());
            text.push(':');
            text.push_str(field);
            text.push('\n');
        }
        None => text.push_str("absent\n"),
    }
}

/// How the balance of a day relates to its newest seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayStatus {
    /// Never sealed.
    Open,
    /// Sealed, with all the entries that the balance shows.
    Sealed,
    /// Sealed, and entries were posted since.
    Restated,
}

impl DayStatus {
    /// The status of a day whose balance counts so many entries, and whose newest seal, if any, covers so many.
    ///
    /// Entries are never removed, so equal counts mean the same entries.
    pub fn of(entry_count: u64, sealed_entry_count: Option<u64>) -> DayStatus {
        match sealed_entry_count {
            None => DayStatus::Open,
            Some(sealed) if sealed == entry_count => DayStatus::Sealed,
            Some(_) => DayStatus::Restated,
        }
    }

    /// `open`, `sealed` or `restated`.
    pub fn as_str(self) -> &'static str {
        match self {
            DayStatus::Open => "open",
            DayStatus::Sealed => "sealed",
            DayStatus::Restated => "restated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_date;

    /// Fixed for ever: whoever has kept a digest computes it again.
    #[test]
    fn the_digest_hashes_each_field_with_its_length() {
        let id = |text| EntryId::parse(text).unwrap();
        let entry = SealedEntry {
            id: id("f8074bc3-3d8c-5a13-bf98-16220b3a9341"),
            entry_type: EntryType::Debit,
            amount_minor: 15_075,
            description: Some("café\n3:absent"),
            category: None,
            reverses: Some(id("cce9a8b1-ffc4-5ec2-a179-137f352a2673")),
        };
        let text = "36:f8074bc3-3d8c-5a13-bf98-16220b3a9341\n5:debit\n5:15075\n3:BRL\n10:2026-11-22\n14:café\n3:absent\nabsent\n\
                    36:cce9a8b1-ffc4-5ec2-a179-137f352a2673\n";
        let mut digest = SealDigest::new(Currency::BRL, parse_date("2026-11-22").unwrap());
        let empty: [u8; 32] = Sha256::digest("").into();
        assert_eq!(digest.clone().finish(), empty);
        digest.add(&entry);
        digest.add(&entry);
        let twice: [u8; 32] = Sha256::digest(text.repeat(2)).into();
        assert_eq!(digest.finish(), twice);
    }

    #[test]
    fn a_sealed_day_is_restated_by_further_entries_until_a_seal_covers_them() {
        let check = |entry_count, sealed, expected| assert_eq!(DayStatus::of(entry_count, sealed), expected);
        check(0, None, DayStatus::Open);
        check(3, None, DayStatus::Open);
        check(0, Some(0), DayStatus::Sealed);
        check(3, Some(3), DayStatus::Sealed);
        check(4, Some(3), DayStatus::Restated);
        check(4, Some(4), DayStatus::Sealed);
    }

    #[test]
    fn a_status_has_the_name_that_answers_show() {
        let names = [DayStatus::Open, DayStatus::Sealed, DayStatus::Restated].map(DayStatus::as_str);
        assert_eq!(names, ["open", "sealed", "restated"]);
    }
}
