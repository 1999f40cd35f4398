//! Gives the events of a merchant's feed to a webhook endpoint, or puts them on the event bus, from where it stopped.
//!
//! A message says that a subscriber may have events to be given. Whoever holds the subscriber's lease reads the feed behind its
//! cursor, sends, stores what became of each delivery, and only then moves the cursor: killed after any step, it loses nothing, and
//! repeats at most what it had sent and not yet stored, under the same `webhook-id` (docs/adr/0033).

mod bus;
mod endpoint;

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use bus::BusError;
pub use bus::{Bus, Undeliverable};
use cashflow::EventType;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use telemetry::{Causes, DeliveryMetrics, Line, Metrics, StoreMetrics};
use tokio::time::Instant;
use webhooks::{
    Acquired, Announcement, DELAY_MAX, Endpoint, Feed, FeedError, Jitter, KeyService, KeyServiceError, Sender,
    StoreError, Subscriber, UnreadableWake, Wake, WakeError, Wakes, WebhookTable,
};

/// For how long an invocation begins new work for a subscriber. Then it is another's turn.
pub const WORKS_FOR: Duration = Duration::from_secs(20);

/// What the function works with, built once when it starts.
#[derive(Debug)]
pub struct DeliverEvents {
    /// Who subscribes, and what became of deliveries.
    pub table: WebhookTable,
    /// What is delivered.
    pub feed: Feed,
    /// What decrypts signing keys.
    pub keys: KeyService,
    /// What sends webhooks.
    pub sender: Sender,
    /// How a subscriber gets another turn.
    pub wakes: Wakes,
    /// The event bus, if there is one.
    pub bus: Option<Bus>,
    /// What is random in the times of attempts.
    pub jitter: fn() -> Jitter,
    /// For how long an invocation begins new work.
    pub works_for: Duration,
    /// Where the metrics go.
    pub metrics: Metrics,
}

/// A subscriber was not given all that it could be. The message stays in the queue; the sweep finds the subscriber in any case.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliverError {
    #[error(transparent)]
    Wake(#[from] UnreadableWake),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Keys(#[from] KeyServiceError),
    #[error("signing failed")]
    Signing(#[source] std::io::Error),
    #[error(transparent)]
    Wakes(#[from] WakeError),
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// The time during an invocation, which began at a moment that it was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    began_at: Timestamp,
    began: Instant,
    works_for: Duration,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        self.began_at.saturating_add(self.began.elapsed()).unwrap_or(self.began_at)
    }

    /// Whether no more work may be begun.
    pub(crate) fn is_over(&self) -> bool {
        self.began.elapsed() >= self.works_for
    }
}

impl DeliverEvents {
    /// Deals with each message for itself; those that have to be delivered again are in the answer.
    pub async fn handle(&self, event: SqsEvent, now: Timestamp) -> SqsBatchResponse {
        let clock = Clock { began_at: now, began: Instant::now(), works_for: self.works_for };
        let results = join_all(event.records.iter().map(|message| self.handle_message(message, clock))).await;
        let mut response = SqsBatchResponse::default();
        for (message, result) in event.records.iter().zip(results) {
            if let Err(error) = result {
                let wake = message.body.as_deref().unwrap_or_default();
                tracing::error!(error = %Causes(&error), wake, "subscriber not given its events");
                response.add_failure(message.message_id.clone().unwrap_or_default());
            }
        }
        response
    }

    async fn handle_message(&self, message: &SqsMessage, clock: Clock) -> Result<(), DeliverError> {
        let wake = Wake::parse(message.body.as_deref().unwrap_or_default())?;
        let mut metrics = DeliveryMetrics::default();
        // On the heap: the future of all the work is large.
        let result = Box::pin(self.give(&wake, clock, &mut metrics)).await;
        metrics.stores = StoreMetrics::take();
        let line = Line::new("events delivered").text("merchant", &wake.merchant).text("subscriber", wake.subscriber);
        self.metrics.emit(&line, metrics);
        result
    }

    /// Gives a subscriber what it has not had, or leaves that to whoever is at it.
    async fn give(&self, wake: &Wake, clock: Clock, metrics: &mut DeliveryMetrics) -> Result<(), DeliverError> {
        if wake.subscriber == Subscriber::Bus && self.bus.is_none() {
            return Ok(());
        }
        let (lease, waiting, was_abandoned) =
            match self.table.acquire(&wake.merchant, wake.subscriber, clock.now()).await? {
                Acquired::Held { lease, waiting, was_abandoned } => (lease, waiting, was_abandoned),
                Acquired::Disabled(Some((endpoint, announcement))) => {
                    return self.announce(&endpoint, &announcement).await;
                }
                Acquired::Disabled(None) | Acquired::Busy | Acquired::Paused | Acquired::Missing => return Ok(()),
            };
        match &self.bus {
            Some(bus) if wake.subscriber == Subscriber::Bus => {
                self.publish(bus, wake, &lease, waiting.progress, clock, metrics).await
            }
            Some(_) | None => self.deliver(wake, &lease, *waiting, was_abandoned, clock, metrics).await,
        }
    }

    /// Puts into the feed that an endpoint was switched off. Its id was chosen with that, so it is there once.
    async fn announce(&self, endpoint: &Endpoint, announcement: &Announcement) -> Result<(), DeliverError> {
        let id = endpoint.id.to_string();
        let data = json!({"endpoint_id": id, "url": endpoint.url, "reason": announcement.reason});
        let (event_type, subject) = (EventType::EndpointDisabled.as_str(), format!("webhook-endpoints/{id}"));
        self.feed.append(&endpoint.merchant, announcement.id, event_type, &subject, &data).await?;
        Ok(self.table.announced(endpoint, announcement).await?)
    }

    /// Has the subscriber woken at this moment, if a message can wait for so long; the sweep wakes it otherwise.
    async fn wake_at(&self, wake: &Wake, due: Option<Timestamp>, now: Timestamp) -> Result<(), DeliverError> {
        let Some(due) = due else { return Ok(()) };
        let delay = Duration::try_from(due.duration_since(now)).unwrap_or_default();
        if delay <= DELAY_MAX {
            // Messages wait for whole seconds, and one that comes too early finds nothing to do.
            self.wakes.send(wake, delay + Duration::from_secs(u64::from(delay.subsec_nanos() > 0))).await?;
        }
        Ok(())
    }
}
