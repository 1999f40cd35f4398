//! What Prometheus gets.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{convert::Infallible, time::Duration};

use serde_json::{Value, json};
use telemetry::{
    AnswerMetrics, ConsolidationMetrics, Exposition, IntakeMetrics, Invocation, Line, Metrics, MovedMetrics,
    ReconciliationMetrics, RefusalMetrics, RequestMetrics, Store, StoreMetrics, Telemetry, call,
};
use test_events::EmittedMetrics;

fn exposed() -> (Exposition, EmittedMetrics, Metrics) {
    let (exposition, lines) = (Exposition::default(), EmittedMetrics::default());
    let metrics = Metrics::exposed(&exposition, lines.clone());
    (exposition, lines, metrics)
}

fn accepted(entries_accepted: u64, stores: StoreMetrics) -> IntakeMetrics {
    IntakeMetrics {
        entries_accepted,
        entries_repeated: 0,
        idempotency_cache_breaker_open: 0,
        request_lookup_breaker_open: 0,
        stores,
    }
}

#[track_caller]
fn check(exposition: &Exposition, expected: &[&str]) {
    let text = exposition.text();
    for line in expected {
        assert!(text.lines().any(|shown| shown == *line), "{line} is not in:\n{text}");
    }
}

#[test]
fn counts_add_up_and_levels_replace_each_other() {
    let (exposition, _, metrics) = exposed();
    metrics.emit(&Line::new("entries accepted"), accepted(2, StoreMetrics::default()));
    metrics.emit(&Line::new("entries accepted"), accepted(3, StoreMetrics::default()));
    for age in [60, 7] {
        let reconciled = ReconciliationMetrics {
            months_compared: 5,
            balances_different: 0,
            balances_repaired: 0,
            oldest_difference_age: age,
            months_set_aside: Some(0),
            stores: StoreMetrics::default(),
        };
        metrics.emit(&Line::new("balances reconciled"), reconciled);
    }
    let expected = [
        "# TYPE fluxo_entries_accepted_total counter",
        "fluxo_entries_accepted_total 5",
        "fluxo_months_compared_total 10",
        "fluxo_balances_different_total 0",
        "# TYPE fluxo_oldest_difference_age_seconds gauge",
        "fluxo_oldest_difference_age_seconds 7",
        "# TYPE fluxo_months_set_aside gauge",
        "fluxo_months_set_aside 0",
    ];
    check(&exposition, &expected);
}

#[test]
fn what_was_not_counted_yet_is_shown_as_nothing() {
    let (exposition, lines, metrics) = exposed();
    metrics.emit(&Line::new("entries accepted"), accepted(1, StoreMetrics::default()));
    check(&exposition, &["fluxo_entries_accepted_total 1", "fluxo_entries_replayed_total 0"]);
    let line = lines.lines().pop().unwrap();
    assert_eq!((&line["EntriesAccepted"], line.get("EntriesReplayed")), (&json!(1), None));
}

#[test]
fn each_kind_has_a_series_of_its_own() {
    let (exposition, _, metrics) = exposed();
    for code in ["not_found", "validation_failed", "not_found"] {
        metrics.emit(&Line::new("request refused"), RefusalMetrics { code, stores: StoreMetrics::default() });
    }
    metrics.measure(AnswerMetrics { status: "2xx" });
    metrics.measure(RequestMetrics { route: "POST /entries", took: Duration::from_millis(3) });
    let expected = [
        "fluxo_requests_refused_total{code=\"not_found\"} 2",
        "fluxo_requests_refused_total{code=\"validation_failed\"} 1",
        "fluxo_answers_total{status=\"2xx\"} 1",
        "fluxo_request_latency_seconds_bucket{route=\"POST /entries\",le=\"0.0025\"} 0",
        "fluxo_request_latency_seconds_bucket{route=\"POST /entries\",le=\"0.005\"} 1",
        "fluxo_request_latency_seconds_bucket{route=\"POST /entries\",le=\"+Inf\"} 1",
        "fluxo_request_latency_seconds_sum{route=\"POST /entries\"} 0.003",
        "fluxo_request_latency_seconds_count{route=\"POST /entries\"} 1",
    ];
    check(&exposition, &expected);
}

#[test]
fn what_can_be_moved_is_shown_before_anything_is() {
    let (exposition, _, metrics) = exposed();
    MovedMetrics::begin(&exposition, "record", ["InvalidInput", "NewerInput"]);
    metrics.emit(&Line::new("moved"), MovedMetrics { step: "record", dead_for: Some("InvalidInput") });
    MovedMetrics::begin(&exposition, "record", ["InvalidInput"]);
    let expected = [
        "# TYPE fluxo_records_retried_total counter",
        "fluxo_records_retried_total{step=\"record\"} 0",
        "fluxo_records_dead_total{reason=\"InvalidInput\"} 1",
        "fluxo_records_dead_total{reason=\"NewerInput\"} 0",
    ];
    check(&exposition, &expected);
}

/// The lag is in milliseconds in the line, and in seconds here.
#[test]
fn a_bucket_holds_all_that_is_not_longer_and_the_last_one_everything() {
    let (exposition, _, metrics) = exposed();
    for lag in [250, 251, 90_000] {
        let consolidated = ConsolidationMetrics {
            balances_written: 0,
            balances_up_to_date: 0,
            consolidation_lag: Some(lag),
            stores: StoreMetrics::default(),
        };
        metrics.emit(&Line::new("balances consolidated"), consolidated);
    }
    let expected = [
        "# TYPE fluxo_consolidation_lag_seconds histogram",
        "fluxo_consolidation_lag_seconds_bucket{le=\"0.1\"} 0",
        "fluxo_consolidation_lag_seconds_bucket{le=\"0.25\"} 1",
        "fluxo_consolidation_lag_seconds_bucket{le=\"0.5\"} 2",
        "fluxo_consolidation_lag_seconds_bucket{le=\"60\"} 2",
        "fluxo_consolidation_lag_seconds_bucket{le=\"+Inf\"} 3",
        "fluxo_consolidation_lag_seconds_sum 90.501",
        "fluxo_consolidation_lag_seconds_count 3",
    ];
    check(&exposition, &expected);
}

/// What an operator reads is there; what only CloudWatch reads is not.
#[tokio::test]
async fn a_line_holds_its_metrics_and_nothing_for_cloudwatch() {
    let (exposition, lines, metrics) = exposed();
    let telemetry = Telemetry::new(metrics, None);
    let work = async {
        for store in [Store::Ledger, Store::EntryLog] {
            call(store, async { Ok::<(), Infallible>(()) }).await.unwrap();
        }
        let line = Line::new("entries accepted").text("merchant", "acme");
        telemetry.metrics.emit(&line, accepted(1, StoreMetrics::take()));
    };
    telemetry.observe(Invocation::new("1", None), work).await;
    let [line] = <[Value; 1]>::try_from(lines.lines()).unwrap();
    assert_eq!((&line["_aws"], &line["EntriesAccepted"], &line["merchant"]), (&Value::Null, &json!(1), &json!("acme")));
    assert!(line["LedgerLatency"].is_number() && line["EntryLogLatency"].is_number(), "{line}");
    check(&exposition, &["fluxo_ledger_latency_seconds_count 1", "fluxo_entry_log_latency_seconds_count 1"]);
}

/// CloudWatch takes metrics out of lines, so nothing is lost there that has none.
#[test]
fn what_has_no_line_is_for_prometheus_alone() {
    let (exposition, lines, metrics) = exposed();
    metrics.measure(AnswerMetrics { status: "503" });
    check(&exposition, &["fluxo_answers_total{status=\"503\"} 1"]);
    let cloudwatch = EmittedMetrics::default();
    cloudwatch.metrics().measure(AnswerMetrics { status: "503" });
    assert_eq!((lines.text(), cloudwatch.text()), (String::new(), String::new()));
}
