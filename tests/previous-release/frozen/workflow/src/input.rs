use std::fmt;

use cashflow::{
    Amount, AmountError, Category, Currency, DateError, Description, Entry, EntryId, EntryType, Fingerprint,
    FingerprintError, MerchantId, MerchantIdError, TextError, UnknownCurrency, UnknownEntryType, check_entry_date,
    parse_date,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// The largest input that is started, in bytes: Step Functions carries 256 KiB of state, and steps add to it.
pub const INPUT_BYTES_MAX: usize = 200 * 1024;

/// The input of the state machine: the unit of work is a batch of entries of one merchant (of one, for a single entry).
///
/// It is a function of the request and its business date alone; correlation travels in trace headers and logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordEntries {
    /// Whose entries these are.
    pub merchant_id: String,
    /// The entries in request order.
    pub entries: Vec<EntryInput>,
    /// If it was parked before: how often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
}

/// How often an input runs again because its retries were used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Which repetition this is, from 1.
    pub attempt: u32,
    /// When the input was parked for the first time.
    pub first_parked_at: Timestamp,
}

/// One entry on its way to the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryInput {
    /// The entry's id, a UUID.
    pub id: String,
    /// The request's fingerprint, 64 hexadecimal digits.
    pub fingerprint: String,
    /// `credit` or `debit`.
    #[serde(rename = "type")]
    pub entry_type: String,
    /// The amount in minor units.
    pub amount_minor: String,
    /// The ISO 4217 code.
    pub currency: String,
    /// The business date, `YYYY-MM-DD`.
    #[serde(deserialize_with = "read_date")]
    pub date: Date,
    /// What it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The merchant's own grouping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The id of the entry that this one undoes, if it is a reversal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<String>,
}

impl RecordEntries {
    /// The input that records these entries.
    pub fn new(merchant: &MerchantId, entries: &[Entry]) -> RecordEntries {
        RecordEntries {
            merchant_id: merchant.to_string(),
            entries: entries.iter().map(EntryInput::new).collect(),
            replay: None,
        }
    }

    /// The domain types behind it.
    pub fn parse(self) -> Result<(MerchantId, Vec<Entry>), InvalidInput> {
        let merchant = MerchantId::parse(&self.merchant_id)?;
        if self.entries.is_empty() {
            return Err(InvalidInput { entry: None, fault: Fault::NoEntries });
        }
        let entries = self
            .entries
            .into_iter()
            .enumerate()
            .map(|(index, entry)| entry.parse().map_err(|fault| InvalidInput { entry: Some(index), fault }))
            .collect::<Result<_, _>>()?;
        Ok((merchant, entries))
    }
}

impl EntryInput {
    fn new(entry: &Entry) -> EntryInput {
        EntryInput {
            id: entry.id.to_string(),
            fingerprint: entry.fingerprint.to_string(),
            entry_type: entry.entry_type.as_str().to_owned(),
            amount_minor: entry.amount.minor().to_string(),
            currency: entry.amount.currency().code().to_owned(),
            date: entry.date,
            description: entry.description.as_ref().map(|text| text.as_str().to_owned()),
            category: entry.category.as_ref().map(|text| text.as_str().to_owned()),
            reverses: entry.reverses.map(|original| original.to_string()),
        }
    }

    fn parse(self) -> Result<Entry, Fault> {
        let currency = Currency::parse(&self.currency)?;
        let minor = self.amount_minor.parse().map_err(|_| Fault::AmountMinor)?;
        // The door has checked the date against its own clock; here only what no clock can change.
        check_entry_date(self.date, Date::MAX)?;
        Ok(Entry {
            id: EntryId::parse(&self.id).ok_or(Fault::Id)?,
            fingerprint: Fingerprint::parse(&self.fingerprint)?,
            entry_type: EntryType::parse(&self.entry_type)?,
            amount: Amount::from_minor(minor, currency)?,
            date: self.date,
            description: self.description.as_deref().map(Description::parse).transpose()?,
            category: self.category.as_deref().map(Category::parse).transpose()?,
            reverses: self.reverses.map(|id| EntryId::parse(&id).ok_or(Fault::Reverses)).transpose()?,
        })
    }
}

/// The library reads other forms, too.
fn read_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    parse_date(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// The input does not describe entries that can be posted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{fault}", Place(*.entry))]
pub struct InvalidInput {
    entry: Option<usize>,
    fault: Fault,
}

impl From<MerchantIdError> for InvalidInput {
    fn from(error: MerchantIdError) -> InvalidInput {
        InvalidInput { entry: None, fault: Fault::MerchantId(error) }
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("merchant_id {0}")]
    MerchantId(MerchantIdError),
    #[error("entries must not be empty")]
    NoEntries,
    #[error("id must be a UUID in canonical form")]
    Id,
    #[error("reverses must be a UUID in canonical form")]
    Reverses,
    #[error("fingerprint {0}")]
    Fingerprint(#[from] FingerprintError),
    #[error("type {0}")]
    EntryType(#[from] UnknownEntryType),
    #[error("amount_minor must be a 64-bit number of minor units")]
    AmountMinor,
    #[error("amount {0}")]
    Amount(#[from] AmountError),
    #[error("currency {0}")]
    Currency(#[from] UnknownCurrency),
    #[error("date {0}")]
    Date(#[from] DateError),
    #[error("text {0}")]
    Text(#[from] TextError),
}

struct Place(Option<usize>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(index) => write!(f, "entry {index}: "),
            None => Ok(()),
        }
    }
}
