//! Medians, ratios and percentiles.

use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

/// The longest latency that is told apart from longer ones, in microseconds.
const LATENCY_MAX_US: u64 = 60_000_000;

/// The middle one of some numbers, or the mean of the two in the middle.
pub fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle)) {
        (_, None) => None,
        (1, Some(number)) => Some(*number),
        (_, Some(number)) => Some(f64::midpoint(sorted[middle - 1], *number)),
    }
}

/// Rounds of two contestants who took turns.
#[derive(Debug, Clone, Default)]
pub struct Rounds {
    /// What was measured of the one in each round.
    pub values: Vec<f64>,
    /// What was measured of the other in the same round.
    pub limits: Vec<f64>,
}

/// What comes out of some rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The median of the one.
    pub value: f64,
    /// The median of the other.
    pub limit: f64,
    /// The median of the ratios of the rounds: a machine that is slower for one round is so for both.
    pub ratio: f64,
}

impl Rounds {
    /// Adds a round.
    pub fn push(&mut self, value: f64, limit: f64) {
        self.values.push(value);
        self.limits.push(limit);
    }

    /// The medians.
    pub fn compare(&self) -> Result<Comparison> {
        let ratios: Vec<f64> = self.values.iter().zip(&self.limits).map(|(value, limit)| value / limit).collect();
        let of = |numbers: &[f64]| median(numbers).context("no round was measured");
        Ok(Comparison { value: of(&self.values)?, limit: of(&self.limits)?, ratio: of(&ratios)? })
    }
}

/// Latencies, to a thousandth of each.
#[derive(Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub fn new() -> Latencies {
        Latencies(Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).expect("bounds that the histogram takes"))
    }

    /// Adds one.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// The latency that so many of a hundred do not exceed, in milliseconds.
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        milliseconds(Duration::from_micros(self.0.value_at_quantile(percent / 100.0)))
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }
}

/// A duration in milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// So many in that time, for one second.
pub fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_the_mean_of_two() {
        for (numbers, expected) in
            [(&[][..], None), (&[3.0], Some(3.0)), (&[9.0, 1.0, 5.0], Some(5.0)), (&[9.0, 1.0, 5.0, 2.0], Some(3.5))]
        {
            assert_eq!(median(numbers), expected, "{numbers:?}");
        }
    }

    #[test]
    fn a_slow_round_of_the_machine_does_not_change_the_ratio() {
        let mut rounds = Rounds::default();
        for speed in [1.0, 0.25, 1.5] {
            rounds.push(800.0 * speed, 1_000.0 * speed);
        }
        assert_eq!(rounds.compare().unwrap(), Comparison { value: 800.0, limit: 1_000.0, ratio: 0.8 });
    }

    #[test]
    fn percentiles_are_those_of_the_numbers() {
        let mut latencies = Latencies::new();
        for milliseconds in 1..=100 {
            latencies.record(Duration::from_millis(milliseconds));
        }
        for (percent, expected) in [(50.0, 50.0), (99.0, 99.0), (100.0, 100.0)] {
            let found = latencies.percentile_ms(percent);
            assert!((found - expected).abs() <= expected / 1_000.0, "{percent}: {found}");
        }
        assert_eq!(latencies.count(), 100);
    }
}
