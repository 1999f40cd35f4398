//! What CloudWatch gets.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::convert::Infallible;

use serde_json::{Value, json};
use telemetry::{
    ConsolidationMetrics, Invocation, Line, PostingMetrics, RefusalMetrics, Store, StoreMetrics, Telemetry, call,
};
use test_events::EmittedMetrics;

async fn called(store: Store) {
    call(store, async { Ok::<(), Infallible>(()) }).await.unwrap();
}

fn stores() -> StoreMetrics {
    StoreMetrics::default()
}

#[test]
fn what_did_not_happen_is_not_counted_in_the_line() {
    let emitted = EmittedMetrics::default();
    let posting = |entries_posted| PostingMetrics {
        entries_posted,
        entries_duplicate: 0,
        key_conflicts: 0,
        reversals_overtaken: 0,
        stores: stores(),
    };
    emitted.metrics().emit(&Line::new("entries posted"), posting(2));
    emitted.metrics().emit(&Line::new("entries posted"), posting(0));
    let [some, none] = <[Value; 2]>::try_from(emitted.lines()).unwrap();
    assert_eq!(test_events::metric_names(&some), ["EntriesApplied"]);
    assert_eq!(some["KeyConflicts"], Value::Null);
    assert_eq!((&none["_aws"], &none["message"]), (&Value::Null, &json!("entries posted")));
}

#[test]
fn a_document_is_in_the_line_as_it_is() {
    let emitted = EmittedMetrics::default();
    let document = r#"{"amount_minor":"9007199254740993","of":"João \"Jota\""}"#;
    emitted.metrics().log(&Line::new("entries accepted").json("input", document));
    emitted.metrics().log(&Line::new("entries accepted").json("input", "no JSON"));
    let [line, other] = <[Value; 2]>::try_from(emitted.lines()).unwrap();
    assert_eq!(line["input"], serde_json::from_str::<Value>(document).unwrap());
    assert_eq!(other["input"], "no JSON");
}

/// Logs Insights finds the first fields of a line by their names, and a document may have thousands.
#[tokio::test]
async fn a_document_stands_behind_all_that_is_searched_for_by_name() {
    let emitted = EmittedMetrics::default();
    let telemetry = Telemetry::new(emitted.metrics(), None);
    let work = async {
        let line = Line::new("entries accepted").json("input", "{}").text("merchant", "acme");
        telemetry.metrics.emit(&line, RefusalMetrics { code: "", stores: stores() });
    };
    telemetry.observe(Invocation::new("1", None), work).await;
    assert!(emitted.text().ends_with("\"input\":{}}\n"), "{}", emitted.text());
}

#[tokio::test]
async fn the_line_of_the_work_tells_what_each_call_took() {
    let emitted = EmittedMetrics::default();
    let telemetry = Telemetry::new(emitted.metrics(), None);
    let work = async {
        called(Store::Ledger).await;
        called(Store::Balances("Query")).await;
        called(Store::Balances("Query")).await;
        let stores = StoreMetrics::take();
        let metrics =
            ConsolidationMetrics { balances_written: 1, balances_up_to_date: 0, consolidation_lag: Some(0), stores };
        telemetry.metrics.emit(&Line::new("balances consolidated"), metrics);
    };
    telemetry.observe(Invocation::new("1", None).of_execution(Some("cfa8-16d8")), work).await;

    let [line] = <[Value; 1]>::try_from(emitted.lines()).unwrap();
    assert_eq!((&line["request_id"], &line["execution"]), (&json!("1"), &json!("cfa8-16d8")));
    assert!(line["LedgerLatency"].is_number(), "{line}");
    let each: Vec<bool> = line["BalancesLatency"].as_array().unwrap().iter().map(Value::is_number).collect();
    assert_eq!(each, [true, true], "{line}");
    assert_eq!(line["RequestMemoryLatency"], Value::Null);
    let names = test_events::metric_names(&line);
    assert_eq!(names, ["BalancesWritten", "ConsolidationLag", "LedgerLatency", "BalancesLatency"]);
    assert_eq!(line["ConsolidationLag"], 0, "a lag of nothing is a lag");
}

#[tokio::test]
async fn calls_that_no_line_has_told_get_one_of_their_own() {
    let emitted = EmittedMetrics::default();
    let telemetry = Telemetry::new(emitted.metrics(), None);
    let failed = call(Store::IdempotencyCache, async { Err::<(), _>("no answer") });
    telemetry.observe(Invocation::new("1", None), failed).await.unwrap_err();
    telemetry.observe(Invocation::new("2", None), async {}).await;
    let [line] = <[Value; 1]>::try_from(emitted.lines()).unwrap();
    assert!(line["RequestMemoryLatency"].is_number(), "{line}");
    assert_eq!((&line["message"], &line["request_id"]), (&json!("stores called"), &json!("1")));
}

#[tokio::test]
async fn of_very_many_calls_as_many_are_told_as_cloudwatch_takes() {
    let emitted = EmittedMetrics::default();
    let telemetry = Telemetry::new(emitted.metrics(), None);
    let many = async {
        for _ in 0..1_000 {
            called(Store::Balances("UpdateItem")).await;
        }
    };
    telemetry.observe(Invocation::new("1", None), many).await;
    let [record] = &emitted.records()[..] else { panic!("{emitted:?}") };
    assert_eq!(record["BalancesLatency"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn a_call_outside_of_an_invocation_is_not_measured() {
    called(Store::Ledger).await;
    assert!(StoreMetrics::take().is_empty());
}
