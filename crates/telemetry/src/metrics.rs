use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use settings::SettingError;

use crate::{Line, metric_set::MetricSet};

/// What a unit of work counts and measures.
pub trait Record {
    /// Puts it into the set of metrics.
    fn describe(self, metrics: &mut MetricSet);
}

/// Where a function's metrics go: into the log, in the one line of each unit of work, from where CloudWatch takes them without
/// a call of ours.
#[derive(Clone)]
pub struct Metrics {
    namespace: Arc<str>,
    output: Arc<Mutex<dyn io::Write + Send>>,
}

impl Metrics {
    /// Metrics on standard output, in the namespace that `METRICS_NAMESPACE` names.
    pub fn from_env() -> Result<Metrics, SettingError> {
        Ok(Metrics::new(settings::required("METRICS_NAMESPACE")?, io::stdout()))
    }

    /// Metrics of this namespace, written there.
    pub fn new(namespace: impl Into<Arc<str>>, output: impl io::Write + Send + 'static) -> Metrics {
        Metrics { namespace: namespace.into(), output: Arc::new(Mutex::new(output)) }
    }

    /// Writes the line of a unit of work, with its metrics. A line that cannot be written is lost: the work goes on.
    pub fn emit(&self, line: &Line, record: impl Record) {
        let mut metrics = MetricSet::default();
        record.describe(&mut metrics);
        self.write(line, &metrics);
    }

    /// Writes the line of a part of a unit of work, without metrics.
    pub fn log(&self, line: &Line) {
        self.write(line, &MetricSet::default());
    }

    fn write(&self, line: &Line, metrics: &MetricSet) {
        let Ok(line) = line.written(metrics, &self.namespace) else { return };
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        // All of it at once, so that no other line comes between.
        let _ = output.write_all(&line).and_then(|()| output.flush());
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
