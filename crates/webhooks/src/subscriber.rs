use std::{fmt, str::FromStr};

use cashflow::MerchantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(Uuid);

impl EndpointId {
    /// A new one, of a random UUID: nobody can guess another merchant's, and nothing rests on that.
    pub fn generate() -> EndpointId {
        EndpointId(Uuid::new_v4())
    }

    /// Reads the canonical form.
    pub fn parse(text: &str) -> Option<EndpointId> {
        let id: Uuid = text.parse().ok()?;
        (id.to_string() == text).then_some(EndpointId(id))
    }

    pub(crate) fn as_u128(self) -> u128 {
        self.0.as_u128()
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who follows a merchant's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subscriber {
    /// A webhook endpoint.
    Endpoint(EndpointId),
    /// The event bus.
    Bus,
}

/// The text is no subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subscriber is the id of an endpoint, or `bus`")]
pub struct UnknownSubscriber;

impl fmt::Display for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subscriber::Endpoint(id) => id.fmt(f),
            Subscriber::Bus => f.write_str("bus"),
        }
    }
}

impl FromStr for Subscriber {
    type Err = UnknownSubscriber;

    fn from_str(text: &str) -> Result<Subscriber, UnknownSubscriber> {
        match text {
            "bus" => Ok(Subscriber::Bus),
            id => EndpointId::parse(id).map(Subscriber::Endpoint).ok_or(UnknownSubscriber),
        }
    }
}

/// Somebody may have events to be given: what is said to `deliver-events`. It holds no event, so one that comes twice, late or in
/// another order does no harm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wake {
    /// Whose events.
    pub merchant: MerchantId,
    /// Who follows them.
    pub subscriber: Subscriber,
}

#[derive(Serialize, Deserialize)]
struct WakeText {
    merchant_id: String,
    subscriber: String,
}

/// The text is no wake.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableWake {
    /// It is no JSON of that form.
    #[error("the wake cannot be read")]
    Json(#[from] serde_json::Error),
    /// It names no merchant.
    #[error("the wake names no merchant")]
    Merchant,
    /// It names no subscriber.
    #[error(transparent)]
    Subscriber(#[from] UnknownSubscriber),
}

impl Wake {
    /// As it is sent.
    pub fn to_json(&self) -> String {
        let text = WakeText { merchant_id: self.merchant.to_string(), subscriber: self.subscriber.to_string() };
        serde_json::json!(text).to_string()
    }

    /// Reads what was sent.
    pub fn parse(text: &str) -> Result<Wake, UnreadableWake> {
        let WakeText { merchant_id, subscriber } = serde_json::from_str(text)?;
        let merchant = MerchantId::parse(&merchant_id).map_err(|_| UnreadableWake::Merchant)?;
        Ok(Wake { merchant, subscriber: subscriber.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_is_read_as_it_was_written() {
        let merchant = test_builders::acme();
        for subscriber in [Subscriber::Bus, Subscriber::Endpoint(EndpointId::generate())] {
            let wake = Wake { merchant: merchant.clone(), subscriber };
            assert_eq!(Wake::parse(&wake.to_json()).unwrap(), wake);
        }
        for other in
            ["", "{}", r#"{"merchant_id":"acme","subscriber":"x"}"#, r#"{"merchant_id":"","subscriber":"bus"}"#]
        {
            assert!(Wake::parse(other).is_err(), "{other}");
        }
        assert_eq!(EndpointId::parse("6E7D7E51-3A55-4A6E-9D9B-1F7D5F3A4B10"), None);
    }
}
