use std::{borrow::Cow, collections::BTreeSet, error::Error, sync::Arc, thread, time::Duration};

use futures::StreamExt;
use jiff::Timestamp;
use rdkafka::{
    Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{Consumer, MessageStream, StreamConsumer},
    error::KafkaError,
    message::BorrowedMessage,
};
use telemetry::Causes;
use tokio::{
    pin, select,
    time::{Instant, interval_at, sleep, sleep_until, timeout},
};

use crate::{
    KafkaConfig, Members, Record, Topic,
    batch::{Waiting, next_offsets, partition_of},
    context::{Context, Partition},
    member::Member,
};

/// How long the first record waits for others.
const COMPANY: Duration = Duration::from_millis(3);

/// Work that takes longer goes on beside the client's polling, with its partitions paused: pausing throws away what was read
/// ahead, so quick work does without.
const POLL_BESIDE_AFTER: Duration = Duration::from_secs(1);

/// How long work may go on after the shutdown began. What is not done by then is done by the next consumer.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

/// How long a client may be no member of its group although a broker answers, or because it knows of none any more: three sessions.
/// After a broker that took connections and answered nothing, librdkafka 2.12 may wait for the coordinator of the group for ever (`make
/// chaos DOOR=services FAULT=kafka-hangs`).
const OUTSIDE_MAX: Duration = Duration::from_secs(45);

/// How often brokers are asked how far partitions go while these are paused, and how long one may take to say it.
const ENDS_EVERY: Duration = Duration::from_secs(10);
const END_PATIENCE: Duration = Duration::from_secs(2);

/// The first and the longest pause before records are handled again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// What is consumed, and by whom.
#[derive(Debug, Clone)]
pub struct Consumption {
    /// The consumer group, as [`crate::Topics::group`] takes it: each record goes to one consumer of it.
    pub group: &'static str,
    /// The topic.
    pub topic: Topic,
    /// How old a record is when it is handled.
    pub delay: Duration,
}

/// What is done with records.
pub trait Handler {
    /// Whether a record is for this handler at all. Others are passed over at once.
    fn concerns(&self, record: &Record) -> bool;

    /// Handles records of several partitions, those of each in order: at least once, so that it has to be idempotent. It may be
    /// dropped at any point. `attempt` says how often these records were not handled before.
    fn handle(&self, records: &[Record], attempt: u32) -> impl Future<Output = Result<(), NotHandled>>;

    /// Takes note of how many records wait in this consumer's partitions of a topic, every ten seconds.
    fn lag(&self, topic: Topic, records: u64);

    /// Takes note of how late this consumer is, every ten seconds: for how long the oldest of the records that it has read and not
    /// handled is due, or for how long it has been no member of its group, if that is longer.
    fn late(&self, topic: Topic, by: Duration);
}

/// Records could not be handled now, for a reason that has nothing to do with them. They stay where they are and are handled
/// again.
#[derive(Debug, thiserror::Error)]
#[error("records cannot be handled now")]
pub struct NotHandled(#[source] pub Box<dyn Error + Send + Sync>);

/// Why consuming ended.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// The consumer could not be made, or its group not be joined.
    #[error("the consumer of {topic} cannot be made")]
    Client {
        /// The name of the topic.
        topic: String,
        /// What the client says.
        source: KafkaError,
    },
    /// The client can do nothing any more; a new process can.
    #[error("consuming {topic} failed for good")]
    Fatal {
        /// The name of the topic.
        topic: String,
        /// What the client says.
        source: KafkaError,
    },
    /// The client does not come back into its group; a new process does.
    #[error("the consumer of {topic} has been out of its group for {outside_for:?}, and no broker is the reason")]
    Outside {
        /// The name of the topic.
        topic: String,
        /// For how long.
        outside_for: Duration,
    },
}

/// Hands the records of a topic to a handler, as one of these consumers, until the shutdown.
///
/// # Errors
/// The client cannot go on. Failures of the brokers or of the handler are no reason to end.
pub async fn consume(
    kafka: &KafkaConfig,
    consumption: &Consumption,
    handler: &impl Handler,
    members: &Members,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ConsumeError> {
    let topic = &kafka.topics.name(consumption.topic);
    let failed = |source| ConsumeError::Client { topic: topic.clone(), source };
    let context = Context::new(kafka.tokens().await);
    let consumer = consumer(kafka, &kafka.topics.group(consumption.group), context.clone()).map_err(failed)?;
    let member = Member::new(consumer);
    let consumer = member.consumer();
    consumer.subscribe(&[topic]).map_err(failed)?;
    let mut consuming = Consuming {
        consumption,
        topic,
        handler,
        consumer,
        records: consumer.stream(),
        context: &context,
        members,
        waiting: Waiting::default(),
        due_since: None,
    };
    pin!(shutdown);
    let consumed = consuming.run(&mut Shutdown { future: shutdown, has_begun: false }).await;
    drop(consuming);
    member.leave().await;
    consumed
}

fn consumer(kafka: &KafkaConfig, group: &str, context: Context) -> Result<StreamConsumer<Context>, KafkaError> {
    let mut config = kafka.client();
    config
        .set("group.id", group)
        // A group that has no offset yet, or whose records are gone, begins with the oldest record.
        .set("auto.offset.reset", "earliest")
        // What is handled is stored by this crate, and committed by the client every second and when a partition is revoked.
        .set("enable.auto.offset.store", "false")
        .set("auto.commit.interval.ms", "1000")
        // Only partitions that change their consumer stop for it.
        .set("partition.assignment.strategy", "cooperative-sticky")
        // A consumer that is gone without a word is missed after this.
        .set("session.timeout.ms", "15000")
        .set("heartbeat.interval.ms", "3000")
        // What is read ahead, and how soon the client reads on when some of that is handled.
        .set("queued.max.messages.kbytes", "4096")
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.error.backoff.ms", "100")
        .set("statistics.interval.ms", "10000");
    StreamConsumer::from_config_and_context(&config, context)
}

/// The shutdown. It can be waited for again when it has begun.
struct Shutdown<F> {
    future: F,
    has_begun: bool,
}

impl<F: Future<Output = ()> + Unpin> Shutdown<F> {
    async fn begun(&mut self) {
        if !self.has_begun {
            (&mut self.future).await;
            self.has_begun = true;
        }
    }
}

struct Consuming<'a, H> {
    consumption: &'a Consumption,
    /// Its name.
    topic: &'a str,
    handler: &'a H,
    consumer: &'a Arc<StreamConsumer<Context>>,
    records: MessageStream<'a, Context>,
    context: &'a Context,
    members: &'a Members,
    waiting: Waiting,
    /// Since when the oldest of the records that are handled now is due.
    due_since: Option<Timestamp>,
}

/// How work ended.
enum Worked<T> {
    Done(T),
    /// Some of its partitions were taken away.
    Revoked(BTreeSet<Partition>),
    Shutdown,
}

impl<H: Handler> Consuming<'_, H> {
    async fn run(&mut self, shutdown: &mut Shutdown<impl Future<Output = ()> + Unpin>) -> Result<(), ConsumeError> {
        loop {
            select! {
                biased;
                () = shutdown.begun() => return Ok(()),
                collected = self.collect() => collected?,
            }
            let due_within = self.waiting.due_within(Timestamp::now()).unwrap_or_default();
            if let Worked::Shutdown = self.drive(sleep(due_within), &BTreeSet::new(), shutdown).await? {
                return Ok(());
            }
            let mut due = self.waiting.take_due(Timestamp::now());
            let partitions = partitions_of(&due);
            let appended_at = due.iter().map(|record| record.appended_at).min();
            self.due_since = appended_at.map(|time| time.saturating_add(self.consumption.delay).unwrap_or(time));
            let worked = self.drive(handle_until_done(self.handler, &due), &partitions, shutdown).await?;
            self.due_since = None;
            match worked {
                Worked::Done(()) => self.store(&due),
                Worked::Revoked(revoked) => {
                    due.retain(|record| !revoked.contains(&partition_of(record)));
                    self.waiting.put_back(due);
                }
                Worked::Shutdown => return Ok(()),
            }
        }
    }

    /// Reads until some records are to be handled, or no more may wait. It may be dropped at any point.
    async fn collect(&mut self) -> Result<(), ConsumeError> {
        let mut ready_at = self.ready_at();
        while !self.waiting.is_full() {
            select! {
                biased;
                () = self.context.changed() => {
                    self.take_changes();
                    self.check_membership()?;
                    ready_at = self.ready_at();
                }
                record = self.records.next() => {
                    // The client may have taken the partition away and given it back before this record: what waits of it goes first.
                    if !self.take_changes().is_empty() {
                        ready_at = None;
                    }
                    self.take(record)?;
                    ready_at = ready_at.or_else(|| self.ready_at());
                }
                // Last: of a backlog, everything goes along that is there.
                () = sleep_until(ready_at.unwrap_or_else(Instant::now)), if ready_at.is_some() => break,
            }
        }
        Ok(())
    }

    /// When records that wait are to be handled.
    fn ready_at(&self) -> Option<Instant> {
        let due_within = self.waiting.due_within(Timestamp::now())?;
        Some(Instant::now() + due_within.max(COMPANY))
    }

    /// Works, and answers the client meanwhile if that takes longer: a consumer that never polls is taken for dead.
    async fn drive<T>(
        &mut self,
        work: impl Future<Output = T>,
        partitions: &BTreeSet<Partition>,
        shutdown: &mut Shutdown<impl Future<Output = ()> + Unpin>,
    ) -> Result<Worked<T>, ConsumeError> {
        pin!(work);
        select! {
            biased;
            done = &mut work => return Ok(Worked::Done(done)),
            () = shutdown.begun() => return Ok(finish(work).await),
            () = sleep(POLL_BESIDE_AFTER) => {}
        }
        self.set_paused(true);
        let mut ends_due = interval_at(Instant::now(), ENDS_EVERY);
        let worked = loop {
            select! {
                biased;
                done = &mut work => break Worked::Done(done),
                () = shutdown.begun() => break finish(work).await,
                _ = ends_due.tick() => self.ask_ends(),
                () = self.context.changed() => {
                    let revoked = self.take_changes();
                    self.check_membership()?;
                    if !revoked.is_disjoint(partitions) {
                        break Worked::Revoked(revoked);
                    }
                }
                record = self.records.next() => {
                    let revoked = self.take_changes();
                    self.take(record)?;
                    if !revoked.is_disjoint(partitions) {
                        break Worked::Revoked(revoked);
                    }
                }
            }
        };
        self.set_paused(false);
        Ok(worked)
    }

    /// Keeps a record. One that is nothing for the handler is passed over as soon as those before it are handled.
    fn take(&mut self, record: Option<Result<BorrowedMessage<'_>, KafkaError>>) -> Result<(), ConsumeError> {
        let topic = self.topic;
        match record {
            Some(Ok(record)) => {
                let record = Record::read(&record);
                let delay = if self.handler.concerns(&record) { self.consumption.delay } else { Duration::ZERO };
                self.waiting.push(record, delay);
            }
            Some(Err(source @ KafkaError::MessageConsumptionFatal(_))) => {
                return Err(ConsumeError::Fatal { topic: topic.to_owned(), source });
            }
            Some(Err(error)) => tracing::warn!(%error, topic, "reading failed; the client tries again"),
            None => {}
        }
        Ok(())
    }

    /// Takes note of what the client has told, and answers which partitions are gone.
    fn take_changes(&mut self) -> BTreeSet<Partition> {
        if let Some(records) = self.context.take_lag() {
            self.handler.lag(self.consumption.topic, records);
        }
        if let Some(apart_for) = self.context.take_apart_for() {
            let now = Timestamp::now();
            let due_for = self.due_since.and_then(|since| Duration::try_from(now.duration_since(since)).ok());
            self.handler.late(self.consumption.topic, due_for.unwrap_or_default().max(apart_for));
        }
        if self.context.take_joined() {
            self.members.add();
        }
        let revoked = self.context.take_revoked();
        self.waiting.drop_revoked(&revoked);
        revoked
    }

    /// Asks how far the partitions go, without waiting for it: the client learns that only while it reads them.
    fn ask_ends(&self) {
        let (consumer, context) = (Arc::downgrade(self.consumer), self.context.clone());
        // In a thread of its own, which may be the last to have the consumer.
        thread::spawn(move || {
            let end_of = |(topic, number): &Partition| {
                let limits = consumer.upgrade()?.fetch_watermarks(topic, *number, END_PATIENCE);
                limits.map(|(_, end)| end).ok()
            };
            // A broker that does not answer is not asked on.
            let ends =
                context.assigned().into_iter().map_while(|partition| Some((partition.clone(), end_of(&partition)?)));
            context.set_ends(ends.collect::<Vec<_>>());
        });
    }

    fn check_membership(&self) -> Result<(), ConsumeError> {
        match self.context.outside_for() {
            Some(outside_for) if outside_for > OUTSIDE_MAX => {
                Err(ConsumeError::Outside { topic: self.topic.to_owned(), outside_for })
            }
            _ => Ok(()),
        }
    }

    fn set_paused(&self, paused: bool) {
        self.context.set_paused(paused);
        let assigned = self.consumer.assignment();
        let set = assigned.and_then(|assigned| match paused {
            true => self.consumer.pause(&assigned),
            false => self.consumer.resume(&assigned),
        });
        if let Err(error) = set {
            tracing::warn!(%error, paused, topic = self.topic, "pausing or resuming failed");
        }
    }

    /// Records are handled: the client commits where their partitions go on.
    fn store(&self, records: &[Record]) {
        if records.is_empty() {
            return;
        }
        let mut offsets = TopicPartitionList::new();
        let added = next_offsets(records).into_iter().try_for_each(|((topic, partition), offset)| {
            offsets.add_partition_offset(&topic, partition, Offset::Offset(offset))
        });
        if let Err(error) = added.and_then(|()| self.consumer.store_offsets(&offsets)) {
            tracing::warn!(%error, topic = self.topic, "offsets not stored; another consumer handles the records again");
        }
    }
}

/// Goes on with work for a while during the shutdown.
async fn finish<T>(work: impl Future<Output = T>) -> Worked<T> {
    timeout(SHUTDOWN_GRACE, work).await.map_or(Worked::Shutdown, Worked::Done)
}

/// Hands records to the handler, again and again with growing pauses, until they are handled.
async fn handle_until_done(handler: &impl Handler, records: &[Record]) {
    let records = if records.iter().all(|record| handler.concerns(record)) {
        Cow::Borrowed(records)
    } else {
        Cow::Owned(records.iter().filter(|record| handler.concerns(record)).cloned().collect())
    };
    let mut attempt = 0;
    while !records.is_empty() {
        let Err(error) = handler.handle(&records, attempt).await else { return };
        let pause = pause(attempt);
        tracing::error!(error = %Causes(&error), records = records.len(), attempt, ?pause, "records not handled; they are handled again");
        sleep(pause).await;
        attempt = attempt.saturating_add(1);
    }
}

/// Twice as long each time, and up to a quarter less, so that consumers do not come back at once.
fn pause(attempt: u32) -> Duration {
    let (first, longest) = PAUSES;
    let pause = first.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(longest);
    let milliseconds = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(fastrand::u64(milliseconds - milliseconds / 4..=milliseconds))
}

fn partitions_of(records: &[Record]) -> BTreeSet<Partition> {
    next_offsets(records).into_keys().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_seconds_and_jitter_only_shortens() {
        for (attempt, longest) in [(0, 100), (1, 200), (6, 6_400), (7, 10_000), (40, 10_000), (u32::MAX, 10_000)] {
            let milliseconds = pause(attempt).as_millis();
            assert!((longest * 3 / 4..=longest).contains(&milliseconds), "{attempt}: {milliseconds}");
        }
    }
}
