//! The idempotency cache in Redis: which entry ids were requested, with which payload, and what was answered.
//!
//! It only saves time; the ledger decides. Without the cache a repeated request takes longer and ends the same way. So no
//! method returns an error: if Redis is slow, down or empty, the request is not found, and a circuit breaker keeps the
//! next requests from waiting for Redis.

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

/// How long an answer is cached.
const ANSWER_SECONDS: u64 = 24 * 60 * 60;

/// How long a reservation lasts: longer than any function works on a request, so that it ends only after the request has.
const RESERVATION_SECONDS: u64 = 30;

/// The most that one call adds to a request. A connection that takes longer is made beside the requests.
pub const BUDGET: Duration = Duration::from_millis(50);

/// How long connecting may take: TLS and authentication need more than a command.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// How often an open breaker probes whether Redis is back. Requests skip Redis meanwhile.
pub const BREAKER_PAUSE: Duration = Duration::from_secs(15);

/// The idempotency cache: requests by the id of their entry.
pub struct IdempotencyCache {
    connection: Connection,
    budget: Duration,
    key_prefix: String,
    breaker: Arc<CircuitBreaker>,
    skipped_redis: AtomicBool,
}

/// A request in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedRequest {
    /// The fingerprint of its payload.
    pub fingerprint: Fingerprint,
    /// How far it has come.
    pub state: RequestState,
}

/// How far a request has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestState {
    /// It is being accepted, or was and its function ended before the answer: a repeat of it goes on.
    Reserved,
    /// It was accepted with this answer, as the caller wrote it. What the ledger holds counts more.
    Accepted(String),
    /// Its entry is posted. This answer is final. Stored in Redis under the word `settled`.
    Posted(String),
}

impl IdempotencyCache {
    /// A cache at this Redis, connected when it is first needed. A call waits for it no longer than `budget`; an open breaker probes
    /// it once in each `breaker_pause`. To be called where a `tokio` runtime runs.
    ///
    /// # Errors
    /// The Redis client cannot parse the URL, or the options contradict it.
    pub fn new(
        config: &RedisConfig,
        budget: Duration,
        breaker_pause: Duration,
    ) -> Result<IdempotencyCache, RedisError> {
        Ok(IdempotencyCache {
            connection: Connection::new(config, budget)?,
            budget,
            key_prefix: config.key_prefix.clone(),
            breaker: CircuitBreaker::new(breaker_pause, CONNECT_TIMEOUT),
            skipped_redis: AtomicBool::new(false),
        })
    }

    /// The cache that the environment names: see [`RedisConfig::from_env`].
    pub fn from_env() -> Result<IdempotencyCache, SettingError> {
        IdempotencyCache::new(&RedisConfig::from_env()?, BUDGET, BREAKER_PAUSE)
            .map_err(|_| SettingError::Invalid { name: "REDIS_URL", expected: "a Redis URL" })
    }

    /// The same for a process in which many requests use it at once: one of them that Redis answers late says nothing to the others.
    #[must_use]
    pub fn shared(self) -> IdempotencyCache {
        IdempotencyCache { breaker: CircuitBreaker::shared(CONNECT_TIMEOUT), ..self }
    }

    /// Connects now, while the environment starts, so that the first request has its whole budget for its commands. Waits no
    /// longer than a request would: while Redis hangs, starting must not take longer either. A connection that takes longer is
    /// made beside the requests.
    pub async fn warm_up(&self) {
        self.run("warm up", &ping()).await;
    }

    /// Whether the last call skipped Redis because the circuit was open.
    pub fn is_circuit_open(&self) -> bool {
        self.skipped_redis.load(Ordering::Relaxed)
    }

    /// The cached request of each id, in the order given. `None` for all if Redis does not answer in time.
    pub async fn get(&self, ids: &[EntryId]) -> Vec<Option<CachedRequest>> {
        // Single-key commands, because a cluster refuses a command over keys of several slots.
        let mut pipeline = Pipeline::with_capacity(ids.len());
        for id in ids {
            pipeline.get(self.key(*id));
        }
        read_each(self.run("get", &pipeline).await)
    }

    /// Reserves each id for a payload, unless the cache holds a request under it, and answers that request. Of two payloads
    /// under one key at the same moment the second therefore meets the first, before either has started anything. `None` for
    /// all if Redis does not answer in time.
    ///
    /// A reservation expires. It is not an answer: a repeat of the request goes on with it. The repeat renews the reservation,
    /// because it has to outlive the repeat, and reads it again, because it may have expired just before.
    pub async fn reserve(&self, requests: &[(EntryId, Fingerprint)]) -> Vec<Option<CachedRequest>> {
        let mut met = self.reserve_free(requests).await;
        let is_own = |index: &usize| {
            let own = CachedRequest { fingerprint: requests[*index].1, state: RequestState::Reserved };
            met[*index].as_ref() == Some(&own)
        };
        let own: Vec<usize> = (0..requests.len()).filter(is_own).collect();
        if own.is_empty() {
            return met;
        }
        let renewed: Vec<_> = own.iter().map(|index| requests[*index]).collect();
        let mut pipeline = Pipeline::with_capacity(renewed.len());
        for (id, _) in &renewed {
            // Only if that is later: what has been accepted meanwhile keeps its 24 hours.
            pipeline.cmd("EXPIRE").arg(self.key(*id)).arg(RESERVATION_SECONDS).arg("GT");
        }
        self.run("renew", &pipeline).await;
        for (index, again) in own.into_iter().zip(self.reserve_free(&renewed).await) {
            met[index] = again;
        }
        met
    }

    async fn reserve_free(&self, requests: &[(EntryId, Fingerprint)]) -> Vec<Option<CachedRequest>> {
        let mut pipeline = Pipeline::with_capacity(requests.len());
        for (id, fingerprint) in requests {
            let reserved = CachedRequest { fingerprint: *fingerprint, state: RequestState::Reserved };
            let set = pipeline.cmd("SET").arg(self.key(*id)).arg(reserved.write());
            set.arg("NX").arg("GET").arg("EX").arg(reserved.state.seconds());
        }
        read_each(self.run("reserve", &pipeline).await)
    }

    /// Stores requests, in place of what the cache held under their ids.
    ///
    /// Call this with [`RequestState::Accepted`] only once the requests cannot be lost any more. A request that is stored before its
    /// effect would answer "accepted" for an entry that nobody recorded.
    pub async fn put(&self, requests: &[(EntryId, CachedRequest)]) {
        if requests.is_empty() {
            return;
        }
        let mut pipeline = Pipeline::with_capacity(requests.len());
        for (id, request) in requests {
            let set = pipeline.cmd("SET").arg(self.key(*id)).arg(request.write());
            set.arg("EX").arg(request.state.seconds());
        }
        self.run("put", &pipeline).await;
    }

    /// Of one stack and one generation of its ledger: what another ledger was asked to record says nothing about this one.
    fn key(&self, id: EntryId) -> String {
        format!("{}:request:{id}", self.key_prefix)
    }

    /// Runs single-key commands within the budget, unless the breaker is open, and answers each of them, or `None`. A failure is
    /// logged here and ends here.
    async fn run(&self, action: &'static str, commands: &Pipeline) -> Vec<Option<Value>> {
        let asked =
            self.breaker.call(telemetry::call(Store::IdempotencyCache, self.ask(commands)), || self.probe()).await;
        self.skipped_redis.store(asked.is_none(), Ordering::Relaxed);
        match asked {
            Some(Ok(answers)) => answers,
            Some(Err(Incomplete { answers, error })) => {
                tracing::warn!(action, error = %Causes(&error), "idempotency cache unavailable");
                answers
            }
            None => vec![None; commands.len()],
        }
    }

    /// Whether Redis answers a PING.
    fn probe(&self) -> impl Future<Output = bool> + Send + 'static {
        let connection = self.connection.clone();
        async move { connection.ask(&ping(), CONNECT_TIMEOUT).await.iter().all(Result::is_ok) }
    }

    async fn ask(&self, commands: &Pipeline) -> Result<Vec<Option<Value>>, Incomplete> {
        let mut failure = None;
        let answered = self.connection.ask(commands, self.budget).await.into_iter();
        let mut answers: Vec<_> = answered.map(|answer| answer.map_err(|error| failure = Some(error)).ok()).collect();
        answers.resize(commands.len(), None);
        match failure {
            None => Ok(answers),
            Some(error) => Err(Incomplete { answers, error }),
        }
    }
}

/// Some or all commands have no answer.
struct Incomplete {
    answers: Vec<Option<Value>>,
    error: AskError,
}

fn ping() -> Pipeline {
    Pipeline::new().cmd("PING").to_owned()
}

/// A value that this release cannot read counts as not found.
fn read_each(values: Vec<Option<Value>>) -> Vec<Option<CachedRequest>> {
    values.into_iter().map(|value| CachedRequest::read(&from_redis_value::<Option<String>>(value?).ok()??)).collect()
}

impl RequestState {
    fn seconds(&self) -> u64 {
        match self {
            RequestState::Reserved => RESERVATION_SECONDS,
            RequestState::Accepted(_) | RequestState::Posted(_) => ANSWER_SECONDS,
        }
    }
}

impl CachedRequest {
    /// The answer that it got, if it got one.
    pub fn answer(&self) -> Option<&str> {
        match &self.state {
            RequestState::Reserved => None,
            RequestState::Accepted(answer) | RequestState::Posted(answer) => Some(answer),
        }
    }

    /// The form in which Redis holds it: how far it has come, its fingerprint and, if there is one, its answer.
    pub fn write(&self) -> String {
        let fingerprint = self.fingerprint;
        match &self.state {
            RequestState::Reserved => format!("reserved {fingerprint}"),
            RequestState::Accepted(answer) => format!("accepted {fingerprint} {answer}"),
            RequestState::Posted(answer) => format!("settled {fingerprint} {answer}"),
        }
    }

    /// Reads what [`CachedRequest::write`] wrote.
    pub fn read(value: &str) -> Option<CachedRequest> {
        let mut parts = value.splitn(3, ' ');
        let (name, fingerprint, answer) = (parts.next()?, parts.next()?, parts.next().map(str::to_owned));
        let state = match (name, answer) {
            ("reserved", None) => RequestState::Reserved,
            ("accepted", Some(answer)) => RequestState::Accepted(answer),
            ("settled", Some(answer)) => RequestState::Posted(answer),
            _ => return None,
        };
        Some(CachedRequest { fingerprint: Fingerprint::parse(fingerprint).ok()?, state })
    }
}

impl fmt::Debug for IdempotencyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyCache")
    }
}
