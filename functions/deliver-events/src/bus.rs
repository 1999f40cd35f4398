use std::{fmt, time::Duration};

use aws_clients::{AwsError, AwsLimits};
use aws_sdk_eventbridge::{
    Client,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use aws_sdk_sqs::types::MessageAttributeValue;
use jiff::{SignedDuration, Timestamp};
use settings::SettingError;
use telemetry::DeliveryMetrics;
use tokio::time::sleep;
use webhooks::{FeedError, FeedEvent, FeedPage, Lease, Progress, Release, Tally, Wake};

use crate::{Clock, DeliverError, DeliverEvents};

/// An event that is put on the bus twice has the same id in its detail.
const EVENTBRIDGE: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(3), operation_timeout: Duration::from_secs(7), attempts: 2 };
const SQS: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(3), operation_timeout: Duration::from_secs(7), attempts: 2 };

/// The source of events on the bus.
const SOURCE: &str = "fluxo";

/// The most entries of a request, and how much they may be together (`PutEvents`, EventBridge API Reference: 10 and 256 KB).
const ENTRIES_MAX: usize = 10;
const BYTES_MAX: usize = 240 * 1024;

/// How often what EventBridge did not take for the moment is put again at once, and after which pause at first.
const ROUNDS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// How many events are read at once.
const PAGE: usize = 100;

/// As of endpoints, after a restore of the ledger.
const SENT_AGAIN: SignedDuration = SignedDuration::from_hours(29 * 24);

/// Codes of entries that can never be taken. Others are tried again: EventBridge was busy, or somebody has to mend a permission.
/// ("PutEventsResultEntry", EventBridge API Reference, counts refused permissions among what need not be tried again.)
const FINAL: [&str; 3] = ["InvalidArgument", "MalformedDetail", "RedactionFailure"];

/// The event bus.
pub struct Bus {
    client: Client,
    name: String,
    undeliverable: Undeliverable,
}

/// Where events go that the bus can never take.
pub struct Undeliverable {
    client: aws_sdk_sqs::Client,
    queue_url: String,
}

/// The bus, or the queue beside it, did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BusError {
    #[error("SendMessage to the queue of undeliverable events failed")]
    Undeliverable(#[source] AwsError),
}

/// What became of a page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Put {
    published: u64,
    undeliverable: u64,
    /// Why some were not taken for now.
    refused: Option<String>,
}

impl Bus {
    /// The bus of this name.
    pub fn new(client: Client, name: impl Into<String>, undeliverable: Undeliverable) -> Bus {
        Bus { client, name: name.into(), undeliverable }
    }

    /// From `EVENT_BUS_NAME`, which may be empty, and `UNDELIVERABLE_QUEUE_URL`.
    pub async fn from_env() -> Result<Option<Bus>, SettingError> {
        let Some(name) = settings::optional("EVENT_BUS_NAME") else { return Ok(None) };
        let queue_url = settings::required("UNDELIVERABLE_QUEUE_URL")?;
        let undeliverable = Undeliverable::new(aws_sdk_sqs::Client::new(&SQS.load_config().await?), queue_url);
        Ok(Some(Bus::new(Client::new(&EVENTBRIDGE.load_config().await?), name, undeliverable)))
    }

    /// Puts all of these, or as many as it takes, in their order.
    async fn put(&self, events: &[&FeedEvent]) -> Result<Put, BusError> {
        let mut put = Put::default();
        let mut rest = events;
        while !rest.is_empty() && put.refused.is_none() {
            let (some, behind) = rest.split_at(fitting(rest));
            self.put_some(some, &mut put).await?;
            rest = behind;
        }
        Ok(put)
    }

    async fn put_some(&self, events: &[&FeedEvent], put: &mut Put) -> Result<(), BusError> {
        let mut left = events.to_vec();
        for round in 0..ROUNDS {
            if round > 0 {
                sleep(PAUSE * (1 << (round - 1))).await;
            }
            let entries = left.iter().map(|event| self.entry(event)).collect();
            let results = match self.client.put_events().set_entries(Some(entries)).send().await {
                Ok(output) => output.entries.unwrap_or_default(),
                Err(error) => {
                    put.refused = Some(AwsError::new(&error).to_string());
                    return Ok(());
                }
            };
            left = self.sort_out(&left, &results, put).await?;
            if left.is_empty() {
                put.refused = None;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Which of them have to be put again. There is a result for each entry, in their order.
    async fn sort_out<'e>(
        &self,
        events: &[&'e FeedEvent],
        results: &[PutEventsResultEntry],
        put: &mut Put,
    ) -> Result<Vec<&'e FeedEvent>, BusError> {
        let mut left = Vec::new();
        for (index, event) in events.iter().enumerate() {
            match results.get(index).map(PutEventsResultEntry::error_code) {
                Some(None) => put.published += 1,
                Some(Some(code)) if FINAL.contains(&code) => {
                    tracing::error!(event = %event.id, code, "event undeliverable");
                    self.undeliverable.send(&event.body, code).await?;
                    put.undeliverable += 1;
                }
                Some(Some(code)) => {
                    put.refused = Some(code.to_owned());
                    left.push(*event);
                }
                None => {
                    put.refused = Some("no result".to_owned());
                    left.push(*event);
                }
            }
        }
        Ok(left)
    }

    fn entry(&self, event: &FeedEvent) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(&event.event_type)
            .time(DateTime::from_secs(event.time.as_second()))
            .detail(&event.body)
            .build()
    }
}

/// How many of these events fit into one request, one at least.
fn fitting(events: &[&FeedEvent]) -> usize {
    let mut bytes = 0;
    let fits = |event: &&&FeedEvent| {
        // The time counts 14 bytes ("Calculating PutEvents event entry size", EventBridge User Guide).
        bytes += 14 + SOURCE.len() + event.event_type.len() + event.body.len();
        bytes <= BYTES_MAX
    };
    events.iter().take(ENTRIES_MAX).take_while(fits).count().max(1)
}

impl Undeliverable {
    /// The queue at this URL.
    pub fn new(client: aws_sdk_sqs::Client, queue_url: impl Into<String>) -> Undeliverable {
        Undeliverable { client, queue_url: queue_url.into() }
    }

    async fn send(&self, body: &str, code: &str) -> Result<(), BusError> {
        let reason = MessageAttributeValue::builder().data_type("String").string_value(code).build().ok();
        let send = self.client.send_message().queue_url(&self.queue_url).message_body(body);
        let send = match reason {
            Some(reason) => send.message_attributes("UndeliverableReason", reason),
            None => send,
        };
        send.send().await.map(drop).map_err(|error| BusError::Undeliverable(AwsError::new(&error)))
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bus({})", self.name)
    }
}

impl DeliverEvents {
    /// Puts what follows the cursor on the bus. What is not taken for now keeps the cursor where it is, so that a page may be put
    /// twice; the events' ids say so.
    pub(crate) async fn publish(
        &self,
        bus: &Bus,
        wake: &Wake,
        lease: &Lease,
        mut progress: Progress,
        clock: Clock,
        metrics: &mut DeliveryMetrics,
    ) -> Result<(), DeliverError> {
        loop {
            let page = self.page_for_bus(wake, &mut progress, clock.now()).await?;
            let oldest = progress.restarted_at.and_then(|at| at.checked_sub(SENT_AGAIN).ok());
            let events = page.events.iter().filter(|event| oldest.is_none_or(|oldest| event.time >= oldest));
            let put = bus.put(&events.collect::<Vec<_>>()).await?;
            metrics.events_published += put.published;
            metrics.events_undeliverable += put.undeliverable;
            let now = clock.now();
            if let Some(reason) = put.refused {
                tracing::error!(merchant = %wake.merchant, reason, "event bus refuses events, tried again after a pause");
                metrics.bus_pauses += 1;
                let refused = Tally { failures: 1, throttled: Some(Duration::ZERO), ..Tally::default() };
                progress.health = progress.health.after(refused, now, (self.jitter)());
                self.table.hand_on(lease, &progress, now).await?;
                return self.wake_at(wake, progress.health.paused_until, now).await;
            }
            progress.health = progress.health.after(Tally { successes: 1, ..Tally::default() }, now, (self.jitter)());
            progress.cursor = Some(page.next);
            if !page.has_more {
                progress.restarted_at = None;
                match self.table.release(lease, &progress, now).await? {
                    Release::Woken(_) if clock.is_over() => {}
                    Release::Woken(_) => continue,
                    Release::Released | Release::Lost => return Ok(()),
                }
            }
            if clock.is_over() {
                self.table.hand_on(lease, &progress, now).await?;
                return self.wake_at(wake, Some(now), now).await;
            }
            if !self.table.advance(lease, &progress).await? {
                return Ok(());
            }
        }
    }

    async fn page_for_bus(
        &self,
        wake: &Wake,
        progress: &mut Progress,
        now: Timestamp,
    ) -> Result<FeedPage, DeliverError> {
        match self.feed.page(&wake.merchant, progress.cursor.as_deref(), None, PAGE).await {
            Err(FeedError::CursorRefused) if progress.cursor.is_some() => {
                tracing::error!(merchant = %wake.merchant, "cursor of the bus refused, feed read again");
                progress.cursor = None;
                progress.restarted_at = Some(now);
                Ok(self.feed.page(&wake.merchant, None, None, PAGE).await?)
            }
            page => Ok(page?),
        }
    }
}
