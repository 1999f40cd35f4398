use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use cashflow::MerchantId;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    Item, StoreError,
    attributes::{Read, moment, number, text},
};
use crate::{Attempt, EndpointId, FeedEvent, Jitter, Outcome, schedule::next_attempt};

/// For how long deliveries are kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Which delivery of an endpoint: each event has one, and deliveries are in the order of their events' times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId {
    microseconds: u64,
    event: Uuid,
}

impl DeliveryId {
    /// The delivery of this event.
    pub fn of(event: &FeedEvent) -> DeliveryId {
        DeliveryId { microseconds: event.time.as_microsecond().try_into().unwrap_or_default(), event: event.id }
    }

    /// Reads the text that it is shown as.
    pub fn parse(text: &str) -> Option<DeliveryId> {
        let (microseconds, event) = text.split_once('-')?;
        let id = DeliveryId { microseconds: microseconds.parse().ok()?, event: event.parse().ok()? };
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016}-{}", self.microseconds, self.event)
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// The receiver has it.
    Delivered,
    /// It is tried again.
    Pending,
    /// It is not tried again.
    Failed,
}

impl DeliveryStatus {
    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryStatus::Delivered => "delivered",
            DeliveryStatus::Pending => "pending",
            DeliveryStatus::Failed => "failed",
        }
    }

    /// Reads what it is stored and shown as.
    pub fn parse(text: &str) -> Option<DeliveryStatus> {
        [DeliveryStatus::Delivered, DeliveryStatus::Pending, DeliveryStatus::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// The last attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAttempt {
    /// When it began.
    pub at: Timestamp,
    /// What the receiver answered.
    pub response_status: Option<u16>,
    /// The kind of failure.
    pub error: Option<String>,
    /// What it took.
    pub duration_ms: u64,
}

/// An event on its way to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which one.
    pub id: DeliveryId,
    /// Whose event.
    pub merchant: MerchantId,
    /// To which endpoint.
    pub endpoint: EndpointId,
    /// The type of the event.
    pub event_type: String,
    /// The event as it is sent; empty if it was not asked for.
    pub body: String,
    /// What became of it.
    pub status: DeliveryStatus,
    /// How many attempts there were.
    pub attempt_count: u32,
    /// How many of them count for the schedule, which begins anew when somebody asks for the delivery again.
    pub tries: u32,
    /// Since when.
    pub since: Timestamp,
    /// The last attempt.
    pub last_attempt: Option<LastAttempt>,
    /// When the next one is due.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was taken out of the feed.
    pub created_at: Timestamp,
}

impl Delivery {
    /// An event that was never sent to this endpoint, due at once.
    pub fn new(merchant: &MerchantId, endpoint: EndpointId, event: &FeedEvent, now: Timestamp) -> Delivery {
        Delivery {
            id: DeliveryId::of(event),
            merchant: merchant.clone(),
            endpoint,
            event_type: event.event_type.clone(),
            body: event.body.clone(),
            status: DeliveryStatus::Pending,
            attempt_count: 0,
            tries: 0,
            since: now,
            last_attempt: None,
            next_attempt_at: Some(now),
            created_at: now,
        }
    }

    /// The id of the event, the same for every attempt.
    pub fn event_id(&self) -> String {
        self.id.event.to_string()
    }

    /// What the receiver answered last.
    pub fn last_status(&self) -> Option<u16> {
        self.last_attempt.as_ref()?.response_status
    }

    /// The time of the event.
    pub fn event_time(&self) -> Timestamp {
        let microseconds = i64::try_from(self.id.microseconds).unwrap_or(i64::MAX);
        Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
    }

    /// Notes an attempt that began at `at` and ended now.
    pub fn record(&mut self, attempt: &Attempt, at: Timestamp, now: Timestamp, jitter: Jitter) {
        self.attempt_count = self.attempt_count.saturating_add(1);
        self.tries = self.tries.saturating_add(1);
        self.last_attempt = Some(LastAttempt {
            at,
            response_status: attempt.answer.ok(),
            error: attempt.error().map(str::to_owned),
            duration_ms: attempt.took.as_millis().try_into().unwrap_or(u64::MAX),
        });
        (self.status, self.next_attempt_at) = match attempt.outcome() {
            Outcome::Delivered => (DeliveryStatus::Delivered, None),
            Outcome::Failed => (DeliveryStatus::Failed, None),
            // The endpoint is switched off. Switched on again, it gets this first.
            Outcome::Gone => (DeliveryStatus::Pending, Some(now)),
            Outcome::TryAgain { throttled } => match next_attempt(self.tries, self.since, now, throttled, jitter) {
                Some(next) => (DeliveryStatus::Pending, Some(next)),
                None => (DeliveryStatus::Failed, None),
            },
        };
    }

    pub(crate) fn write(&self) -> Item {
        let mut item = Item::from([
            ("pk".to_owned(), endpoint_partition(self.endpoint)),
            ("sk".to_owned(), delivery_key(self.id)),
            ("merchant".to_owned(), text(&self.merchant)),
            ("event_type".to_owned(), text(&self.event_type)),
            ("body".to_owned(), text(&self.body)),
            ("status".to_owned(), text(self.status.as_str())),
            ("attempt_count".to_owned(), number(self.attempt_count)),
            ("tries".to_owned(), number(self.tries)),
            ("since".to_owned(), moment(self.since)),
            ("created_at".to_owned(), moment(self.created_at)),
            (
                "expires_at".to_owned(),
                number(self.created_at.saturating_add(KEPT_FOR).unwrap_or(Timestamp::MAX).as_second()),
            ),
        ]);
        if let Some(LastAttempt { at, response_status, error, duration_ms }) = &self.last_attempt {
            item.insert("last_at".to_owned(), moment(*at));
            item.insert("last_duration_ms".to_owned(), number(duration_ms));
            if let Some(status) = response_status {
                item.insert("last_status".to_owned(), number(status));
            }
            if let Some(error) = error {
                item.insert("last_error".to_owned(), text(error));
            }
        }
        if let Some(next) = self.next_attempt_at {
            item.insert("next_attempt_at".to_owned(), moment(next));
            item.insert("due".to_owned(), pending_partition(self.endpoint));
            item.insert("due_at".to_owned(), moment(next));
        }
        item
    }

    pub(crate) fn read(item: &Item) -> Result<Delivery, StoreError> {
        let malformed = StoreError::Malformed;
        let endpoint = item.required_text("pk")?.strip_prefix("E#").and_then(EndpointId::parse);
        let last_attempt = match item.moment("last_at")? {
            Some(at) => Some(LastAttempt {
                at,
                response_status: item.number("last_status")?,
                error: item.text("last_error")?.map(str::to_owned),
                duration_ms: item.number("last_duration_ms")?.unwrap_or_default(),
            }),
            None => None,
        };
        Ok(Delivery {
            id: delivery_id(item).ok_or(StoreError::Malformed)?,
            merchant: MerchantId::parse(item.required_text("merchant")?).map_err(|_| StoreError::Malformed)?,
            endpoint: endpoint.ok_or(StoreError::Malformed)?,
            event_type: item.required_text("event_type")?.to_owned(),
            body: item.text("body")?.unwrap_or_default().to_owned(),
            status: DeliveryStatus::parse(item.required_text("status")?).ok_or(malformed)?,
            attempt_count: item.number("attempt_count")?.unwrap_or_default(),
            tries: item.number("tries")?.unwrap_or_default(),
            since: item.required_moment("since")?,
            last_attempt,
            next_attempt_at: item.moment("next_attempt_at")?,
            created_at: item.required_moment("created_at")?,
        })
    }
}

pub(crate) fn endpoint_partition(endpoint: EndpointId) -> AttributeValue {
    text(format!("E#{endpoint}"))
}

pub(crate) fn pending_partition(endpoint: EndpointId) -> AttributeValue {
    text(format!("P#{endpoint}"))
}

pub(crate) fn delivery_key(id: DeliveryId) -> AttributeValue {
    text(format!("D#{:016}#{}", id.microseconds, id.event))
}

pub(crate) fn delivery_id(item: &Item) -> Option<DeliveryId> {
    let (microseconds, event) = item.get("sk")?.as_s().ok()?.strip_prefix("D#")?.split_once('#')?;
    Some(DeliveryId { microseconds: microseconds.parse().ok()?, event: event.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_delivery_is_read_as_it_is_shown_and_in_no_other_form() {
        let id = DeliveryId { microseconds: 1_795_370_400_123_456, event: Uuid::new_v4() };
        assert_eq!(DeliveryId::parse(&id.to_string()), Some(id));
        let shown = id.to_string();
        for other in [&shown[1..], &shown.to_uppercase(), "", "-", &format!("+{}", &shown[1..]), &format!("{shown} ")] {
            assert_eq!(DeliveryId::parse(other).filter(|_| *other != shown), None, "{other}");
        }
    }
}
