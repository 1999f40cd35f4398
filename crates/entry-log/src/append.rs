use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    config::FromClientConfigAndContext,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{FutureProducer, FutureRecord, Producer},
};
use tokio::time::timeout;

use crate::{KafkaConfig, Message, Topic, Topics, context::Context};

/// The most that appending takes, in all. What is acknowledged later counts as unknown.
pub const APPEND_PATIENCE: Duration = Duration::from_secs(5);

/// The largest record in bytes, as each topic takes it (`max.message.bytes`). An input of entries has up to 200 KiB
/// (`workflow::INPUT_BYTES_MAX`), and the totals after 500 entries of as many days have some 200.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// For how long nothing may be acknowledged before another client is made. librdkafka 2.12 may lose sight of all brokers for good, such
/// as after all of them were restarted at once (issue 5301 of librdkafka); a client that is new finds them again. If it is the brokers
/// that are gone, it is no worse than the one before.
const SILENCE_MAX: Duration = Duration::from_secs(15);

type Client = FutureProducer<Context>;

/// The log, for those who append to it.
pub struct EntryLog {
    config: ClientConfig,
    context: Context,
    topics: Topics,
    /// Replaced when the client says that it can do nothing any more.
    client: RwLock<Arc<Client>>,
    /// Since when nothing that was appended has been acknowledged.
    silent_since: Mutex<Option<Instant>>,
}

/// Why a record is not known to be in the log. It may be there or get there yet, unless the error says that it was not sent.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The client has its configuration's faults, or no memory.
    #[error("the Kafka client cannot be made")]
    Client(#[source] KafkaError),
    /// Not sent: it is larger than what topics take.
    #[error("a record of {bytes} bytes for {topic} was not sent, the limit is {RECORD_BYTES_MAX}")]
    TooLarge {
        /// The name of the topic.
        topic: String,
        /// The size of its value.
        bytes: usize,
    },
    /// Not sent: too many records wait for the brokers.
    #[error("a record for {topic} was not sent: too many wait for the brokers")]
    QueueFull {
        /// The name of the topic.
        topic: String,
    },
    /// The brokers did not acknowledge it in time.
    #[error("no acknowledgement of a record for {topic} within {APPEND_PATIENCE:?}")]
    Timeout {
        /// The name of the topic.
        topic: String,
    },
    /// The client takes it for acknowledged because a later one of its partition was, and no broker has said so.
    #[error("a record for {topic} was acknowledged without a place there, so it may be missing")]
    Unplaced {
        /// The name of the topic.
        topic: String,
    },
    /// The brokers refused, or could not be asked.
    #[error("appending a record to {topic} failed")]
    Kafka {
        /// The name of the topic.
        topic: String,
        /// What the client says.
        source: KafkaError,
    },
}

impl AppendError {
    /// Whether the same record may be appended later without anybody mending anything.
    pub fn is_transient(&self) -> bool {
        match self {
            AppendError::QueueFull { .. }
            | AppendError::Timeout { .. }
            | AppendError::Unplaced { .. }
            | AppendError::Kafka { .. } => true,
            AppendError::Client(_) | AppendError::TooLarge { .. } => false,
        }
    }

    fn new(error: KafkaError, topic: String, bytes: usize) -> AppendError {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => AppendError::TooLarge { topic, bytes },
            Some(RDKafkaErrorCode::QueueFull) => AppendError::QueueFull { topic },
            Some(RDKafkaErrorCode::MessageTimedOut) => AppendError::Timeout { topic },
            _ => AppendError::Kafka { topic, source: error },
        }
    }
}

impl fmt::Debug for EntryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryLog").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl EntryLog {
    /// The log at these brokers. They need not answer yet.
    ///
    /// # Errors
    /// The configuration is not one that the client takes.
    pub async fn new(kafka: &KafkaConfig) -> Result<EntryLog, AppendError> {
        let mut config = kafka.client();
        config
            // Acknowledged by all in-sync replicas, and what is sent twice is in the log once.
            .set("acks", "all")
            .set("enable.idempotence", "true")
            // The client looks for what has timed out every second, so this stays below what a caller waits.
            .set("message.timeout.ms", "3500")
            .set("message.max.bytes", RECORD_BYTES_MAX.to_string())
            // Records of a moment share a request; a request waits this long for its company.
            .set("linger.ms", "5")
            // What waits for brokers that do not answer has an end, so that a service does not run out of memory.
            .set("queue.buffering.max.messages", "20000")
            .set("queue.buffering.max.kbytes", "16384");
        let context = Context::new(kafka.tokens().await);
        let client = RwLock::new(Arc::new(
            Client::from_config_and_context(&config, context.clone()).map_err(AppendError::Client)?,
        ));
        Ok(EntryLog { config, context, topics: kafka.topics.clone(), client, silent_since: Mutex::default() })
    }

    /// The names of the topics.
    pub fn topics(&self) -> &Topics {
        &self.topics
    }

    /// Appends a record and answers when all in-sync replicas have it.
    pub async fn append(&self, topic: Topic, message: &Message) -> Result<(), AppendError> {
        let name = self.topics.name(topic);
        let bytes = message.value.len();
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner).clone();
        let record =
            FutureRecord::to(&name).key(&message.key).payload(&message.value).headers(message.headers.written());
        let failure = match client.send_result(record) {
            Ok(sent) => match timeout(APPEND_PATIENCE, sent).await {
                Ok(Ok(Ok(delivery))) => {
                    *self.silent_since() = None;
                    // If a batch fails and the next one of its partition is taken, librdkafka concludes that the first was taken as well
                    // (`rd_kafka_dr_implicit_ack`). A broker that has nothing of this producer in the partition yet takes any batch
                    // (KAFKA-15591), so the first may be nowhere. Of such a record the client knows no offset.
                    if delivery.offset >= 0 {
                        return Ok(());
                    }
                    AppendError::Unplaced { topic: name }
                }
                Ok(Ok(Err((error, _)))) => AppendError::new(error, name, bytes),
                // Not even the client knows, or it was replaced meanwhile.
                Err(_) | Ok(Err(_)) => AppendError::Timeout { topic: name },
            },
            Err((error, _)) => AppendError::new(error, name, bytes),
        };
        // An idempotent producer refuses everything after some errors ("fatal errors" of librdkafka's manual).
        if let Some((_, reason)) = client.client().fatal_error() {
            self.replace(&client, &reason);
        } else if failure.is_transient() && self.is_silent_for_too_long() {
            self.replace(&client, "nothing was acknowledged for a while");
        }
        Err(failure)
    }

    fn silent_since(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.silent_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_silent_for_too_long(&self) -> bool {
        self.silent_since().get_or_insert_with(Instant::now).elapsed() > SILENCE_MAX
    }

    /// Goes on with another client.
    fn replace(&self, client: &Arc<Client>, reason: &str) {
        let mut current = self.client.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&current, client) {
            return;
        }
        match Client::from_config_and_context(&self.config, self.context.clone()) {
            Ok(next) => {
                tracing::error!(reason, "the Kafka producer can send nothing any more and was replaced");
                drop_apart(std::mem::replace(&mut current, Arc::new(next)));
                *self.silent_since() = None;
            }
            Err(error) => tracing::error!(%error, reason, "the Kafka producer could not be replaced"),
        }
    }
}

/// Drops a client when nobody waits for it any more, in a thread of its own: that may take a while.
fn drop_apart(client: Arc<Client>) {
    thread::spawn(move || {
        while Arc::strong_count(&client) > 1 {
            thread::sleep(Duration::from_millis(100));
        }
    });
}
