//! What `apply-to-ledger` answers to the events of the state machine, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use lambda_runtime::Diagnostic;
use ledger::{Ledger, LedgerConfig};
use serde_json::{Value, json};
use test_events::{EmittedMetrics, event, state};
use test_stores::Database;
use workflow::{PostedEntries, Task, TaskError};

async fn apply(ledger: &Ledger, payload: Value) -> Result<PostedEntries, TaskError> {
    apply_to_ledger::handle(ledger, &EmittedMetrics::default().metrics(), task(payload)).await
}

fn task(payload: Value) -> Task {
    serde_json::from_value(payload).unwrap()
}

/// The error as the state machine sees it.
fn seen(result: Result<PostedEntries, TaskError>) -> Diagnostic {
    result.unwrap_err().into()
}

#[tokio::test]
async fn the_answer_is_what_consolidate_day_takes() {
    let database = Database::create().await;
    let posted = apply(&Ledger::new(database.config()), event("apply-to-ledger/entry")).await.unwrap();
    let mut answer = serde_json::to_value(&posted).unwrap();
    let mut expected = state("consolidate-day/day");
    // The moment of the totals is the database's.
    answer["totals_at"].take();
    expected["totals_at"].take();
    assert_eq!(answer, expected);
    assert_eq!(posted.parse_totals().unwrap().1.len(), 2);
}

/// While a deployment replaces the functions, an old consolidate-day gets what a new apply-to-ledger answers; the definition
/// of the state machine is replaced after both.
#[tokio::test]
async fn a_bare_state_is_answered_in_the_form_of_its_time() {
    let database = Database::create().await;
    let posted = apply(&Ledger::new(database.config()), event("apply-to-ledger/bare-state")).await.unwrap();
    let mut answer = serde_json::to_value(&posted).unwrap();
    let mut expected = event("consolidate-day/bare-state");
    answer["totals_at"].take();
    expected["totals_at"].take();
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_parked_input_has_been_waiting_since_it_was_parked_for_the_first_time() {
    let database = Database::create().await;
    let first_parked_at = "2026-11-20T01:02:03Z".parse().unwrap();
    let mut payload = event("apply-to-ledger/entry");
    payload["state"]["replay"] = json!({"attempt": 2, "first_parked_at": first_parked_at});
    let posted = apply(&Ledger::new(database.config()), payload).await.unwrap();
    assert_eq!(posted.waiting_since, Some(first_parked_at));
}

#[tokio::test]
async fn a_repeat_is_counted_as_duplicate_and_a_conflict_is_named() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    apply(&ledger, event("apply-to-ledger/entry")).await.unwrap();
    let mut batch = state("apply-to-ledger/batch");
    let again = apply(&ledger, batch.clone()).await.unwrap();
    assert_eq!(
        serde_json::to_value(again.outcomes).unwrap(),
        json!({"applied": 1, "duplicate": 1, "conflict": 0, "already_reversed": 0})
    );
    assert!(again.conflicts.is_empty());

    batch["entries"][1]["fingerprint"] = json!("0".repeat(64));
    let conflicting = apply(&ledger, batch.clone()).await.unwrap();
    assert_eq!(
        serde_json::to_value(conflicting.outcomes).unwrap(),
        json!({"applied": 0, "duplicate": 1, "conflict": 1, "already_reversed": 0})
    );
    assert_eq!(json!(conflicting.conflicts), json!([batch["entries"][1]["id"]]));
}

#[tokio::test]
async fn input_that_can_never_be_posted_is_invalid_and_nothing_is_written() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let with = |field: &str, value: Value| {
        let mut input = state("apply-to-ledger/batch");
        input["entries"][1][field] = value;
        input
    };
    let inputs = [
        event("apply-to-ledger/amount-of-zero"),
        json!(null),
        json!({}),
        json!({"merchant_id": "acme", "entries": []}),
        json!({"merchant_id": "", "entries": state("apply-to-ledger/entry")["entries"]}),
        with("id", json!("not-a-uuid")),
        with("fingerprint", json!("00")),
        with("type", json!("Credit")),
        with("amount_minor", json!(4990)),
        with("amount_minor", json!("-1")),
        with("amount_minor", json!("9223372036854775808")),
        with("currency", json!("brl")),
        with("date", json!("2026-02-30")),
        with("date", json!("1899-12-31")),
        with("description", json!("a\u{0}b")),
        with("category", json!("c".repeat(101))),
    ];
    for input in inputs {
        let error = seen(apply(&ledger, input.clone()).await);
        assert_eq!(error.error_type, "InvalidInput", "{input}");
        assert!(!error.error_message.is_empty());
    }
    assert_eq!(entries_of(&database).await, 0);
}

/// Nothing of it is written.
/// This function may be the older one of a deployment, or of a rollback.
#[tokio::test]
async fn input_of_a_newer_release_fails_by_a_name_of_its_own() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let with = |place: &str, field: &str, value: Value| {
        let mut task = event("apply-to-ledger/batch");
        task["state"].pointer_mut(place).unwrap()[field] = value;
        task
    };
    let inputs = [
        with("", "priority", json!(1)),
        with("/entries/1", "settlement_date", json!("2026-12-22")),
        with("/entries/1", "settlement_date", json!(null)),
        with("/entries/1", "type", json!("transfer")),
        with("/entries/1", "currency", json!("XXX")),
    ];
    for input in inputs {
        let error = seen(apply(&ledger, input.clone()).await);
        assert_eq!(error.error_type, "NewerInput", "{input}");
        assert!(
            error.error_message.ends_with("this release; a newer release wrote it")
                || error.error_message.ends_with("this release does not know; a newer release wrote it"),
            "{error:?}"
        );
    }
    assert_eq!(entries_of(&database).await, 0);
}

/// How many entries the ledger has.
async fn entries_of(database: &Database) -> i64 {
    database.owner().await.query_one("SELECT count(*) FROM entry", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_fault_names_the_entry_it_is_in() {
    let database = Database::create().await;
    let mut input = state("apply-to-ledger/batch");
    input["entries"][1]["type"] = json!("Transfer");
    let error = seen(apply(&Ledger::new(database.config()), input).await);
    assert_eq!(error.error_message, "entry 1: type must be \"credit\" or \"debit\"");
}

#[tokio::test]
async fn a_ledger_that_is_down_or_not_migrated_has_names_of_its_own() {
    let database = Database::create().await;
    let down = Ledger::new(LedgerConfig { port: 1, ..database.config() });
    assert_eq!(seen(apply(&down, event("apply-to-ledger/entry")).await).error_type, "LedgerUnavailable");
    let empty = Ledger::new(LedgerConfig { database: "postgres".to_owned(), ..database.config() });
    assert_eq!(seen(apply(&empty, event("apply-to-ledger/entry")).await).error_type, "LedgerMisconfigured");
}

/// It fails under a name that the state machine retries.
/// Parked inputs run again in any order.
#[tokio::test]
async fn a_reversal_before_its_original_is_retried_until_that_is_posted() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let reversal = state("apply-to-ledger/reversal");
    let error = seen(apply(&ledger, reversal.clone()).await);
    assert_eq!(error.error_type, "OriginalNotPosted");
    assert!(
        error.error_message.contains("the entry that the reversal names is not in the ledger yet"),
        "{}",
        error.error_message
    );
    apply(&ledger, event("apply-to-ledger/entry")).await.unwrap();
    let mut of_another_amount = reversal.clone();
    of_another_amount["entries"][0]["amount_minor"] = json!("1");
    assert_eq!(seen(apply(&ledger, of_another_amount).await).error_type, "InvalidInput");
    assert_eq!(apply(&ledger, reversal).await.unwrap().outcomes.posted, 1);
}

#[tokio::test]
async fn a_reversal_that_another_has_overtaken_is_counted_and_named() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    apply(&ledger, event("apply-to-ledger/entry")).await.unwrap();
    let reversal = state("apply-to-ledger/reversal");
    let first = apply(&ledger, reversal.clone()).await.unwrap();
    assert_eq!((first.outcomes.posted, first.outcomes.already_reversed), (1, 0));
    let mut second = reversal;
    second["entries"][0]["id"] = json!("00000000-0000-5000-8000-000000000001");
    let second = apply(&ledger, second).await.unwrap();
    assert_eq!((second.outcomes.posted, second.outcomes.already_reversed), (0, 1));
    assert_eq!(second.already_reversed, ["00000000-0000-5000-8000-000000000001"]);
}

#[tokio::test]
async fn every_outcome_is_counted() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let emitted = EmittedMetrics::default();
    let mut batch = state("apply-to-ledger/batch");
    for _ in 0..2 {
        apply_to_ledger::handle(&ledger, &emitted.metrics(), task(batch.clone())).await.unwrap();
    }
    batch["entries"][1]["fingerprint"] = json!("0".repeat(64));
    apply_to_ledger::handle(&ledger, &emitted.metrics(), task(batch)).await.unwrap();
    let counted = ["EntriesApplied", "EntriesDuplicate", "KeyConflicts"].map(|name| emitted.sum(name));
    assert_eq!(counted, [2, 3, 1]);
}
