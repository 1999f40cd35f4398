use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientContext, Statistics, TopicPartitionList,
    client::OAuthToken,
    consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance},
    error::KafkaError,
    statistics::{Broker, ConsumerGroup},
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
    /// Since when this consumer has been no member of its group, whatever the reason. It begins so.
    apart_since: Option<Instant>,
    /// Whether this consumer has been a member, and whether somebody has asked since.
    joined: Joined,
    /// Whether the client has told of itself, and nobody has asked yet.
    has_told: bool,
    /// What this consumer has now.
    assigned: BTreeSet<Partition>,
    /// How far these are handled and how far they go, of those of which that is known.
    extents: BTreeMap<Partition, Extent>,
    /// Whether the client has known brokers of the cluster.
    has_known_brokers: bool,
    /// Whether what is assigned from now on is to be paused.
    paused: bool,
    /// Since when the client has been no member of its group, although a broker answers or it knows of none any more.
    outside_since: Option<Instant>,
}

/// Whether a consumer has been a member of its group.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Joined {
    #[default]
    No,
    Now,
    Told,
}

/// How far a partition is handled, and how far it goes: the offsets of the records that would be next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    handled: u64,
    end: u64,
}

impl Changes {
    /// It is a member.
    fn join(&mut self) {
        if self.joined == Joined::No {
            self.joined = Joined::Now;
        }
    }

    /// How many records wait.
    fn count(&mut self) {
        self.lag = Some(self.extents.values().map(|extent| extent.end.saturating_sub(extent.handled)).sum());
    }
}

impl Context {
    pub(crate) fn new(tokens: Option<TokenSource>) -> Context {
        let context = Context { tokens, seen: Arc::default() };
        context.changes().apart_since = Some(Instant::now());
        context
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

    /// Whether this consumer has become a member of its group for the first time: true once.
    pub(crate) fn take_joined(&self) -> bool {
        let mut changes = self.changes();
        let is_new = changes.joined == Joined::Now;
        if is_new {
            changes.joined = Joined::Told;
        }
        is_new
    }

    /// For how long this consumer has been no member of its group, if the client has told of itself since it was asked: nothing if
    /// it is one.
    pub(crate) fn take_apart_for(&self) -> Option<Duration> {
        let mut changes = self.changes();
        let has_told = std::mem::take(&mut changes.has_told);
        has_told.then(|| changes.apart_since.map_or(Duration::ZERO, |since| since.elapsed()))
    }

    pub(crate) fn set_paused(&self, paused: bool) {
        self.changes().paused = paused;
    }

    /// What this consumer has now.
    pub(crate) fn assigned(&self) -> BTreeSet<Partition> {
        self.changes().assigned.clone()
    }

    /// Takes note of how far partitions go, which the client does not learn of those that are paused.
    pub(crate) fn set_ends(&self, ends: impl IntoIterator<Item = (Partition, i64)>) {
        let mut changes = self.changes();
        for (partition, end) in ends {
            if let (Some(extent), Some(end)) = (changes.extents.get_mut(&partition), known(end)) {
                extent.end = extent.end.max(end);
            }
        }
        if changes.extents.is_empty() {
            return;
        }
        changes.count();
        drop(changes);
        self.seen.changed.notify_one();
    }

    /// For how long the client has been no member of its group, although a broker answers or it knows of none any more.
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
        let mut changes = self.changes();
        changes.extents = extents(&statistics, &changes.assigned, &changes.extents);
        let is_apart = statistics.cgrp.as_ref().is_some_and(|group| !is_member(group));
        changes.apart_since = is_apart.then(|| changes.apart_since.unwrap_or_else(Instant::now));
        changes.has_told = true;
        if statistics.cgrp.is_some() && !is_apart {
            changes.join();
        }
        // Whoever is no member knows nothing of what waits.
        if !is_apart {
            changes.count();
        }
        changes.has_known_brokers |= learned(&statistics).next().is_some();
        let is_outside = is_outside(&statistics, changes.has_known_brokers);
        changes.outside_since = is_outside.then(|| changes.outside_since.unwrap_or_else(Instant::now));
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
            let mut changes = self.changes();
            for partition in named(partitions) {
                changes.assigned.remove(&partition);
                changes.extents.remove(&partition);
                changes.revoked.insert(partition);
            }
            drop(changes);
            self.seen.changed.notify_one();
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Context>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            let mut changes = self.changes();
            changes.assigned.extend(named(partitions));
            // Also one that is given nothing, because all partitions have a consumer.
            changes.join();
            let paused = changes.paused;
            drop(changes);
            set_paused(consumer, partitions, paused);
            self.seen.changed.notify_one();
        }
    }
}

fn named(partitions: &TopicPartitionList) -> impl Iterator<Item = Partition> {
    partitions.elements().into_iter().map(|one| (one.topic().to_owned(), one.partition()))
}

/// How far some partitions are handled, here or else by the group; one of which the group has handled nothing, from its first record.
/// What librdkafka calls lag counts nothing before this consumer has handled something. How far they go may be known already.
fn extents(
    statistics: &Statistics,
    partitions: &BTreeSet<Partition>,
    before: &BTreeMap<Partition, Extent>,
) -> BTreeMap<Partition, Extent> {
    let extent = |of: &Partition| {
        let partition = statistics.topics.get(&of.0)?.partitions.get(&of.1)?;
        let handled =
            known(partition.stored_offset).or(known(partition.committed_offset)).or(known(partition.lo_offset))?;
        let end = known(partition.hi_offset)?.max(before.get(of).map_or(0, |extent| extent.end));
        Some(Extent { handled, end })
    };
    partitions.iter().filter_map(|partition| Some((partition.clone(), extent(partition)?))).collect()
}

/// An offset, if it is one: what is not known is negative.
fn known(offset: i64) -> Option<u64> {
    u64::try_from(offset).ok()
}

/// The brokers that the cluster has named.
fn learned(statistics: &Statistics) -> impl Iterator<Item = &Broker> {
    // The coordinator of the group is a broker once more there, without a number of its own.
    statistics.brokers.values().filter(|broker| broker.nodeid >= 0 && broker.source == "learned")
}

/// Whether a client is no member of its group, although a broker answers ("Statistics" of librdkafka: `cgrp`, `brokers`), or because it
/// has lost sight of all brokers (issue 5301 of librdkafka). Producers have no group.
fn is_outside(statistics: &Statistics, has_known_brokers: bool) -> bool {
    let answers = learned(statistics).any(|broker| broker.state == "UP");
    let knows_none = has_known_brokers && learned(statistics).next().is_none();
    (answers || knows_none) && statistics.cgrp.as_ref().is_some_and(|group| !is_member(group))
}

fn is_member(group: &ConsumerGroup) -> bool {
    group.state == "up" && group.join_state == "steady"
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

    use rdkafka::statistics::{Partition, Topic};

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
        let is_outside = |statistics| is_outside(&statistics, true);
        assert!(!is_outside(statistics("up", "steady", "UP")));
        assert!(is_outside(statistics("up", "wait-unassign-to-complete", "UP")));
        assert!(is_outside(statistics("wait-broker-transport", "steady", "UP")));
        assert!(!is_outside(statistics("wait-broker-transport", "init", "DOWN")));
        assert!(!is_outside(Statistics { cgrp: None, ..statistics("up", "init", "UP") }));
    }

    /// It never finds them again. One that is starting has not found any yet.
    #[test]
    fn a_client_that_has_lost_sight_of_all_brokers_is_outside() {
        let alone = Statistics { brokers: HashMap::new(), ..statistics("wait-coord", "init", "DOWN") };
        assert!(is_outside(&alone, true));
        assert!(!is_outside(&alone, false));
        let context = Context::new(None);
        context.stats(alone);
        assert_eq!(context.outside_for(), None);
    }

    #[test]
    fn what_waits_is_counted_from_what_was_handled_last() {
        let partition = |number, stored, committed, low, high| {
            let offsets = Partition {
                partition: number,
                stored_offset: stored,
                committed_offset: committed,
                lo_offset: low,
                hi_offset: high,
                ..Partition::default()
            };
            (number, offsets)
        };
        let partitions = HashMap::from([
            partition(0, 90, 80, 0, 100),
            partition(1, -1001, 80, 0, 100),
            partition(2, -1001, -1001, 5, 100),
            // Of another consumer, and of one that does not know yet.
            partition(3, -1001, 0, 0, 100),
            partition(4, -1001, -1001, -1001, -1001),
        ]);
        let topic = Topic { topic: "t".to_owned(), partitions, ..Topic::default() };
        let statistics = Statistics { topics: HashMap::from([("t".to_owned(), topic)]), ..Statistics::default() };
        let context = Context::new(None);
        context.changes().assigned = [0, 1, 2, 4].map(|number| ("t".to_owned(), number)).into();
        context.stats(statistics.clone());
        assert_eq!(context.take_lag(), Some(10 + 20 + 95));
        // The client reads nothing of what is paused, so it is asked for, and stays known.
        context.set_ends([(("t".to_owned(), 0), 107), (("t".to_owned(), 3), 500), (("t".to_owned(), 1), 60)]);
        assert_eq!(context.take_lag(), Some(17 + 20 + 95));
        context.stats(statistics);
        assert_eq!(context.take_lag(), Some(17 + 20 + 95));
    }

    /// So does one that cannot sign in, or whose cluster is not to be reached.
    #[test]
    fn a_client_that_is_no_member_says_so_and_not_that_nothing_waits() {
        let context = Context::new(None);
        assert_eq!((context.take_apart_for(), context.take_lag()), (None, None));
        context.stats(statistics("wait-coord", "init", "AUTH_REQ"));
        assert!(context.take_apart_for().is_some_and(|apart_for| !apart_for.is_zero()));
        assert!(!context.take_joined());
        assert_eq!((context.take_apart_for(), context.take_lag()), (None, None));
        context.stats(statistics("up", "steady", "UP"));
        assert_eq!((context.take_apart_for(), context.take_lag()), (Some(Duration::ZERO), Some(0)));
        assert_eq!((context.take_joined(), context.take_joined()), (true, false), "it is told once");
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
