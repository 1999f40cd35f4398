//! What the server has answered.

use std::{ops::Range, time::Duration};

use jiff::{Timestamp, fmt::rfc2822};
use serde::Deserialize;
use statement_file::Reason;
use ureq::{
    Body,
    http::{HeaderMap, Response, StatusCode, header},
};

use super::Call;

/// An answer as far as it is read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) replayed: bool,
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
}

/// An error answer: problem details (RFC 9457), or what API Gateway says by itself.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: Option<String>,
    detail: Option<String>,
    message: Option<String>,
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    pointer: String,
    detail: String,
}

impl Answer {
    pub(super) fn new(response: &Response<Body>, body: Vec<u8>) -> Answer {
        let headers = response.headers();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Answer {
            status: response.status(),
            retry_after: retry_after(headers, Timestamp::now()),
            replayed: text("idempotent-replayed") == Some("true"),
            location: text("location").map(str::to_owned),
            body,
        }
    }

    /// Whether it names as many entries as were sent: only then are they safe.
    pub(super) fn accepts(&self, call: &Call<'_>) -> bool {
        let Call::Post { count, .. } = *call else { return true };
        #[derive(Deserialize)]
        struct Accepted {
            entries: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            status: String,
        }
        serde_json::from_slice::<Accepted>(&self.body).is_ok_and(|accepted| {
            accepted.entries.len() == count && accepted.entries.iter().all(|entry| entry.status == "accepted")
        })
    }

    fn problem(&self) -> Problem {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The answer in one line.
    pub(super) fn described(&self) -> String {
        let problem = self.problem();
        let status = self.status.as_u16();
        let code = problem.code.map(|code| format!(" {code}")).unwrap_or_default();
        match problem.detail.or(problem.message) {
            Some(detail) => format!("{status}{code}: {detail}"),
            None => format!("{status}{code}"),
        }
    }

    /// The faults of single entries: their index in the request, and what is wrong.
    pub(super) fn faults(&self, entries: Range<usize>) -> Vec<(usize, Reason)> {
        let problem = self.problem();
        let located = problem.errors.into_iter().filter_map(|fault| {
            let (index, field) = match fault.pointer.strip_prefix("/entries/")?.split_once('/') {
                Some((index, field)) => (index.parse().ok()?, field.to_owned()),
                None => (fault.pointer.strip_prefix("/entries/")?.parse().ok()?, "row".to_owned()),
            };
            Some((index, Reason::new(field, format!("{} (says the server)", fault.detail))))
        });
        located.filter(|(index, _)| entries.contains(index)).collect()
    }
}

/// How long the server asks to wait (RFC 9110, section 10.2.3): seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests;
