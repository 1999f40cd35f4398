//! What CloudWatch gets.

use serde_json::json;
use telemetry::ReplayMetrics;
use test_events::EmittedMetrics;

#[test]
fn a_record_is_one_line_that_cloudwatch_reads_as_metrics() {
    let emitted = EmittedMetrics::default();
    emitted.metrics().emit(ReplayMetrics { inputs_replayed: 3, inputs_set_aside: 0, oldest_parked_age: 61 });

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
