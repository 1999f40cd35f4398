use std::{env, fmt, io};

use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer},
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{
    correlation::CorrelationIds,
    line::{self, Members, Object},
};

/// What libraries log below this level holds bodies and tokens; this project logs nothing there.
const LEVEL_MAX: LevelFilter = LevelFilter::INFO;

/// Starts logging to standard output.
pub(crate) fn start() {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok()).unwrap_or(LEVEL_MAX);
    // A test that runs a whole function may have its own already.
    let _ = log_subscriber(level, io::stdout).try_init();
}

/// What writes log lines there, one JSON object each, from this level on: fields beside the message, and the
/// correlation ids of the invocation.
pub fn log_subscriber<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt().event_format(JsonLines).with_max_level(level.min(LEVEL_MAX)).with_writer(writer).finish()
}

/// An event as a line like those of units of work.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let line = line::write(*event.metadata().level(), event).map_err(|_| fmt::Error)?;
        writer.write_str(std::str::from_utf8(&line).map_err(|_| fmt::Error)?)
    }
}

impl Members for Event<'_> {
    fn write<'a>(&self, object: Object<'a>) -> serde_json::Result<Object<'a>> {
        let mut fields = SerdeMapVisitor::new(object);
        self.record(&mut fields);
        let mut object = fields.take_serializer()?;
        CorrelationIds::write(&mut object)?;
        Ok(object)
    }
}
