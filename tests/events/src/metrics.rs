use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use telemetry::Metrics;

/// The metrics that a function has emitted, to be looked at.
#[derive(Debug, Clone, Default)]
pub struct EmittedMetrics(Arc<Mutex<Vec<u8>>>);

impl EmittedMetrics {
    /// What the function emits to.
    pub fn metrics(&self) -> Metrics {
        Metrics::new("fluxo", self.clone())
    }

    /// Every record, in the order in which they were emitted.
    pub fn records(&self) -> Vec<Value> {
        let bytes = self.0.lock().expect("no test fails while it writes");
        let text = std::str::from_utf8(&bytes).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The sum of a metric over all records.
    pub fn sum(&self, name: &str) -> u64 {
        self.records().iter().filter_map(|record| record[name].as_u64()).sum()
    }
}

impl io::Write for EmittedMetrics {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test fails while it writes").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
