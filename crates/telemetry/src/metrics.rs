use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use settings::SettingError;

use crate::{Exposition, Line, metric_set::MetricSet};

/// What a unit of work counts and measures.
pub trait Record {
    /// Puts it into the set of metrics.
    fn describe(self, metrics: &mut MetricSet);
}

/// Where the metrics of a program go, beside the line of each unit of work, which holds them too.
#[derive(Clone)]
pub struct Metrics {
    sink: Sink,
    output: Arc<Mutex<dyn io::Write + Send>>,
}

/// Who reads the metrics.
#[derive(Debug, Clone)]
enum Sink {
    /// CloudWatch, which takes those of this namespace out of the lines without a call of ours: those of the functions.
    CloudWatch(Arc<str>),
    /// Prometheus, which asks for them: those of the services.
    Prometheus(Exposition),
}

impl Metrics {
    /// Metrics on standard output, in the namespace that `METRICS_NAMESPACE` names.
    pub fn from_env() -> Result<Metrics, SettingError> {
        Ok(Metrics::new(settings::required("METRICS_NAMESPACE")?, io::stdout()))
    }

    /// Metrics of this namespace of CloudWatch, written there.
    pub fn new(namespace: impl Into<Arc<str>>, output: impl io::Write + Send + 'static) -> Metrics {
        Metrics { sink: Sink::CloudWatch(namespace.into()), output: Arc::new(Mutex::new(output)) }
    }

    /// Metrics that Prometheus asks for; their lines are written there.
    pub fn exposed(exposition: &Exposition, output: impl io::Write + Send + 'static) -> Metrics {
        Metrics { sink: Sink::Prometheus(exposition.clone()), output: Arc::new(Mutex::new(output)) }
    }

    /// Writes the line of a unit of work, with its metrics. A line that cannot be written is lost: the work goes on.
    pub fn emit(&self, line: &Line, record: impl Record) {
        let mut metrics = MetricSet::default();
        record.describe(&mut metrics);
        self.write(line, &metrics);
        if let Sink::Prometheus(exposition) = &self.sink {
            exposition.add(&metrics);
        }
    }

    /// Counts and measures for Prometheus what has no line of its own. CloudWatch takes nothing without a line.
    pub fn measure(&self, record: impl Record) {
        if let Sink::Prometheus(exposition) = &self.sink {
            let mut metrics = MetricSet::default();
            record.describe(&mut metrics);
            exposition.add(&metrics);
        }
    }

    /// Writes the line of a part of a unit of work, without metrics.
    pub fn log(&self, line: &Line) {
        self.write(line, &MetricSet::default());
    }

    fn write(&self, line: &Line, metrics: &MetricSet) {
        let namespace = match &self.sink {
            Sink::CloudWatch(namespace) => Some(namespace.as_ref()),
            Sink::Prometheus(_) => None,
        };
        let Ok(line) = line.written(metrics, namespace) else { return };
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
