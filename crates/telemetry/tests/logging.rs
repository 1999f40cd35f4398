//! What operators find in the logs.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use serde_json::{Value, json};
use telemetry::{Causes, Invocation, Telemetry};
use test_events::{EmittedMetrics, Log};
use tracing::level_filters::LevelFilter;

const HEADER: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";

#[derive(Debug, thiserror::Error)]
#[error("the ledger is unavailable")]
struct Unavailable(#[source] std::io::Error);

async fn follow(invocation: Invocation<'_>, work: impl Future<Output = ()>) {
    Telemetry::new(EmittedMetrics::default().metrics(), None).observe(invocation, work).await;
}

#[tokio::test]
async fn a_line_says_what_happened_and_to_which_invocation() {
    let (log, _guard) = Log::collect(LevelFilter::INFO);
    let invocation = Invocation::new("5f1e", Some(HEADER)).of_request(Some("JKJa=")).of_execution(Some("cfa8-16d8"));
    follow(invocation, async { tracing::info!(applied = 2, "entries posted") }).await;
    let [mut line] = <[Value; 1]>::try_from(log.lines()).unwrap();
    line["timestamp"].take();
    assert_eq!(
        line,
        json!({
            "timestamp": null,
            "level": "INFO",
            "message": "entries posted",
            "applied": 2,
            "request_id": "5f1e",
            "api_request_id": "JKJa=",
            "execution": "cfa8-16d8",
        })
    );
}

#[tokio::test]
async fn a_line_names_its_trace_if_that_is_kept() {
    let (log, _guard) = Log::collect(LevelFilter::INFO);
    for header in [HEADER, &HEADER.replace("Sampled=0", "Sampled=1")] {
        follow(Invocation::new("5f1e", Some(header)), async { tracing::info!("entries posted") }).await;
    }
    let traces: Vec<Value> = log.lines().iter().map(|line| line["trace_id"].clone()).collect();
    assert_eq!(traces, [Value::Null, json!("1-5759e988-bd862e3fe1be46a994272793")]);
}

/// An execution whose name is known only after a while, as in a request that starts it.
#[tokio::test]
async fn from_the_moment_on_at_which_the_execution_is_known_lines_name_it() {
    let (log, _guard) = Log::collect(LevelFilter::INFO);
    let work = async {
        tracing::info!("before");
        telemetry::correlate_with_execution("cfa8-16d8");
        tracing::info!("after");
    };
    follow(Invocation::new("5f1e", None), work).await;
    let executions: Vec<Value> = log.lines().iter().map(|line| line["execution"].clone()).collect();
    assert_eq!(executions, [Value::Null, json!("cfa8-16d8")]);
}

/// Without such a time Lambda takes an error for a line of level INFO, and may drop it.
#[test]
fn a_line_has_its_time_as_lambda_reads_it() {
    let (log, _guard) = Log::collect(LevelFilter::INFO);
    tracing::error!("entries not posted");
    let time = log.lines()[0]["timestamp"].as_str().unwrap().to_owned();
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    assert!(time.ends_with('Z'), "{time}");
}

#[tokio::test]
async fn an_error_tells_its_invocation_when_only_errors_are_logged() {
    let (log, _guard) = Log::collect(LevelFilter::ERROR);
    let work = async {
        tracing::info!("left out");
        tracing::error!("entries not posted");
    };
    follow(Invocation::new("5f1e", None), work).await;
    let [line] = &log.lines()[..] else { panic!("{}", log.text()) };
    assert_eq!(line["request_id"], "5f1e");
}

/// There libraries log requests as they are sent, with bodies and credentials.
#[test]
fn nothing_below_info_is_ever_logged() {
    let (log, _guard) = Log::collect(LevelFilter::TRACE);
    tracing::debug!(body = "secret", "sending");
    tracing::trace!(body = "secret", "sending");
    tracing::info!("entries posted");
    assert_eq!(log.lines().len(), 1, "{}", log.text());
}

#[test]
fn an_error_is_logged_with_its_causes() {
    let (log, _guard) = Log::collect(LevelFilter::INFO);
    let error = Unavailable(std::io::Error::other("connection refused"));
    tracing::error!(error = %Causes(&error), "entries not posted");
    assert_eq!(log.lines()[0]["error"], "the ledger is unavailable: connection refused");
}
