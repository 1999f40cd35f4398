use std::time::SystemTime;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;
use tracing::Level;
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime, SystemTime as Rfc3339},
};

use crate::{correlation::CorrelationIds, metric_set::MetricSet};

/// The JSON object of a line while it is written.
pub(crate) type Object<'a> = <&'a mut serde_json::Serializer<Vec<u8>> as Serializer>::SerializeMap;

/// What a line has beside its time and level.
pub(crate) trait Members {
    fn write<'a>(&self, object: Object<'a>) -> serde_json::Result<Object<'a>>;
}

/// The line of a unit of work: what became of it, with fields to search for. Its metrics are in the same line.
#[derive(Debug)]
pub struct Line {
    message: &'static str,
    texts: Vec<(&'static str, String)>,
    document: Option<(&'static str, Document)>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Document {
    Json(Box<RawValue>),
    Text(String),
}

impl Line {
    /// A line that says this.
    pub fn new(message: &'static str) -> Line {
        Line { message, texts: Vec::new(), document: None }
    }

    /// With a text.
    #[must_use]
    pub fn text(mut self, name: &'static str, text: impl ToString) -> Line {
        self.texts.push((name, text.to_string()));
        self
    }

    /// With a document of JSON as it is, at the end of the line: of all that a line holds, Logs Insights finds the first fields by
    /// their names ("Supported logs and discovered fields", CloudWatch Logs User Guide).
    #[must_use]
    pub fn json(mut self, name: &'static str, document: &str) -> Line {
        let json = serde_json::from_str(document).map_or_else(|_| Document::Text(document.to_owned()), Document::Json);
        self.document = Some((name, json));
        self
    }

    /// As it is written with these metrics, for CloudWatch if they have a namespace there.
    pub(crate) fn written(&self, metrics: &MetricSet, namespace: Option<&str>) -> serde_json::Result<Vec<u8>> {
        write(Level::INFO, &UnitOfWork { line: self, metrics, namespace })
    }
}

struct UnitOfWork<'a> {
    line: &'a Line,
    metrics: &'a MetricSet,
    namespace: Option<&'a str>,
}

impl Members for UnitOfWork<'_> {
    fn write<'a>(&self, mut object: Object<'a>) -> serde_json::Result<Object<'a>> {
        object.serialize_entry("message", self.line.message)?;
        for (name, text) in &self.line.texts {
            object.serialize_entry(name, text)?;
        }
        CorrelationIds::write(&mut object)?;
        self.metrics.write(&mut object, self.namespace, SystemTime::now())?;
        if let Some((name, document)) = &self.line.document {
            object.serialize_entry(name, document)?;
        }
        Ok(object)
    }
}

/// A line: its time, its level, and these members.
///
/// Lambda takes a line without a time in the form of RFC 3339 for one of level INFO, whatever level it states ("Log-level
/// filtering", Lambda Developer Guide).
pub(crate) fn write(level: Level, members: &impl Members) -> serde_json::Result<Vec<u8>> {
    let mut serializer = serde_json::Serializer::new(Vec::with_capacity(1024));
    let mut object = serializer.serialize_map(None)?;
    let mut timestamp = String::new();
    // Writing to a text does not fail.
    let _ = Rfc3339.format_time(&mut Writer::new(&mut timestamp));
    object.serialize_entry("timestamp", &timestamp)?;
    object.serialize_entry("level", level.as_str())?;
    members.write(object)?.end()?;
    let mut line = serializer.into_inner();
    line.push(b'\n');
    Ok(line)
}
