use std::{env, io};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt};

/// What libraries log below this level holds bodies and tokens; this project logs nothing there.
const LEVEL_MAX: LevelFilter = LevelFilter::INFO;

/// Starts logging to standard output.
pub(crate) fn start() {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok()).unwrap_or(LEVEL_MAX);
    // A test that runs a whole function may have its own already.
    let _ = log_subscriber(level, io::stdout).try_init();
}

/// What writes log lines there, one JSON object each, from this level on: fields beside the message, and in `span` what
/// the invocation is called by others.
///
/// Lambda takes a line without a time in the form of RFC 3339 for one of level INFO, whatever level it states.
pub fn log_subscriber<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_max_level(level.min(LEVEL_MAX))
        .with_writer(writer)
        .finish()
}
