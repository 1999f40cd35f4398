use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use telemetry::{METRIC_NAMES, Metrics};

/// The metrics that a function has emitted, to be looked at.
#[derive(Debug, Clone, Default)]
pub struct EmittedMetrics(pub(crate) Arc<Mutex<Vec<u8>>>);

impl EmittedMetrics {
    /// What the function emits to.
    pub fn metrics(&self) -> Metrics {
        Metrics::new("fluxo", self.clone())
    }

    /// Every line with metrics, in the order in which they were emitted. None has a metric that is not listed.
    pub fn records(&self) -> Vec<Value> {
        let mut records = self.lines();
        records.retain(|line| !line["_aws"].is_null());
        for name in records.iter().flat_map(metric_names) {
            assert!(METRIC_NAMES.contains(&name.as_str()), "{name} is not in METRIC_NAMES");
        }
        records
    }

    /// Every line of a unit of work, or of a part of one, in the order in which they were written.
    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// All of them.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no test fails while it writes").clone()).expect("text")
    }

    /// The sum of a metric over all lines.
    pub fn sum(&self, name: &str) -> u64 {
        self.records().iter().filter_map(|record| record[name].as_u64()).sum()
    }
}

/// What CloudWatch makes metrics of in a record.
pub fn metric_names(record: &Value) -> Vec<String> {
    let directives = record["_aws"]["CloudWatchMetrics"].as_array().cloned().unwrap_or_default();
    let metrics = directives.iter().flat_map(|directive| directive["Metrics"].as_array().cloned().unwrap_or_default());
    metrics.map(|metric| metric["Name"].as_str().expect("a name").to_owned()).collect()
}

impl io::Write for EmittedMetrics {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test fails while it writes").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
