//! The memory of processed requests in Redis: which entry ids were accepted, with which payload, and what was answered.
//!
//! It is an accelerator and never the truth. Without it a repeated request takes a longer way to the same end, so nothing
//! here fails: when Redis is slow, gone or empty, nothing is remembered, and a circuit breaker keeps requests from waiting
//! for it again and again.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use cashflow::{EntryId, Fingerprint};
use recloser::{AsyncRecloser, Error as RecloserError, Recloser};
use redis::{
    Client, Pipeline, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use settings::SettingError;
use telemetry::{Causes, Store};
use tokio::time::timeout;

/// How long a request is remembered.
const MEMORY_SECONDS: u64 = 24 * 60 * 60;

/// The most that a request can lose to Redis in one place. A connection that takes longer is made beside the requests.
const BUDGET: Duration = Duration::from_millis(50);

/// How long connecting may take: TLS and authentication need more than a command.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// How many of the last calls the breaker judges by: one that failed is enough. Going without Redis for a while costs nothing
/// but a longer way for repeated requests, and a request that has waited for it once must not wait again.
const BREAKER_CALLS: usize = 1;

/// As many calls again as this may try when the pause is over, and decide together with the first whether it begins anew.
const BREAKER_PROBES: usize = 1;

/// How long an open breaker keeps requests away from Redis before one may try again: so long that, under load, those that
/// wait for a dead Redis are well below one in a hundred.
pub const BREAKER_PAUSE: Duration = Duration::from_secs(30);

/// The memory of processed requests.
pub struct RequestMemory {
    connection: ConnectionManager,
    breaker: AsyncRecloser,
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
    /// A memory at this URL (`redis://`, `rediss://` for TLS, `redis+unix://`), connected when it is first needed. An open
    /// breaker keeps requests away for `breaker_pause`.
    ///
    /// # Errors
    /// The URL is not one that the Redis client understands.
    pub fn new(url: &str, breaker_pause: Duration) -> Result<RequestMemory, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(BUDGET));
        let connection = ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?;
        let breaker =
            Recloser::custom().closed_len(BREAKER_CALLS).half_open_len(BREAKER_PROBES).open_wait(breaker_pause).build();
        // It judges from the second call on. This is the first, so that it judges the very first one that is made.
        let _ = breaker.call(|| Ok::<(), Infallible>(()));
        Ok(RequestMemory { connection, breaker: breaker.into(), kept_away: AtomicBool::new(false) })
    }

    /// A memory at `REDIS_URL`.
    pub fn from_env() -> Result<RequestMemory, SettingError> {
        let name = "REDIS_URL";
        RequestMemory::new(&settings::required(name)?, BREAKER_PAUSE)
            .map_err(|_| SettingError::Invalid { name, expected: "a Redis URL" })
    }

    /// Connects now, while the environment starts, so that the first request has its whole budget for its commands. A Redis
    /// that does not answer even then opens the breaker before there is a request.
    pub async fn warm_up(&self) {
        let ping = Pipeline::new().cmd("PING").ignore().to_owned();
        let _: Option<()> = self.run("warm up", CONNECT_TIMEOUT, ping).await;
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
        let values: Option<Vec<Option<String>>> = self.run("recall", BUDGET, pipeline).await;
        match values {
            Some(values) if values.len() == ids.len() => {
                values.into_iter().map(|value| value.as_deref().and_then(Remembered::read)).collect()
            }
            _ => vec![None; ids.len()],
        }
    }

    /// Remembers accepted requests for 24 hours. What is already remembered of an id stays: the first answer stands.
    ///
    /// Call this only once the requests cannot be lost any more. A mark that is set before its effect would answer
    /// "accepted" for an entry that nobody recorded.
    pub async fn remember(&self, requests: &[(EntryId, Remembered)]) {
        let mut pipeline = Pipeline::with_capacity(requests.len());
        for (id, remembered) in requests {
            pipeline.cmd("SET").arg(key(*id)).arg(remembered.write()).arg("NX").arg("EX").arg(MEMORY_SECONDS).ignore();
        }
        let _: Option<()> = self.run("remember", BUDGET, pipeline).await;
    }

    /// Runs a pipeline within a limit, unless the breaker is open. A failure is logged here and ends here.
    async fn run<T: redis::FromRedisValue + Send>(
        &self,
        action: &'static str,
        limit: Duration,
        pipeline: Pipeline,
    ) -> Option<T> {
        let mut connection = self.connection.clone();
        let answer = telemetry::call(Store::RequestMemory, within(limit, pipeline.query_async(&mut connection)));
        let result = self.breaker.call(answer).await;
        self.kept_away.store(matches!(result, Err(RecloserError::Rejected)), Ordering::Relaxed);
        match result {
            Ok(value) => Some(value),
            Err(RecloserError::Rejected) => None,
            Err(RecloserError::Inner(error)) => {
                tracing::warn!(action, error = %Causes(&error), "request memory unavailable");
                None
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum MemoryError {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error(transparent)]
    Redis(#[from] RedisError),
}

async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, MemoryError> {
    Ok(timeout(limit, answer).await.map_err(|_| MemoryError::Timeout(limit))??)
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
