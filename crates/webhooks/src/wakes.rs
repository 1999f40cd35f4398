use std::{fmt, time::Duration};

use aws_clients::{AwsError, AwsLimits};
use aws_sdk_sqs::{Client, types::SendMessageBatchRequestEntry};
use settings::SettingError;

use crate::Wake;

/// A wake that is sent twice does no harm.
const SQS: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(3), operation_timeout: Duration::from_secs(7), attempts: 2 };

/// The longest delay that SQS knows.
pub const DELAY_MAX: Duration = Duration::from_secs(900);

/// How many messages SQS takes at once.
const BATCH: usize = 10;

/// The queue of those who may have events to be given. A message names its merchant as its group: SQS gives out those of merchants
/// first who take up little of the functions' time ("Amazon SQS fair queues", SQS Developer Guide), so that slow receivers of one keep
/// nobody else waiting for long.
pub struct Wakes {
    client: Client,
    queue_url: String,
}

/// A wake was not sent. Whoever is due is found by the sweep.
#[derive(Debug, thiserror::Error)]
pub enum WakeError {
    /// SQS did not answer.
    #[error("sending wakes failed")]
    Unavailable(#[source] AwsError),
    /// It took some of them only.
    #[error("{0} wakes were not taken by the queue")]
    Refused(usize),
}

impl Wakes {
    /// The queue at this URL.
    pub fn new(client: Client, queue_url: impl Into<String>) -> Wakes {
        Wakes { client, queue_url: queue_url.into() }
    }

    /// From `DELIVERIES_QUEUE_URL`.
    pub async fn from_env() -> Result<Wakes, SettingError> {
        let queue_url = settings::required("DELIVERIES_QUEUE_URL")?;
        Ok(Wakes::new(Client::new(&SQS.load_config().await?), queue_url))
    }

    /// Wakes one, after a delay of at most [`DELAY_MAX`].
    pub async fn send(&self, wake: &Wake, delay: Duration) -> Result<(), WakeError> {
        let seconds = i32::try_from(delay.min(DELAY_MAX).as_secs()).unwrap_or(i32::MAX);
        let send = self.client.send_message().queue_url(&self.queue_url).message_body(wake.to_json());
        let sent = send.delay_seconds(seconds).message_group_id(wake.merchant.as_str()).send().await;
        sent.map(drop).map_err(|error| WakeError::Unavailable(AwsError::new(&error)))
    }

    /// Wakes all of these at once. Each batch is tried, and what failed first is told.
    pub async fn send_all(&self, wakes: &[Wake]) -> Result<(), WakeError> {
        let mut result = Ok(());
        for wakes in wakes.chunks(BATCH) {
            let sent = self.send_batch(wakes).await;
            if result.is_ok() {
                result = sent;
            }
        }
        result
    }

    async fn send_batch(&self, wakes: &[Wake]) -> Result<(), WakeError> {
        let entries = wakes.iter().enumerate().filter_map(|(index, wake)| {
            let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(wake.to_json());
            entry.message_group_id(wake.merchant.as_str()).build().ok()
        });
        let send = self.client.send_message_batch().queue_url(&self.queue_url).set_entries(Some(entries.collect()));
        let sent = send.send().await.map_err(|error| WakeError::Unavailable(AwsError::new(&error)))?;
        match sent.failed.len() {
            0 => Ok(()),
            count => Err(WakeError::Refused(count)),
        }
    }
}

impl fmt::Debug for Wakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wakes({})", self.queue_url)
    }
}
