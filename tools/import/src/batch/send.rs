//! Sends batches, and deals with everything that can happen to a request.

use std::{
    ops::Range,
    thread,
    time::{Duration, Instant},
};

use cashflow::EntryId;
use jiff::{Timestamp, fmt::rfc2822};
use serde::Deserialize;
use ureq::{
    Agent, Body,
    http::{HeaderMap, Response, StatusCode, header},
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::token::{TokenError, Tokens};
use crate::{
    arguments::Endpoint,
    rows::{Movement, Reason},
};

/// More than any answer has, in bytes: every field of every entry of a batch may be at fault.
const ANSWER_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To connect.
    pub connect: Duration,
    /// One request, from connecting to the last byte of the answer. API Gateway gives up after 30 s.
    pub request: Duration,
    /// The pause after the first failure; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause that is chosen here; the server may ask for a longer one.
    pub longest_pause: Duration,
    /// How long one request is repeated.
    pub give_up_after: Duration,
}

impl Limits {
    /// The limits of real life.
    pub fn new(give_up_after: Duration) -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(35),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            give_up_after,
        }
    }
}

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

/// What the server says about an entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FoundEntry {
    /// Its direction.
    pub r#type: String,
    /// How much.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// Its business date.
    pub date: String,
    /// What it was for.
    #[serde(default)]
    pub description: Option<String>,
    /// The entry that reverses it.
    #[serde(default)]
    pub reversed_by: Option<String>,
}

impl FoundEntry {
    /// Whether it has the values of a row that count.
    pub fn is_of(&self, movement: &Movement) -> bool {
        let request = &movement.request;
        self.r#type == request.entry_type.as_str()
            && self.amount == request.amount.to_decimal()
            && self.currency == request.amount.currency().code()
            && self.date == movement.date.to_string()
    }
}

/// What has become of a look for an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Here it is.
    Entry(FoundEntry),
    /// There is none.
    Nothing,
    /// The server does not answer such questions.
    NotAnswered(String),
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

struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    replayed: bool,
    location: Option<String>,
    body: Vec<u8>,
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
    fn new(response: &Response<Body>, body: Vec<u8>) -> Answer {
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
    fn accepts(&self, call: &Call<'_>) -> bool {
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
    fn described(&self) -> String {
        let problem = self.problem();
        let status = self.status.as_u16();
        let code = problem.code.map(|code| format!(" {code}")).unwrap_or_default();
        match problem.detail.or(problem.message) {
            Some(detail) => format!("{status}{code}: {detail}"),
            None => format!("{status}{code}"),
        }
    }

    /// The faults of single entries: their index in the request, and what is wrong.
    fn faults(&self, entries: Range<usize>) -> Vec<(usize, Reason)> {
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
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

/// The pauses between the attempts of one request: growing, with jitter, bounded in all.
struct Pauses {
    limits: Limits,
    first_failure: Option<Instant>,
    ceiling: Duration,
}

impl Pauses {
    fn new(limits: Limits) -> Pauses {
        Pauses { limits, first_failure: None, ceiling: limits.first_pause }
    }

    /// How long to wait now, or nothing when it is time to give up.
    fn next(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        let waited = self.first_failure.get_or_insert_with(Instant::now).elapsed();
        let left = self.limits.give_up_after.checked_sub(waited).filter(|left| !left.is_zero())?;
        let asked = retry_after.unwrap_or_default();
        if asked > left {
            return None;
        }
        // At least half of it, so that it grows; the rest by chance, so that clients do not come back all at once.
        let half = self.ceiling / 2;
        let chance = Duration::from_micros(fastrand::u64(0..=u64::try_from(half.as_micros()).unwrap_or(u64::MAX)));
        self.ceiling = (self.ceiling * 2).min(self.limits.longest_pause);
        Some((half + chance).max(asked).min(left))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        io::{BufRead, BufReader, Read, Write},
        net::{TcpListener, TcpStream},
        sync::mpsc,
    };

    use super::*;
    use crate::batch::token::tests::token;

    /// A request as the server of a test sees it.
    #[derive(Debug, PartialEq, Eq)]
    struct Request {
        authorization: String,
        keys: Vec<String>,
    }

    /// An HTTP server that gives these answers, one a connection, and then ends. It tells what it was asked.
    fn serve(answers: Vec<String>) -> (Endpoint, mpsc::Receiver<Request>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::parse(&format!("http://{}/base/", listener.local_addr().unwrap())).unwrap();
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                sender.send(read_request(&stream)).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        (endpoint, requests)
    }

    fn read_request(stream: &TcpStream) -> Request {
        let mut lines = BufReader::new(stream);
        let (mut authorization, mut length) = (String::new(), 0);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, "POST /base/entries/batch HTTP/1.1\r\n");
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("authorization") => authorization = value.to_owned(),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
                Some((name, value)) if name.eq_ignore_ascii_case("content-type") => {
                    assert_eq!(value, "application/json");
                }
                _ => {}
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let keys = body["entries"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect();
        Request { authorization, keys }
    }

    fn answer(status: u16, headers: &str, body: &str) -> String {
        format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
    }

    fn accepted(count: usize) -> String {
        answer(202, "Content-Type: application/json\r\n", &accepted_body(count))
    }

    fn accepted_body(count: usize) -> String {
        format!("{{\"entries\":[{}]}}", vec!["{\"id\":\"i\",\"status\":\"accepted\"}"; count].join(","))
    }

    fn problem(status: u16, code: &str, errors: &str) -> String {
        answer(status, "", &format!("{{\"code\":\"{code}\",\"detail\":\"Because.\",\"errors\":[{errors}]}}"))
    }

    fn limits() -> Limits {
        Limits {
            request: Duration::from_secs(20),
            first_pause: Duration::from_millis(2),
            longest_pause: Duration::from_millis(8),
            ..Limits::new(Duration::from_secs(20))
        }
    }

    fn tokens() -> Tokens {
        Tokens::new(None, Some(token("acme", 1))).unwrap()
    }

    struct Sent {
        result: Result<Vec<Verdict>, String>,
        /// The keys of every request.
        requests: Vec<Vec<String>>,
        notes: Vec<String>,
    }

    /// Sends the entries "a", "b" and so on to a server that answers so.
    fn send(count: usize, answers: &[String]) -> Sent {
        send_with(count, answers, tokens(), limits())
    }

    fn send_with(count: usize, answers: &[String], tokens: Tokens, limits: Limits) -> Sent {
        let (endpoint, requests) = serve(answers.to_vec());
        let notes = RefCell::new(Vec::new());
        let note = |text: &str| notes.borrow_mut().push(text.to_owned());
        let entries: Vec<String> = ('a'..='z').take(count).map(|key| format!("\"{key}\"")).collect();
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        let mut sender = Sender::new(&endpoint, tokens, limits, &note).unwrap();
        let result = sender.send(&entries).map_err(|error| error.to_string());
        drop(sender);
        Sent { result, requests: requests.try_iter().map(|request| request.keys).collect(), notes: notes.into_inner() }
    }

    fn new() -> Verdict {
        Verdict::Accepted { known: false }
    }

    fn refused(field: &str, detail: &str) -> Verdict {
        Verdict::Refused(vec![Reason::new(field, detail)])
    }

    #[test]
    fn an_accepted_batch_is_one_request() {
        let sent = send(3, &[accepted(3)]);
        assert_eq!(sent.result, Ok(vec![new(), new(), new()]));
        assert_eq!(sent.requests, [["a", "b", "c"]]);
        let replay = answer(202, "Idempotent-Replayed: true\r\n", &accepted_body(1));
        assert_eq!(send(1, &[replay]).result, Ok(vec![Verdict::Accepted { known: true }]));
        assert_eq!(send(0, &[]).result, Ok(vec![]));
    }

    #[test]
    fn a_server_that_is_away_for_a_while_is_asked_again() {
        let torn = accepted(2).replace("Content-Length: ", "Content-Length: 9");
        let half = answer(202, "", "{\"entries\":[{\"id\":\"i\",\"sta");
        let fewer = accepted(1);
        let answers = [
            problem(503, "temporarily_unavailable", ""),
            answer(502, "", "<html>"),
            answer(504, "", "{\"message\":\"Endpoint request timed out\"}"),
            answer(500, "", "{\"message\":\"Internal Server Error\"}"),
            answer(429, "Retry-After: 0\r\n", "{\"message\":\"Too Many Requests\"}"),
            String::new(),
            "HTTP/1.1 2".to_owned(),
            torn,
            half,
            fewer,
            accepted(2),
        ];
        let sent = send(2, &answers);
        assert_eq!(sent.result, Ok(vec![new(), new()]));
        assert_eq!(sent.requests, vec![["a", "b"]; answers.len()]);
        assert_eq!(sent.notes.len(), answers.len() - 1);
        assert_eq!(sent.notes[0], "503 temporarily_unavailable: Because.; trying again in 1 s");
        assert_eq!(sent.notes[1], "502; trying again in 1 s");
    }

    #[test]
    fn a_batch_that_is_too_large_is_sent_in_halves() {
        let too_large = || problem(413, "batch_too_large", "");
        let sent = send(5, &[too_large(), too_large(), accepted(1), accepted(1), accepted(3)]);
        assert_eq!(sent.result, Ok(vec![new(); 5]));
        assert_eq!(sent.requests, [&["a", "b", "c", "d", "e"][..], &["a", "b"], &["a"], &["b"], &["c", "d", "e"]]);
        let sent = send(2, &[too_large(), too_large(), accepted(1)]);
        assert_eq!(sent.result, Ok(vec![refused("row", "413 batch_too_large: Because."), new()]));
    }

    #[test]
    fn the_good_rest_of_a_batch_is_sent() {
        let fault = |pointer: &str| format!("{{\"pointer\":\"{pointer}\",\"detail\":\"is bad\"}}");
        let invalid = [fault("/entries/1/amount"), fault("/entries/1/date"), fault("/entries/3")].join(",");
        let sent = send(
            4,
            &[
                problem(400, "validation_failed", &invalid),
                problem(422, "idempotency_key_reused", &fault("/entries/1/idempotency_key")),
                accepted(1),
            ],
        );
        let says = "is bad (says the server)";
        assert_eq!(
            sent.result,
            Ok(vec![
                new(),
                Verdict::Refused(vec![Reason::new("amount", says), Reason::new("date", says)]),
                refused("idempotency_key", says),
                refused("row", says),
            ])
        );
        assert_eq!(sent.requests, [&["a", "b", "c", "d"][..], &["a", "c"], &["a"]]);
        // Nothing is left to send.
        let sent = send(1, &[problem(400, "validation_failed", &fault("/entries/0/amount"))]);
        assert_eq!((sent.result, sent.requests.len()), (Ok(vec![refused("amount", says)]), 1));
    }

    #[test]
    fn what_no_repetition_mends_stops_at_once() {
        let cases = [
            (problem(403, "clerk_required", ""), "the server forbids it: 403 clerk_required: Because."),
            (answer(400, "", "{}"), "400"),
            (
                problem(400, "validation_failed", "{\"pointer\":\"/entries/7/amount\",\"detail\":\"x\"}"),
                "400 validation_failed: Because.",
            ),
            (answer(200, "", "hello"), "200"),
            (answer(409, "", "{\"message\":\"no\"}"), "409: no"),
        ];
        for (answer, expected) in cases {
            let sent = send(1, &[answer]);
            assert_eq!((sent.result, sent.requests.len()), (Err(expected.to_owned()), 1));
        }
        let elsewhere = send(1, &[answer(404, "", "{\"message\":\"Not Found\"}")]).result.unwrap_err();
        assert!(elsewhere.starts_with("there is no Fluxo at http://127.0.0.1:"), "{elsewhere}");
        let redirect = send(1, &[answer(308, "Location: https://other.example/\r\n", "")]).result.unwrap_err();
        assert!(redirect.contains("redirects to https://other.example/"), "{redirect}");
    }

    #[test]
    fn a_server_that_stays_away_is_given_up() {
        let briefly = Limits { give_up_after: Duration::from_millis(60), ..limits() };
        let answers = vec![answer(503, "", ""); 100];
        let sent = send_with(1, &answers, tokens(), briefly);
        assert_eq!(sent.result, Err("the server has not taken the rows for 0 s, last: 503".to_owned()));
        assert!(sent.requests.len() > 2);
        // One that asks for more time than there is, at once.
        let sent = send_with(1, &[answer(503, "Retry-After: 3600\r\n", "")], tokens(), briefly);
        assert_eq!((sent.requests.len(), sent.result.is_err()), (1, true));
    }

    #[test]
    fn a_refused_connection_and_a_server_that_says_nothing_are_repeated_too() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let briefly =
            Limits { request: Duration::from_millis(50), give_up_after: Duration::from_millis(200), ..limits() };
        let notes = RefCell::new(Vec::new());
        let note = |text: &str| notes.borrow_mut().push(text.to_owned());
        let mut sender = Sender::new(&endpoint, tokens(), briefly, &note).unwrap();
        assert!(matches!(sender.send(&["1"]), Err(SendError::GaveUp { .. })));
        assert!(notes.borrow().iter().any(|note| note.contains("timeout")), "{notes:?}");
        drop(listener);
        notes.borrow_mut().clear();
        assert!(matches!(sender.send(&["1"]), Err(SendError::GaveUp { .. })));
        assert!(notes.borrow().iter().any(|note| note.to_lowercase().contains("refused")), "{notes:?}");
    }

    #[test]
    fn a_server_that_cannot_prove_who_it_is_gets_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::parse(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(accepted(1).as_bytes()).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let mut sender = Sender::new(&endpoint, tokens(), limits(), &|_| {}).unwrap();
        let error = sender.send(&["1"]).unwrap_err();
        assert!(matches!(error, SendError::Failed(_)), "{error}");
    }

    #[test]
    fn a_host_that_does_not_exist_is_said_at_once() {
        let endpoint = Endpoint::parse("https://no-such-host.invalid").unwrap();
        let mut sender = Sender::new(&endpoint, tokens(), limits(), &|_| {}).unwrap();
        let error = sender.send(&["1"]).unwrap_err();
        assert!(matches!(error, SendError::Failed(_)), "{error}");
    }

    #[test]
    fn a_token_that_has_expired_is_renewed_once_for_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("count");
        // Each run prints another token.
        let command = format!(
            "echo x >> '{0}'; printf 'e30.'; printf '{{\"custom:merchant_id\":\"acme\",\"n\":%d}}' $(wc -l < '{0}') | base64 -w0 | tr '/+' '_-'; echo .c2ln",
            file.display()
        );
        let tokens = || Tokens::new(Some(command.clone()), None).unwrap();
        let expired = || answer(401, "", "{\"message\":\"Unauthorized\"}");
        let (endpoint, requests) = serve(vec![expired(), answer(503, "", ""), expired(), accepted(1)]);
        let mut sender = Sender::new(&endpoint, tokens(), limits(), &|_| {}).unwrap();
        assert_eq!(sender.send(&["\"a\""]).unwrap(), [new()]);
        let used: Vec<String> = requests.try_iter().map(|request| request.authorization).collect();
        assert_eq!(used.len(), 4);
        assert!(used[0] != used[1] && used[1] == used[2] && used[2] != used[3], "{used:?}");

        let sent = send_with(1, &[expired(), expired()], tokens(), limits());
        assert_eq!(
            sent.result,
            Err("the server does not accept the token (401: Unauthorized), although --token-command has just printed it".to_owned())
        );
        let sent = send(1, &[expired()]);
        let expected = "the server does not accept the token (401: Unauthorized): put a new one into FLUXO_TOKEN, or give --token-command";
        assert_eq!((sent.result, sent.requests.len()), (Err(expected.to_owned()), 1));
    }

    #[test]
    fn pauses_grow_with_jitter_and_are_bounded() {
        let limits = Limits::new(Duration::from_secs(3_600));
        let mut pauses = Pauses::new(limits);
        let mut ceiling = limits.first_pause;
        for _ in 0..20 {
            let pause = pauses.next(None).unwrap();
            assert!(pause >= ceiling / 2 && pause <= ceiling, "{pause:?}");
            ceiling = (ceiling * 2).min(limits.longest_pause);
        }
        assert_eq!(pauses.next(Some(Duration::from_secs(100))), Some(Duration::from_secs(100)));
        assert_eq!(pauses.next(Some(Duration::from_secs(4_000))), None);
        assert_eq!(Pauses::new(Limits::new(Duration::ZERO)).next(None), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let read = |value: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            retry_after(&headers, now)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Sun, 22 Nov 2026 12:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(read("Sun, 22 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
        for value in ["", "soon", "-1", "1.5"] {
            assert_eq!(read(value), None, "{value}");
        }
    }
}
