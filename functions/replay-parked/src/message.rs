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

/// The most of a cause that is shown, in characters.
const CAUSE_CHARACTERS_MAX: usize = 1_000;

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
    /// How it ended, such as `ABORTED`. What `make unparked` sends has neither this nor the two below.
    status: Option<String>,
    /// The name of the error with which it failed.
    error: Option<String>,
    /// What is said of that.
    cause: Option<String>,
}

/// Why an execution gave up, as far as its message says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The name of the error, or else the status in which the execution ended.
    pub(crate) error: String,
    /// What the function said that failed.
    pub(crate) cause: Option<String>,
}

/// The cause of a function's failure ("AWS Lambda function errors in Rust", Lambda Developer Guide).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionError {
    error_message: String,
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

    /// Why it gave up.
    pub(crate) fn failure(&self) -> Failure {
        let (error, cause) = match self {
            Parked::Entries(parked) => (Some(&parked.error), Some(&parked.cause)),
            Parked::Execution { detail } => (detail.error.as_ref().or(detail.status.as_ref()), detail.cause.as_ref()),
        };
        Failure {
            error: error.map_or("unknown", String::as_str).to_owned(),
            cause: cause.and_then(|cause| said_by_a_function(cause)),
        }
    }
}

/// What a function said when it failed. Any other cause is left out, because it may quote the entries: Step Functions puts the
/// input of a state into the cause of `States.Runtime`, and whoever stops an execution writes what he likes.
fn said_by_a_function(cause: &str) -> Option<String> {
    let FunctionError { error_message } = serde_json::from_str(cause).ok()?;
    Some(error_message.chars().take(CAUSE_CHARACTERS_MAX).collect())
}

/// Whether somebody brought the message back from the dead-letter queue.
pub(crate) fn was_brought_back(message: &SqsMessage) -> bool {
    has_attribute(message, DEAD_LETTER_REASON) || has_attribute(message, FORMER_DEAD_LETTER_REASON)
}

pub(crate) fn has_attribute(message: &SqsMessage, name: &str) -> bool {
    message.message_attributes.contains_key(name)
}
