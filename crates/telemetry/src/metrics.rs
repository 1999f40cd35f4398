use std::{fmt, io};

use metrique::{
    CloseValue, InflectableEntry, RootMetric, append_and_close,
    emf::Emf,
    writer::{BoxEntrySink, EntrySink, FormatExt, sink::FlushImmediately},
};
use settings::SettingError;

/// Where a function's metrics go: one record for each unit of work, written to standard output in CloudWatch's embedded
/// metric format, from where Lambda's log delivery turns it into metrics without a call of ours.
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
