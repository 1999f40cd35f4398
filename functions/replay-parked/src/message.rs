use aws_lambda_events::sqs::SqsMessage;
use jiff::Timestamp;
use serde::Deserialize;
use workflow::ParkedEntries;

/// The attribute of a message that has waited for its turn.
pub(crate) const WAITED: &str = "Waited";

/// The attribute of a message of the dead-letter queue: why it is there. A message of the park queue that carries it was brought
/// back by somebody.
pub(crate) const DEAD_LETTER_REASON: &str = "DeadLetterReason";

/// Its former name, which releases up to 0.1 wrote. It is read for as long as such messages live: 14 days after the last of them
/// was written, or after a rollback to such a release.
const FORMER_DEAD_LETTER_REASON: &str = "SetAsideBecause";

/// What lies in the park queue.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Parked {
    /// From the state `ParkEntries`, or brought back from the dead-letter queue.
    Entries(ParkedEntries),
    /// From the rule on executions that ended in a way the state machine could not catch.
    Execution {
        /// What EventBridge tells about it.
        detail: EndedExecution,
    },
}

/// An execution that failed, timed out or was stopped; EventBridge's "Step Functions Execution Status Change".
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndedExecution {
    /// Where it is known: it may be of the state machine on which nothing is started any more.
    pub(crate) execution_arn: String,
    /// Its input, unless it was too long for the event.
    pub(crate) input: Option<String>,
    /// When it ended, in milliseconds since 1970.
    stop_date: i64,
}

impl Parked {
    pub(crate) fn read(message: &SqsMessage) -> Result<Parked, serde_json::Error> {
        serde_json::from_str(message.body.as_deref().unwrap_or_default())
    }

    /// When the execution gave up.
    pub(crate) fn parked_at(&self) -> Timestamp {
        match self {
            Parked::Entries(parked) => parked.parked_at,
            Parked::Execution { detail } => Timestamp::from_millisecond(detail.stop_date).unwrap_or_default(),
        }
    }
}

/// Whether somebody brought the message back from the dead-letter queue.
pub(crate) fn was_brought_back(message: &SqsMessage) -> bool {
    has_attribute(message, DEAD_LETTER_REASON) || has_attribute(message, FORMER_DEAD_LETTER_REASON)
}

pub(crate) fn has_attribute(message: &SqsMessage, name: &str) -> bool {
    message.message_attributes.contains_key(name)
}
