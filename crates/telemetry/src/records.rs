//! Every metric of the system is a field here, named in CloudWatch as the field is, in PascalCase, and in
//! Prometheus in its own style (`exposition.rs`). Six names are older than the
//! terms of the code and stay, because alarms, dashboards and what CloudWatch keeps use them: `EntriesApplied` (posted),
//! `EntriesReplayed` (repeated), `InputsSetAside` (dead-lettered), `RequestMemoryBreakerOpen` and `RequestMemoryLatency` (of the
//! idempotency cache), `RequestLookupBreakerOpen` (of the ledger). There is one dimension only: each combination of values would
//! be one more metric to pay for. What an incident needs beyond the numbers is in
//! the line that they stand in.

use std::time::Duration;

use crate::{Exposition, MetricSet, Record, Store};

/// The names of all metrics.
pub const METRIC_NAMES: &[&str] = &[
    "Answers",
    "BalancesDifferent",
    "BalancesLatency",
    "BalancesRepaired",
    "BalancesUpToDate",
    "BalancesWritten",
    "BusPauses",
    "ConsolidationLag",
    "DeliveriesDelivered",
    "DeliveriesFailed",
    "DeliveriesRetried",
    "DeliveryLag",
    "EndpointsDisabled",
    "EntriesAccepted",
    "EntriesApplied",
    "EntriesDuplicate",
    "EntriesReplayed",
    "EntriesSwept",
    "EntryLogLatency",
    "EventsPublished",
    "EventsUndeliverable",
    "InputsReplayed",
    "InputsSetAside",
    "KeyConflicts",
    "LedgerLatency",
    "LogLagRecords",
    "LogLateSeconds",
    "MonthsCompared",
    "MonthsSetAside",
    "OldestDifferenceAge",
    "OldestParkedAge",
    "RecordsDead",
    "RecordsRetried",
    "RequestLatency",
    "RequestLookupBreakerOpen",
    "RequestMemoryBreakerOpen",
    "RequestMemoryLatency",
    "RequestsRefused",
    "ReversalsOvertaken",
    "StateMachineLatency",
    "SubscribersOverdue",
    "WakesSent",
    "WebhooksLatency",
];

/// Those that only services emit: Prometheus has them, and CloudWatch never sees them.
pub const SERVICE_METRIC_NAMES: &[&str] = &[
    "Answers",
    "EntriesSwept",
    "EntryLogLatency",
    "LogLagRecords",
    "LogLateSeconds",
    "RecordsDead",
    "RecordsRetried",
    "RequestLatency",
];

/// A request to write entries, in `register-entry` and `reverse-entry`.
#[derive(Debug)]
pub struct IntakeMetrics {
    /// Entries for which an execution was started.
    pub entries_accepted: u64,
    /// Entries of repeated requests: accepted before.
    pub entries_repeated: u64,
    /// 1 if this request skipped Redis because the circuit was open, 0 if it asked Redis.
    pub idempotency_cache_breaker_open: u64,
    /// 1 if the circuit to the ledger is open, so that requests are accepted without looking there, 0 if not.
    pub request_lookup_breaker_open: u64,
    /// What its calls of stores took.
    pub stores: StoreMetrics,
}

impl Record for IntakeMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.count("EntriesAccepted", self.entries_accepted);
        metrics.count("EntriesReplayed", self.entries_repeated);
        metrics.count("RequestMemoryBreakerOpen", self.idempotency_cache_breaker_open);
        metrics.count("RequestLookupBreakerOpen", self.request_lookup_breaker_open);
        self.stores.describe(metrics);
    }
}

/// A batch in `apply-to-ledger`.
#[derive(Debug)]
pub struct PostingMetrics {
    /// Entries posted.
    pub entries_posted: u64,
    /// Entries that were in the ledger already.
    pub entries_duplicate: u64,
    /// Entries not posted because another payload had used their key before.
    pub key_conflicts: u64,
    /// Reversals not posted because another one of the same entry had come before.
    pub reversals_overtaken: u64,
    /// What its calls of stores took.
    pub stores: StoreMetrics,
}

impl Record for PostingMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.count("EntriesApplied", self.entries_posted);
        metrics.count("EntriesDuplicate", self.entries_duplicate);
        metrics.count("KeyConflicts", self.key_conflicts);
        metrics.count("ReversalsOvertaken", self.reversals_overtaken);
        self.stores.describe(metrics);
    }
}

/// A batch in `consolidate-day`.
#[derive(Debug)]
pub struct ConsolidationMetrics {
    /// Totals written to the read model.
    pub balances_written: u64,
    /// Totals not written because the same or newer ones were there.
    pub balances_up_to_date: u64,
    /// For how many milliseconds its entries had waited when their balances were written: since their execution started, or
    /// since they were parked for the first time. Unknown for executions of an earlier definition of the state machine.
    pub consolidation_lag: Option<u64>,
    /// What its calls of stores took.
    pub stores: StoreMetrics,
}

impl Record for ConsolidationMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.count("BalancesWritten", self.balances_written);
        metrics.count("BalancesUpToDate", self.balances_up_to_date);
        if let Some(lag) = self.consolidation_lag {
            metrics.milliseconds("ConsolidationLag", lag);
        }
        self.stores.describe(metrics);
    }
}

/// A batch of messages in `replay-parked`.
#[derive(Debug)]
pub struct ReplayMetrics {
    /// Inputs whose execution was started again.
    pub inputs_replayed: u64,
    /// Inputs sent to the dead-letter queue.
    pub inputs_dead_lettered: u64,
    /// For how many seconds the oldest of them has been parked.
    pub oldest_parked_age: u64,
    /// What its calls of stores took.
    pub stores: StoreMetrics,
}

impl Record for ReplayMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.tally("InputsReplayed", self.inputs_replayed);
        metrics.tally("InputsSetAside", self.inputs_dead_lettered);
        metrics.value("OldestParkedAge", self.oldest_parked_age);
        self.stores.describe(metrics);
    }
}

/// A run of `reconcile-balances`.
#[derive(Debug)]
pub struct ReconciliationMetrics {
    /// Months of a merchant and currency that were compared.
    pub months_compared: u64,
    /// Totals that differed from the ledger's, and not merely because their execution was still under way.
    pub balances_different: u64,
    /// Totals and seals that were put right.
    pub balances_repaired: u64,
    /// For how many seconds the one that had been different for the longest time had been so.
    pub oldest_difference_age: u64,
    /// Months that could not be compared, by this run or others before it, and wait for the next. Unknown if the ledger gave no
    /// answer.
    pub months_set_aside: Option<u64>,
    /// What its calls of stores took.
    pub stores: StoreMetrics,
}

impl Record for ReconciliationMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.tally("MonthsCompared", self.months_compared);
        metrics.tally("BalancesDifferent", self.balances_different);
        metrics.tally("BalancesRepaired", self.balances_repaired);
        metrics.value("OldestDifferenceAge", self.oldest_difference_age);
        if let Some(months) = self.months_set_aside {
            metrics.value("MonthsSetAside", months);
        }
        self.stores.describe(metrics);
    }
}

/// A request that a function behind the API refused or could not answer.
#[derive(Debug)]
pub struct RefusalMetrics {
    /// The stable code of the problem: the dimension, with some twenty values.
    pub code: &'static str,
    /// What its calls of stores took.
    pub stores: StoreMetrics,
}

impl Record for RefusalMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.one_of("RequestsRefused", "Code", self.code);
        self.stores.describe(metrics);
    }
}

/// What a service took to answer a request. It has no line of its own.
#[derive(Debug)]
pub struct RequestMetrics {
    /// Method and path of the route: the dimension, one of the contract's.
    pub route: &'static str,
    /// From the end of its headers to the beginning of the answer.
    pub took: Duration,
}

impl Record for RequestMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.times_of("RequestLatency", "Route", self.route, self.took);
    }
}

/// An answer of a service, also to what is no request of the contract. It has no line of its own.
#[derive(Debug)]
pub struct AnswerMetrics {
    /// Its HTTP status: the dimension.
    pub status: &'static str,
}

impl Record for AnswerMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.one_of("Answers", "Status", self.status);
    }
}

/// A record of the log that could not be handled, in the services.
#[derive(Debug)]
pub struct MovedMetrics {
    /// At which step: the dimension of those that are tried again, with two values.
    pub step: &'static str,
    /// If it is not tried again: the name of the error, the dimension of dead letters, with some seven values.
    pub dead_for: Option<&'static str>,
}

impl MovedMetrics {
    /// Shows that none of a step has been moved yet, for any of these reasons.
    pub fn begin(exposition: &Exposition, step: &'static str, reasons: impl IntoIterator<Item = &'static str>) {
        exposition.begin("RecordsRetried", "Step", [step]);
        exposition.begin("RecordsDead", "Reason", reasons);
    }
}

impl Record for MovedMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        match self.dead_for {
            Some(reason) => metrics.one_of("RecordsDead", "Reason", reason),
            None => metrics.one_of("RecordsRetried", "Step", self.step),
        }
    }
}

/// How far a consumer of the log is behind.
#[derive(Debug)]
pub struct LagMetrics {
    /// The name of the topic without its prefix: the dimension.
    pub topic: &'static str,
    /// How many records wait in the partitions of this consumer.
    pub records: u64,
}

impl Record for LagMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.value_of("LogLagRecords", "Topic", self.topic, self.records);
    }
}

/// How late a consumer of the log is.
#[derive(Debug)]
pub struct LateMetrics {
    /// The name of the topic without its prefix: the dimension.
    pub topic: &'static str,
    /// For how long the oldest record that it has read and not handled is due, or it has been no member of its group.
    pub by: Duration,
}

impl Record for LateMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.value_of("LogLateSeconds", "Topic", self.topic, self.by.as_secs());
    }
}

/// A batch of records of a part of the log that was posted again.
#[derive(Debug)]
pub struct SweepMetrics {
    /// Entries that were not in the ledger, though they should have been.
    pub entries_swept: u64,
    /// What its calls of stores took.
    pub stores: StoreMetrics,
}

impl Record for SweepMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.tally("EntriesSwept", self.entries_swept);
        self.stores.describe(metrics);
    }
}

/// What `deliver-events` gave a subscriber.
#[derive(Debug, Default)]
pub struct DeliveryMetrics {
    /// Deliveries that a receiver has answered with 2xx.
    pub deliveries_delivered: u64,
    /// Attempts that failed and will be made again.
    pub deliveries_retried: u64,
    /// Deliveries that failed and are not tried again.
    pub deliveries_failed: u64,
    /// The most milliseconds from an event to its delivery, of those that a receiver took at the first attempt: what is slow is on
    /// this side. Unknown if there were none.
    pub delivery_lag: Option<u64>,
    /// Endpoints that were switched off.
    pub endpoints_disabled: u64,
    /// Events that the bus has.
    pub events_published: u64,
    /// Events that the bus can never have, and that are in a queue instead.
    pub events_undeliverable: u64,
    /// 1 if the bus took no more for now.
    pub bus_pauses: u64,
    /// What its calls of stores took.
    pub stores: StoreMetrics,
}

impl Record for DeliveryMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.count("DeliveriesDelivered", self.deliveries_delivered);
        metrics.count("DeliveriesRetried", self.deliveries_retried);
        metrics.count("DeliveriesFailed", self.deliveries_failed);
        if let Some(lag) = self.delivery_lag {
            metrics.milliseconds("DeliveryLag", lag);
        }
        metrics.count("EndpointsDisabled", self.endpoints_disabled);
        metrics.count("EventsPublished", self.events_published);
        metrics.count("EventsUndeliverable", self.events_undeliverable);
        metrics.count("BusPauses", self.bus_pauses);
        self.stores.describe(metrics);
    }
}

/// Whom `relay-events` has woken.
#[derive(Debug)]
pub struct RelayMetrics {
    /// How many wakes were sent.
    pub wakes_sent: u64,
    /// How many subscribers were due for longer than they should be; known to the sweep only.
    pub subscribers_overdue: Option<u64>,
    /// What its calls of stores took.
    pub stores: StoreMetrics,
}

impl Record for RelayMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.count("WakesSent", self.wakes_sent);
        if let Some(overdue) = self.subscribers_overdue {
            metrics.value("SubscribersOverdue", overdue);
        }
        self.stores.describe(metrics);
    }
}

/// What the calls of stores took, each by itself. A store that was not called is not in the line.
#[derive(Debug, Default)]
pub struct StoreMetrics {
    /// PostgreSQL, with connecting.
    ledger: Vec<Duration>,
    /// DynamoDB.
    balances: Vec<Duration>,
    /// Redis.
    idempotency_cache: Vec<Duration>,
    /// Step Functions.
    state_machine: Vec<Duration>,
    /// Kafka.
    entry_log: Vec<Duration>,
    /// The table of webhooks in DynamoDB.
    webhooks: Vec<Duration>,
}

impl Record for StoreMetrics {
    fn describe(self, metrics: &mut MetricSet) {
        metrics.times("LedgerLatency", self.ledger);
        metrics.times("BalancesLatency", self.balances);
        metrics.times("RequestMemoryLatency", self.idempotency_cache);
        metrics.times("StateMachineLatency", self.state_machine);
        metrics.times("EntryLogLatency", self.entry_log);
        metrics.times("WebhooksLatency", self.webhooks);
    }
}

impl StoreMetrics {
    /// Whether no store was called.
    pub fn is_empty(&self) -> bool {
        let StoreMetrics { ledger, balances, idempotency_cache, state_machine, entry_log, webhooks } = self;
        [ledger, balances, idempotency_cache, state_machine, entry_log, webhooks].into_iter().all(Vec::is_empty)
    }

    /// What the calls of one store took.
    pub(crate) fn of(&mut self, store: Store) -> &mut Vec<Duration> {
        match store {
            Store::Ledger => &mut self.ledger,
            Store::Balances(_) => &mut self.balances,
            Store::IdempotencyCache => &mut self.idempotency_cache,
            Store::StateMachine(_) => &mut self.state_machine,
            Store::EntryLog => &mut self.entry_log,
            Store::Webhooks(_) => &mut self.webhooks,
        }
    }
}
