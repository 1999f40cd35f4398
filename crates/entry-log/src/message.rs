use std::{fmt, str::FromStr};

use jiff::Timestamp;
use rdkafka::{
    Message as _,
    message::{BorrowedMessage, Header, Headers as _, OwnedHeaders},
};

/// The step of an entry's way at which a record is, for those who handle what is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Posting entries: the value is `RecordEntries`.
    Record,
    /// Writing totals: the value is `PostedEntries`.
    Consolidate,
}

impl Step {
    /// The name in the header `step`.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Record => "record",
            Step::Consolidate => "consolidate",
        }
    }
}

/// A text is not the name of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be record or consolidate")]
pub struct UnknownStep;

impl FromStr for Step {
    type Err = UnknownStep;

    fn from_str(text: &str) -> Result<Step, UnknownStep> {
        match text {
            "record" => Ok(Step::Record),
            "consolidate" => Ok(Step::Consolidate),
            _ => Err(UnknownStep),
        }
    }
}

/// What travels beside the value. All of it is optional, and nothing of what becomes of the entries depends on it but when they
/// are tried again. What is unknown or cannot be read counts as absent, and travels on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers {
    /// The name of the execution: what the request is called in logs.
    pub execution: Option<String>,
    /// The trace header of the request.
    pub trace: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// At which step it failed.
    pub step: Option<Step>,
    /// How often it has been put into a topic of retries.
    pub attempt: Option<u32>,
    /// When it failed for the first time.
    pub first_failed_at: Option<Timestamp>,
    /// Why it is in the dead-letter topic: the name of an error.
    pub reason: Option<String>,
    /// Where it was when it could not be handled.
    pub origin: Option<String>,
    /// What this release does not know.
    pub others: Vec<(String, Vec<u8>)>,
}

impl Headers {
    fn read<'a>(headers: impl Iterator<Item = Header<'a, &'a [u8]>>) -> Headers {
        let mut read = Headers::default();
        for Header { key, value } in headers {
            let value = value.unwrap_or_default();
            if read.set(key, value).is_none() {
                read.others.push((key.to_owned(), value.to_vec()));
            }
        }
        read
    }

    /// Sets the header of this name, if it is known and can be read.
    fn set(&mut self, key: &str, value: &[u8]) -> Option<()> {
        let text = str::from_utf8(value).ok()?;
        match key {
            "execution" => self.execution = Some(text.to_owned()),
            "trace" => self.trace = Some(text.to_owned()),
            "request_id" => self.request_id = Some(text.to_owned()),
            "step" => self.step = Some(text.parse().ok()?),
            "attempt" => self.attempt = Some(text.parse().ok()?),
            "first_failed_at" => self.first_failed_at = Some(text.parse().ok()?),
            "reason" => self.reason = Some(text.to_owned()),
            "origin" => self.origin = Some(text.to_owned()),
            _ => return None,
        }
        Some(())
    }

    /// What their values and unknown names take, in bytes.
    fn bytes(&self) -> usize {
        let Headers { execution, trace, request_id, step: _, attempt: _, first_failed_at: _, reason, origin, others } =
            self;
        let known = [execution, trace, request_id, reason, origin].into_iter().flatten().map(String::len);
        known.chain(others.iter().map(|(name, value)| name.len() + value.len())).sum()
    }

    pub(crate) fn written(&self) -> OwnedHeaders {
        // Without `..`, so that a header that is not written does not compile.
        let Headers { execution, trace, request_id, step, attempt, first_failed_at, reason, origin, others } = self;
        let known = [
            ("execution", execution.clone()),
            ("trace", trace.clone()),
            ("request_id", request_id.clone()),
            ("step", step.map(|step| step.as_str().to_owned())),
            ("attempt", attempt.map(|attempt| attempt.to_string())),
            ("first_failed_at", first_failed_at.map(|at| at.to_string())),
            ("reason", reason.clone()),
            ("origin", origin.clone()),
        ];
        let mut written = OwnedHeaders::new();
        for (key, value) in known.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            written = written.insert(Header { key, value: Some(value) });
        }
        for (key, value) in
            others.iter().filter(|(key, _)| !known.iter().any(|(known, value)| known == key && value.is_some()))
        {
            written = written.insert(Header { key, value: Some(value) });
        }
        written
    }
}

/// What is appended to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The merchant: their records are in order. It only chooses the partition; nobody reads it.
    pub key: String,
    /// JSON.
    pub value: Vec<u8>,
    /// What travels beside it.
    pub headers: Headers,
}

/// Where a record is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The name of the topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { topic, partition, offset } = self;
        write!(f, "{topic}-{partition}-{offset}")
    }
}

/// What was read from a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it is.
    pub origin: Origin,
    /// When it was appended.
    pub appended_at: Timestamp,
    /// The key with which it was appended; only good for choosing a partition again.
    pub key: String,
    /// What should be JSON.
    pub value: Vec<u8>,
    /// What travels beside it.
    pub headers: Headers,
}

impl Record {
    pub(crate) fn read(message: &BorrowedMessage<'_>) -> Record {
        let milliseconds = message.timestamp().to_millis().unwrap_or_default();
        Record {
            origin: Origin {
                topic: message.topic().to_owned(),
                partition: message.partition(),
                offset: message.offset(),
            },
            appended_at: Timestamp::from_millisecond(milliseconds).unwrap_or_default(),
            key: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
            value: message.payload().unwrap_or_default().to_vec(),
            headers: message.headers().map(|headers| Headers::read(headers.iter())).unwrap_or_default(),
        }
    }

    /// What it takes in memory, but for what all records take.
    pub(crate) fn bytes(&self) -> usize {
        self.key.len() + self.value.len() + self.headers.bytes()
    }

    /// When it was accepted, or failed for the first time.
    pub fn waiting_since(&self) -> Timestamp {
        self.headers.first_failed_at.unwrap_or(self.appended_at)
    }

    /// The same once more, to be appended elsewhere.
    pub fn to_message(&self) -> Message {
        Message { key: self.key.clone(), value: self.value.clone(), headers: self.headers.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &OwnedHeaders) -> Headers {
        Headers::read(headers.iter())
    }

    #[test]
    fn every_header_is_read_as_it_was_written() {
        let headers = Headers {
            execution: Some("e".to_owned()),
            trace: Some("t".to_owned()),
            request_id: Some("r".to_owned()),
            step: Some(Step::Consolidate),
            attempt: Some(3),
            first_failed_at: Some("2026-11-22T15:04:05.123Z".parse().expect("a time")),
            reason: Some("InvalidInput".to_owned()),
            origin: Some("fluxo.entries-1-2".to_owned()),
            others: vec![("newer".to_owned(), vec![0xff])],
        };
        assert_eq!(read(&headers.written()), headers);
        assert_eq!(read(&Headers::default().written()), Headers::default());
    }

    #[test]
    fn a_header_that_is_unknown_or_unreadable_counts_as_absent_and_stays() {
        let strange = [("newer", b"1" as &[u8]), ("step", b"other"), ("attempt", b"-1"), ("execution", b"\xff")];
        let headers = strange
            .into_iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
        let others = strange.map(|(key, value)| (key.to_owned(), value.to_vec())).to_vec();
        let expected = Headers { others, ..Headers::default() };
        assert_eq!(read(&headers), expected);
        assert_eq!(read(&expected.written()), expected);
        let known = Headers { step: Some(Step::Record), ..expected };
        assert_eq!(read(&known.written()).step, Some(Step::Record), "one of a name");
        assert_eq!(read(&known.written()).others.len(), 3);
    }
}
