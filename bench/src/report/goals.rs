//! What is aimed at, and what else is shown.

use crate::results::{Figure, Results};

/// A rate is kept if 99 of 100 requests take no longer, and none is lost.
pub const READ_P99_MAX_MS: f64 = 50.0;

/// What a figure should reach.
pub struct Goal {
    /// The figure's name; of functions, what comes before theirs.
    pub figure: &'static str,
    /// What it says.
    pub what: &'static str,
    /// What is looked at.
    pub measure: Measure,
    /// How far it should come.
    pub bound: Bound,
}

/// What of a figure is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The value as a part of the limit.
    Ratio,
    /// The value itself.
    Value,
}

/// How far something should come.
#[derive(Clone, Copy)]
pub enum Bound {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
}

impl Bound {
    /// Where the goal is.
    pub fn number(self) -> f64 {
        match self {
            Bound::AtLeast(number) | Bound::AtMost(number) => number,
        }
    }
}

impl Goal {
    /// Whether the figure is as good as this.
    pub fn is_reached_by(&self, figure: &Figure) -> bool {
        let measured = match self.measure {
            Measure::Ratio => figure.ratio,
            Measure::Value => Some(figure.value),
        };
        measured.is_some_and(|measured| match self.bound {
            Bound::AtLeast(number) => measured >= number,
            Bound::AtMost(number) => measured <= number,
        })
    }

    /// Whether it asks for a share of a limit that cannot be exceeded.
    pub fn is_share(&self) -> bool {
        self.measure == Measure::Ratio && matches!(self.bound, Bound::AtLeast(number) if number <= 1.0)
    }

    /// As it is written.
    pub fn text(&self) -> String {
        let number = match (self.measure, self.bound.number()) {
            (_, number) if number >= 1_000.0 => super::number(number),
            (_, number) => number.to_string(),
        };
        let times = if self.measure == Measure::Ratio { "ratio " } else { "" };
        match self.bound {
            Bound::AtLeast(_) => format!("{times}≥ {number}"),
            Bound::AtMost(_) => format!("{times}≤ {number}"),
        }
    }
}

const fn ratio(figure: &'static str, what: &'static str, bound: Bound) -> Goal {
    Goal { figure, what, measure: Measure::Ratio, bound }
}

const fn value(figure: &'static str, what: &'static str, bound: Bound) -> Goal {
    Goal { figure, what, measure: Measure::Value, bound }
}

/// Of the system.
pub const GOALS: &[Goal] = &[
    ratio("apply_single_vs_pgbench", "posting one entry at a time, against `pgbench`", Bound::AtLeast(0.75)),
    ratio("apply_batch_vs_pgbench", "posting batches of 500, against `pgbench`", Bound::AtLeast(0.7)),
    value("apply_batch_vs_pgbench", "the same", Bound::AtLeast(42_000.0)),
    ratio(
        "hot_merchant_vs_spread",
        "all entries to one merchant and day, against 1,000 merchants",
        Bound::AtLeast(0.85),
    ),
    ratio("read_vs_store", "reading a balance, against a bare client", Bound::AtLeast(0.6)),
    value("read_p99_at_50rps", "99th percentile of the challenge's load", Bound::AtMost(5.0)),
    value("read_loss_at_50rps", "requests lost of it", Bound::AtMost(0.0)),
    ratio(
        "read_max_rps",
        "highest rate with a 99th percentile of 50 ms and no loss, against the challenge's",
        Bound::AtLeast(50.0),
    ),
    ratio("register_vs_floor", "accepting an entry, against a bare client", Bound::AtLeast(0.6)),
    ratio(
        "backdate_write_flat",
        "an entry dated ten years back, with 3,650 days of history, against one for today with 10",
        Bound::AtMost(1.1),
    ),
    ratio("backdate_read_flat", "reading a balance with that history, against one with 10 days", Bound::AtMost(1.5)),
    ratio(
        "range_read_flat",
        "a year of balances with ten years before it, against one with one year",
        Bound::AtMost(1.5),
    ),
    ratio(
        "node_cold_start_vs",
        "cold start, against Node.js: how many times shorter, the worse of two functions",
        Bound::AtLeast(10.0),
    ),
    ratio("node_apply_vs", "posting one entry at a time, against Node.js", Bound::AtLeast(3.0)),
];

/// Of each function.
pub const FUNCTION_GOALS: &[Goal] = &[
    value("cold_start_ms", "cold start", Bound::AtMost(15.0)),
    value("first_invoke_ms", "first invocation", Bound::AtMost(25.0)),
    value("rss_mib", "peak memory", Bound::AtMost(24.0)),
    value("zip_mib", "package", Bound::AtMost(4.0)),
];

/// What is shown beside them.
pub const SHOWN: &[(&str, &str)] = &[
    (
        "apply_single_vs_pgbench_one_transaction",
        "posting one entry at a time, against `pgbench` with both statements in one transaction",
    ),
    ("apply_single_vs_pgbench_prepared", "posting one entry at a time, against `pgbench` with prepared statements"),
    ("hot_merchant_one_row_vs_spread", "all entries to one merchant and day with a single row for its total"),
    ("apply_single_p50", "median latency while as many as possible are posted"),
    ("apply_single_p99", "99th percentile of the same"),
    ("apply_batch_p50", "the same for batches of 500"),
    ("apply_batch_p99", "99th percentile of the same"),
    ("apply_single_cpu", "CPU time of the function for one entry, under that load"),
    ("apply_batch_cpu", "the same for a batch of 500"),
    ("pgbench_reads_batches", "reading the batches from their table in `pgbench`, without posting them"),
    ("read_vs_sdk_client", "reading a balance, against a bare client with the AWS SDK"),
    ("read_p50_at_50rps", "median latency of the challenge's load"),
    ("register_vs_libraries", "accepting an entry, against a bare client with the AWS SDK and the Redis client"),
    ("register_cpu", "CPU time of the function for one request, under that load"),
    ("harness_no_op", "invocations of one process of a function that does nothing"),
    ("harness_no_op_all", "the same, eight processes at once"),
    ("harness_no_op_cpu", "CPU time of that function for one invocation"),
    ("machine_p50", "one and the same computation, 250 times with pauses: median time"),
    ("machine_p99", "99th percentile of the same"),
    ("cold_start_ms_no_op", "cold start of that function"),
    ("node_cold_start_ms_register_entry", "cold start of `register-entry` in Node.js"),
    ("node_cold_start_ms_apply_to_ledger", "cold start of `apply-to-ledger` in Node.js"),
    ("node_first_invoke_ms_register_entry", "first invocation of `register-entry` in Node.js"),
    ("node_first_invoke_ms_apply_to_ledger", "first invocation of `apply-to-ledger` in Node.js"),
    ("node_rss_mib_register_entry", "peak memory of `register-entry` in Node.js"),
    ("node_rss_mib_apply_to_ledger", "peak memory of `apply-to-ledger` in Node.js"),
    ("cpu_ms_register_entry_entry", "CPU time of `register-entry` for one entry, alone on the machine"),
    ("cpu_ms_apply_to_ledger_entry", "the same of `apply-to-ledger`"),
    ("cpu_ms_consolidate_day_entry", "the same of `consolidate-day`"),
    ("cpu_ms_register_entry_batch", "CPU time of `register-entry` for a batch of 100 of five days"),
    ("cpu_ms_apply_to_ledger_batch", "the same of `apply-to-ledger`"),
    ("cpu_ms_consolidate_day_batch", "the same of `consolidate-day`"),
    ("cpu_ms_get_daily_balance_read", "CPU time of `get-daily-balance` for one balance"),
    ("usd_per_million_entries_standard", "a million entries on AWS, `WorkflowType=STANDARD`"),
    ("usd_per_million_entries_express", "the same, `WorkflowType=EXPRESS`"),
    ("usd_per_million_entries_standard_batch100", "a million entries in batches of 100, `STANDARD`"),
    ("usd_per_million_entries_express_batch100", "the same, `EXPRESS`"),
    ("usd_per_million_reads", "a million balances read"),
];

/// Of the second door.
pub const SERVICES_GOALS: &[Goal] = &[
    value(
        "services_sustained_100_merchants",
        "entries a second, one by one, until balances show them",
        Bound::AtLeast(5_000.0),
    ),
    value(
        "services_post_p99_at_half_of_goal",
        "99th percentile of `POST /entries` at 2,500 a second",
        Bound::AtMost(10.0),
    ),
    value(
        "services_shown_p99_at_half_of_goal",
        "99th percentile of the time from 202 until the balance shows the entry, there",
        Bound::AtMost(250.0),
    ),
    value(
        "services_post_p99_at_half_of_sustained",
        "99th percentile of `POST /entries` at half of the sustained rate",
        Bound::AtMost(10.0),
    ),
    value(
        "services_shown_p99_at_half_of_sustained",
        "99th percentile of the time from 202 until the balance shows the entry, there",
        Bound::AtMost(250.0),
    ),
    value(
        "services_rss_mib_entries_serve",
        "peak memory of `entries serve`, up to the sustained rate",
        Bound::AtMost(64.0),
    ),
    value("services_rss_mib_entries_record", "peak memory of `entries record`", Bound::AtMost(64.0)),
    value("services_rss_mib_consolidation_serve", "peak memory of `consolidation serve`", Bound::AtMost(64.0)),
    value("services_rss_mib_consolidation_consume", "peak memory of `consolidation consume`", Bound::AtMost(64.0)),
    value("services_rss_mib_worker", "peak memory of `worker`", Bound::AtMost(64.0)),
    value(
        "services_recovery_100_merchants",
        "a backlog of 100 merchants (a million entries, 100,000 in a quick run), until all are shown",
        Bound::AtLeast(50_000.0),
    ),
    value("services_recovery_1000_merchants", "the same of 1,000 merchants", Bound::AtLeast(50_000.0)),
    ratio(
        "services_posting_grown_single",
        "posting one entry at a time into a ledger of 20 million (half a million in a quick run), against an empty one",
        Bound::AtLeast(0.9),
    ),
    ratio("services_posting_grown_batch", "the same in batches of 500", Bound::AtLeast(0.9)),
    ratio("services_reading_grown_statement", "a page of a statement of that ledger", Bound::AtMost(1.5)),
    ratio("services_reading_grown_lookup", "looking up an entry in it", Bound::AtMost(1.5)),
];

/// What is shown beside them.
pub const SERVICES_SHOWN: &[(&str, &str)] = &[
    ("services_sustained_10_merchants", "entries a second of 10 merchants"),
    ("services_sustained_1000_merchants", "entries a second of 1,000 merchants"),
    ("services_post_p50_at_half_of_goal", "median of `POST /entries` at 2,500 a second"),
    ("services_shown_p50_at_half_of_goal", "median of the time until the balance shows the entry, there"),
    ("services_loss_at_half_of_goal", "requests lost of it"),
    ("services_post_p50_at_half_of_sustained", "median of `POST /entries` at half of the sustained rate"),
    ("services_shown_p50_at_half_of_sustained", "median of the time until the balance shows the entry, there"),
    ("services_loss_at_half_of_sustained", "requests lost of it"),
    ("services_bytes_per_entry_table", "what an entry takes on the ledger's disk, in the table"),
    ("services_bytes_per_entry_indexes", "and in its indexes"),
    ("services_cpu_share_entries_serve", "share of the processors' time at the sustained rate: `entries serve`"),
    ("services_cpu_share_entries_record", "`entries record`"),
    ("services_cpu_share_consolidation_serve", "`consolidation serve`"),
    ("services_cpu_share_consolidation_consume", "`consolidation consume`"),
    ("services_cpu_share_worker", "`worker`"),
    ("services_cpu_share_postgresql", "PostgreSQL"),
    ("services_cpu_share_kafka", "Kafka"),
    ("services_cpu_share_redis", "Redis"),
    ("services_cpu_share_dynamodb", "what stands for DynamoDB"),
    ("services_cpu_share_load", "the load generator"),
    ("services_cpu_share_others", "whatever else ran on the machine"),
    ("services_cpu_share_idle", "nobody"),
];

/// The functions whose starts were measured, as figures name them.
pub fn function_names(results: &Results) -> Vec<&str> {
    results.series("zip_mib_").map(|(function, _)| function).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_reached_at_its_bound() {
        let figure = |value, ratio| Figure { name: String::new(), value, unit: String::new(), limit: None, ratio };
        let least = ratio("", "", Bound::AtLeast(0.75));
        let most = value("", "", Bound::AtMost(5.0));
        for (goal, value, ratio, expected) in [
            (&least, 0.0, Some(0.75), true),
            (&least, 9.0, Some(0.74), false),
            (&least, 9.0, None, false),
            (&most, 5.0, None, true),
            (&most, 5.1, Some(0.1), false),
        ] {
            assert_eq!(goal.is_reached_by(&figure(value, ratio)), expected, "{} {value} {ratio:?}", goal.text());
        }
    }
}
