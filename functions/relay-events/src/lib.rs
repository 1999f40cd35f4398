//! Wakes those who follow the events of a merchant: when its balances change, and on a schedule.
//!
//! The schedule's run, the sweep, wakes who is due: deliveries to be tried again, and subscribers that were being given events by an
//! invocation that is gone. It also asks the ledger which merchants had events since the sweep before, because not every event
//! changes a balance, and a stream may have told nothing. A wake too many costs a little; one too few costs a minute.

mod bus;

use std::{collections::BTreeSet, time::Duration};

use cashflow::MerchantId;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use telemetry::{Line, Metrics, RelayMetrics, StoreMetrics};
use tokio::time::Instant;
use webhooks::{Feed, FeedError, StoreError, Subscriber, Wake, WakeError, Wakes, WebhookTable};

/// What was due for so long is woken: before, the message that waits for its time is on its way.
const DUE_SINCE: SignedDuration = SignedDuration::from_secs(15);

/// What has been due for longer should have been woken by the sweep before.
const OVERDUE_SINCE: SignedDuration = SignedDuration::from_mins(3);

/// How far back the very first sweep looks.
const FIRST_SINCE: SignedDuration = SignedDuration::from_mins(10);

/// For how long a sweep reads lists of merchants; the next one goes on.
const SWEEPS_FOR: Duration = Duration::from_secs(25);

/// Of how many merchants the subscribers are read at once.
const AT_ONCE: usize = 16;

/// What the function works with, built once when it starts.
#[derive(Debug)]
pub struct RelayEvents {
    /// Who subscribes.
    pub table: WebhookTable,
    /// Which merchants had events.
    pub feed: Feed,
    /// How subscribers are woken.
    pub wakes: Wakes,
    /// Whether there is an event bus, which subscribes to every merchant.
    pub has_bus: bool,
    /// Where the metrics go.
    pub metrics: Metrics,
}

/// What the function is told: by the stream of the table of balances, or by the schedule.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Notice {
    /// Balances have changed.
    Changes {
        /// What has.
        #[serde(rename = "Records")]
        records: Vec<Change>,
    },
    /// It is time for a sweep.
    Sweep {
        /// Says so.
        sweep: bool,
    },
}

/// An item of the table of balances has changed ("DynamoDB Streams record", Lambda Developer Guide).
#[derive(Debug, Deserialize)]
pub struct Change {
    dynamodb: ChangedItem,
}

#[derive(Debug, Deserialize)]
struct ChangedItem {
    #[serde(rename = "Keys")]
    keys: Keys,
}

#[derive(Debug, Deserialize)]
struct Keys {
    pk: Text,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

/// Not all who should be woken were. The same notice does it again, and so does the next sweep.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Who subscribes is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Which merchants had events is not known.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// Somebody was not woken.
    #[error(transparent)]
    Wakes(#[from] WakeError),
}

impl Change {
    /// Whose balance it is. The currency is behind the last `#`, whatever the merchant is called.
    fn merchant(&self) -> Option<MerchantId> {
        MerchantId::parse(self.dynamodb.keys.pk.text.rsplit_once('#')?.0).ok()
    }
}

impl RelayEvents {
    /// Deals with a notice that came at `now`.
    pub async fn handle(&self, notice: &Notice, now: Timestamp) -> Result<(), RelayError> {
        let mut metrics = RelayMetrics { wakes_sent: 0, subscribers_overdue: None, stores: StoreMetrics::default() };
        let handled = match notice {
            Notice::Changes { records } => self.relay(records, now, &mut metrics).await,
            Notice::Sweep { sweep: true } => self.sweep(now, &mut metrics).await,
            Notice::Sweep { sweep: false } => Ok(()),
        };
        metrics.stores = StoreMetrics::take();
        self.metrics.emit(&Line::new("subscribers woken"), metrics);
        handled
    }

    async fn relay(&self, changes: &[Change], now: Timestamp, metrics: &mut RelayMetrics) -> Result<(), RelayError> {
        let merchants: BTreeSet<MerchantId> = changes.iter().filter_map(Change::merchant).collect();
        let takes_bus = self.takes_bus().await?;
        self.wake_subscribers(merchants, takes_bus, now, metrics).await
    }

    /// Each part is tried, and what failed first is told.
    async fn sweep(&self, now: Timestamp, metrics: &mut RelayMetrics) -> Result<(), RelayError> {
        let began = Instant::now();
        let due = self.wake_due(now, metrics).await;
        let bus = if self.has_bus { self.tell_bus(began + SWEEPS_FOR).await } else { Ok(()) };
        let active = self.wake_active(began + SWEEPS_FOR, now, metrics).await;
        due.and(bus).and(active)
    }

    async fn wake_due(&self, now: Timestamp, metrics: &mut RelayMetrics) -> Result<(), RelayError> {
        let before = |age| now.checked_sub(age).unwrap_or(now);
        let due = self.table.due_subscribers(before(DUE_SINCE)).await?;
        let overdue = due.iter().filter(|due| due.due_at < before(OVERDUE_SINCE)).count();
        metrics.subscribers_overdue = Some(overdue.try_into().unwrap_or(u64::MAX));
        let wakes: Vec<Wake> = due.into_iter().map(|due| due.wake).collect();
        self.send(&wakes, metrics).await
    }

    /// Wakes who follows merchants with events since the sweep before. Nobody asks the ledger where nobody follows.
    async fn wake_active(&self, until: Instant, now: Timestamp, metrics: &mut RelayMetrics) -> Result<(), RelayError> {
        let state = self.table.sweep_state().await?;
        if !self.has_bus && state.endpoints <= 0 {
            return Ok(());
        }
        let takes_bus = self.takes_bus().await?;
        let first = || now.checked_sub(FIRST_SINCE).unwrap_or(now).to_string();
        let (mut since, mut after) = (state.since.unwrap_or_else(first), state.after);
        while Instant::now() < until {
            let active = self.feed.active_since(&since, after.as_deref()).await?;
            self.wake_subscribers(active.merchants.into_iter().collect(), takes_bus, now, metrics).await?;
            // Only now: what is not woken is looked for again.
            match active.next {
                Some(next) => after = Some(next),
                None => (since, after) = (active.until, None),
            }
            self.table.set_sweep_state(&since, after.as_deref()).await?;
            if after.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn wake_subscribers(
        &self,
        merchants: BTreeSet<MerchantId>,
        takes_bus: bool,
        now: Timestamp,
        metrics: &mut RelayMetrics,
    ) -> Result<(), RelayError> {
        let reads = merchants.into_iter().map(|merchant| Box::pin(self.to_be_woken(merchant, takes_bus, now)));
        let wakes: Vec<Vec<Wake>> = stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
        self.send(&wakes.concat(), metrics).await
    }

    async fn to_be_woken(
        &self,
        merchant: MerchantId,
        takes_bus: bool,
        now: Timestamp,
    ) -> Result<Vec<Wake>, RelayError> {
        let states = self.table.subscribers(&merchant, now).await?;
        let knows_bus = states.iter().any(|state| state.subscriber == Subscriber::Bus);
        let new_to_bus = (takes_bus && !knows_bus).then_some(Subscriber::Bus);
        let waiting = states.into_iter().filter(|state| !state.is_covered).map(|state| state.subscriber);
        let waiting = waiting.filter(|subscriber| takes_bus || *subscriber != Subscriber::Bus);
        let wake = |subscriber| Wake { merchant: merchant.clone(), subscriber };
        Ok(waiting.chain(new_to_bus).map(wake).collect())
    }

    async fn send(&self, wakes: &[Wake], metrics: &mut RelayMetrics) -> Result<(), RelayError> {
        self.wakes.send_all(wakes).await?;
        metrics.wakes_sent += u64::try_from(wakes.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}
