//! What `consolidate-day` writes for the events of the state machine, on a real DynamoDB engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use balances::{BalanceTable, Consistency};
use cashflow::{Currency, parse_date};
use jiff::Timestamp;
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};
use test_builders::acme;
use test_events::{EmittedMetrics, event, state};
use test_stores::{DynamoDb, aws_at};
use workflow::{Consolidation, Task, TaskError};

/// Two seconds after the execution of the events has started.
fn now() -> Timestamp {
    "2026-11-22T15:04:07.512Z".parse().unwrap()
}

fn task(payload: Value) -> Task {
    serde_json::from_value(payload).unwrap()
}

async fn consolidate(table: &BalanceTable, payload: Value) -> Result<Consolidation, TaskError> {
    consolidate_day::handle(table, &EmittedMetrics::default().metrics(), task(payload), now).await
}

async fn closing(table: &BalanceTable, date: &str) -> i128 {
    let (merchant, date) = (acme(), parse_date(date).unwrap());
    table.daily_balances(&merchant, Currency::BRL, date, date, Consistency::Eventual).await.unwrap()[0].balance.closing
}

fn table(store: &DynamoDb) -> BalanceTable {
    BalanceTable::new(store.client.clone(), &store.table_name)
}

#[tokio::test]
async fn the_totals_of_day_and_month_are_written() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let end = consolidate(&table, event("consolidate-day/day")).await.unwrap();
    let outcomes = json!({"applied": 1, "duplicate": 0, "conflict": 0, "already_reversed": 0});
    assert_eq!(serde_json::to_value(end).unwrap(), json!({"outcomes": outcomes, "written": 2, "up_to_date": 0}));
    assert_eq!(closing(&table, "2026-11-22").await, 15_075);
    assert_eq!(closing(&table, "2026-11-21").await, 0);
    assert_eq!(closing(&table, "2026-12-01").await, 15_075);
}

/// Of an entry that was a duplicate the ledger sends the totals as well: the execution that posted it may have died before
/// it wrote them. Skipping consolidation for duplicates would leave the balance stale for ever.
#[tokio::test]
async fn a_duplicate_still_brings_the_balance_up_to_date() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let mut state = state("consolidate-day/day");
    state["outcomes"] = json!({"applied": 0, "duplicate": 1, "conflict": 0, "already_reversed": 0});
    consolidate(&table, state).await.unwrap();
    assert_eq!(closing(&table, "2026-11-22").await, 15_075);
}

#[tokio::test]
async fn consolidating_again_or_late_changes_nothing() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let old = state("consolidate-day/day");
    let mut new = old.clone();
    for totals in new["totals"].as_array_mut().unwrap() {
        totals["debits"] = json!("5000");
        totals["entry_count"] = json!(2);
    }
    for (state, written) in [(&new, 2), (&old, 0), (&new, 0)] {
        assert_eq!(consolidate(&table, state.clone()).await.unwrap().written, written);
    }
    assert_eq!(closing(&table, "2026-11-22").await, 10_075);
}

#[tokio::test]
async fn totals_past_64_bits_are_carried_exactly() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    consolidate(&table, event("consolidate-day/totals-past-64-bits")).await.unwrap();
    assert_eq!(closing(&table, "2026-11-22").await, 99_999_999_999_999_900_000_000_000_000_000_000_000 - 1);
}

#[tokio::test]
async fn a_batch_of_many_days_is_written_whole() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let mut state = state("consolidate-day/day");
    let day = |number: usize| {
        let period = format!("2026-{:02}-{:02}", number / 28 + 1, number % 28 + 1);
        json!({"period": period, "currency": "BRL", "credits": "1", "debits": "0", "entry_count": 1})
    };
    state["totals"] = (0..300).map(day).collect();
    assert_eq!(consolidate(&table, state).await.unwrap().written, 300);
}

#[tokio::test]
async fn state_that_is_no_totals_is_invalid_input() {
    let store = DynamoDb::start().await;
    let with = |field: &str, value: Value| {
        let mut state = state("consolidate-day/day");
        state["totals"][0][field] = value;
        state
    };
    let states = [
        json!(null),
        json!({}),
        event("apply-to-ledger/entry"),
        with("period", json!("2026-11-22-")),
        with("currency", json!("brl")),
        with("credits", json!("1.5")),
        with("credits", json!(15)),
        with("entry_count", json!(-1)),
    ];
    for state in states {
        let error: Diagnostic = consolidate(&table(&store), state.clone()).await.unwrap_err().into();
        assert_eq!(error.error_type, "InvalidInput", "{state}");
    }
}

/// Nothing of it is written.
/// This function may be the older one of a deployment, or of a rollback.
#[tokio::test]
async fn state_of_a_newer_release_fails_by_a_name_of_its_own() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    for (place, field, value) in
        [("", "as_of", json!(1)), ("/outcomes", "late", json!(0)), ("/totals/1", "currency", json!("XXX"))]
    {
        let mut state = state("consolidate-day/day");
        state.pointer_mut(place).unwrap()[field] = value;
        let error: Diagnostic = consolidate(&table, state).await.unwrap_err().into();
        assert_eq!(error.error_type, "NewerInput", "{field}");
    }
    assert_eq!(closing(&table, "2026-12-01").await, 0);
}

#[tokio::test]
async fn a_read_model_that_is_down_is_named() {
    let nowhere = aws_sdk_dynamodb::Client::new(&aws_at("http://127.0.0.1:1").await);
    let table = BalanceTable::new(nowhere, "balances");
    let error: Diagnostic = consolidate(&table, event("consolidate-day/day")).await.unwrap_err().into();
    assert_eq!(error.error_type, "BalancesUnavailable");
}

#[tokio::test]
async fn what_was_written_and_what_was_there_already_is_counted_apart() {
    let store = DynamoDb::start().await;
    let table = BalanceTable::new(store.client.clone(), &store.table_name);
    let emitted = EmittedMetrics::default();
    for _ in 0..2 {
        let task = task(event("consolidate-day/day"));
        consolidate_day::handle(&table, &emitted.metrics(), task, now).await.unwrap();
    }
    assert_eq!(["BalancesWritten", "BalancesUpToDate"].map(|name| emitted.sum(name)), [2, 2]);
}

#[tokio::test]
async fn the_lag_is_counted_from_when_the_entries_were_first_on_their_way() {
    let store = DynamoDb::start().await;
    let lag = async |payload: Value| {
        let emitted = EmittedMetrics::default();
        consolidate_day::handle(&table(&store), &emitted.metrics(), task(payload), now).await.unwrap();
        emitted.records()[0]["ConsolidationLag"].as_u64()
    };
    let since = |time: &str| {
        let mut payload = event("consolidate-day/day");
        payload["state"]["waiting_since"] = json!(time);
        payload
    };
    assert_eq!(lag(event("consolidate-day/day")).await, Some(2_000));
    assert_eq!(lag(since("2026-11-21T15:04:07.512Z")).await, Some(24 * 60 * 60 * 1_000));
    // The state machine's clock is ahead.
    assert_eq!(lag(since("2026-11-22T15:04:08Z")).await, Some(0));
    // An execution of an earlier definition.
    assert_eq!(lag(event("consolidate-day/bare-state")).await, None);
}
