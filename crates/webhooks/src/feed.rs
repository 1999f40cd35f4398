//! The feed of a merchant's events, which only functions inside of the VPC can read: they are asked.

use std::{fmt, time::Duration};

use aws_clients::{AwsError, AwsLimits};
use aws_sdk_lambda::{Client, primitives::Blob};
use cashflow::MerchantId;
use jiff::Timestamp;
use serde::{
    Deserialize,
    de::{Error as _, IgnoredAny},
};
use serde_json::{json, value::RawValue};
use settings::SettingError;
use uuid::Uuid;

/// A cold start with a ledger that is waking, twice.
const LAMBDA: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(11), operation_timeout: Duration::from_secs(14), attempts: 2 };

/// Asks `read-events`.
pub struct Feed {
    client: Client,
    function_name: String,
}

/// An event as it is given out: its text is sent as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// Its id, which never changes.
    pub id: Uuid,
    /// Its type.
    pub event_type: String,
    /// When it happened.
    pub time: Timestamp,
    /// The whole of it, in JSON (CloudEvents 1.0).
    pub body: String,
}

/// Some events, in the order of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage {
    /// The events.
    pub events: Vec<FeedEvent>,
    /// Behind which event the next page begins.
    pub next: String,
    /// Whether there is more at this moment.
    pub has_more: bool,
}

/// Merchants that had events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveMerchants {
    /// Who.
    pub merchants: Vec<MerchantId>,
    /// Up to which moment they were looked for.
    pub until: String,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// The feed was not read.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Lambda did not answer.
    #[error("read-events could not be asked")]
    Unavailable(#[source] AwsError),
    /// The function failed, which says why in its own log.
    #[error("read-events failed")]
    Failed,
    /// It refuses the cursor: the ledger was restored to an earlier moment, or it is none.
    #[error("read-events refuses the cursor")]
    CursorRefused,
    /// It answered something else than was agreed on.
    #[error("the answer of read-events cannot be read")]
    Malformed(#[source] serde_json::Error),
}

#[derive(Deserialize)]
struct Page {
    events: Vec<Box<RawValue>>,
    next: String,
    has_more: bool,
}

#[derive(Deserialize)]
struct Attributes {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    time: Timestamp,
}

#[derive(Deserialize)]
struct End {
    next: String,
}

#[derive(Deserialize)]
struct Active {
    merchants: Vec<String>,
    until: String,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    #[expect(dead_code, reason = "that it is there says all")]
    refused: IgnoredAny,
}

impl Feed {
    /// Asks the function of this name.
    pub fn new(client: Client, function_name: impl Into<String>) -> Feed {
        Feed { client, function_name: function_name.into() }
    }

    /// From `READ_EVENTS_FUNCTION`.
    pub async fn from_env() -> Result<Feed, SettingError> {
        let function_name = settings::required("READ_EVENTS_FUNCTION")?;
        Ok(Feed::new(Client::new(&LAMBDA.load_config().await?), function_name))
    }

    /// The events of a merchant behind this one, of these types.
    pub async fn page(
        &self,
        merchant: &MerchantId,
        after: Option<&str>,
        types: Option<&[String]>,
        limit: usize,
    ) -> Result<FeedPage, FeedError> {
        let question = json!({"merchant_id": merchant.as_str(), "after": after, "types": types, "limit": limit});
        let Page { events, next, has_more } = self.ask(&question).await?;
        let read = |raw: Box<RawValue>| {
            let Attributes { id, event_type, time } = serde_json::from_str(raw.get())?;
            let id = id.parse().map_err(serde_json::Error::custom)?;
            Ok(FeedEvent { id, event_type, time, body: String::from(Box::<str>::from(raw)) })
        };
        let events = events.into_iter().map(read).collect::<Result<_, _>>().map_err(FeedError::Malformed)?;
        Ok(FeedPage { events, next, has_more })
    }

    /// Where a merchant's feed ends at this moment.
    pub async fn end(&self, merchant: &MerchantId) -> Result<String, FeedError> {
        let End { next } = self.ask(&json!({"merchant_id": merchant.as_str(), "position": "now"})).await?;
        Ok(next)
    }

    /// Puts an event into a merchant's feed; once, however often it is asked for.
    pub async fn append(
        &self,
        merchant: &MerchantId,
        id: Uuid,
        event_type: &str,
        subject: &str,
        data: &serde_json::Value,
    ) -> Result<(), FeedError> {
        let append = json!({"id": id.to_string(), "type": event_type, "subject": subject, "data": data});
        let question = json!({"merchant_id": merchant.as_str(), "append": append});
        self.ask::<IgnoredAny>(&question).await.map(drop)
    }

    /// Merchants with events since a moment.
    pub async fn active_since(&self, since: &str, after: Option<&str>) -> Result<ActiveMerchants, FeedError> {
        let Active { merchants, until, next } = self.ask(&json!({"active_since": since, "after": after})).await?;
        // What is no merchant has no subscriber.
        let merchants = merchants.iter().filter_map(|merchant| MerchantId::parse(merchant).ok()).collect();
        Ok(ActiveMerchants { merchants, until, next })
    }

    async fn ask<T: for<'de> Deserialize<'de>>(&self, question: &serde_json::Value) -> Result<T, FeedError> {
        let invoke = self.client.invoke().function_name(&self.function_name).payload(Blob::new(question.to_string()));
        let answer = invoke.send().await.map_err(|error| FeedError::Unavailable(AwsError::new(&error)))?;
        if answer.function_error.is_some() {
            return Err(FeedError::Failed);
        }
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if serde_json::from_slice::<Refused>(&payload).is_ok() {
            return Err(FeedError::CursorRefused);
        }
        serde_json::from_slice(&payload).map_err(FeedError::Malformed)
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feed({})", self.function_name)
    }
}
