use std::{sync::Arc, time::Duration};

use cashflow::{EntryId, MerchantId};
use circuit_breaker::CircuitBreaker;
use ledger::{Ledger, LedgerError, Recorded};
use telemetry::{Causes, Store};
use tokio::time::timeout;

use crate::lookup_together::Together;

/// The most that a request waits for the ledger before it is accepted without it.
pub const LOOKUP_BUDGET: Duration = Duration::from_millis(100);

/// The most that anybody waits for a connection to it: an environment that starts, and the first request after an outage and a
/// silence.
const CONNECT_PATIENCE: Duration = Duration::from_millis(250);

/// How often an open breaker probes whether the ledger is back. Requests are accepted without it meanwhile.
pub const LOOKUP_PAUSE: Duration = Duration::from_secs(15);

/// The most that the first look of a probe takes: connecting, and a statement. It may have to wait for its turn, too.
const PROBE_LIMIT: Duration = Duration::from_secs(7);

/// What the ledger holds of requests, asked before they are accepted. Accepting never depends on it: if the ledger does not
/// answer in time, the request goes on without, and a circuit breaker keeps the next ones from waiting.
/// Clones share the breaker, and what is put together.
#[derive(Debug, Clone)]
pub struct RequestLookup {
    source: Source,
    breaker: Arc<CircuitBreaker>,
    budget: Duration,
}

/// Who is asked.
#[derive(Debug, Clone)]
enum Source {
    /// The ledger, for one request.
    Alone(Arc<Ledger>),
    /// The ledger, for those who ask at the same time.
    Together(Together),
}

/// No answer in time.
#[derive(Debug, thiserror::Error)]
enum LookupError {
    #[error("no answer from the ledger within {0:?}")]
    Timeout(Duration),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    OfSeveral(#[from] Arc<LedgerError>),
    #[error("the ledger was not asked")]
    NotAsked,
}

impl RequestLookup {
    /// Looks up in this ledger. A request waits for it no longer than `budget`; an open breaker probes it once in each `pause`.
    pub fn new(ledger: Arc<Ledger>, budget: Duration, pause: Duration) -> RequestLookup {
        RequestLookup { source: Source::Alone(ledger), breaker: CircuitBreaker::new(pause, CONNECT_PATIENCE), budget }
    }

    /// The same for a process in which many requests use it at once: those that come while the ledger is asked are put together, and one
    /// that it answers late says nothing to the others. To be called where a `tokio` runtime runs.
    #[must_use]
    pub fn shared(self) -> RequestLookup {
        let source = match self.source {
            Source::Alone(ledger) => Source::Together(Together::start(ledger)),
            together @ Source::Together(_) => together,
        };
        RequestLookup { source, breaker: CircuitBreaker::shared(CONNECT_PATIENCE), ..self }
    }

    /// Connects now, while the environment starts, and waits for that no longer than is worth it. A connection that takes longer
    /// is made beside the requests.
    pub async fn warm_up(&self) {
        // Looks up no entries, so whose they would be does not matter.
        if let Ok(any_merchant) = MerchantId::parse("-") {
            self.recorded_within(CONNECT_PATIENCE, &any_merchant, &[]).await;
        }
    }

    /// What the ledger holds under these ids; `None` if it does not answer in time.
    pub async fn recorded(&self, merchant: &MerchantId, ids: &[EntryId]) -> Option<Vec<Recorded>> {
        self.recorded_within(self.budget, merchant, ids).await
    }

    /// Whether the circuit to the ledger is open, so that requests are accepted without its answer.
    pub fn is_circuit_open(&self) -> bool {
        self.breaker.is_open()
    }

    async fn recorded_within(&self, limit: Duration, merchant: &MerchantId, ids: &[EntryId]) -> Option<Vec<Recorded>> {
        let lookup = self.source.recorded_within(limit, merchant, ids);
        match self.breaker.call(lookup, || probe(self.source.clone(), self.budget, merchant.clone())).await? {
            Ok(recorded) => Some(recorded),
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "lookup in the ledger failed; requests are accepted without it");
                None
            }
        }
    }
}

impl Source {
    async fn recorded_within(
        &self,
        limit: Duration,
        merchant: &MerchantId,
        ids: &[EntryId],
    ) -> Result<Vec<Recorded>, LookupError> {
        timeout(limit, self.recorded(merchant, ids)).await.map_err(|_| LookupError::Timeout(limit))?
    }

    async fn recorded(&self, merchant: &MerchantId, ids: &[EntryId]) -> Result<Vec<Recorded>, LookupError> {
        match self {
            Source::Alone(ledger) => Ok(ledger.recorded(merchant, ids).await?),
            Source::Together(together) => {
                let asking = async { Ok(together.recorded(merchant, ids).await.ok_or(LookupError::NotAsked)??) };
                telemetry::call(Store::Ledger, asking).await
            }
        }
    }
}

/// Whether the ledger answers a request in time again. The first look may have to connect.
async fn probe(source: Source, budget: Duration, merchant: MerchantId) -> bool {
    source.recorded_within(PROBE_LIMIT, &merchant, &[]).await.is_ok()
        && source.recorded_within(budget, &merchant, &[]).await.is_ok()
}
