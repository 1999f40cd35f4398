use std::{error::Error, time::Duration};

use aws_clients::{AwsError, AwsLimits};
use aws_sdk_sqs::{Client, error::BuildError, types::MessageAttributeValue};
use settings::SettingError;

use crate::message::{DEAD_LETTER_REASON, WAITED};

/// A message that was sent twice does no harm: both lead to an execution of the same name.
const SQS: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(3), operation_timeout: Duration::from_secs(7), attempts: 2 };

/// The longest delay that SQS knows.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(900);

/// The longest reason that travels with a message, in characters: body and attributes share the room of a message.
const REASON_CHARACTERS_MAX: usize = 1_000;

/// The queues of inputs that wait: to run again, or for somebody to look at them.
#[derive(Debug)]
pub struct Queues {
    client: Client,
    park_queue_url: String,
    dead_letter_queue_url: String,
}

/// Sending a message to a queue failed.
#[derive(Debug, thiserror::Error)]
#[error("SendMessage failed")]
pub(crate) struct SendError(#[source] Box<dyn Error + Send + Sync>);

impl Queues {
    /// The queues at these URLs, reached through this client.
    pub fn new(client: Client, park_queue_url: impl Into<String>, dead_letter_queue_url: impl Into<String>) -> Queues {
        Queues { client, park_queue_url: park_queue_url.into(), dead_letter_queue_url: dead_letter_queue_url.into() }
    }

    /// From `PARK_QUEUE_URL` and `DEAD_LETTER_QUEUE_URL`.
    pub async fn from_env() -> Result<Queues, SettingError> {
        let (park, dead_letter) = (settings::required("PARK_QUEUE_URL")?, settings::required("DEAD_LETTER_QUEUE_URL")?);
        Ok(Queues::new(Client::new(&SQS.load_config().await?), park, dead_letter))
    }

    /// Puts a message back, to come again after a delay.
    pub(crate) async fn delay(&self, body: &str, delay: Duration) -> Result<(), SendError> {
        let seconds = i32::try_from(delay.min(DELAY_MAX).as_secs()).unwrap_or(i32::MAX);
        self.send(&self.park_queue_url, body, seconds, WAITED, &seconds.to_string()).await
    }

    /// Sends a message to the dead-letter queue, where somebody will look at it.
    pub(crate) async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), SendError> {
        self.send(&self.dead_letter_queue_url, body, 0, DEAD_LETTER_REASON, &as_attribute(reason)).await
    }

    async fn send(
        &self,
        queue_url: &str,
        body: &str,
        delay_seconds: i32,
        attribute: &str,
        value: &str,
    ) -> Result<(), SendError> {
        let attribute_value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
        let attribute_value = attribute_value.map_err(|error: BuildError| SendError(Box::new(error)))?;
        self.client
            .send_message()
            .queue_url(queue_url)
            .message_body(body)
            .delay_seconds(delay_seconds)
            .message_attributes(attribute, attribute_value)
            .send()
            .await
            .map_err(|error| SendError(Box::new(AwsError::new(&error))))?;
        Ok(())
    }
}

/// A reason in a form that SQS takes. It quotes what is wrong with an input, and that can be any text.
fn as_attribute(reason: &str) -> String {
    let is_refused = |character: char| character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}');
    reason
        .chars()
        .take(REASON_CHARACTERS_MAX)
        .map(|character| if is_refused(character) { char::REPLACEMENT_CHARACTER } else { character })
        .collect()
}
