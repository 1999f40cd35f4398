use std::time::Duration;

use futures::future::try_join_all;
use jiff::Timestamp;
use telemetry::{Exposition, Line, Metrics, MovedMetrics};
use workflow::ErrorName;

use crate::{AppendError, EntryLog, Headers, Message, Record, Step, Topic};

/// For how long a record is tried again before it goes to the dead-letter topic.
pub const RETRY_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How often a record is tried again after a minute each, before it is a quarter of an hour.
const SHORT_DELAYS: u32 = 10;

/// Where a record goes that failed at a step with this error, and as what: to where it is tried again, or to the dead-letter topic if
/// that is of no use or has been done for long enough.
pub fn moved(record: &Record, step: impl Into<Option<Step>>, error: ErrorName, now: Timestamp) -> Moved {
    let step = step.into();
    let attempt = record.headers.attempt.unwrap_or(0).saturating_add(1);
    let first_failed_at = record.headers.first_failed_at.unwrap_or(now);
    let age = Duration::try_from(now.duration_since(first_failed_at)).unwrap_or_default();
    let topic = if age > RETRY_FOR { Topic::Dead } else { topic_after(error, attempt) };
    let headers = Headers {
        step,
        attempt: Some(attempt),
        first_failed_at: Some(first_failed_at),
        reason: Some(error.as_str().to_owned()),
        origin: Some(record.origin.to_string()),
        ..record.headers.clone()
    };
    Moved { topic, message: Message { headers, ..record.to_message() }, step, error }
}

fn topic_after(error: ErrorName, attempt: u32) -> Topic {
    match error {
        ErrorName::InvalidInput => Topic::Dead,
        // It takes a deployment, or somebody who mends what the ledger holds.
        ErrorName::NewerInput | ErrorName::LedgerMisconfigured => Topic::Retry15m,
        // What is missing may come any moment.
        ErrorName::OriginalNotPosted | ErrorName::LedgerUnavailable | ErrorName::BalancesUnavailable => {
            if attempt <= SHORT_DELAYS { Topic::Retry1m } else { Topic::Retry15m }
        }
    }
}

/// A record that could not be handled, on its way to where it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Where it goes.
    pub topic: Topic,
    /// As what.
    pub message: Message,
    /// At which step it failed, if this release knows it.
    pub step: Option<Step>,
    /// With which error.
    pub error: ErrorName,
}

/// Shows in the metrics of a process that it has moved no records of this step yet.
pub fn begin_counting_moved(exposition: &Exposition, step: Step) {
    MovedMetrics::begin(exposition, step.as_str(), ErrorName::ALL.map(ErrorName::as_str));
}

impl EntryLog {
    /// Appends records that could not be handled where they wait, and says so in the log.
    pub async fn move_on(&self, metrics: &Metrics, moved: Vec<Moved>) -> Result<(), AppendError> {
        let topics = try_join_all(moved.iter().map(|moved| self.move_one(moved))).await?;
        topics.into_iter().zip(&moved).for_each(|(topic, moved)| report(metrics, topic, moved));
        Ok(())
    }

    /// Answers where it is now. A record that is too large for the topic, once it has headers, goes to the dead-letter topic without its
    /// value: its origin says where that is. It would otherwise stop its partition for ever.
    async fn move_one(&self, Moved { topic, message, .. }: &Moved) -> Result<Topic, AppendError> {
        match self.append(*topic, message).await {
            Err(AppendError::TooLarge { .. }) => {
                let bare = Message { value: Vec::new(), ..message.clone() };
                self.append(Topic::Dead, &bare).await.map(|()| Topic::Dead)
            }
            appended => appended.map(|()| *topic),
        }
    }
}

fn report(metrics: &Metrics, topic: Topic, Moved { message, step, error, .. }: &Moved) {
    let headers = &message.headers;
    let step = step.map_or("unknown", Step::as_str);
    let message = if topic == Topic::Dead { "record dead-lettered" } else { "record waits for another attempt" };
    let mut line = Line::new(message).text("step", step).text("reason", error.as_str());
    let known = [
        ("execution", headers.execution.clone()),
        ("origin", headers.origin.clone()),
        ("attempt", headers.attempt.map(|attempt| attempt.to_string())),
        ("first_failed_at", headers.first_failed_at.map(|at| at.to_string())),
    ];
    for (name, text) in known {
        if let Some(text) = text {
            line = line.text(name, text);
        }
    }
    metrics.emit(&line, MovedMetrics { step, dead_for: (topic == Topic::Dead).then(|| error.as_str()) });
}

impl Record {
    /// Where a dead letter goes that somebody brings back, and as what. Its attempts and days begin again. Nothing, if it does not
    /// say at which step it failed.
    pub fn brought_back(&self) -> Option<(Topic, Message)> {
        let step = Some(self.headers.step?);
        let headers =
            Headers { step, attempt: None, first_failed_at: None, reason: None, origin: None, ..self.headers.clone() };
        Some((Topic::Retry1m, Message { headers, ..self.to_message() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    const NOW: &str = "2026-11-22T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn record(headers: Headers) -> Record {
        Record {
            origin: Origin { topic: "fluxo.entries".to_owned(), partition: 1, offset: 2 },
            appended_at: at(NOW),
            key: "acme".to_owned(),
            value: b"{}".to_vec(),
            headers,
        }
    }

    fn failed(attempt: u32, first_failed_at: &str) -> Headers {
        Headers { attempt: Some(attempt), first_failed_at: Some(at(first_failed_at)), ..Headers::default() }
    }

    fn topic(headers: Headers, error: ErrorName) -> Topic {
        moved(&record(headers), Step::Record, error, at(NOW)).topic
    }

    #[test]
    fn delays_grow_with_the_attempts() {
        let after = |attempt| topic(failed(attempt, "2026-11-22T11:00:00Z"), ErrorName::OriginalNotPosted);
        assert_eq!([0, 9, 10, 500].map(after), [Topic::Retry1m, Topic::Retry1m, Topic::Retry15m, Topic::Retry15m]);
    }

    #[test]
    fn each_error_leads_to_where_it_is_of_use_to_try_again() {
        let topics = ErrorName::ALL.map(|error| topic(Headers::default(), error));
        let [invalid, newer, unavailable, original, misconfigured, balances] = topics;
        assert_eq!(invalid, Topic::Dead);
        assert_eq!([newer, misconfigured], [Topic::Retry15m; 2]);
        assert_eq!([unavailable, original, balances], [Topic::Retry1m; 3]);
    }

    #[test]
    fn attempts_and_the_first_failure_travel_from_topic_to_topic() {
        let execution = Some("e".to_owned());
        let again = |headers, now| moved(&record(headers), Step::Record, ErrorName::NewerInput, at(now)).message;
        let first = again(Headers { execution: execution.clone(), ..Headers::default() }, NOW);
        let expected = Headers {
            execution,
            step: Some(Step::Record),
            reason: Some("NewerInput".to_owned()),
            origin: Some("fluxo.entries-1-2".to_owned()),
            ..failed(1, NOW)
        };
        assert_eq!(first, Message { key: "acme".to_owned(), value: b"{}".to_vec(), headers: expected.clone() });
        let second = again(expected.clone(), "2026-11-23T00:00:00Z");
        assert_eq!(second.headers, Headers { attempt: Some(2), ..expected });
    }

    #[test]
    fn what_has_been_tried_for_seven_days_is_dead() {
        let topic = |first_failed_at| topic(failed(3, first_failed_at), ErrorName::NewerInput);
        assert_eq!(topic("2026-11-15T12:00:00Z"), Topic::Retry15m);
        assert_eq!(topic("2026-11-15T11:59:59Z"), Topic::Dead);
    }

    #[test]
    fn a_dead_letter_begins_anew_when_it_is_brought_back() {
        let failed = Headers { execution: Some("e".to_owned()), ..failed(3, NOW) };
        let letter = moved(&record(failed), Step::Consolidate, ErrorName::InvalidInput, at(NOW)).message;
        let (topic, back) = record(letter.headers).brought_back().expect("it has a step");
        let expected = Headers { execution: Some("e".to_owned()), step: Some(Step::Consolidate), ..Headers::default() };
        assert_eq!((topic, back.headers), (Topic::Retry1m, expected));
        assert_eq!(record(Headers::default()).brought_back(), None);
    }
}
