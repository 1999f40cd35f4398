//! Runs parked inputs again, with growing delays, until the fault is gone.
//!
//! A message is met twice for each attempt: first it is sent back with a delay, then its input is started under a name that
//! follows from the input and the attempt. Whatever is delivered or sent twice therefore starts one execution. If that one
//! fails, too, it parks the input anew, with the attempt counted. After some days the input goes to the dead-letter queue, as
//! does at once what can never be started; who brings a message back from there has it started without a delay, and its days
//! begin again.
//!
//! No clock is needed for the delays. The days are counted by this function's clock from the state machine's.

mod message;
mod queues;

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use executions::{StateMachine, StateMachineError};
use futures::future::join_all;
use jiff::Timestamp;
use message::{Failure, Parked, WAITED, has_attribute, was_brought_back};
pub use queues::Queues;
use queues::{DELAY_MAX, SendError};
use serde_json::Value;
use telemetry::{Causes, Line, Metrics, ReplayMetrics, StoreMetrics};
use workflow::{Generation, InputError, RecordEntries, Replay, UnknownFields};

/// What the function works with, built once when it starts.
#[derive(Debug)]
pub struct ReplayParked {
    /// What runs the inputs.
    pub state_machine: StateMachine,
    /// The generation of the ledger that they are recorded in.
    pub generation: Generation,
    /// Where they wait.
    pub queues: Queues,
    /// How long an input waits before its first replay; each further one waits twice as long, up to 15 minutes.
    pub first_delay: Duration,
    /// For how long an input is run again before somebody has to look at it.
    pub replay_for: Duration,
    /// Where the metrics go.
    pub metrics: Metrics,
}

/// What became of a message. It leaves the queue.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    /// It will come again.
    Delayed,
    /// Its input runs again.
    Replayed { parked_for: Duration },
    /// It is in the dead-letter queue.
    DeadLettered { parked_for: Duration },
}

/// A message stays in the queue and is delivered again.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Start(#[from] StateMachineError),
}

/// An input on its way to its next attempt.
struct NextAttempt {
    name: String,
    input: RecordEntries,
    replay: Replay,
}

/// Why an input goes to the dead-letter queue, and what is known of it.
struct DeadLetter<'a> {
    reason: String,
    parked_at: Timestamp,
    failure: Option<&'a Failure>,
    next: Option<&'a NextAttempt>,
}

impl ReplayParked {
    /// Deals with each message for itself; those that have to be delivered again are in the answer.
    pub async fn handle(&self, event: SqsEvent, now: Timestamp) -> SqsBatchResponse {
        let results = join_all(event.records.iter().map(|message| self.handle_message(message, now))).await;
        let mut response = SqsBatchResponse::default();
        let stores = StoreMetrics::take();
        let mut metrics = ReplayMetrics { inputs_replayed: 0, inputs_dead_lettered: 0, oldest_parked_age: 0, stores };
        for (message, result) in event.records.iter().zip(results) {
            match result {
                Ok(Done::Delayed) => {}
                Ok(Done::Replayed { parked_for }) => {
                    metrics.inputs_replayed += 1;
                    metrics.oldest_parked_age = metrics.oldest_parked_age.max(parked_for.as_secs());
                }
                Ok(Done::DeadLettered { parked_for }) => {
                    metrics.inputs_dead_lettered += 1;
                    metrics.oldest_parked_age = metrics.oldest_parked_age.max(parked_for.as_secs());
                }
                Err(error) => {
                    tracing::error!(error = %Causes(&error), "parked input not run again");
                    response.add_failure(message.message_id.clone().unwrap_or_default());
                }
            }
        }
        self.metrics.emit(&Line::new("parked messages taken"), metrics);
        response
    }

    async fn handle_message(&self, message: &SqsMessage, now: Timestamp) -> Result<Done, ReplayError> {
        let body = message.body.as_deref().unwrap_or_default();
        let was_brought_back = was_brought_back(message);
        let parked = match Parked::read(message) {
            Ok(parked) => parked,
            Err(error) => {
                let reason = format!("the message cannot be read: {}", Causes(&error));
                return self
                    .dead_letter(body, DeadLetter { reason, parked_at: now, failure: None, next: None }, now)
                    .await;
            }
        };
        let failure = &parked.failure();
        let next = match self.next_attempt(&parked, was_brought_back, now).await? {
            Ok(next) => next,
            Err(reason) => {
                let parked_at = parked.parked_at();
                return self
                    .dead_letter(body, DeadLetter { reason, parked_at, failure: Some(failure), next: None }, now)
                    .await;
            }
        };
        let first_parked_at = next.replay.first_parked_at;
        if age(first_parked_at, now) > self.replay_for {
            let reason = format!("not recorded after {} attempts since {first_parked_at}", next.replay.attempt);
            let letter = DeadLetter { reason, parked_at: first_parked_at, failure: Some(failure), next: Some(&next) };
            return self.dead_letter(body, letter, now).await;
        }
        if was_brought_back || has_attribute(message, WAITED) {
            return self.start(next, failure, now).await;
        }
        self.delay(body, &next, failure, now).await
    }

    /// The next attempt at an input, or why there can be none.
    async fn next_attempt(
        &self,
        parked: &Parked,
        was_brought_back: bool,
        now: Timestamp,
    ) -> Result<Result<NextAttempt, String>, ReplayError> {
        let input = match parked {
            Parked::Entries(parked) => Some(parked.input.clone()),
            Parked::Execution { detail } => {
                let input = match &detail.input {
                    Some(input) => Some(input.clone()),
                    None => self.state_machine.input_at(&detail.execution_arn).await?,
                };
                input.map(|input| serde_json::from_str(&input).unwrap_or(Value::String(input)))
            }
        };
        let Some(input) = input else {
            return Ok(Err("Step Functions no longer holds the input of the execution".to_owned()));
        };
        Ok(read_input(input).and_then(|input| {
            let (last_attempt, first_parked_at, unknown) = match &input.replay {
                Some(replay) => (replay.attempt, replay.first_parked_at, replay.unknown.clone()),
                None => (0, parked.parked_at(), UnknownFields::default()),
            };
            let first_parked_at = if was_brought_back { now } else { first_parked_at };
            let attempt = last_attempt.saturating_add(1);
            let name = input.replay_name(&self.generation, attempt).map_err(|error| never_posted(&error))?;
            Ok(NextAttempt { name, input, replay: Replay { attempt, first_parked_at, unknown } })
        }))
    }

    async fn delay(
        &self,
        body: &str,
        next: &NextAttempt,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<Done, ReplayError> {
        let delay = jittered(delay(self.first_delay, next.replay.attempt));
        self.queues.delay(body, delay).await?;
        let next_try = now.saturating_add(delay).unwrap_or(now);
        let line = about(Line::new("parked input waits"), next, failure);
        self.metrics.log(&line.text("next_try", format!("{next_try:.0}")));
        Ok(Done::Delayed)
    }

    async fn start(&self, next: NextAttempt, failure: &Failure, now: Timestamp) -> Result<Done, ReplayError> {
        let line = about(Line::new("parked input runs again"), &next, failure);
        let NextAttempt { name, mut input, replay } = next;
        let parked_for = age(replay.first_parked_at, now);
        input.replay = Some(replay);
        let text = serde_json::json!(input).to_string();
        let line = if self.state_machine.keeps_no_inputs() { line.json("input", &text) } else { line };
        // An execution of this name that was there before was started by another message about the same failure.
        let start = self.state_machine.start(&name, text, None).await?;
        let line = line.text("start", format!("{start:?}")).text("parked_for", format!("{parked_for:?}"));
        self.metrics.log(&line);
        Ok(Done::Replayed { parked_for })
    }

    async fn dead_letter(&self, body: &str, letter: DeadLetter<'_>, now: Timestamp) -> Result<Done, ReplayError> {
        let DeadLetter { reason, parked_at, failure, next } = letter;
        self.queues.dead_letter(body, &reason).await?;
        tracing::error!(
            reason,
            merchant = next.map(|next| &*next.input.merchant_id),
            execution = next.map(|next| &*next.name),
            attempt = next.map(|next| next.replay.attempt),
            first_parked_at = next.map(|next| next.replay.first_parked_at.to_string()),
            error = failure.map(|failure| &*failure.error),
            cause = failure.and_then(|failure| failure.cause.as_deref()),
            "parked input dead-lettered"
        );
        Ok(Done::DeadLettered { parked_for: age(parked_at, now) })
    }
}

/// A line about an input that runs or will run: whose it is, as which execution and for which time, and why it was parked.
fn about(line: Line, next: &NextAttempt, failure: &Failure) -> Line {
    let line = line
        .text("merchant", &next.input.merchant_id)
        .text("execution", &next.name)
        .text("attempt", next.replay.attempt)
        .text("first_parked_at", next.replay.first_parked_at)
        .text("error", &failure.error);
    match &failure.cause {
        Some(cause) => line.text("cause", cause),
        None => line,
    }
}

/// The input, or why it is of no use to run it again. Not of what a newer release has written: this function may be the older
/// one of a deployment, or of a rollback. Such an input runs again as it is, and apply-to-ledger says whether it knows it.
fn read_input(input: Value) -> Result<RecordEntries, String> {
    let input: RecordEntries =
        serde_json::from_value(input).map_err(|error| format!("the input cannot be read: {}", Causes(&error)))?;
    match input.clone().parse() {
        Err(error) if !error.is_of_newer_release() => Err(never_posted(&error)),
        _ => Ok(input),
    }
}

fn never_posted(error: &InputError) -> String {
    format!("the input can never be posted: {}", Causes(error))
}

fn age(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// How long an input waits for this attempt.
fn delay(first: Duration, attempt: u32) -> Duration {
    let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(DELAY_MAX)
}

/// Up to a quarter less, so that what was parked at once does not come back at once.
fn jittered(delay: Duration) -> Duration {
    let seconds = delay.as_secs();
    Duration::from_secs(fastrand::u64(seconds - seconds / 4..=seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_what_sqs_can_hold() {
        let seconds = |attempt| delay(Duration::from_secs(60), attempt).as_secs();
        assert_eq!([1, 2, 3, 4, 5, 6, 33, u32::MAX].map(seconds), [60, 120, 240, 480, 900, 900, 900, 900]);
    }

    #[test]
    fn jitter_only_shortens_and_by_a_quarter_at_most() {
        for _ in 0..1000 {
            let seconds = jittered(Duration::from_secs(100)).as_secs();
            assert!((75..=100).contains(&seconds), "{seconds}");
        }
        assert_eq!(jittered(Duration::from_secs(1)), Duration::from_secs(1));
    }
}
