//! Each record as its line is written, which CloudWatch reads as metrics.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use telemetry::{
    AnswerMetrics, ConsolidationMetrics, DeliveryMetrics, IntakeMetrics, Invocation, LagMetrics, LateMetrics, Line,
    METRIC_NAMES, Metrics, MovedMetrics, PostingMetrics, ReconciliationMetrics, RefusalMetrics, RelayMetrics,
    ReplayMetrics, RequestMetrics, Store, StoreMetrics, SweepMetrics, Telemetry, call,
};
use test_events::EmittedMetrics;

async fn called(stores: &[Store]) -> StoreMetrics {
    for store in stores {
        call(*store, async { Ok::<(), Infallible>(()) }).await.unwrap();
    }
    StoreMetrics::take()
}

/// One line of each kind of record, as the functions emit it, and the line of calls that no other has told.
async fn emit_each(metrics: &Metrics) {
    let line = |message: &'static str| Line::new(message).text("merchant", "acme");
    let stores = called(&[Store::IdempotencyCache, Store::Ledger, Store::StateMachine("StartExecution")]).await;
    let intake = IntakeMetrics {
        entries_accepted: 2,
        entries_repeated: 1,
        idempotency_cache_breaker_open: 1,
        request_lookup_breaker_open: 1,
        stores,
    };
    metrics.emit(&line("entries accepted"), intake);
    let posting = PostingMetrics {
        entries_posted: 4,
        entries_duplicate: 3,
        key_conflicts: 2,
        reversals_overtaken: 1,
        stores: called(&[Store::Ledger]).await,
    };
    metrics.emit(&line("entries posted"), posting);
    let consolidation = ConsolidationMetrics {
        balances_written: 1,
        balances_up_to_date: 1,
        consolidation_lag: Some(0),
        stores: called(&[Store::Balances("UpdateItem"), Store::Balances("UpdateItem")]).await,
    };
    metrics.emit(&line("balances consolidated"), consolidation);
    let stores = StoreMetrics::default();
    let replay = ReplayMetrics { inputs_replayed: 3, inputs_dead_lettered: 0, oldest_parked_age: 61, stores };
    metrics.emit(&line("parked messages taken"), replay);
    let reconciliation = ReconciliationMetrics {
        months_compared: 5,
        balances_different: 2,
        balances_repaired: 1,
        oldest_difference_age: 60,
        months_set_aside: Some(0),
        stores: StoreMetrics::default(),
    };
    metrics.emit(&line("balances reconciled"), reconciliation);
    let refusal = RefusalMetrics { code: "validation_failed", stores: called(&[Store::Ledger]).await };
    metrics.emit(&line("request refused"), refusal);
    metrics.emit(&Line::new("record waits"), MovedMetrics { step: "record", dead_for: None });
    metrics.emit(&Line::new("record dead"), MovedMetrics { step: "record", dead_for: Some("InvalidInput") });
    metrics.emit(&Line::new("lag"), LagMetrics { topic: "entries", records: 0 });
    metrics.emit(&Line::new("late"), LateMetrics { topic: "entries", by: Duration::from_secs(7) });
    let delivery = DeliveryMetrics {
        deliveries_delivered: 3,
        deliveries_retried: 2,
        deliveries_failed: 1,
        delivery_lag: Some(250),
        endpoints_disabled: 1,
        events_published: 4,
        events_undeliverable: 1,
        bus_pauses: 1,
        stores: called(&[Store::Webhooks("Query")]).await,
    };
    metrics.emit(&Line::new("events delivered"), delivery);
    let stores = called(&[Store::Webhooks("UpdateItem"), Store::Webhooks("Query")]).await;
    metrics.emit(&Line::new("subscribers woken"), RelayMetrics { wakes_sent: 2, subscribers_overdue: Some(1), stores });
    metrics.emit(&Line::new("swept"), SweepMetrics { entries_swept: 0, stores: StoreMetrics::default() });
    metrics.emit(&Line::new("answered"), AnswerMetrics { status: "2xx" });
    let request = RequestMetrics { route: "POST /entries", took: Duration::from_micros(2_500) };
    metrics.emit(&Line::new("request"), request);
    metrics.emit(&Line::new("appended"), called(&[Store::EntryLog]).await);
    call(Store::IdempotencyCache, async { Err::<(), _>("no answer") }).await.unwrap_err();
}

/// The line without what differs from run to run: the numbers or texts of these fields.
fn redacted(line: &str) -> String {
    let latencies = METRIC_NAMES.iter().copied().filter(|name| name.ends_with("Latency"));
    ["timestamp", "Timestamp"].into_iter().chain(latencies).fold(line.to_owned(), |line, field| {
        let name = format!("\"{field}\":");
        let Some((before, value)) = line.split_once(&name) else { return line };
        let end = if value.starts_with('[') { value.find(']').unwrap() + 1 } else { value.find([',', '}']).unwrap() };
        let shown = if value.starts_with('[') { "[…]" } else { "…" };
        format!("{before}{name}{shown}{}", &value[end..])
    })
}

/// Alarms and dashboards are held to the list of names. One that is not in it, `EmittedMetrics` refuses in every test.
#[tokio::test]
async fn each_record_is_one_line_and_all_names_are_listed() {
    let emitted = EmittedMetrics::default();
    let telemetry = Telemetry::new(emitted.metrics(), None);
    telemetry.observe(Invocation::new("1", None), emit_each(&telemetry.metrics)).await;
    let lines: Vec<String> = emitted.text().lines().map(redacted).collect();
    insta::assert_snapshot!("records", lines.join("\n\n"));
    for record in emitted.lines() {
        let (timestamp, time) = (&record["timestamp"], &record["_aws"]["Timestamp"]);
        assert!(timestamp.as_str().unwrap().ends_with('Z'), "{timestamp}");
        assert!(time.as_u64() > Some(1_760_000_000_000), "milliseconds since 1970: {time}");
    }
    let names: BTreeSet<String> = emitted.records().iter().flat_map(test_events::metric_names).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), METRIC_NAMES);
}
