use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use telemetry::DeliveryMetrics;
use webhooks::{
    Delivery, DeliveryId, DeliveryStatus, Endpoint, FeedError, FeedEvent, FeedPage, Lease, Outcome, Progress, Release,
    SignedHeaders, SigningKeys, Tally, Waiting, Wake,
};

use crate::{Clock, DeliverError, DeliverEvents};

/// The status by which a receiver says that it wants no more.
const GONE: u16 = 410;

/// How many requests an endpoint gets side by side.
const AT_ONCE: usize = 8;

/// How many events are read at first; twice as many after each page that was delivered in time.
const PAGE_FIRST: usize = 16;
const PAGE_MAX: usize = 128;

/// How many pending deliveries are tried again before new events get their turn.
const RETRIES: usize = 32;

/// The index may not show for so long what was stored, so it is asked once more after a minute.
const INDEX_PATIENCE: SignedDuration = SignedDuration::from_mins(2);
const INDEX_AGAIN: SignedDuration = SignedDuration::from_secs(60);
const INDEX_SOON: SignedDuration = SignedDuration::from_secs(5);

/// After a restore of the ledger, events that are older than this are not sent again: what became of them is not kept for much longer.
const SENT_AGAIN: SignedDuration = SignedDuration::from_hours(29 * 24);

/// Why nothing more is sent for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The receiver does not take it.
    Paused,
    /// The receiver wants to be left alone for a while.
    Throttled,
    /// It is another's turn.
    Over,
    /// The endpoint is to be switched off, for this reason.
    Disable(&'static str),
}

/// What one invocation does for one endpoint.
struct Work<'a> {
    function: &'a DeliverEvents,
    wake: &'a Wake,
    lease: &'a Lease,
    endpoint: Endpoint,
    keys: Vec<SigningKeys>,
    progress: Progress,
    clock: Clock,
    metrics: &'a mut DeliveryMetrics,
}

impl DeliverEvents {
    pub(crate) async fn deliver(
        &self,
        wake: &Wake,
        lease: &Lease,
        waiting: Waiting,
        was_abandoned: bool,
        clock: Clock,
        metrics: &mut DeliveryMetrics,
    ) -> Result<(), DeliverError> {
        let Waiting { progress, endpoint, announcement } = waiting;
        let Some(endpoint) = endpoint else { return Ok(()) };
        if let Some(announcement) = announcement {
            self.announce(&endpoint, &announcement).await?;
        }
        let mut keys = Vec::new();
        for sealed in endpoint.signing_keys(clock.now()) {
            keys.push(self.keys.open(&endpoint.merchant, endpoint.id, sealed).await?);
        }
        Work { function: self, wake, lease, endpoint, keys, progress, clock, metrics }.run(was_abandoned).await
    }
}

impl Work<'_> {
    /// Sends what is due and what is new, until there is no more of either, or something stops it.
    async fn run(mut self, was_abandoned: bool) -> Result<(), DeliverError> {
        let mut page_size = PAGE_FIRST;
        // Whoever came before may have sent what the cursor does not show, and stored what is not noted to be due.
        let mut is_unsure = was_abandoned;
        if was_abandoned {
            self.progress.pending_at = Some(self.clock.now());
        }
        loop {
            let is_probe = self.progress.health.is_probed();
            let limit = if is_probe { 1 } else { RETRIES };
            let due = self.due(is_unsure, limit).await?;
            let has_more_due = due.len() == limit;
            let mut stop = self.send(due).await?;
            // While it is probed, what it does not take must not keep from it what it may take.
            if stop.is_some_and(|stop| !is_probe || stop != Stop::Paused) {
                return self.finish(stop, true).await;
            }

            let page = self.page(if is_probe { 1 } else { page_size }).await?;
            let is_read_again = is_unsure || self.progress.restarted_at.is_some();
            let stored = if is_read_again { self.stored(&page).await? } else { Vec::new() };
            let known: Vec<DeliveryId> = stored.iter().map(|delivery| delivery.id).collect();
            // Whoever came before was told so, and did not come to it.
            let was_gone = is_unsure && stored.iter().any(|delivery| delivery.last_status() == Some(GONE));
            let now = self.clock.now();
            let (merchant, id) = (self.endpoint.merchant.clone(), self.endpoint.id);
            let is_new = |event: &&FeedEvent| !known.contains(&DeliveryId::of(event)) && self.is_wanted(event);
            let deliveries: Vec<Delivery> =
                page.events.iter().filter(is_new).map(|event| Delivery::new(&merchant, id, event, now)).collect();
            let is_full = deliveries.len() >= page_size;
            stop = self.send(deliveries).await?.or(stop.filter(|_| self.progress.health.is_probed()));
            stop = stop.or(was_gone.then_some(Stop::Disable("gone")));
            // Everything of the page is stored.
            self.progress.cursor = Some(page.next);
            if !page.has_more {
                self.progress.restarted_at = None;
            }
            if is_full {
                page_size = (page_size * 2).min(PAGE_MAX);
            }
            is_unsure = false;
            let has_more = page.has_more || has_more_due;
            if stop.is_some() || self.clock.is_over() || !has_more {
                let stop = stop.or(self.clock.is_over().then_some(Stop::Over));
                match self.finish_or_go_on(stop, has_more).await? {
                    Some(waiting) => self.look_again(*waiting),
                    None => return Ok(()),
                }
            } else if !self.function.table.advance(self.lease, &self.progress).await? {
                return Ok(());
            }
        }
    }

    /// There was a wake: somebody may have changed the endpoint, or asked for a delivery again.
    fn look_again(&mut self, waiting: Waiting) {
        if let Some(endpoint) = waiting.endpoint {
            self.endpoint = endpoint;
        }
        self.progress.pending_at = self.progress.pending_at.max(waiting.progress.pending_at);
        self.progress.next_due = earlier(self.progress.next_due, waiting.progress.next_due);
    }

    async fn page(&mut self, limit: usize) -> Result<FeedPage, DeliverError> {
        let (merchant, types) = (&self.endpoint.merchant, self.endpoint.types.as_deref());
        match self.function.feed.page(merchant, self.progress.cursor.as_deref(), types, limit).await {
            Err(FeedError::CursorRefused) if self.progress.cursor.is_some() => {
                tracing::error!(merchant = %merchant, endpoint = %self.endpoint.id, "cursor refused, feed read again");
                self.progress.cursor = None;
                self.progress.restarted_at = Some(self.clock.now());
                Ok(self.function.feed.page(merchant, None, types, limit).await?)
            }
            page => Ok(page?),
        }
    }

    /// Whether an event is for this endpoint: after a restore the feed is read from its beginning.
    fn is_wanted(&self, event: &FeedEvent) -> bool {
        let Some(restarted_at) = self.progress.restarted_at else { return true };
        event.time >= self.endpoint.created_at && restarted_at.duration_since(event.time) < SENT_AGAIN
    }

    /// The deliveries that these events have already.
    async fn stored(&self, page: &FeedPage) -> Result<Vec<Delivery>, DeliverError> {
        let ids: Vec<DeliveryId> = page.events.iter().map(DeliveryId::of).collect();
        Ok(self.function.table.stored_deliveries(self.endpoint.id, &ids).await?)
    }

    /// Deliveries whose time has come.
    async fn due(&self, is_unsure: bool, limit: usize) -> Result<Vec<Delivery>, DeliverError> {
        let now = self.clock.now();
        if !is_unsure && self.progress.next_due.is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        Ok(self.function.table.due_deliveries(self.endpoint.id, now, limit).await?)
    }

    /// Sends deliveries, some at once, and stores what became of each. What is not sent any more is stored as due.
    async fn send(&mut self, deliveries: Vec<Delivery>) -> Result<Option<Stop>, DeliverError> {
        let mut stop = None;
        for some in deliveries.chunks(AT_ONCE) {
            if stop.is_none() && self.clock.is_over() {
                stop = Some(Stop::Over);
            }
            if stop.is_some() {
                self.leave(some).await?;
                continue;
            }
            let attempts = join_all(some.iter().cloned().map(|delivery| self.attempt(delivery))).await;
            let attempts = attempts.into_iter().collect::<Result<Vec<_>, _>>()?;
            stop = self.judge(&attempts);
        }
        Ok(stop)
    }

    /// Stores deliveries that were never sent. Those that were are stored already.
    async fn leave(&mut self, deliveries: &[Delivery]) -> Result<(), DeliverError> {
        let new = deliveries.iter().filter(|delivery| delivery.attempt_count == 0 && delivery.tries == 0);
        let stored = join_all(new.map(|delivery| self.function.table.put_delivery(delivery))).await;
        stored.into_iter().collect::<Result<(), _>>()?;
        let now = self.clock.now();
        self.progress.pending_at = Some(now);
        self.progress.next_due = earlier(self.progress.next_due, Some(now));
        Ok(())
    }

    async fn attempt(&self, mut delivery: Delivery) -> Result<(Delivery, Outcome), DeliverError> {
        let at = self.clock.now();
        let body = std::mem::take(&mut delivery.body);
        let headers =
            SignedHeaders::sign(&self.keys, &delivery.event_id(), at, &body).map_err(DeliverError::Signing)?;
        let attempt = self.function.sender.send(&self.endpoint.url, &headers, body.clone()).await;
        delivery.body = body;
        delivery.record(&attempt, at, self.clock.now(), (self.function.jitter)());
        self.function.table.put_delivery(&delivery).await?;
        Ok((delivery, attempt.outcome()))
    }

    /// What some attempts say about the receiver, and whether it is to get more.
    fn judge(&mut self, attempts: &[(Delivery, Outcome)]) -> Option<Stop> {
        let now = self.clock.now();
        let mut tally = Tally::default();
        let mut is_gone = false;
        for (delivery, outcome) in attempts {
            match outcome {
                Outcome::Delivered => tally.successes += 1,
                Outcome::Failed => tally.failures += 1,
                Outcome::Gone => (tally.failures, is_gone) = (tally.failures + 1, true),
                Outcome::TryAgain { throttled } => {
                    tally.failures += 1;
                    tally.throttled = tally.throttled.max(*throttled);
                }
            }
            self.count(delivery, now);
        }
        let took =
            attempts.iter().filter_map(|(delivery, _)| delivery.last_attempt.as_ref()).map(|last| last.duration_ms);
        let took = Duration::from_millis(took.max().unwrap_or_default());
        let health = self.progress.health.after(tally, now, (self.function.jitter)());
        self.progress.health = health.rested(took, now, (self.function.jitter)());
        match () {
            () if is_gone => Some(Stop::Disable("gone")),
            () if self.progress.health.is_beyond_hope(now) => Some(Stop::Disable("failing")),
            () if self.progress.health.is_paused(now) && tally.throttled.is_some() => Some(Stop::Throttled),
            () if self.progress.health.is_paused(now) => Some(Stop::Paused),
            () => None,
        }
    }

    fn count(&mut self, delivery: &Delivery, now: Timestamp) {
        match delivery.status {
            DeliveryStatus::Delivered => {
                self.metrics.deliveries_delivered += 1;
                if delivery.attempt_count == 1 {
                    let lag = now.duration_since(delivery.event_time()).as_millis();
                    self.metrics.delivery_lag = self.metrics.delivery_lag.max(Some(lag.try_into().unwrap_or_default()));
                }
            }
            DeliveryStatus::Failed => self.metrics.deliveries_failed += 1,
            DeliveryStatus::Pending => {
                self.metrics.deliveries_retried += 1;
                self.progress.pending_at = Some(now);
                self.progress.next_due = earlier(self.progress.next_due, delivery.next_attempt_at);
            }
        }
    }

    async fn finish(mut self, stop: Option<Stop>, has_more: bool) -> Result<(), DeliverError> {
        self.finish_or_go_on(stop, has_more).await.map(drop)
    }

    /// Gives the lease back, in the way that fits what has stopped the work, or keeps it because there was a wake.
    async fn finish_or_go_on(
        &mut self,
        stop: Option<Stop>,
        has_more: bool,
    ) -> Result<Option<Box<Waiting>>, DeliverError> {
        let now = self.clock.now();
        let (function, lease) = (self.function, self.lease);
        match stop {
            Some(Stop::Disable(reason)) => {
                if let Some(announcement) = function.table.disable(lease, &self.progress, reason, now).await? {
                    self.metrics.endpoints_disabled += 1;
                    function.announce(&self.endpoint, &announcement).await?;
                }
                Ok(None)
            }
            Some(Stop::Paused | Stop::Throttled) => {
                function.table.hand_on(lease, &self.progress, now).await?;
                function.wake_at(self.wake, self.progress.health.paused_until, now).await?;
                Ok(None)
            }
            Some(Stop::Over) if has_more => {
                function.table.hand_on(lease, &self.progress, now).await?;
                function.wake_at(self.wake, Some(now), now).await?;
                Ok(None)
            }
            Some(Stop::Over) | None => {
                self.progress.next_due = self.next_due(now).await?;
                match function.table.release(lease, &self.progress, now).await? {
                    Release::Woken(waiting) if stop.is_none() => Ok(Some(waiting)),
                    Release::Woken(_) => {
                        function.table.hand_on(lease, &self.progress, now).await?;
                        function.wake_at(self.wake, Some(now), now).await?;
                        Ok(None)
                    }
                    Release::Released => {
                        function.wake_at(self.wake, self.progress.next_due, now).await?;
                        Ok(None)
                    }
                    Release::Lost => Ok(None),
                }
            }
        }
    }

    /// When the endpoint is to be looked at again for what is pending: as the index says, as is known here, and once more while the
    /// index may be behind.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, DeliverError> {
        let was_stored_lately = self.progress.pending_at.is_some_and(|at| now.duration_since(at) < INDEX_PATIENCE);
        if self.progress.next_due.is_none() && !was_stored_lately {
            return Ok(None);
        }
        let later = |delay: SignedDuration| now.saturating_add(delay).unwrap_or(now);
        let indexed = self.function.table.first_due(self.endpoint.id).await?.map(|at| at.max(later(INDEX_SOON)));
        let known = self.progress.next_due.filter(|due| *due > now);
        let again = was_stored_lately.then(|| later(INDEX_AGAIN));
        Ok(earlier(earlier(indexed, known), again))
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
