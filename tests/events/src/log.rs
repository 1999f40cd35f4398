use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use telemetry::log_subscriber;
use tracing::{level_filters::LevelFilter, subscriber::DefaultGuard};
use tracing_subscriber::fmt::MakeWriter;

use crate::EmittedMetrics;

/// The log that functions write, to be looked at.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes what is logged in this thread from this level on, until the guard goes.
    pub fn collect(level: LevelFilter) -> (Log, DefaultGuard) {
        let log = Log::default();
        let guard = tracing::subscriber::set_default(log_subscriber(level, log.clone()));
        (log, guard)
    }

    /// Takes what is logged in this thread from this level on into the lines that these metrics are in, as in the one log that a
    /// function has.
    pub fn collect_with(metrics: &EmittedMetrics, level: LevelFilter) -> (Log, DefaultGuard) {
        let log = Log(metrics.0.clone());
        let guard = tracing::subscriber::set_default(log_subscriber(level, log.clone()));
        (log, guard)
    }

    /// Every line, in the order in which they were written.
    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The lines in which this text stands anywhere, as an operator searches.
    pub fn lines_with(&self, text: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line.to_string().contains(text)).collect()
    }

    /// All of it.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no test fails while it writes").clone()).expect("text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test fails while it writes").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}
