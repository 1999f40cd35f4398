use std::time::Duration;

use jiff::Timestamp;

use crate::{Headers, Message, Record, Step, Topic};

/// For how long a record is tried again before it goes to the dead-letter topic.
pub const RETRY_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How often a record is tried again after a minute each, before it is a quarter of an hour.
const SHORT_DELAYS: u32 = 10;

/// How soon a record that could not be handled may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// What is missing may come any moment.
    Soon,
    /// It takes a deployment, or somebody who mends something.
    Later,
}

impl Retry {
    /// Where a record goes that failed at this step for a reason of this name, and as what: to a topic of retries, or to the
    /// dead-letter topic if it has been tried for long enough.
    pub fn again(self, record: &Record, step: Step, reason: &str, now: Timestamp) -> (Topic, Message) {
        let first_failed_at = record.headers.first_failed_at.unwrap_or(now);
        let age = Duration::try_from(now.duration_since(first_failed_at)).unwrap_or_default();
        if age > RETRY_FOR {
            return dead(record, step, reason);
        }
        let attempt = record.headers.attempt.unwrap_or(0).saturating_add(1);
        let topic = match self {
            Retry::Soon if attempt <= SHORT_DELAYS => Topic::Retry1m,
            Retry::Soon | Retry::Later => Topic::Retry15m,
        };
        let headers = Headers {
            step: Some(step),
            attempt: Some(attempt),
            first_failed_at: Some(first_failed_at),
            ..record.headers.clone()
        };
        (topic, Message { headers, ..record.to_message() })
    }
}

/// Where a record goes that can never be handled, and as what.
pub fn dead(record: &Record, step: Step, reason: &str) -> (Topic, Message) {
    let headers = Headers {
        step: Some(step),
        reason: Some(reason.to_owned()),
        origin: Some(record.origin.to_string()),
        ..record.headers.clone()
    };
    (Topic::Dead, Message { headers, ..record.to_message() })
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

    #[test]
    fn delays_grow_with_the_attempts() {
        let topics = [0, 9, 10, 500].map(|attempt| {
            let record = record(failed(attempt, "2026-11-22T11:00:00Z"));
            Retry::Soon.again(&record, Step::Record, "OriginalNotPosted", at(NOW)).0
        });
        assert_eq!(topics, [Topic::Retry1m, Topic::Retry1m, Topic::Retry15m, Topic::Retry15m]);
        let first = record(Headers::default());
        assert_eq!(Retry::Later.again(&first, Step::Record, "NewerInput", at(NOW)).0, Topic::Retry15m);
    }

    #[test]
    fn attempts_and_the_first_failure_travel_from_topic_to_topic() {
        let execution = Some("e".to_owned());
        let first = record(Headers { execution: execution.clone(), ..Headers::default() });
        let (_, again) = Retry::Soon.again(&first, Step::Record, "OriginalNotPosted", at(NOW));
        let expected = Headers { execution, step: Some(Step::Record), ..failed(1, NOW) };
        assert_eq!(again, Message { key: "acme".to_owned(), value: b"{}".to_vec(), headers: expected.clone() });
        let (_, again) =
            Retry::Soon.again(&record(expected.clone()), Step::Record, "OriginalNotPosted", at("2026-11-23T00:00:00Z"));
        assert_eq!(again.headers, Headers { attempt: Some(2), ..expected });
    }

    #[test]
    fn what_has_been_tried_for_seven_days_is_dead() {
        let topic = |first_failed_at| {
            Retry::Later.again(&record(failed(3, first_failed_at)), Step::Record, "NewerInput", at(NOW)).0
        };
        assert_eq!(topic("2026-11-15T12:00:00Z"), Topic::Retry15m);
        assert_eq!(topic("2026-11-15T11:59:59Z"), Topic::Dead);
    }

    #[test]
    fn a_dead_letter_says_why_and_where_and_begins_anew_when_it_is_brought_back() {
        let failed = Headers { execution: Some("e".to_owned()), ..failed(3, NOW) };
        let (topic, letter) = dead(&record(failed), Step::Consolidate, "InvalidInput");
        assert_eq!(topic, Topic::Dead);
        let said = (letter.headers.reason.as_deref(), letter.headers.origin.as_deref(), letter.headers.attempt);
        assert_eq!(said, (Some("InvalidInput"), Some("fluxo.entries-1-2"), Some(3)));
        let (topic, back) = record(letter.headers).brought_back().expect("it has a step");
        let expected = Headers { execution: Some("e".to_owned()), step: Some(Step::Consolidate), ..Headers::default() };
        assert_eq!((topic, back.headers), (Topic::Retry1m, expected));
        assert_eq!(record(Headers::default()).brought_back(), None);
    }
}
