use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::line::Object;

/// The metrics of one line, which CloudWatch takes out of it: its embedded metric format ("Specification: Embedded metric
/// format", CloudWatch User Guide). They have no units, which would be a tenth of each line: times are in milliseconds or, if
/// they are called an age, in seconds, and everything else is a count.
#[derive(Debug, Default)]
pub struct MetricSet {
    pub(crate) metrics: Vec<Metric>,
    pub(crate) dimension: Option<(&'static str, &'static str)>,
}

#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) values: Values,
    pub(crate) has_dimension: bool,
    is_left_out: bool,
}

/// What Prometheus has to know of a metric; to CloudWatch all are numbers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Values {
    /// So many more.
    Count(u64),
    /// So many now.
    Level(u64),
    /// Milliseconds, of which the distribution matters.
    Milliseconds(u64),
    /// What each call took.
    #[serde(serialize_with = "in_milliseconds")]
    Times(Vec<Duration>),
}

impl MetricSet {
    /// Counts this many. None are left out of the line: a sum of nothing is the same, and what is not in the line is not paid for.
    /// Prometheus sees them, as a count that has not begun to rise.
    pub(crate) fn count(&mut self, name: &'static str, number: u64) {
        let is_left_out = number == 0;
        self.metrics.push(Metric { name, values: Values::Count(number), has_dimension: false, is_left_out });
    }

    /// Counts this many, and says so also if there are none.
    pub(crate) fn tally(&mut self, name: &'static str, number: u64) {
        self.add(name, Values::Count(number));
    }

    /// How much of something there is, until the next time that this is said.
    pub(crate) fn value(&mut self, name: &'static str, number: u64) {
        self.add(name, Values::Level(number));
    }

    /// How many milliseconds something took or waited.
    pub(crate) fn milliseconds(&mut self, name: &'static str, number: u64) {
        self.add(name, Values::Milliseconds(number));
    }

    /// What calls took, each by itself.
    pub(crate) fn times(&mut self, name: &'static str, times: Vec<Duration>) {
        if !times.is_empty() {
            self.add(name, Values::Times(times));
        }
    }

    /// Counts one of this kind. There is one such metric in a line.
    pub(crate) fn one_of(&mut self, name: &'static str, dimension: &'static str, kind: &'static str) {
        self.add_of_kind(name, Values::Count(1));
        self.dimension = Some((dimension, kind));
    }

    /// What each request of this kind took. There is one such metric in a line.
    pub(crate) fn times_of(&mut self, name: &'static str, dimension: &'static str, kind: &'static str, took: Duration) {
        self.add_of_kind(name, Values::Times(vec![took]));
        self.dimension = Some((dimension, kind));
    }

    /// How much there is of something of this kind. There is one such metric in a line.
    pub(crate) fn value_of(&mut self, name: &'static str, dimension: &'static str, kind: &'static str, number: u64) {
        self.add_of_kind(name, Values::Level(number));
        self.dimension = Some((dimension, kind));
    }

    fn add(&mut self, name: &'static str, values: Values) {
        self.metrics.push(Metric { name, values, has_dimension: false, is_left_out: false });
    }

    fn add_of_kind(&mut self, name: &'static str, values: Values) {
        self.metrics.push(Metric { name, values, has_dimension: true, is_left_out: false });
    }

    fn in_line(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter().filter(|metric| !metric.is_left_out)
    }

    /// Writes the metrics into a line, and, with a namespace, where CloudWatch finds them there.
    pub(crate) fn write(
        &self,
        object: &mut Object<'_>,
        namespace: Option<&str>,
        time: SystemTime,
    ) -> serde_json::Result<()> {
        if self.in_line().next().is_none() {
            return Ok(());
        }
        if let Some(namespace) = namespace {
            self.write_directions(object, namespace, time)?;
        }
        if let Some((dimension, kind)) = self.dimension {
            object.serialize_entry(dimension, kind)?;
        }
        self.in_line().try_for_each(|metric| object.serialize_entry(metric.name, &metric.values))
    }

    fn write_directions(&self, object: &mut Object<'_>, namespace: &str, time: SystemTime) -> serde_json::Result<()> {
        let milliseconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let directives = self.directives(namespace);
        let directions = Directions { directives, timestamp: u64::try_from(milliseconds).unwrap_or_default() };
        object.serialize_entry("_aws", &directions)
    }

    fn directives<'a>(&'a self, namespace: &'a str) -> Vec<Directive<'a>> {
        let named = |has_dimension: bool| {
            let metrics = self.in_line().filter(move |metric| metric.has_dimension == has_dimension);
            metrics.map(|metric| Definition { name: metric.name }).collect::<Vec<_>>()
        };
        let dimension = self.dimension.iter().map(|(dimension, _)| *dimension).collect();
        [(Vec::new(), named(false)), (dimension, named(true))]
            .into_iter()
            .filter(|(_, metrics)| !metrics.is_empty())
            .map(|(dimensions, metrics)| Directive { namespace, dimensions: [dimensions], metrics })
            .collect()
    }
}

#[derive(Serialize)]
struct Directions<'a> {
    #[serde(rename = "CloudWatchMetrics")]
    directives: Vec<Directive<'a>>,
    #[serde(rename = "Timestamp")]
    timestamp: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    dimensions: [Vec<&'a str>; 1],
    metrics: Vec<Definition<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition<'a> {
    name: &'a str,
}

/// One number, or several in an array, to the microsecond.
fn in_milliseconds<S: Serializer>(times: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
    let in_milliseconds = |time: &Duration| {
        let text = format!("{}.{:03}", time.as_millis(), time.subsec_micros() % 1_000);
        RawValue::from_string(text).map_err(serde::ser::Error::custom)
    };
    match times {
        [time] => in_milliseconds(time)?.serialize(serializer),
        times => times.iter().map(in_milliseconds).collect::<Result<Vec<_>, S::Error>>()?.serialize(serializer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(micros: &[u64], expected: &str) {
        let times = micros.iter().map(|micros| Duration::from_micros(*micros)).collect();
        assert_eq!(serde_json::to_string(&Values::Times(times)).unwrap(), expected);
    }

    #[test]
    fn times_are_in_milliseconds_to_the_microsecond() {
        check(&[155], "0.155");
        check(&[12_003], "12.003");
        check(&[3_000_000, 7], "[3000.000,0.007]");
    }
}
