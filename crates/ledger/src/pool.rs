use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use telemetry::Causes;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_postgres::Client;

use crate::{Connection, LedgerConfig, LedgerError, UnavailableError, connect, session::STATEMENTS_TIMEOUT};

/// The connections of one program, so many at once. Each is opened when it is needed and replaced when it is broken or old. Who
/// needs one waits for its turn, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Pool {
    config: LedgerConfig,
    count: u32,
    /// How long to wait for a turn; without it, as long as whoever asks can wait.
    patience: Option<Duration>,
    /// A permit for each connection that may be in use.
    turns: Arc<Semaphore>,
    /// Open and not in use, the last used one at the end: those that nobody needs grow old and are not used again.
    idle: Mutex<Vec<Connection>>,
}

/// A connection in use, and the turn that it was taken with. Dropped, it goes back to the others: at once if nothing was asked of it,
/// otherwise when it has answered. Who gives a question up costs the ledger no new connection, which is dearer than most questions.
pub(crate) struct InUse {
    pool: Arc<Pool>,
    /// Taken when it is given back or closed.
    held: Option<(Connection, OwnedSemaphorePermit)>,
    is_asked: bool,
}

impl Pool {
    pub(crate) fn new(config: LedgerConfig, count: u32, patience: Option<Duration>) -> Pool {
        let turns = Arc::new(Semaphore::new(count as usize));
        Pool { config, count, patience, turns, idle: Mutex::default() }
    }

    pub(crate) fn config(&self) -> &LedgerConfig {
        &self.config
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Opens every connection.
    pub(crate) async fn warm_up(&self) {
        // Nobody closes the turns.
        let Ok(_all) = self.turns.acquire_many(self.count).await else { return };
        let mut failure = None;
        for opened in join_all((0..self.count).map(|_| connect(&self.config))).await {
            match opened {
                Ok(opened) => self.put(opened),
                Err(error) => failure = Some(error),
            }
        }
        if let Some(error) = failure {
            tracing::warn!(error = %Causes(&error), "connecting to the ledger failed at start; the first request connects");
        }
    }

    /// A connection that can be used, when it is one's turn.
    pub(crate) async fn connection(self: &Arc<Self>) -> Result<InUse, LedgerError> {
        let turn = self.turn().await?;
        let Some(idle) = self.take() else { return self.open(turn).await };
        // From here on whoever gives up leaves it to the others.
        let in_use = InUse::new(Arc::clone(self), idle, turn);
        if in_use.connection().is_usable().await { Ok(in_use) } else { self.open(in_use.discard()).await }
    }

    /// Connects beside whoever asks: if they give up meanwhile, the next one finds the connection.
    async fn open(self: &Arc<Self>, turn: OwnedSemaphorePermit) -> Result<InUse, LedgerError> {
        let pool = Arc::clone(self);
        let opening = tokio::spawn(async move {
            let opened = connect(&pool.config).await?;
            Ok(InUse::new(pool, opened, turn))
        });
        opening.await.unwrap_or_else(|ended| match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends.
            Err(_) => Err(busy(Duration::ZERO)),
        })
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, LedgerError> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = match self.patience {
            Some(patience) => timeout(patience, turn).await.map_err(|_| busy(patience))?,
            None => turn.await,
        };
        // Nobody closes the turns.
        turn.map_err(|_| busy(Duration::ZERO))
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Warmed up twice, there is one too many.
        if idle.len() < self.count as usize {
            idle.push(connection);
        }
    }
}

impl InUse {
    fn new(pool: Arc<Pool>, connection: Connection, turn: OwnedSemaphorePermit) -> InUse {
        InUse { pool, held: Some((connection, turn)), is_asked: false }
    }

    fn connection(&self) -> &Connection {
        &self.held.as_ref().expect("it is held until the end").0
    }

    /// Closes the connection, and keeps the turn.
    fn discard(mut self) -> OwnedSemaphorePermit {
        self.held.take().expect("it is held until the end").1
    }

    /// Does some work. A connection that was late or failed is in an unknown state: it is closed, and never used again.
    pub(crate) async fn run<T, E: From<LedgerError>>(
        mut self,
        limit: Duration,
        work: impl AsyncFnOnce(&Client) -> Result<T, E>,
    ) -> Result<T, E> {
        let late = || LedgerError::Unavailable(UnavailableError::Timeout(limit));
        self.is_asked = true;
        let answer = timeout(limit, work(self.connection())).await.unwrap_or_else(|_| Err(late().into()));
        self.is_asked = false;
        if answer.is_err() {
            drop(self.discard());
        }
        answer
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let Some((connection, turn)) = self.held.take() else { return };
        let pool = Arc::clone(&self.pool);
        if !self.is_asked {
            pool.put(connection);
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            // It is answered after what was asked before. Outside of a transaction it only warns.
            if let Ok(Ok(())) = timeout(STATEMENTS_TIMEOUT, connection.batch_execute("ROLLBACK")).await {
                pool.put(connection);
            }
            drop(turn);
        });
    }
}

fn busy(patience: Duration) -> LedgerError {
    LedgerError::Unavailable(UnavailableError::Busy(patience))
}
