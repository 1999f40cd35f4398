//! What CloudWatch gets.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::BTreeSet, convert::Infallible};

use serde_json::{Value, json};
use telemetry::{
    ConsolidationMetrics, IntakeMetrics, Invocation, METRIC_NAMES, PostingMetrics, ReconciliationMetrics,
    RefusalMetrics, ReplayMetrics, Store, StoreMetrics, Telemetry, call,
};
use test_events::EmittedMetrics;

async fn called(store: Store) {
    call(store, async { Ok::<(), Infallible>(()) }).await.unwrap();
}

#[test]
fn a_record_is_one_line_that_cloudwatch_reads_as_metrics() {
    let emitted = EmittedMetrics::default();
    let stores = StoreMetrics::default();
    emitted.metrics().emit(ReplayMetrics { inputs_replayed: 3, inputs_set_aside: 0, oldest_parked_age: 61, stores });

    let [record] = &emitted.records()[..] else { panic!("{emitted:?}") };
    let (replayed, set_aside, age) = (&record["InputsReplayed"], &record["InputsSetAside"], &record["OldestParkedAge"]);
    assert_eq!([replayed, set_aside, age], [&json!(3), &json!(0), &json!(61)]);
    let directive = &record["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "fluxo");
    assert_eq!(directive["Dimensions"], json!([[]]));
    assert_eq!(
        directive["Metrics"],
        json!([
            { "Name": "InputsReplayed", "Unit": "Count" },
            { "Name": "InputsSetAside", "Unit": "Count" },
            { "Name": "OldestParkedAge", "Unit": "Seconds" },
        ])
    );
}

#[test]
fn a_refusal_has_its_code_as_dimension() {
    let emitted = EmittedMetrics::default();
    emitted.metrics().emit(RefusalMetrics { code: "validation_failed", requests_refused: 1 });
    let [record] = &emitted.records()[..] else { panic!("{emitted:?}") };
    assert_eq!((&record["Code"], &record["RequestsRefused"]), (&json!("validation_failed"), &json!(1)));
    let directive = &record["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Dimensions"], json!([["Code"]]));
    assert_eq!(directive["Metrics"], json!([{ "Name": "RequestsRefused", "Unit": "Count" }]));
}

#[tokio::test]
async fn the_record_of_the_work_tells_what_each_call_took() {
    let emitted = EmittedMetrics::default();
    let telemetry = Telemetry::new(emitted.metrics(), None);
    let work = async {
        called(Store::Ledger).await;
        called(Store::Balances("Query")).await;
        called(Store::Balances("Query")).await;
        let stores = StoreMetrics::take();
        telemetry.metrics.emit(ConsolidationMetrics {
            balances_written: 1,
            balances_up_to_date: 0,
            consolidation_lag: Some(1),
            stores,
        });
    };
    telemetry.follow(Invocation::new("1", None), work).await;

    let [record] = &emitted.records()[..] else { panic!("{emitted:?}") };
    let values = |name: &str| record[name]["Values"].as_array().map_or(0, Vec::len);
    assert!(record["LedgerLatency"].is_number(), "{record}");
    assert_eq!(values("BalancesLatency"), 2, "{record}");
    assert_eq!(record["RequestMemoryLatency"], Value::Null);
    let metrics = record["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
    assert!(metrics.contains(&json!({ "Name": "LedgerLatency", "Unit": "Milliseconds" })), "{record}");
    assert!(metrics.contains(&json!({ "Name": "ConsolidationLag", "Unit": "Milliseconds" })), "{record}");
}

#[tokio::test]
async fn calls_that_no_record_has_told_get_one_of_their_own() {
    let emitted = EmittedMetrics::default();
    let telemetry = Telemetry::new(emitted.metrics(), None);
    let failed = call(Store::RequestMemory, async { Err::<(), _>("no answer") });
    telemetry.follow(Invocation::new("1", None), failed).await.unwrap_err();
    telemetry.follow(Invocation::new("2", None), async {}).await;
    let [record] = &emitted.records()[..] else { panic!("{emitted:?}") };
    assert!(record["RequestMemoryLatency"].is_number(), "{record}");
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
    telemetry.follow(Invocation::new("1", None), many).await;
    let [record] = &emitted.records()[..] else { panic!("{emitted:?}") };
    let counts = record["BalancesLatency"]["Counts"].as_array().unwrap();
    assert_eq!(counts.iter().filter_map(Value::as_u64).sum::<u64>(), 100);
}

#[tokio::test]
async fn a_call_outside_of_an_invocation_is_not_measured() {
    called(Store::Ledger).await;
    assert_eq!(StoreMetrics::take(), StoreMetrics::default());
}

/// Alarms and dashboards are held to this list. A name that is not in it, `EmittedMetrics` refuses in every test.
#[tokio::test]
async fn every_listed_name_is_emitted() {
    let emitted = EmittedMetrics::default();
    let telemetry = Telemetry::new(emitted.metrics(), None);
    let work = async {
        for store in [Store::Ledger, Store::Balances(""), Store::RequestMemory, Store::StateMachine("")] {
            called(store).await;
        }
    };
    telemetry.follow(Invocation::new("1", None), work).await;
    let stores = StoreMetrics::default;
    let metrics = emitted.metrics();
    metrics.emit(IntakeMetrics {
        entries_accepted: 0,
        entries_replayed: 0,
        request_memory_breaker_open: 0,
        request_lookup_breaker_open: 0,
        stores: stores(),
    });
    metrics.emit(PostingMetrics {
        entries_applied: 0,
        entries_duplicate: 0,
        key_conflicts: 0,
        reversals_overtaken: 0,
        stores: stores(),
    });
    metrics.emit(ConsolidationMetrics {
        balances_written: 0,
        balances_up_to_date: 0,
        consolidation_lag: Some(0),
        stores: stores(),
    });
    metrics.emit(ReplayMetrics { inputs_replayed: 0, inputs_set_aside: 0, oldest_parked_age: 0, stores: stores() });
    metrics.emit(ReconciliationMetrics {
        months_compared: 0,
        balances_different: 0,
        balances_repaired: 0,
        oldest_difference_age: 0,
        months_set_aside: Some(0),
        stores: stores(),
    });
    metrics.emit(RefusalMetrics { code: "", requests_refused: 0 });
    let names: BTreeSet<String> = emitted.records().iter().flat_map(test_events::metric_names).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), METRIC_NAMES);
}
