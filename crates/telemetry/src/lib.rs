//! Logs, metrics, and calls of stores as subsegments of the trace.
//!
//! [`Telemetry::observe`] surrounds each invocation. Inside it every log line carries the invocation's correlation ids, and [`call`] measures a store in one place for both the metrics and the trace. Outside of it, as when a
//! function connects while it starts, nothing is measured.
//!
//! A unit of work has one [`Line`] in the log: what became of it, and its metrics. Failures have lines of their own.

mod causes;
mod correlation;
mod daemon;
mod exposition;
mod invocation;
mod line;
mod logs;
mod metric_set;
mod metrics;
mod records;
mod store;
mod trace_header;

pub use causes::Causes;
pub use correlation::{api_request_id, correlate_with_execution};
pub use daemon::Daemon;
pub use exposition::Exposition;
pub use invocation::{Invocation, Telemetry};
pub use line::Line;
pub use logs::log_subscriber;
pub use metric_set::MetricSet;
pub use metrics::{Metrics, Record};
pub use records::{
    AnswerMetrics, ConsolidationMetrics, DeliveryMetrics, IntakeMetrics, LagMetrics, LateMetrics, METRIC_NAMES,
    MovedMetrics, PostingMetrics, ReconciliationMetrics, RefusalMetrics, RelayMetrics, ReplayMetrics, RequestMetrics,
    SERVICE_METRIC_NAMES, StoreMetrics, SweepMetrics,
};
pub use store::{Store, call};
