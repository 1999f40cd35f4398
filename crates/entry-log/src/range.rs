use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use jiff::Timestamp;
use rdkafka::{
    Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{CommitMode, Consumer, StreamConsumer},
    error::KafkaError,
};
use tokio::{
    select,
    time::{sleep, timeout},
};

use crate::{
    KafkaConfig, Record,
    batch::{is_batch_full, next_offsets},
    context::Context,
    member::Member,
};

/// The most that a question to the brokers takes.
const QUESTION_PATIENCE: Duration = Duration::from_secs(10);

/// How often they are asked, and how long the pause in between is.
const QUESTIONS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);

/// How long nothing may come while something has to.
const READ_PATIENCE: Duration = Duration::from_secs(30);

/// Which part of a topic is read.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// What was appended from one time until before another, as far as the group has handled it.
    Handled {
        /// The first time.
        from: Timestamp,
        /// The last.
        to: Timestamp,
    },
    /// What the group has not handled, as far as it is there when reading begins.
    NotHandled,
}

/// Reads a part of a topic once, beside the consumers of a group, and ends.
pub struct Reader {
    topic: String,
    member: Member,
    /// Of each partition that is not read yet: where it ends.
    ends: BTreeMap<i32, i64>,
    is_whole: bool,
}

/// What of a topic is read.
#[derive(Debug, Default)]
struct Limits {
    /// Where each partition begins and ends.
    of_partitions: BTreeMap<i32, (i64, i64)>,
    /// Whether that is all of the part.
    is_whole: bool,
}

/// Reading a part of a topic failed. Reading it again is always safe.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The brokers refused, or could not be asked.
    #[error("reading {topic} failed")]
    Kafka {
        /// The name of the topic.
        topic: String,
        /// What the client says.
        source: KafkaError,
    },
    /// The brokers have not said in time that they know what is handled.
    #[error("noting what of {topic} is handled took longer than {QUESTION_PATIENCE:?}")]
    Commit {
        /// The name of the topic.
        topic: String,
    },
    /// The brokers have sent nothing for too long.
    #[error("nothing of {topic} came within {READ_PATIENCE:?}")]
    Timeout {
        /// The name of the topic.
        topic: String,
    },
}

impl Reader {
    /// Reads this part of a topic, seen from a group.
    pub async fn open(kafka: &KafkaConfig, group: &str, topic: &str, part: Part) -> Result<Reader, ReadError> {
        let failed = |source| ReadError::Kafka { topic: topic.to_owned(), source };
        let mut config = kafka.client();
        config
            .set("group.id", kafka.topics.group(group))
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // Where a partition ends is told, because an offset may have no record.
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.queue.backoff.ms", "10");
        let context = Context::new(kafka.tokens().await);
        let member = Member::new(StreamConsumer::from_config_and_context(&config, context).map_err(failed)?);
        let consumer = member.consumer();
        let limits = select! {
            limits = ask(&member, topic, part) => limits.map_err(failed)?,
            // The client asks for its token while it is polled, and has nothing else to say yet.
            _ = async { while consumer.recv().await.is_err() {} } => Limits::default(),
        };

        let mut start = TopicPartitionList::new();
        let mut ends = BTreeMap::new();
        for (partition, (from, end)) in limits.of_partitions {
            if from < end {
                start.add_partition_offset(topic, partition, Offset::Offset(from)).map_err(failed)?;
                ends.insert(partition, end);
            }
        }
        consumer.assign(&start).map_err(failed)?;
        Ok(Reader { topic: topic.to_owned(), member, ends, is_whole: limits.is_whole })
    }

    /// Whether the part is read to its end: of one that is handled, whether the group was that far when reading began.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The next records, those of each partition in order; none at the end.
    pub async fn next(&mut self) -> Result<Vec<Record>, ReadError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut stream = self.member.consumer().stream();
        while !is_batch_full(records.len(), bytes) && !self.ends.is_empty() {
            let Ok(next) = timeout(READ_PATIENCE, stream.next()).await else {
                return Err(ReadError::Timeout { topic: self.topic.clone() });
            };
            match next {
                Some(Ok(message)) => {
                    let record = Record::read(&message);
                    let (partition, offset) = (record.origin.partition, record.origin.offset);
                    let Some(end) = self.ends.get(&partition).copied() else { continue };
                    if offset < end {
                        bytes += record.bytes();
                        records.push(record);
                    }
                    if offset + 1 >= end {
                        self.ends.remove(&partition);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(self.ends.remove(&partition)),
                Some(Err(source @ KafkaError::MessageConsumptionFatal(_))) => {
                    return Err(ReadError::Kafka { topic: self.topic.clone(), source });
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, topic = self.topic, "reading failed; the client tries again");
                }
                None => break,
            }
        }
        Ok(records)
    }

    /// Notes for the group that it has handled these records.
    pub async fn commit(&self, records: &[Record]) -> Result<(), ReadError> {
        let failed = |source| ReadError::Kafka { topic: self.topic.clone(), source };
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), offset) in next_offsets(records) {
            offsets.add_partition_offset(&topic, partition, Offset::Offset(offset)).map_err(failed)?;
        }
        let committing = self.member.ask(move |consumer| consumer.commit(&offsets, CommitMode::Sync));
        let Ok(committed) = timeout(QUESTION_PATIENCE, committing).await else {
            return Err(ReadError::Commit { topic: self.topic.clone() });
        };
        committed.map_err(failed)
    }
}

/// Where each partition begins and ends. A group that is new, or whose coordinator has just changed, is asked again.
async fn ask(member: &Member, topic: &str, part: Part) -> Result<Limits, KafkaError> {
    let mut attempt = 1;
    loop {
        let topic = topic.to_owned();
        match member.ask(move |consumer| limits(consumer, &topic, part)).await {
            Err(error) if attempt < QUESTIONS => {
                tracing::warn!(%error, attempt, "where a topic begins and ends is not known yet");
                sleep(PAUSE).await;
                attempt += 1;
            }
            answer => return answer,
        }
    }
}

/// Where each partition begins and ends.
fn limits(consumer: &StreamConsumer<Context>, topic: &str, part: Part) -> Result<Limits, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), QUESTION_PATIENCE)?;
    let mut all = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions) {
        all.add_partition(topic, partition.id());
    }
    let handled = by_partition(&consumer.committed_offsets(all.clone(), QUESTION_PATIENCE)?);
    let (from, to) = match part {
        Part::Handled { from, to } => (Some(offsets_at(consumer, &all, from)?), Some(offsets_at(consumer, &all, to)?)),
        Part::NotHandled => (None, None),
    };
    let mut limits = Limits { is_whole: true, ..Limits::default() };
    for element in all.elements() {
        let partition = element.partition();
        let (low, high) = consumer.fetch_watermarks(topic, partition, QUESTION_PATIENCE)?;
        // Without a record of that time or a later one, the offset is that of the end.
        let at = |offsets: &BTreeMap<i32, i64>| offsets.get(&partition).copied().unwrap_or(high);
        let handled = handled.get(&partition).copied().unwrap_or(low);
        let limit = match (&from, &to) {
            (Some(from), Some(to)) => {
                limits.is_whole &= handled >= at(to);
                (at(from).max(low), at(to).min(handled))
            }
            _ => (handled.max(low), high),
        };
        limits.of_partitions.insert(partition, limit);
    }
    Ok(limits)
}

/// The first offset of each partition whose record was appended at that time or later.
fn offsets_at(
    consumer: &StreamConsumer<Context>,
    partitions: &TopicPartitionList,
    time: Timestamp,
) -> Result<BTreeMap<i32, i64>, KafkaError> {
    let mut asked = partitions.clone();
    asked.set_all_offsets(Offset::Offset(time.as_millisecond()))?;
    Ok(by_partition(&consumer.offsets_for_times(asked, QUESTION_PATIENCE)?))
}

fn by_partition(offsets: &TopicPartitionList) -> BTreeMap<i32, i64> {
    let known = |offset| if let Offset::Offset(offset) = offset { Some(offset) } else { None };
    let elements = offsets.elements();
    elements.iter().filter_map(|element| Some((element.partition(), known(element.offset())?))).collect()
}
