//! What a read leaves in the log.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::Duration;

use balances::BalanceTable;
use get_daily_balance::GetDailyBalance;
use http_api::serve;
use jiff::Timestamp;
use lambda_http::{Context, RequestExt};
use serde_json::{Value, json};
use telemetry::Telemetry;
use test_events::{Answer, EmittedMetrics, HttpEvent, Log, metric_names};
use test_stores::DynamoDb;
use tracing::level_filters::LevelFilter;

/// The one line of a request that is answered with this status.
async fn line_of(event: &str, status: u16) -> Value {
    let store = DynamoDb::start().await;
    let function = GetDailyBalance {
        table: BalanceTable::new(store.client.clone(), &store.table_name),
        token_key: "a secret of at least 32 characters".parse().unwrap(),
        catch_up: Duration::ZERO,
    };
    let metrics = EmittedMetrics::default();
    let (log, _guard) = Log::collect_with(&metrics, LevelFilter::TRACE);
    let mut context = Context::default();
    context.request_id = "read-1".to_owned();
    let request = HttpEvent::load(event).request().with_lambda_context(context);
    let telemetry = Telemetry::new(metrics.metrics(), None);
    let answer = serve(&telemetry, None, &request, function.handle(&request, Timestamp::now())).await;
    assert_eq!(Answer::read(answer).status, status);
    let lines = log.lines();
    let [line] = &lines[..] else { panic!("one line: {}", log.text()) };
    assert_eq!((&line["request_id"], &line["api_request_id"]), (&json!("read-1"), &json!("JKJaXmPLvHcESHA=")));
    line.clone()
}

#[tokio::test]
async fn a_read_is_one_line_with_the_requests_ids_and_what_its_queries_took() {
    let line = line_of("get-daily-balance/day", 200).await;
    assert_eq!(line["message"], "request answered");
    assert_eq!(metric_names(&line), ["BalancesLatency"]);
    assert_eq!(line["BalancesLatency"].as_array().unwrap().len(), 2, "{line}");
}

#[tokio::test]
async fn a_read_that_is_refused_is_one_line_with_its_code() {
    let line = line_of("get-daily-balance/impossible-date", 400).await;
    assert_eq!((&line["message"], &line["Code"]), (&json!("request refused"), &json!("parameter_invalid")));
    assert_eq!(metric_names(&line), ["RequestsRefused"]);
}
