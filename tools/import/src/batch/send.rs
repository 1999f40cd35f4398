//! Sends batches, and deals with everything that can happen to a request.

mod answer;
mod lookup;
mod pauses;

use std::{thread, time::Duration};

use cashflow::EntryId;
use statement_file::Reason;
use ureq::{
    Agent,
    http::{StatusCode, header},
    tls::{Certificate, RootCerts, TlsConfig},
};

use self::{answer::Answer, pauses::Pauses};
pub use self::{
    lookup::{FoundEntry, Lookup},
    pauses::Limits,
};
use super::token::{TokenError, Tokens};
use crate::arguments::Endpoint;

/// More than any answer has, in bytes: every field of every entry of a batch may be at fault.
const ANSWER_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The server has accepted it.
    Accepted {
        /// Whether it had accepted it before.
        known: bool,
    },
    /// The server refuses it.
    Refused(Vec<Reason>),
}

/// Why sending stops. What was accepted stays accepted.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The server is away for longer than the user wants to wait.
    #[error("the server has not taken the rows for {seconds} s, last: {last}")]
    GaveUp {
        /// How long it was tried.
        seconds: u64,
        /// What happened last.
        last: String,
    },
    /// The token is not good, or no longer.
    #[error("the server does not accept the token ({answer}){advice}")]
    TokenRefused {
        /// What it answered.
        answer: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// There is no new token.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// The user may not do this.
    #[error("the server forbids it: {0}")]
    Forbidden(String),
    /// Something that no repetition mends.
    #[error("{0}")]
    Failed(String),
}

/// What is asked of the server.
enum Call<'a> {
    Post { body: &'a str, count: usize },
    Get { url: &'a str },
}

/// What one attempt has come to.
enum Attempt {
    Answered(Answer),
    /// It may go better next time.
    Failed(String),
}

/// What the server said to a part of a batch.
enum Reply {
    Accepted { known: bool },
    TooLarge(String),
    Faulty(Vec<(usize, Reason)>),
}

/// Sends entries to one server for one merchant.
pub struct Sender<'a> {
    agent: Agent,
    endpoint: Endpoint,
    url: String,
    tokens: Tokens,
    limits: Limits,
    /// Whether the server has ever answered.
    reached: bool,
    /// Tells the user what is going on while nothing goes on.
    note: &'a dyn Fn(&str),
}

impl<'a> Sender<'a> {
    /// A sender that has sent nothing yet.
    pub fn new(
        endpoint: &Endpoint,
        tokens: Tokens,
        limits: Limits,
        note: &'a dyn Fn(&str),
    ) -> Result<Sender<'a>, SendError> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would carry the token to an address that nobody has checked.
            .max_redirects(0)
            .timeout_connect(Some(limits.connect))
            .timeout_global(Some(limits.request))
            .user_agent(concat!("fluxo-import/", env!("CARGO_PKG_VERSION")));
        // What a proxy takes for this machine is another one.
        let config = if endpoint.is_loopback() { config.proxy(None) } else { config };
        let config = if endpoint.is_https() { config.https_only(true).tls_config(tls()?) } else { config };
        let agent = config.build().new_agent();
        Ok(Sender {
            agent,
            endpoint: endpoint.clone(),
            url: endpoint.batch_url(),
            tokens,
            limits,
            reached: false,
            note,
        })
    }

    /// Sends entries, each as JSON, and says what became of each. Every entry that is good is accepted, whatever the others
    /// are like.
    pub fn send(&mut self, entries: &[&str]) -> Result<Vec<Verdict>, SendError> {
        let mut verdicts = vec![None; entries.len()];
        let mut parts: Vec<Vec<usize>> = vec![(0..entries.len()).collect()];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            match self.send_part(entries, &part)? {
                Reply::Accepted { known } => {
                    for at in part {
                        verdicts[at] = Some(Verdict::Accepted { known });
                    }
                }
                Reply::TooLarge(detail) => match &part[..] {
                    [only] => verdicts[*only] = Some(Verdict::Refused(vec![Reason::new("row", detail)])),
                    _ => {
                        let (first, second) = part.split_at(part.len() / 2);
                        parts.extend([second.to_vec(), first.to_vec()]);
                    }
                },
                Reply::Faulty(faults) => {
                    for (index, reason) in faults {
                        match &mut verdicts[part[index]] {
                            Some(Verdict::Refused(reasons)) => reasons.push(reason),
                            verdict => *verdict = Some(Verdict::Refused(vec![reason])),
                        }
                    }
                    parts.push(part.into_iter().filter(|at| verdicts[*at].is_none()).collect());
                }
            }
        }
        let verdicts: Option<Vec<Verdict>> = verdicts.into_iter().collect();
        verdicts.ok_or_else(|| SendError::Failed("an entry was left out: a defect, please report it".to_owned()))
    }

    fn send_part(&mut self, entries: &[&str], part: &[usize]) -> Result<Reply, SendError> {
        let bodies: Vec<&str> = part.iter().map(|at| entries[*at]).collect();
        let body = format!("{{\"entries\":[{}]}}", bodies.join(","));
        let answer = self.call(&Call::Post { body: &body, count: part.len() }, self.limits)?;
        let described = || answer.described();
        match answer.status.as_u16() {
            202 => Ok(Reply::Accepted { known: answer.replayed }),
            413 => Ok(Reply::TooLarge(described())),
            400 | 422 => match answer.faults(0..part.len()) {
                faults if faults.is_empty() => Err(SendError::Failed(described())),
                faults => Ok(Reply::Faulty(faults)),
            },
            403 => Err(SendError::Forbidden(described())),
            404 | 405 => Err(SendError::Failed(format!("there is no Fluxo at {}: {}", self.url, described()))),
            300..=399 => {
                let location = answer.location.as_deref().unwrap_or("elsewhere");
                Err(SendError::Failed(format!(
                    "{} redirects to {location}: give the address that it has now",
                    self.url
                )))
            }
            _ => Err(SendError::Failed(described())),
        }
    }

    /// Looks for an entry, for as long as is said or as everything else is repeated, whichever is shorter.
    pub fn find(&mut self, id: EntryId, patience: Option<Duration>) -> Result<Lookup, SendError> {
        let url = self.endpoint.entry_url(id);
        let give_up_after =
            patience.map_or(self.limits.give_up_after, |patience| patience.min(self.limits.give_up_after));
        let answer = self.call(&Call::Get { url: &url }, Limits { give_up_after, ..self.limits })?;
        match answer.status.as_u16() {
            200 => match serde_json::from_slice(&answer.body) {
                Ok(entry) => Ok(Lookup::Entry(entry)),
                Err(_) => Ok(Lookup::NotAnswered("an answer that is no entry".to_owned())),
            },
            404 => Ok(Lookup::Nothing),
            403 => Err(SendError::Forbidden(answer.described())),
            _ => Ok(Lookup::NotAnswered(answer.described())),
        }
    }

    /// Whose entries they are.
    pub fn merchant(&self) -> &str {
        self.tokens.merchant()
    }

    /// Calls until there is an answer that repeating would not change. A repeat is harmless: every entry has its key.
    fn call(&mut self, call: &Call<'_>, limits: Limits) -> Result<Answer, SendError> {
        let mut pauses = Pauses::new(limits);
        let mut is_new_token = false;
        loop {
            let (last, retry_after) = match self.attempt(call)? {
                Attempt::Failed(last) => (last, None),
                Attempt::Answered(answer) => {
                    self.reached = true;
                    if answer.status == StatusCode::UNAUTHORIZED {
                        self.renew_token(&answer, is_new_token)?;
                        is_new_token = true;
                        continue;
                    }
                    is_new_token = false;
                    match answer.status.as_u16() {
                        429 | 500 | 502 | 503 | 504 => (answer.described(), answer.retry_after),
                        202 if !answer.accepts(call) => ("an answer that is not complete".to_owned(), None),
                        _ => return Ok(answer),
                    }
                }
            };
            let seconds = limits.give_up_after.as_secs();
            let Some(pause) = pauses.next(retry_after) else { return Err(SendError::GaveUp { seconds, last }) };
            (self.note)(&format!("{last}; trying again in {} s", pause.as_millis().div_ceil(1_000)));
            thread::sleep(pause);
        }
    }

    fn renew_token(&mut self, answer: &Answer, is_new_token: bool) -> Result<(), SendError> {
        let refused = |advice| SendError::TokenRefused { answer: answer.described(), advice };
        if is_new_token {
            return Err(refused(", although --token-command has just printed it"));
        }
        if self.tokens.renew()? {
            Ok(())
        } else {
            Err(refused(": put a new one into FLUXO_TOKEN, or give --token-command"))
        }
    }

    fn attempt(&self, call: &Call<'_>) -> Result<Attempt, SendError> {
        let token = format!("Bearer {}", self.tokens.current());
        let sent = match call {
            Call::Post { body, .. } => self
                .agent
                .post(&self.url)
                .header(header::AUTHORIZATION, token)
                .header(header::CONTENT_TYPE, "application/json")
                .send(*body),
            Call::Get { url } => self.agent.get(*url).header(header::AUTHORIZATION, token).call(),
        };
        let answer = sent.and_then(|mut response| {
            let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
            Ok(Answer::new(&response, body))
        });
        match answer {
            Ok(answer) => Ok(Attempt::Answered(answer)),
            Err(error) if self.may_pass(&error) => Ok(Attempt::Failed(error.to_string())),
            Err(error) => Err(SendError::Failed(format!("{}: {error}", self.url))),
        }
    }

    /// Whether it may go better next time. A certificate stays wrong, and so does a name that was never right.
    fn may_pass(&self, error: &ureq::Error) -> bool {
        match error {
            ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed | ureq::Error::Protocol(_) => true,
            ureq::Error::HostNotFound => self.reached,
            ureq::Error::Io(error) => {
                let is_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some();
                // A proxy finds the server for itself.
                !is_tls && (self.reached || self.agent.config().proxy().is_some() || self.endpoint.has_address())
            }
            _ => false,
        }
    }
}

/// The project's TLS: the system's certificates, and the same cryptography as everywhere else in it.
fn tls() -> Result<TlsConfig, SendError> {
    // The second time in one process there is a provider already, which is this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<_> = found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    if roots.is_empty() {
        return Err(SendError::Failed("the system has no certificates to check the server's with".to_owned()));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build())
}

#[cfg(test)]
mod tests;
