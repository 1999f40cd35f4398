use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::metric_set::{MetricSet, Values};

/// The upper bounds of the buckets of a histogram, in microseconds: from a call in the same zone to the end of all patience.
const BOUNDS_US: [u64; 16] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 60_000_000,
];

/// The metrics of a service as Prometheus reads them ("Text-based format", Prometheus documentation): their names in its style, with
/// the prefix `fluxo`, counts as counters, latencies and lags as histograms in seconds, and levels as gauges.
#[derive(Debug, Clone, Default)]
pub struct Exposition(Arc<Mutex<BTreeMap<&'static str, Family>>>);

/// All series of one name.
#[derive(Debug)]
struct Family {
    kind: Kind,
    /// By the value of the one label, if the metric has one.
    series: BTreeMap<Option<(&'static str, &'static str)>, Series>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Debug, Default)]
struct Series {
    /// The count, the level, or how many were measured.
    number: u64,
    sum: Duration,
    /// How many were measured up to each bound, and not to the one before.
    buckets: [u64; BOUNDS_US.len()],
}

impl Exposition {
    /// Adds what a unit of work has counted and measured.
    pub(crate) fn add(&self, metrics: &MetricSet) {
        let mut families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for metric in &metrics.metrics {
            let kind = Kind::of(&metric.values);
            let family = families.entry(metric.name).or_insert_with(|| Family { kind, series: BTreeMap::new() });
            let label = metrics.dimension.filter(|_| metric.has_dimension);
            family.series.entry(label).or_default().add(&metric.values);
        }
    }

    /// Shows zero for each of these kinds until some are counted: a series that begins at one has no rise that a rate would see.
    pub(crate) fn begin(
        &self,
        name: &'static str,
        dimension: &'static str,
        kinds: impl IntoIterator<Item = &'static str>,
    ) {
        let mut families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let family = families.entry(name).or_insert_with(|| Family { kind: Kind::Counter, series: BTreeMap::new() });
        for kind in kinds {
            family.series.entry(Some((dimension, kind))).or_default();
        }
    }

    /// Everything, as `/metrics` answers it.
    pub fn text(&self) -> String {
        let families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (name, family) in &*families {
            let name = family.kind.name(name);
            let _ = writeln!(text, "# TYPE {name} {}", family.kind.as_str());
            for (label, series) in &family.series {
                let label = label.map(|(label, value)| format!("{}=\"{value}\"", snake_case(label)));
                series.write(&mut text, family.kind, &name, label.as_deref());
            }
        }
        text
    }
}

impl Kind {
    fn of(values: &Values) -> Kind {
        match values {
            Values::Count(_) => Kind::Counter,
            Values::Level(_) => Kind::Gauge,
            Values::Milliseconds(_) | Values::Times(_) => Kind::Histogram,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }

    /// `EntriesAccepted` is `fluxo_entries_accepted_total`.
    fn name(self, name: &str) -> String {
        let unit = match self {
            Kind::Counter => "_total",
            Kind::Histogram => "_seconds",
            Kind::Gauge if name.ends_with("Age") => "_seconds",
            Kind::Gauge => "",
        };
        format!("fluxo_{}{unit}", snake_case(name))
    }
}

impl Series {
    fn add(&mut self, values: &Values) {
        match values {
            Values::Count(number) => self.number = self.number.saturating_add(*number),
            Values::Level(number) => self.number = *number,
            Values::Milliseconds(number) => self.observe(Duration::from_millis(*number)),
            Values::Times(times) => times.iter().for_each(|took| self.observe(*took)),
        }
    }

    fn observe(&mut self, took: Duration) {
        self.number += 1;
        self.sum += took;
        let bucket = BOUNDS_US.iter().position(|bound| took <= Duration::from_micros(*bound));
        if let Some(bucket) = bucket {
            self.buckets[bucket] += 1;
        }
    }

    fn write(&self, text: &mut String, kind: Kind, name: &str, label: Option<&str>) {
        let braced = label.map(|label| format!("{{{label}}}")).unwrap_or_default();
        // Writing to a text does not fail.
        if kind != Kind::Histogram {
            let _ = writeln!(text, "{name}{braced} {}", self.number);
            return;
        }
        let label = label.map(|label| format!("{label},")).unwrap_or_default();
        let mut below = 0;
        for (bound, count) in BOUNDS_US.iter().zip(self.buckets) {
            below += count;
            let bound = seconds(Duration::from_micros(*bound));
            let _ = writeln!(text, "{name}_bucket{{{label}le=\"{bound}\"}} {below}");
        }
        let _ = writeln!(text, "{name}_bucket{{{label}le=\"+Inf\"}} {}", self.number);
        let _ = writeln!(text, "{name}_sum{braced} {}", seconds(self.sum));
        let _ = writeln!(text, "{name}_count{braced} {}", self.number);
    }
}

/// Decimal seconds, made of whole numbers and so exact.
fn seconds(duration: Duration) -> String {
    let text = format!("{}.{:06}", duration.as_secs(), duration.subsec_micros());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `RequestLookupBreakerOpen` is `request_lookup_breaker_open`.
fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
