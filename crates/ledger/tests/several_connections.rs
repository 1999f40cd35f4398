//! A ledger over several connections, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cashflow::{Currency, parse_date};
use futures::future::join_all;
use ledger::{Connection, Ledger, LedgerError, UnavailableError};
use test_builders::{acme, entry};
use test_stores::Database;
use tokio::time::{sleep, timeout};

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(30);

/// How many connections of functions the database has.
async fn connections(owner: &Connection) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = 'fluxo_test_function'";
    owner.query_one(count, &[]).await.unwrap().get(0)
}

/// How many statements of functions wait for a lock.
async fn waiting(owner: &Connection) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = 'fluxo_test_function' AND wait_event_type = 'Lock'";
    owner.query_one(count, &[]).await.unwrap().get(0)
}

/// Until so many wait.
async fn until_waiting(owner: &Connection, count: i64) {
    let all_wait = async {
        while waiting(owner).await < count {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, all_wait).await.expect("they wait");
}

/// Everything that asks for seals waits from here on, and nothing else.
async fn hold_seals(database: &Database) -> Connection {
    let holder = database.owner().await;
    holder.batch_execute("BEGIN; LOCK TABLE day_seal IN ACCESS EXCLUSIVE MODE").await.unwrap();
    holder
}

async fn ask_for_seals(ledger: &Ledger) -> Result<(), LedgerError> {
    let day = parse_date("2026-11-22").unwrap();
    ledger.seals(&acme(), Currency::BRL, day, None, 1).await.map(drop)
}

#[tokio::test]
async fn it_opens_as_many_connections_as_it_has_and_no_more() {
    let database = Database::create().await;
    let owner = database.owner().await;
    for count in [1, 4] {
        let ledger = Ledger::with_connections(database.config(), count);
        ledger.warm_up().await;
        assert_eq!(connections(&owner).await, i64::from(count));
        let merchant = acme();
        for answer in join_all((0..32).map(|_| ledger.currencies(&merchant))).await {
            answer.unwrap();
        }
        assert_eq!(connections(&owner).await, i64::from(count));
        drop(ledger);
        let closed = async {
            while connections(&owner).await > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(BOUND, closed).await.expect("a ledger that is gone has no connections");
    }
}

#[tokio::test]
async fn what_hangs_on_one_connection_holds_up_nobody_on_another() {
    let database = Database::create().await;
    let (owner, holder) = (database.owner().await, hold_seals(&database).await);
    let ledger = Ledger::with_connections(database.config(), 2);
    let hanging = tokio::spawn({
        let ledger = ledger.clone();
        async move { ask_for_seals(&ledger).await }
    });
    until_waiting(&owner, 1).await;
    ledger.currencies(&acme()).await.unwrap();
    ledger.post(&acme(), &[entry("a").build()]).await.unwrap();
    assert!(!hanging.is_finished());
    holder.batch_execute("COMMIT").await.unwrap();
    hanging.await.unwrap().unwrap();
}

/// With one connection as with several.
#[tokio::test]
async fn who_waits_for_a_connection_gets_it_in_turn() {
    let database = Database::create().await;
    let (owner, holder) = (database.owner().await, hold_seals(&database).await);
    let ledger = Ledger::new(database.config());
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiters = Vec::new();
    for number in 0..8 {
        let (ledger, order) = (ledger.clone(), Arc::clone(&order));
        waiters.push(tokio::spawn(async move {
            let answer = ask_for_seals(&ledger).await;
            order.lock().unwrap().push(number);
            answer
        }));
        // The first of them holds the connection, and the others are behind it.
        until_waiting(&owner, 1).await;
    }
    holder.batch_execute("COMMIT").await.unwrap();
    for waiter in waiters {
        waiter.await.unwrap().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn with_a_patience_nobody_waits_longer_for_a_connection() {
    let database = Database::create().await;
    let (owner, holder) = (database.owner().await, hold_seals(&database).await);
    let ledger = Ledger::new(database.config()).with_patience(Duration::from_millis(50));
    let hanging = tokio::spawn({
        let ledger = ledger.clone();
        async move { ask_for_seals(&ledger).await }
    });
    until_waiting(&owner, 1).await;
    let refused = ledger.currencies(&acme()).await.unwrap_err();
    assert!(matches!(refused, LedgerError::Unavailable(UnavailableError::Busy(_))), "{refused:?}");
    assert!(refused.is_transient() && !refused.is_timeout() && !refused.is_of_whole_ledger());
    holder.batch_execute("COMMIT").await.unwrap();
    hanging.await.unwrap().unwrap();
    ledger.currencies(&acme()).await.unwrap();
}

/// Each is found broken when it is used next, and another one is opened in its place.
#[tokio::test]
async fn connections_that_the_server_ends_are_replaced() {
    let database = Database::create().await;
    let owner = database.owner().await;
    let ledger = Ledger::with_connections(database.config(), 3);
    ledger.warm_up().await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND usename = 'fluxo_test_function'";
    owner.query(end, &[]).await.unwrap();
    let gone = async {
        while connections(&owner).await > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, gone).await.unwrap();
    for answer in join_all((0..3).map(async |_| ledger.currencies(&acme()).await)).await {
        answer.unwrap();
    }
}

/// Which sessions of functions the database has.
async fn sessions(owner: &Connection) -> Vec<i32> {
    let pids = "SELECT pid FROM pg_stat_activity
                WHERE datname = current_database() AND usename = 'fluxo_test_function' ORDER BY pid";
    owner.query(pids, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn who_gives_a_question_up_costs_no_new_connection() {
    let database = Database::create().await;
    let (owner, holder) = (database.owner().await, hold_seals(&database).await);
    let ledger = Ledger::with_connections(database.config(), 2);
    ledger.warm_up().await;
    let before = sessions(&owner).await;
    for _ in 0..2 {
        assert!(timeout(Duration::from_millis(20), ask_for_seals(&ledger)).await.is_err(), "seals can be read");
    }
    until_waiting(&owner, 2).await;
    holder.batch_execute("COMMIT").await.unwrap();
    let merchant = acme();
    for answer in join_all((0..8).map(|_| ledger.currencies(&merchant))).await {
        answer.unwrap();
    }
    assert_eq!(sessions(&owner).await, before);
}

/// Its turn comes just when it gives up, as is usual where all wait.
#[tokio::test]
async fn who_gives_up_before_it_has_asked_costs_no_new_connection() {
    let database = Database::create().await;
    let owner = database.owner().await;
    let ledger = Ledger::new(database.config());
    ledger.warm_up().await;
    let before = sessions(&owner).await;
    assert!(
        timeout(Duration::ZERO, ledger.currencies(&acme())).await.is_err(),
        "looking at a connection takes a moment"
    );
    ledger.currencies(&acme()).await.unwrap();
    assert_eq!(sessions(&owner).await, before);
}

/// Sealing is the one operation with a transaction of several statements.
#[tokio::test]
async fn a_transaction_that_is_given_up_does_not_stay_open() {
    let database = Database::create().await;
    let (owner, holder) = (database.owner().await, database.owner().await);
    let ledger = Ledger::new(database.config());
    ledger.post(&acme(), &[entry("a").on("2026-11-22").build()]).await.unwrap();
    let before = sessions(&owner).await;
    holder.batch_execute("BEGIN; LOCK TABLE entry IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let sealing = {
        let ledger = ledger.clone();
        tokio::spawn(
            async move { ledger.seal(&acme(), Currency::BRL, parse_date("2026-11-22").unwrap()).await.map(drop) },
        )
    };
    until_waiting(&owner, 1).await;
    sealing.abort();
    assert!(sealing.await.unwrap_err().is_cancelled());
    holder.batch_execute("COMMIT").await.unwrap();
    ledger.currencies(&acme()).await.unwrap();
    let open = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND usename = 'fluxo_test_function' AND state LIKE 'idle in transaction%'";
    assert_eq!(owner.query_one(open, &[]).await.unwrap().get::<_, i64>(0), 0);
    assert_eq!(sessions(&owner).await, before, "the connection is used again");
}

#[tokio::test]
async fn who_gives_up_while_it_connects_leaves_the_connection_to_the_next() {
    let database = Database::create().await;
    let owner = database.owner().await;
    let ledger = Ledger::new(database.config());
    assert!(timeout(Duration::ZERO, ledger.currencies(&acme())).await.is_err(), "connecting takes a moment");
    let opened = async {
        while connections(&owner).await == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, opened).await.expect("nobody connects any more");
    let before = sessions(&owner).await;
    ledger.currencies(&acme()).await.unwrap();
    assert_eq!(sessions(&owner).await, before);
}

#[tokio::test]
async fn a_question_that_hangs_after_it_was_given_up_gives_its_turn_to_others() {
    let database = Database::create().await;
    let (owner, _holder) = (database.owner().await, hold_seals(&database).await);
    let ledger = Ledger::new(database.config());
    ledger.warm_up().await;
    assert!(timeout(Duration::from_millis(20), ask_for_seals(&ledger)).await.is_err(), "seals can be read");
    until_waiting(&owner, 1).await;
    timeout(BOUND, ledger.currencies(&acme())).await.expect("its turn never ends").unwrap();
}
