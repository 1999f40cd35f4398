use std::{
    cell::RefCell,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    Daemon, StoreMetrics,
    daemon::{AwsCall, Subsegment},
};

/// How many calls of one invocation are measured for each store, and how many are shown in its trace: CloudWatch takes a
/// hundred values of a metric in one line, X-Ray 500 kB of one trace.
const CALLS_MAX: usize = 100;

/// What a function calls and waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// The ledger in PostgreSQL.
    Ledger,
    /// The balances in DynamoDB, with this operation.
    Balances(&'static str),
    /// The idempotency cache in Redis.
    IdempotencyCache,
    /// The state machine in Step Functions, with this operation.
    StateMachine(&'static str),
    /// The log of entries in Kafka.
    EntryLog,
    /// The table of webhooks in DynamoDB, with this operation.
    Webhooks(&'static str),
}

tokio::task_local! {
    static CALLS: RefCell<Calls>;
}

/// What is known of the calls of one invocation.
#[derive(Debug)]
pub(crate) struct Calls {
    latencies: StoreMetrics,
    segment: Option<Segment>,
}

/// Where the calls of an invocation are shown in its trace.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) daemon: Daemon,
    pub(crate) trace_id: String,
    pub(crate) parent_id: String,
}

/// One call of a store: its time goes into the metrics of the invocation that it is part of, and it is a subsegment of its
/// trace, marked as failed if it fails.
///
/// `call` must not answer an error for what is no failure of the store, such as a condition that was not met.
pub async fn call<T, E>(store: Store, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let (start, clock) = (since_epoch(), Instant::now());
    let answer = call.await;
    let took = clock.elapsed();
    // Outside of an invocation nothing is measured.
    let _ = CALLS.try_with(|calls| calls.borrow_mut().add(store, start, took, answer.is_err()));
    answer
}

impl StoreMetrics {
    /// The latencies of this invocation's calls that are in no line yet.
    pub fn take() -> StoreMetrics {
        CALLS.try_with(|calls| std::mem::take(&mut calls.borrow_mut().latencies)).unwrap_or_default()
    }
}

impl Calls {
    /// Does some work whose calls are shown under this segment, if there is one.
    pub(crate) async fn of<T>(segment: Option<Segment>, work: impl Future<Output = T>) -> T {
        CALLS.scope(RefCell::new(Calls { latencies: StoreMetrics::default(), segment }), work).await
    }

    fn add(&mut self, store: Store, start: Duration, took: Duration, fault: bool) {
        let latencies = self.latencies.of(store);
        if latencies.len() < CALLS_MAX {
            latencies.push(took);
            if let Some(segment) = &self.segment {
                segment.send(store, start, took, fault);
            }
        }
    }
}

impl Segment {
    fn send(&self, store: Store, start_time: Duration, took: Duration, fault: bool) {
        let (name, namespace, operation) = match store {
            Store::Ledger => ("PostgreSQL", "remote", None),
            Store::Balances(operation) | Store::Webhooks(operation) => ("DynamoDB", "aws", Some(operation)),
            Store::IdempotencyCache => ("Redis", "remote", None),
            Store::StateMachine(operation) => ("StepFunctions", "aws", Some(operation)),
            Store::EntryLog => ("Kafka", "remote", None),
        };
        self.daemon.send(&Subsegment {
            r#type: "subsegment",
            id: format!("{:016x}", fastrand::u64(..)),
            name,
            namespace,
            trace_id: &self.trace_id,
            parent_id: &self.parent_id,
            start_time,
            end_time: start_time + took,
            fault,
            aws: operation.map(|operation| AwsCall { operation }),
        });
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
