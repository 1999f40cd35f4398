//! Every metric of the system is a field here, named in CloudWatch as the field is, in PascalCase. There are no dimensions
//! but one: each combination of values would be one more metric to pay for. What an incident needs beyond the numbers is in
//! the logs.

use std::time::Duration;

use metrique::{
    unit::{Count, Millisecond, Second},
    unit_of_work::metrics,
    writer::value::VecDistribution,
};

use crate::Store;

/// The names of all metrics.
pub const METRIC_NAMES: &[&str] = &[
    "BalancesDifferent",
    "BalancesLatency",
    "BalancesRepaired",
    "BalancesUpToDate",
    "BalancesWritten",
    "ConsolidationLag",
    "EntriesAccepted",
    "EntriesApplied",
    "EntriesDuplicate",
    "EntriesReplayed",
    "InputsReplayed",
    "InputsSetAside",
    "KeyConflicts",
    "LedgerLatency",
    "MonthsCompared",
    "MonthsSetAside",
    "OldestDifferenceAge",
    "OldestParkedAge",
    "RequestLookupBreakerOpen",
    "RequestMemoryBreakerOpen",
    "RequestMemoryLatency",
    "RequestsRefused",
    "ReversalsOvertaken",
    "StateMachineLatency",
];

/// A request to write entries, in `register-entry` and `reverse-entry`.
#[metrics(rename_all = "PascalCase")]
#[derive(Debug)]
pub struct IntakeMetrics {
    /// Entries for which an execution was started.
    #[metrics(unit = Count)]
    pub entries_accepted: u64,
    /// Entries that had been accepted before.
    #[metrics(unit = Count)]
    pub entries_replayed: u64,
    /// 1 if the circuit breaker kept this request away from Redis, 0 if it asked Redis.
    #[metrics(unit = Count)]
    pub request_memory_breaker_open: u64,
    /// 1 if requests are accepted without a look into the ledger now, 0 if not.
    #[metrics(unit = Count)]
    pub request_lookup_breaker_open: u64,
    /// What its calls of stores took.
    #[metrics(flatten)]
    pub stores: StoreMetrics,
}

/// A batch in `apply-to-ledger`.
#[metrics(rename_all = "PascalCase")]
#[derive(Debug)]
pub struct PostingMetrics {
    /// Entries posted.
    #[metrics(unit = Count)]
    pub entries_applied: u64,
    /// Entries that were in the ledger already.
    #[metrics(unit = Count)]
    pub entries_duplicate: u64,
    /// Entries not posted because another payload had used their key before.
    #[metrics(unit = Count)]
    pub key_conflicts: u64,
    /// Reversals not posted because another one of the same entry had come before.
    #[metrics(unit = Count)]
    pub reversals_overtaken: u64,
    /// What its calls of stores took.
    #[metrics(flatten)]
    pub stores: StoreMetrics,
}

/// A batch in `consolidate-day`.
#[metrics(rename_all = "PascalCase")]
#[derive(Debug)]
pub struct ConsolidationMetrics {
    /// Totals written to the read model.
    #[metrics(unit = Count)]
    pub balances_written: u64,
    /// Totals not written because the same or newer ones were there.
    #[metrics(unit = Count)]
    pub balances_up_to_date: u64,
    /// For how long its entries had waited when their balances were written: since their execution started, or since they
    /// were parked for the first time. Unknown for executions of an earlier definition of the state machine.
    #[metrics(unit = Millisecond)]
    pub consolidation_lag: Option<u64>,
    /// What its calls of stores took.
    #[metrics(flatten)]
    pub stores: StoreMetrics,
}

/// A batch of messages in `replay-parked`.
#[metrics(rename_all = "PascalCase")]
#[derive(Debug)]
pub struct ReplayMetrics {
    /// Inputs whose execution was started again.
    #[metrics(unit = Count)]
    pub inputs_replayed: u64,
    /// Inputs that went to the dead-letter queue.
    #[metrics(unit = Count)]
    pub inputs_set_aside: u64,
    /// How long ago the oldest of them was parked for the first time.
    #[metrics(unit = Second)]
    pub oldest_parked_age: u64,
    /// What its calls of stores took.
    #[metrics(flatten)]
    pub stores: StoreMetrics,
}

/// A run of `reconcile-balances`.
#[metrics(rename_all = "PascalCase")]
#[derive(Debug)]
pub struct ReconciliationMetrics {
    /// Months of a merchant and currency that were compared.
    #[metrics(unit = Count)]
    pub months_compared: u64,
    /// Totals that differed from the ledger's, and not merely because their execution was still under way.
    #[metrics(unit = Count)]
    pub balances_different: u64,
    /// Totals and seals that were put right.
    #[metrics(unit = Count)]
    pub balances_repaired: u64,
    /// For how long the one that had been different for the longest time had been so.
    #[metrics(unit = Second)]
    pub oldest_difference_age: u64,
    /// Months that could not be compared, by this run or others before it, and wait for the next. Unknown if the ledger gave no
    /// answer.
    #[metrics(unit = Count)]
    pub months_set_aside: Option<u64>,
    /// What its calls of stores took.
    #[metrics(flatten)]
    pub stores: StoreMetrics,
}

/// A request that a function behind the API refused or could not answer.
#[metrics(rename_all = "PascalCase", emf::dimension_sets = [["Code"]])]
#[derive(Debug)]
pub struct RefusalMetrics {
    /// The stable code of the problem: the dimension, with some twenty values.
    pub code: &'static str,
    /// 1.
    #[metrics(unit = Count)]
    pub requests_refused: u64,
}

/// What the calls of stores took, each by itself, in milliseconds. A store that was not called is not in the record.
#[metrics(rename_all = "PascalCase")]
#[derive(Debug, Default, PartialEq)]
pub struct StoreMetrics {
    /// PostgreSQL, with connecting.
    #[metrics(no_close)]
    ledger_latency: VecDistribution<Duration>,
    /// DynamoDB.
    #[metrics(no_close)]
    balances_latency: VecDistribution<Duration>,
    /// Redis.
    #[metrics(no_close)]
    request_memory_latency: VecDistribution<Duration>,
    /// Step Functions.
    #[metrics(no_close)]
    state_machine_latency: VecDistribution<Duration>,
}

impl StoreMetrics {
    /// What the calls of one store took.
    pub(crate) fn of(&mut self, store: Store) -> &mut VecDistribution<Duration> {
        match store {
            Store::Ledger => &mut self.ledger_latency,
            Store::Balances(_) => &mut self.balances_latency,
            Store::RequestMemory => &mut self.request_memory_latency,
            Store::StateMachine(_) => &mut self.state_machine_latency,
        }
    }
}
