use std::{
    collections::BTreeSet,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientContext, Statistics, TopicPartitionList,
    client::OAuthToken,
    consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance},
    error::KafkaError,
    statistics::ConsumerGroup,
};
use tokio::{sync::Notify, time::Instant};

use crate::iam_token::TokenSource;

/// A partition of a topic.
pub(crate) type Partition = (String, i32);

/// What the client calls back.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    tokens: Option<TokenSource>,
    seen: Arc<Seen>,
}

/// What the client has told and nobody has asked for yet.
#[derive(Debug, Default)]
struct Seen {
    changes: Mutex<Changes>,
    /// Told after each change.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Changes {
    revoked: BTreeSet<Partition>,
    lag: Option<u64>,
    /// Whether what is assigned from now on is to be paused.
    paused: bool,
    /// Since when the client has been no member of its group, although a broker answers.
    outside_since: Option<Instant>,
}

impl Context {
    pub(crate) fn new(tokens: Option<TokenSource>) -> Context {
        Context { tokens, seen: Arc::default() }
    }

    /// Waits until there is something to ask for.
    pub(crate) async fn changed(&self) {
        self.seen.changed.notified().await;
    }

    /// The partitions that were taken away from this consumer.
    pub(crate) fn take_revoked(&self) -> BTreeSet<Partition> {
        std::mem::take(&mut self.changes().revoked)
    }

    /// How many records wait for this consumer, if that is newly known.
    pub(crate) fn take_lag(&self) -> Option<u64> {
        self.changes().lag.take()
    }

    pub(crate) fn set_paused(&self, paused: bool) {
        self.changes().paused = paused;
    }

    /// For how long the client has been no member of its group, although a broker answers.
    pub(crate) fn outside_for(&self) -> Option<Duration> {
        self.changes().outside_since.map(|since| since.elapsed())
    }

    fn changes(&self) -> std::sync::MutexGuard<'_, Changes> {
        self.seen.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.tokens.as_ref().ok_or("this cluster takes no token")?.token()
    }

    fn stats(&self, statistics: Statistics) {
        // Of what is not assigned, the lag is -1.
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        let lag = partitions.filter_map(|partition| u64::try_from(partition.consumer_lag_stored).ok()).sum();
        let mut changes = self.changes();
        changes.lag = Some(lag);
        changes.outside_since = is_outside(&statistics).then(|| changes.outside_since.unwrap_or_else(Instant::now));
        drop(changes);
        self.seen.changed.notify_one();
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "the Kafka client met an error; it goes on by itself");
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _: &BaseConsumer<Context>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            let revoked = partitions.elements().into_iter().map(|one| (one.topic().to_owned(), one.partition()));
            self.changes().revoked.extend(revoked);
            self.seen.changed.notify_one();
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Context>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            set_paused(consumer, partitions, self.changes().paused);
        }
    }
}

/// Whether a client is no member of its group, although a broker answers ("Statistics" of librdkafka: `cgrp`, `brokers`). Producers have
/// no group.
fn is_outside(statistics: &Statistics) -> bool {
    let is_member = |group: &ConsumerGroup| group.state == "up" && group.join_state == "steady";
    // The coordinator of the group is a broker once more there, without a number of its own.
    let answers = statistics
        .brokers
        .values()
        .any(|broker| broker.nodeid >= 0 && broker.source == "learned" && broker.state == "UP");
    answers && statistics.cgrp.as_ref().is_some_and(|group| !is_member(group))
}

/// Pauses or resumes partitions that are new here. A partition that was taken away while it was paused is still so when it comes
/// back: the client keeps that with the partition, and nobody else would resume it. One that cannot be paused is read on, which the
/// caller has to bear anyway.
fn set_paused(consumer: &BaseConsumer<Context>, partitions: &TopicPartitionList, paused: bool) {
    let set = if paused { consumer.pause(partitions) } else { consumer.resume(partitions) };
    if let Err(error) = set {
        tracing::warn!(%error, paused, "pausing or resuming new partitions failed");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rdkafka::statistics::Broker;

    use super::*;

    fn statistics(state: &str, join_state: &str, broker: &str) -> Statistics {
        let broker = Broker { nodeid: 1, source: "learned".to_owned(), state: broker.to_owned(), ..Broker::default() };
        let group =
            ConsumerGroup { state: state.to_owned(), join_state: join_state.to_owned(), ..ConsumerGroup::default() };
        let brokers = HashMap::from([("kafka:9092/1".to_owned(), broker)]);
        Statistics { brokers, cgrp: Some(group), ..Statistics::default() }
    }

    #[test]
    fn a_client_is_outside_if_it_is_no_member_and_a_broker_answers() {
        assert!(!is_outside(&statistics("up", "steady", "UP")));
        assert!(is_outside(&statistics("up", "wait-unassign-to-complete", "UP")));
        assert!(is_outside(&statistics("wait-broker-transport", "steady", "UP")));
        assert!(!is_outside(&statistics("wait-broker-transport", "init", "DOWN")));
        assert!(!is_outside(&Statistics { cgrp: None, ..statistics("up", "init", "UP") }));
    }

    #[tokio::test]
    async fn a_client_that_is_a_member_again_is_not_outside_any_more() {
        let context = Context::new(None);
        assert_eq!(context.outside_for(), None);
        context.stats(statistics("up", "init", "UP"));
        let first = context.outside_for().unwrap();
        context.stats(statistics("up", "init", "UP"));
        assert!(context.outside_for().unwrap() >= first);
        context.stats(statistics("up", "steady", "UP"));
        assert_eq!(context.outside_for(), None);
    }
}
