//! The memory of processed requests in Redis: which entry ids were asked for, with which payload, and what was answered.
//!
//! It is an accelerator and never the truth. Without it a repeated request takes a longer way to the same end, so nothing
//! here fails: when Redis is slow, gone or empty, nothing is remembered, and a circuit breaker keeps requests from waiting
//! for it again and again.

mod config;
mod connection;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cashflow::{EntryId, Fingerprint};
use circuit_breaker::CircuitBreaker;
use redis::{Pipeline, RedisError, Value, from_redis_value};
use settings::SettingError;
use telemetry::{Causes, Store};

pub use config::{RedisConfig, Topology};
use connection::{AskError, Connection};

/// How long an answer is remembered.
const MEMORY_SECONDS: u64 = 24 * 60 * 60;

/// How long a reservation lasts: longer than any function works on a request, so that it ends only after the request has.
const RESERVATION_SECONDS: u64 = 30;

/// The most that a request can lose to Redis in one place. A connection that takes longer is made beside the requests.
const BUDGET: Duration = Duration::from_millis(50);

/// How long connecting may take: TLS and authentication need more than a command.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// How often an open breaker probes whether Redis is back. Requests skip Redis meanwhile.
pub const BREAKER_PAUSE: Duration = Duration::from_secs(15);

/// The memory of processed requests.
pub struct RequestMemory {
    connection: Connection,
    key_prefix: String,
    breaker: Arc<CircuitBreaker>,
    kept_away: AtomicBool,
}

/// What is known of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The fingerprint of its payload.
    pub fingerprint: Fingerprint,
    /// How far it has come.
    pub mark: Mark,
}

/// How far a request has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// It is being accepted, or was and its function ended before the answer: a repeat of it goes on.
    Reserved,
    /// It was accepted with this answer, as the caller wrote it. What the ledger holds counts more.
    Accepted(String),
    /// The ledger holds it. This is the answer, and it stays so.
    Settled(String),
}

impl RequestMemory {
    /// A memory there, connected when it is first needed. An open breaker probes Redis once in each `breaker_pause`. To be
    /// called where a `tokio` runtime runs.
    ///
    /// # Errors
    /// The URL is not one that the Redis client understands, or no cluster can be reached so.
    pub fn new(config: &RedisConfig, breaker_pause: Duration) -> Result<RequestMemory, RedisError> {
        Ok(RequestMemory {
            connection: Connection::new(config)?,
            key_prefix: config.key_prefix.clone(),
            breaker: CircuitBreaker::new(breaker_pause, CONNECT_TIMEOUT),
            kept_away: AtomicBool::new(false),
        })
    }

    /// A memory where the environment says: see [`RedisConfig::from_env`].
    pub fn from_env() -> Result<RequestMemory, SettingError> {
        RequestMemory::new(&RedisConfig::from_env()?, BREAKER_PAUSE)
            .map_err(|_| SettingError::Invalid { name: "REDIS_URL", expected: "a Redis URL" })
    }

    /// Connects now, while the environment starts, so that the first request has its whole budget for its commands. Waits no
    /// longer than a request would: while Redis hangs, starting must not take longer either. A connection that takes longer is
    /// made beside the requests.
    pub async fn warm_up(&self) {
        self.run("warm up", &ping()).await;
    }

    /// Whether the breaker kept the last call away from Redis.
    pub fn is_kept_away(&self) -> bool {
        self.kept_away.load(Ordering::Relaxed)
    }

    /// What is remembered of each id, in the order given. Nothing of any, if Redis does not answer in time.
    pub async fn recall(&self, ids: &[EntryId]) -> Vec<Option<Remembered>> {
        // Single-key commands, because a cluster refuses a command over keys of several slots.
        let mut pipeline = Pipeline::with_capacity(ids.len());
        for id in ids {
            pipeline.get(self.key(*id));
        }
        read_each(self.run("recall", &pipeline).await)
    }

    /// Reserves each id for a payload, unless something is remembered of it, and answers that. Of two payloads under one key
    /// at the same moment the second therefore meets the first, before either has started anything. Nothing of any, if Redis
    /// does not answer in time.
    ///
    /// A reservation ends by itself. It is not an answer: whoever repeats the request has to go on with it. It is renewed then,
    /// because it has to outlive whoever goes on, and read again, because it may have ended just before.
    pub async fn reserve(&self, requests: &[(EntryId, Fingerprint)]) -> Vec<Option<Remembered>> {
        let mut met = self.reserve_free(requests).await;
        let is_own = |index: &usize| {
            let own = Remembered { fingerprint: requests[*index].1, mark: Mark::Reserved };
            met[*index].as_ref() == Some(&own)
        };
        let own: Vec<usize> = (0..requests.len()).filter(is_own).collect();
        if own.is_empty() {
            return met;
        }
        let renewed: Vec<_> = own.iter().map(|index| requests[*index]).collect();
        let mut pipeline = Pipeline::with_capacity(renewed.len());
        for (id, _) in &renewed {
            // Only if that is later: what has been accepted meanwhile keeps its day.
            pipeline.cmd("EXPIRE").arg(self.key(*id)).arg(RESERVATION_SECONDS).arg("GT");
        }
        self.run("renew", &pipeline).await;
        for (index, again) in own.into_iter().zip(self.reserve_free(&renewed).await) {
            met[index] = again;
        }
        met
    }

    async fn reserve_free(&self, requests: &[(EntryId, Fingerprint)]) -> Vec<Option<Remembered>> {
        let mut pipeline = Pipeline::with_capacity(requests.len());
        for (id, fingerprint) in requests {
            let reserved = Remembered { fingerprint: *fingerprint, mark: Mark::Reserved };
            let set = pipeline.cmd("SET").arg(self.key(*id)).arg(reserved.write());
            set.arg("NX").arg("GET").arg("EX").arg(reserved.mark.seconds());
        }
        read_each(self.run("reserve", &pipeline).await)
    }

    /// Remembers requests, in place of what was remembered of them.
    ///
    /// Call this with [`Mark::Accepted`] only once the requests cannot be lost any more. A mark that is set before its effect
    /// would answer "accepted" for an entry that nobody recorded.
    pub async fn remember(&self, requests: &[(EntryId, Remembered)]) {
        if requests.is_empty() {
            return;
        }
        let mut pipeline = Pipeline::with_capacity(requests.len());
        for (id, remembered) in requests {
            let set = pipeline.cmd("SET").arg(self.key(*id)).arg(remembered.write());
            set.arg("EX").arg(remembered.mark.seconds());
        }
        self.run("remember", &pipeline).await;
    }

    /// Of one stack and one generation of its ledger: what another ledger was asked to record says nothing about this one.
    fn key(&self, id: EntryId) -> String {
        format!("{}:request:{id}", self.key_prefix)
    }

    /// Runs single-key commands within the budget, unless the breaker is open, and answers each of them, or `None`. A failure is
    /// logged here and ends here.
    async fn run(&self, action: &'static str, commands: &Pipeline) -> Vec<Option<Value>> {
        let asked = self.breaker.call(telemetry::call(Store::RequestMemory, self.ask(commands)), || self.probe()).await;
        self.kept_away.store(asked.is_none(), Ordering::Relaxed);
        match asked {
            Some(Ok(answers)) => answers,
            Some(Err(Incomplete { answers, error })) => {
                tracing::warn!(action, error = %Causes(&error), "request memory unavailable");
                answers
            }
            None => vec![None; commands.len()],
        }
    }

    /// Whether Redis gives a sign of life.
    fn probe(&self) -> impl Future<Output = bool> + Send + 'static {
        let connection = self.connection.clone();
        async move { connection.ask(&ping(), CONNECT_TIMEOUT).await.iter().all(Result::is_ok) }
    }

    async fn ask(&self, commands: &Pipeline) -> Result<Vec<Option<Value>>, Incomplete> {
        let mut failure = None;
        let answered = self.connection.ask(commands, BUDGET).await.into_iter();
        let mut answers: Vec<_> = answered.map(|answer| answer.map_err(|error| failure = Some(error)).ok()).collect();
        answers.resize(commands.len(), None);
        match failure {
            None => Ok(answers),
            Some(error) => Err(Incomplete { answers, error }),
        }
    }
}

/// Some commands have no answer, or none has.
struct Incomplete {
    answers: Vec<Option<Value>>,
    error: AskError,
}

fn ping() -> Pipeline {
    Pipeline::new().cmd("PING").to_owned()
}

/// What cannot be read any more counts as forgotten.
fn read_each(values: Vec<Option<Value>>) -> Vec<Option<Remembered>> {
    values.into_iter().map(|value| Remembered::read(&from_redis_value::<Option<String>>(value?).ok()??)).collect()
}

impl Mark {
    fn seconds(&self) -> u64 {
        match self {
            Mark::Reserved => RESERVATION_SECONDS,
            Mark::Accepted(_) | Mark::Settled(_) => MEMORY_SECONDS,
        }
    }
}

impl Remembered {
    /// What was answered to it, if it was.
    pub fn answer(&self) -> Option<&str> {
        match &self.mark {
            Mark::Reserved => None,
            Mark::Accepted(answer) | Mark::Settled(answer) => Some(answer),
        }
    }

    /// The form in which Redis holds it: how far it has come, its fingerprint and, if there is one, its answer.
    pub fn write(&self) -> String {
        let fingerprint = self.fingerprint;
        match &self.mark {
            Mark::Reserved => format!("reserved {fingerprint}"),
            Mark::Accepted(answer) => format!("accepted {fingerprint} {answer}"),
            Mark::Settled(answer) => format!("settled {fingerprint} {answer}"),
        }
    }

    /// Reads what [`Remembered::write`] wrote.
    pub fn read(value: &str) -> Option<Remembered> {
        let mut parts = value.splitn(3, ' ');
        let (name, fingerprint, answer) = (parts.next()?, parts.next()?, parts.next().map(str::to_owned));
        let mark = match (name, answer) {
            ("reserved", None) => Mark::Reserved,
            ("accepted", Some(answer)) => Mark::Accepted(answer),
            ("settled", Some(answer)) => Mark::Settled(answer),
            _ => return None,
        };
        Some(Remembered { fingerprint: Fingerprint::parse(fingerprint).ok()?, mark })
    }
}

impl fmt::Debug for RequestMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestMemory")
    }
}
