use aws_sdk_dynamodb::types::AttributeValue;
use cashflow::MerchantId;
use jiff::{SignedDuration, Timestamp};

use super::{
    Item, StoreError,
    attributes::{Read, bytes, moment},
};
use crate::EndpointId;

/// The most endpoints of a merchant.
pub const ENDPOINTS_MAX: u32 = 5;

/// The most deliveries of an endpoint that may be asked for again in a minute.
pub const REDELIVERIES_PER_MINUTE_MAX: u32 = 60;

/// For how long keys sign beside those that have replaced them.
pub const ROTATION: SignedDuration = SignedDuration::from_hours(24);

/// How many earlier keys may sign beside the newest.
pub const PREVIOUS_MAX: usize = 2;

pub(crate) const ENABLED: &str = "enabled";
pub(crate) const DISABLED: &str = "disabled";

pub(crate) const ENDPOINT_PREFIX: &str = "E#";

/// Whether events are sent to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointStatus {
    /// They are.
    Enabled,
    /// They are not.
    Disabled,
}

/// Encrypted signing keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SealedKeys(pub(crate) Vec<u8>);

/// An endpoint that receives the events of a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose events.
    pub merchant: MerchantId,
    /// Its id.
    pub id: EndpointId,
    /// Where they are sent.
    pub url: String,
    /// Only events of these types, if there are any.
    pub types: Option<Vec<String>>,
    /// Whether it is in use.
    pub status: EndpointStatus,
    /// Why and since when it is not.
    pub disabled: Option<(String, Timestamp)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The public half of what deliveries are signed with.
    pub public_key: String,
    /// What deliveries are signed with.
    pub keys: SealedKeys,
    /// What they are signed with as well, and until when, the oldest first.
    pub previous_keys: Vec<(SealedKeys, Timestamp)>,
}

/// What an endpoint is made of.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Whose events.
    pub merchant: MerchantId,
    /// Its id.
    pub id: EndpointId,
    /// Where they are sent.
    pub url: String,
    /// Only events of these types, if there are any.
    pub types: Option<Vec<String>>,
    /// The public half of what deliveries are signed with.
    pub public_key: String,
    /// What deliveries are signed with.
    pub keys: SealedKeys,
    /// Behind which event it begins.
    pub cursor: String,
}

impl NewEndpoint {
    /// The endpoint that it is once it was made at `now`.
    pub fn endpoint(&self, now: Timestamp) -> Endpoint {
        let NewEndpoint { merchant, id, url, types, public_key, keys, cursor: _ } = self.clone();
        Endpoint {
            merchant,
            id,
            url,
            types,
            status: EndpointStatus::Enabled,
            disabled: None,
            created_at: now,
            public_key,
            keys,
            previous_keys: Vec::new(),
        }
    }
}

/// What became of making an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It is there.
    Created,
    /// The merchant has [`ENDPOINTS_MAX`] of them already.
    TooMany,
}

/// What became of replacing keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// Those before sign until then.
    Rotated {
        /// The endpoint as it is now.
        endpoint: Box<Endpoint>,
        /// Until when those before sign.
        previous_valid_until: Timestamp,
    },
    /// As many earlier keys sign as may, until then.
    TooMany {
        /// When one of them signs no more.
        again_at: Timestamp,
    },
    /// It was removed, or its keys were replaced by somebody else.
    Changed,
}

/// What became of asking for a delivery again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redelivery {
    /// It is pending.
    Accepted,
    /// There is no such delivery, or no such endpoint.
    NotFound,
    /// The endpoint is switched off.
    Disabled,
    /// There were [`REDELIVERIES_PER_MINUTE_MAX`] in this minute.
    TooMany,
}

impl Endpoint {
    pub(crate) fn read(merchant: &MerchantId, item: &Item) -> Result<Endpoint, StoreError> {
        let id = item.required_text("sk")?.strip_prefix(ENDPOINT_PREFIX).and_then(EndpointId::parse);
        let disabled = match (item.text("disabled_for")?, item.text("disabled_at")?) {
            (Some(reason), Some(at)) => Some((reason.to_owned(), at.parse().map_err(|_| StoreError::Malformed)?)),
            (Some(_), None) | (None, _) => None,
        };
        Ok(Endpoint {
            merchant: merchant.clone(),
            id: id.ok_or(StoreError::Malformed)?,
            url: item.required_text("url")?.to_owned(),
            types: item.texts("types")?,
            status: match item.required_text("status")? {
                ENABLED => EndpointStatus::Enabled,
                DISABLED => EndpointStatus::Disabled,
                _ => return Err(StoreError::Malformed),
            },
            disabled,
            created_at: item.required_text("created_at")?.parse().map_err(|_| StoreError::Malformed)?,
            public_key: item.required_text("public_key")?.to_owned(),
            keys: SealedKeys(item.bytes("keys")?.ok_or(StoreError::Malformed)?),
            previous_keys: read_previous_keys(item)?,
        })
    }

    /// All keys that sign at this moment.
    pub fn signing_keys(&self, now: Timestamp) -> Vec<&SealedKeys> {
        // The newest signatures first.
        let previous = self.previous_keys.iter().rev().filter(|(_, until)| *until > now).map(|(keys, _)| keys);
        std::iter::once(&self.keys).chain(previous).collect()
    }
}

/// Earlier keys as an attribute.
pub(crate) fn previous_keys(previous: &[(SealedKeys, Timestamp)]) -> AttributeValue {
    let written = |(keys, until): &(SealedKeys, Timestamp)| {
        AttributeValue::M(Item::from([
            ("keys".to_owned(), bytes(keys.0.clone())),
            ("until".to_owned(), moment(*until)),
        ]))
    };
    AttributeValue::L(previous.iter().map(written).collect())
}

fn read_previous_keys(item: &Item) -> Result<Vec<(SealedKeys, Timestamp)>, StoreError> {
    let Some(list) = item.get("previous_keys") else { return Ok(Vec::new()) };
    let read = |value: &AttributeValue| {
        let one = value.as_m().map_err(|_| StoreError::Malformed)?;
        Ok((SealedKeys(one.bytes("keys")?.ok_or(StoreError::Malformed)?), one.required_moment("until")?))
    };
    list.as_l().map_err(|_| StoreError::Malformed)?.iter().map(read).collect()
}
