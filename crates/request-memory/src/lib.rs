//! The memory of processed requests in Redis: which entry ids were accepted, with which payload, and what was answered.
//!
//! It is an accelerator and never the truth. Without it a repeated request takes a longer way to the same end, so nothing
//! here fails: when Redis is slow, gone or empty, nothing is remembered, and a circuit breaker keeps requests from waiting
//! for it again and again.

mod config;
mod connection;

use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cashflow::{EntryId, Fingerprint};
use recloser::{AsyncRecloser, Error as RecloserError, Recloser};
use redis::{Pipeline, RedisError, Value, from_redis_value};
use settings::SettingError;
use telemetry::{Causes, Store};

pub use config::{RedisConfig, Topology};
use connection::{AskError, Connection};

/// How long a request is remembered.
const MEMORY_SECONDS: u64 = 24 * 60 * 60;

/// The most that a request can lose to Redis in one place. A connection that takes longer is made beside the requests.
const BUDGET: Duration = Duration::from_millis(50);

/// How long connecting may take: TLS and authentication need more than a command.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// How many of the last calls the breaker judges by: one that failed is enough, because a request that has waited for Redis once
/// must not wait again. Whether it was a hiccup only, a look beside the requests finds out.
const BREAKER_CALLS: usize = 1;

/// As many calls again as this may try when the pause is over, and decide together with the first whether it begins anew.
const BREAKER_PROBES: usize = 1;

/// How long an open breaker keeps requests away from Redis before one may try again: so long that, under load, those that
/// wait for a dead Redis are well below one in a hundred.
pub const BREAKER_PAUSE: Duration = Duration::from_secs(30);

/// The memory of processed requests.
pub struct RequestMemory {
    connection: Connection,
    breaker: Arc<Mutex<AsyncRecloser>>,
    breaker_pause: Duration,
    kept_away: AtomicBool,
}

/// A request that was accepted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The fingerprint of its payload.
    pub fingerprint: Fingerprint,
    /// What was answered, as the caller wrote it.
    pub response: String,
}

impl RequestMemory {
    /// A memory there, connected when it is first needed. An open breaker keeps requests away for `breaker_pause`. To be called
    /// where a `tokio` runtime runs.
    ///
    /// # Errors
    /// The URL is not one that the Redis client understands, or no cluster can be reached so.
    pub fn new(config: &RedisConfig, breaker_pause: Duration) -> Result<RequestMemory, RedisError> {
        let connection = Connection::new(config)?;
        let breaker = Arc::new(Mutex::new(closed_breaker(breaker_pause)));
        Ok(RequestMemory { connection, breaker, breaker_pause, kept_away: AtomicBool::new(false) })
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
            pipeline.get(key(*id));
        }
        let values = self.run("recall", &pipeline).await;
        values.into_iter().map(|value| Remembered::read(&from_redis_value::<Option<String>>(value?).ok()??)).collect()
    }

    /// Remembers accepted requests for 24 hours. What is already remembered of an id stays: the first answer stands.
    ///
    /// Call this only once the requests cannot be lost any more. A mark that is set before its effect would answer
    /// "accepted" for an entry that nobody recorded.
    pub async fn remember(&self, requests: &[(EntryId, Remembered)]) {
        let mut pipeline = Pipeline::with_capacity(requests.len());
        for (id, remembered) in requests {
            pipeline.cmd("SET").arg(key(*id)).arg(remembered.write()).arg("NX").arg("EX").arg(MEMORY_SECONDS);
        }
        self.run("remember", &pipeline).await;
    }

    /// Runs single-key commands within the budget, unless the breaker is open, and answers each of them, or `None`. A failure is
    /// logged here and ends here.
    async fn run(&self, action: &'static str, commands: &Pipeline) -> Vec<Option<Value>> {
        let breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let result = breaker.call(telemetry::call(Store::RequestMemory, self.ask(commands))).await;
        self.kept_away.store(matches!(result, Err(RecloserError::Rejected)), Ordering::Relaxed);
        match result {
            Ok(answers) => answers,
            Err(RecloserError::Rejected) => vec![None; commands.len()],
            Err(RecloserError::Inner(Incomplete { answers, error })) => {
                tracing::warn!(action, error = %Causes(&error), "request memory unavailable");
                self.look_again();
                answers
            }
        }
    }

    /// Asks Redis for a sign of life, beside the requests, and closes the breaker if it gives one.
    fn look_again(&self) {
        let (connection, breaker, pause) = (self.connection.clone(), Arc::clone(&self.breaker), self.breaker_pause);
        tokio::spawn(async move {
            let answers = connection.ask(&ping(), CONNECT_TIMEOUT).await;
            if answers.iter().all(Result::is_ok) {
                *breaker.lock().unwrap_or_else(PoisonError::into_inner) = closed_breaker(pause);
            }
        });
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

/// A breaker that lets requests pass.
fn closed_breaker(pause: Duration) -> AsyncRecloser {
    let breaker = Recloser::custom().closed_len(BREAKER_CALLS).half_open_len(BREAKER_PROBES).open_wait(pause).build();
    // It judges from the second call on. This is the first, so that it judges the very first one that is made.
    let _ = breaker.call(|| Ok::<(), Infallible>(()));
    breaker.into()
}

fn ping() -> Pipeline {
    Pipeline::new().cmd("PING").to_owned()
}

fn key(id: EntryId) -> String {
    format!("fluxo:request:{id}")
}

impl Remembered {
    /// The form in which Redis holds it: the fingerprint, a space, the response.
    pub fn write(&self) -> String {
        format!("{} {}", self.fingerprint, self.response)
    }

    /// Reads what [`Remembered::write`] wrote. What cannot be read any more counts as forgotten.
    pub fn read(value: &str) -> Option<Remembered> {
        let (fingerprint, response) = value.split_once(' ')?;
        Some(Remembered { fingerprint: Fingerprint::parse(fingerprint).ok()?, response: response.to_owned() })
    }
}

impl fmt::Debug for RequestMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestMemory")
    }
}
