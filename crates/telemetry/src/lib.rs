//! The metrics that the functions emit: one record for each unit of work, written to standard output in CloudWatch's
//! embedded metric format, from where Lambda's log delivery turns it into metrics without a call of ours.
//!
//! Every metric of the system is a field here, named in CloudWatch as the field is, in PascalCase. There are no dimensions:
//! each combination of values would be one more metric to pay for. What an incident needs beyond the numbers is in the logs.

use std::{fmt, io};

use metrique::{
    CloseValue, InflectableEntry, RootMetric, append_and_close,
    emf::Emf,
    unit::{Count, Second},
    unit_of_work::metrics,
    writer::{BoxEntrySink, EntrySink, FormatExt, sink::FlushImmediately},
};
use settings::SettingError;

/// Where a function's metrics go.
#[derive(Clone)]
pub struct Metrics(BoxEntrySink);

impl Metrics {
    /// Metrics on standard output, in the namespace that `METRICS_NAMESPACE` names.
    pub fn from_env() -> Result<Metrics, SettingError> {
        Ok(Metrics::new(settings::required("METRICS_NAMESPACE")?, io::stdout()))
    }

    /// Metrics of this namespace, written there.
    pub fn new(namespace: impl Into<String>, output: impl io::Write + Send + Sync + 'static) -> Metrics {
        let format = Emf::builder(namespace.into(), vec![vec![]]).build();
        Metrics(FlushImmediately::new_boxed(format.output_to(output)))
    }

    /// Writes one record.
    pub fn emit<T: CloseValue<Closed: InflectableEntry>>(&self, record: T)
    where
        BoxEntrySink: EntrySink<RootMetric<T>>,
    {
        drop(append_and_close(record, self.0.clone()));
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

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
}

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
    "OldestDifferenceAge",
    "OldestParkedAge",
    "RequestMemoryBreakerOpen",
    "RequestMemoryLatency",
    "RequestsRefused",
    "ReversalsOvertaken",
    "StateMachineLatency",
];
