#![expect(
    clippy::disallowed_types,
    reason = "what is derived for a struct with flattened fields names floats; no field is one"
)]

use cashflow::{
    Amount, AmountError, Category, Currency, DateError, Description, Entry, EntryId, EntryType, Fingerprint,
    FingerprintError, MerchantId, MerchantIdError, TextError, UnknownCurrency, UnknownEntryType, check_entry_date,
    parse_date,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{ErrorName, Generation, UnknownFields, execution::name_of_replay};

/// The input of the state machine: the unit of work is a batch of entries of one merchant (of one, for a single entry).
///
/// It is a function of the request and its business date alone; correlation travels in trace headers and logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordEntries {
    /// Whose entries these are.
    pub merchant_id: String,
    /// The entries in request order.
    pub entries: Vec<EntryInput>,
    /// If it was parked before: which replay this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// What a newer release has added.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

/// A parked input that runs again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Which replay this is, from 1.
    pub attempt: u32,
    /// When the input was parked for the first time.
    pub first_parked_at: Timestamp,
    /// What a newer release has added.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

/// One entry on its way to the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What a newer release has added.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

impl RecordEntries {
    /// The input that records these entries.
    pub fn new(merchant: &MerchantId, entries: &[Entry]) -> RecordEntries {
        RecordEntries {
            merchant_id: merchant.to_string(),
            entries: entries.iter().map(EntryInput::new).collect(),
            replay: None,
            unknown: UnknownFields::default(),
        }
    }

    /// The domain types behind it.
    pub fn parse(self) -> Result<(MerchantId, Vec<Entry>), InputError> {
        // First, because an unknown field may change what the known ones mean.
        self.check_all_is_known()?;
        let merchant = MerchantId::parse(&self.merchant_id)?;
        if self.entries.is_empty() {
            return Err(InputError { entry: None, fault: Fault::NoEntries });
        }
        let mut entries = Vec::with_capacity(self.entries.len());
        let mut newer = None;
        for (index, entry) in self.entries.into_iter().enumerate() {
            match entry.parse().map_err(|fault| InputError { entry: Some(index), fault }) {
                Ok(entry) => entries.push(entry),
                // No release posts a batch with another malformed entry, so the rest is checked first.
                Err(error) if error.is_of_newer_release() => newer = newer.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        newer.map_or(Ok((merchant, entries)), Err)
    }

    /// The name of the execution that runs this input again: the same for the same entries and the same attempt, also if a
    /// newer release wrote the input, because the fingerprints cover all that was asked for.
    pub fn replay_name(&self, generation: &Generation, attempt: u32) -> Result<String, InputError> {
        let requests = self
            .entries
            .iter()
            .enumerate()
            .map(|(index, entry)| entry.request().map_err(|fault| InputError { entry: Some(index), fault }));
        Ok(name_of_replay(generation, &requests.collect::<Result<Vec<_>, _>>()?, attempt))
    }

    fn check_all_is_known(&self) -> Result<(), InputError> {
        let of_entry = |entry: &EntryInput| !entry.unknown.is_empty();
        let of_replay = |replay: &Replay| !replay.unknown.is_empty();
        let entry = self.entries.iter().position(of_entry);
        if entry.is_none() && self.unknown.is_empty() && !self.replay.as_ref().is_some_and(of_replay) {
            return Ok(());
        }
        Err(InputError { entry, fault: Fault::UnknownField })
    }
}

impl EntryInput {
    fn new(entry: &Entry) -> EntryInput {
        // Without `..`, so that a field that the input lacks does not compile.
        let Entry { id, fingerprint, entry_type, amount, date, description, category, reverses } = entry;
        EntryInput {
            id: id.to_string(),
            fingerprint: fingerprint.to_string(),
            entry_type: entry_type.as_str().to_owned(),
            amount_minor: amount.minor().to_string(),
            currency: amount.currency().code().to_owned(),
            date: *date,
            description: description.as_ref().map(|text| text.as_str().to_owned()),
            category: category.as_ref().map(|text| text.as_str().to_owned()),
            reverses: reverses.map(|original| original.to_string()),
            unknown: UnknownFields::default(),
        }
    }

    /// What the name of its execution is made of.
    fn request(&self) -> Result<(EntryId, Fingerprint), Fault> {
        Ok((EntryId::parse(&self.id).ok_or(Fault::Id)?, Fingerprint::parse(&self.fingerprint)?))
    }

    fn parse(self) -> Result<Entry, Fault> {
        let (id, fingerprint) = self.request()?;
        let currency = Currency::parse(&self.currency).map_err(|error| Fault::currency(&self.currency, error))?;
        let minor = self.amount_minor.parse().map_err(|_| Fault::AmountMinor)?;
        // register-entry has checked the date against its clock; here only the limits that depend on no clock.
        check_entry_date(self.date, Date::MAX)?;
        Ok(Entry {
            id,
            fingerprint,
            entry_type: EntryType::parse(&self.entry_type)
                .map_err(|error| Fault::entry_type(&self.entry_type, error))?,
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

/// The input does not describe entries that this release can post.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{fault}", entry_prefix(*.entry))]
pub struct InputError {
    entry: Option<usize>,
    fault: Fault,
}

impl InputError {
    /// The name of the error with which a task refuses the input.
    pub fn name(&self) -> ErrorName {
        if self.is_of_newer_release() { ErrorName::NewerInput } else { ErrorName::InvalidInput }
    }

    /// Whether a newer release may be able to post it. All other faults are of the input itself, and final.
    pub fn is_of_newer_release(&self) -> bool {
        matches!(self.fault, Fault::UnknownField | Fault::UnknownEntryType | Fault::UnknownCurrency)
    }
}

impl From<MerchantIdError> for InputError {
    fn from(error: MerchantIdError) -> InputError {
        InputError { entry: None, fault: Fault::MerchantId(error) }
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("has a field that this release does not know; a newer release wrote it")]
    UnknownField,
    #[error("type is unknown to this release; a newer release wrote it")]
    UnknownEntryType,
    #[error("currency is unknown to this release; a newer release wrote it")]
    UnknownCurrency,
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
    EntryType(UnknownEntryType),
    #[error("amount_minor must be a 64-bit number of minor units")]
    AmountMinor,
    #[error("amount {0}")]
    Amount(#[from] AmountError),
    #[error("currency {0}")]
    Currency(UnknownCurrency),
    #[error("date {0}")]
    Date(#[from] DateError),
    #[error("text {0}")]
    Text(#[from] TextError),
}

impl Fault {
    /// A word in lower case may be the type of an entry in a newer release.
    fn entry_type(text: &str, error: UnknownEntryType) -> Fault {
        let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if is_word { Fault::UnknownEntryType } else { Fault::EntryType(error) }
    }

    /// Three letters in upper case may be a currency in a newer release.
    fn currency(text: &str, error: UnknownCurrency) -> Fault {
        if is_currency_code(text) { Fault::UnknownCurrency } else { Fault::Currency(error) }
    }
}

/// Whether the text has the form of a code of ISO 4217.
pub(crate) fn is_currency_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Names the entry that an error is about.
fn entry_prefix(entry: Option<usize>) -> String {
    entry.map_or_else(String::new, |index| format!("entry {index}: "))
}
