//! A log of its own for each test, on the Kafka of the tests. Apart from `test-stores`, whose users do without the Kafka client.

mod forgetful;

use std::{env, time::Duration};

use entry_log::{EntryLog, KafkaConfig, Message, Part, Reader, Record, Security, Topic};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use tokio::time::timeout;
use uuid::Uuid;

pub use forgetful::ForgetfulBroker;

/// The most that a topic takes, as it is deployed.
const RECORD_BYTES_MAX: &str = "1048576";

/// How long brokers may take to make topics.
const PATIENCE: Duration = Duration::from_secs(30);

/// Topics of their own.
pub struct TestLog {
    /// How to get to them.
    pub kafka: KafkaConfig,
    /// The log on them.
    pub log: EntryLog,
}

impl TestLog {
    /// Makes the topics, each with so many partitions.
    pub async fn create(partitions: i32) -> TestLog {
        let brokers = env::var("TEST_KAFKA_BROKERS").unwrap_or_else(|_| {
            panic!("TEST_KAFKA_BROKERS is not set: run `make test`, or `python3 local with-test-services -- cargo test` for some tests")
        });
        let topics = format!("test-{}", Uuid::new_v4().simple()).parse().expect("a prefix");
        let kafka = KafkaConfig { brokers, security: Security::Plaintext, topics };
        let names = Topic::ALL.map(|topic| kafka.topics.name(topic));
        let new = names.iter().map(|name| {
            NewTopic::new(name, partitions, TopicReplication::Fixed(1)).set("max.message.bytes", RECORD_BYTES_MAX)
        });
        let new: Vec<NewTopic<'_>> = new.collect();
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &kafka.brokers).create().expect("a client");
        let patience = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let made = admin.create_topics(&new, &patience);
        for topic in made.await.expect("the Kafka of the tests answers") {
            topic.expect("the topic is made");
        }
        let log = EntryLog::new(&kafka).await.expect("a log");
        TestLog { kafka, log }
    }

    /// Appends a value to a topic.
    pub async fn append(&self, topic: Topic, message: &Message) {
        self.log.append(topic, message).await.expect("the record is appended");
    }

    /// As if consumers of a group had handled all that is in a topic.
    pub async fn pass_over(&self, topic: Topic, group: &str) {
        let opened = Reader::open(&self.kafka, group, &self.kafka.topics.name(topic), Part::NotHandled).await;
        let mut reader = opened.expect("the topic is there");
        loop {
            let records = reader.next().await.expect("records");
            if records.is_empty() {
                return;
            }
            reader.commit(&records).await.expect("the offsets are committed");
        }
    }

    /// All records of a topic, those of each partition in order.
    pub async fn records(&self, topic: Topic) -> Vec<Record> {
        let group = Uuid::new_v4().to_string();
        let opened = Reader::open(&self.kafka, &group, &self.kafka.topics.name(topic), Part::NotHandled).await;
        let mut reader = opened.expect("the topic is there");
        let mut all = Vec::new();
        loop {
            let records = reader.next().await.expect("records");
            if records.is_empty() {
                return all;
            }
            all.extend(records);
        }
    }

    /// What the consumers of a group have not handled, by the offsets that are committed.
    pub async fn unhandled(&self, topic: Topic, group: &str) -> usize {
        let opened = Reader::open(&self.kafka, group, &self.kafka.topics.name(topic), Part::NotHandled).await;
        let mut reader = opened.expect("the topic is there");
        let mut count = 0;
        loop {
            let records = reader.next().await.expect("records");
            if records.is_empty() {
                return count;
            }
            count += records.len();
        }
    }
}

/// Waits for what has to happen soon.
///
/// # Panics
/// If it does not.
pub async fn within_a_minute<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), work).await.expect("it takes longer than a minute")
}
