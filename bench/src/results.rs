//! What was measured, as `bench/results.json` holds it.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::statistics::Comparison;

/// Everything that one run measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// When, `YYYY-MM-DD`.
    pub date: String,
    /// Whether it was the short run.
    pub quick: bool,
    /// Where.
    pub machine: Machine,
    /// The figures in the order in which they were measured.
    pub figures: Vec<Figure>,
}

/// The machine and the programs on it that figures depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// What the processor calls itself.
    pub processor: String,
    /// How many cores there are.
    pub cores: usize,
    /// Memory in GiB.
    pub memory_gib: u64,
    /// Kernel.
    pub kernel: String,
    /// PostgreSQL's version.
    pub postgresql: String,
    /// Node.js's version.
    pub node: String,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// What was measured.
    pub value: f64,
    /// In what.
    pub unit: String,
    /// What it is measured against, in the same unit.
    pub limit: Option<f64>,
    /// The value as a part of the limit: the median over the rounds.
    pub ratio: Option<f64>,
}

impl Results {
    /// No figures yet, of today.
    pub fn now(quick: bool, machine: Machine) -> Results {
        let date = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date().to_string();
        Results { date, quick, machine, figures: Vec::new() }
    }

    /// Adds a figure that stands for itself.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &str) {
        self.push(name, value, unit, None, None);
    }

    /// Adds a figure with what it is measured against.
    pub fn compare(&mut self, name: impl Into<String>, unit: &str, comparison: Comparison) {
        self.push(name, comparison.value, unit, Some(comparison.limit), Some(comparison.ratio));
    }

    fn push(&mut self, name: impl Into<String>, value: f64, unit: &str, limit: Option<f64>, ratio: Option<f64>) {
        let name = name.into();
        self.figures.retain(|figure| figure.name != name);
        self.figures.push(Figure {
            name,
            value: rounded(value),
            unit: unit.to_owned(),
            limit: limit.map(rounded),
            ratio: ratio.map(rounded),
        });
    }

    /// The figure of this name.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }

    /// Those whose names begin so, with the rest of their names.
    pub fn series<'a>(&'a self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a Figure)> {
        self.figures.iter().filter_map(move |figure| Some((figure.name.strip_prefix(prefix)?, figure)))
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Results> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Writes a file.
    pub fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, serde_json::to_string_pretty(self)? + "\n").with_context(|| path.display().to_string())
    }
}

/// To four digits: what is beyond them is noise.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

impl Machine {
    /// This one.
    pub fn look(postgresql: String, node: String) -> Result<Machine> {
        let line = |path, label: &str| -> Result<String> {
            let text = fs::read_to_string(path)?;
            let value = text.lines().find_map(|line| line.strip_prefix(label)).unwrap_or_default();
            Ok(value.trim_matches([' ', '\t', ':']).to_owned())
        };
        let memory_kib: u64 = line("/proc/meminfo", "MemTotal:")?.trim_end_matches(" kB").parse()?;
        Ok(Machine {
            processor: line("/proc/cpuinfo", "model name")?,
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: memory_kib.div_ceil(1024 * 1024),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            postgresql,
            node,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_four_digits() {
        for (value, expected) in [(0.0, 0.0), (0.123_456, 0.1235), (4_265.7, 4_266.0), (123_456.0, 123_500.0)] {
            assert!((rounded(value) - expected).abs() < 1e-9, "{value}: {}", rounded(value));
        }
    }
}
