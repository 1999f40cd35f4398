//! Many requests that look at the ledger at once, on a real PostgreSQL as the user who may do nothing else.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{sync::Arc, time::Duration};

use cashflow::MerchantId;
use intake::{LOOKUP_PAUSE, RequestLookup};
use ledger::{Connection, Ledger};
use test_builders::{entry, merchant};
use test_stores::Database;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(30);

fn lookup(database: &Database, budget: Duration) -> RequestLookup {
    let ledger = Ledger::with_connections(database.lookup_config(), 8);
    RequestLookup::new(Arc::new(ledger), budget, LOOKUP_PAUSE).shared()
}

/// How many statements wait for a lock.
async fn waiting(owner: &Connection) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    owner.query_one(count, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn while_the_ledger_is_busy_requests_wait_together_and_each_gets_its_own() {
    let database = Database::create().await;
    let (owner, holder) = (database.owner().await, database.owner().await);
    let ledger = Ledger::new(database.config());
    let merchants: Vec<MerchantId> = (0..200).map(|number| merchant(&format!("m{number}"))).collect();
    for (number, merchant) in (1..).zip(&merchants) {
        // Under one and the same key.
        ledger.post(merchant, &[entry("a").of(merchant).minor(number).build()]).await.unwrap();
    }
    let lookup = Arc::new(lookup(&database, BOUND));
    lookup.warm_up().await;
    holder.batch_execute("BEGIN; LOCK TABLE entry IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let mut requests = JoinSet::new();
    for (number, merchant) in (1..).zip(merchants) {
        let lookup = Arc::clone(&lookup);
        requests.spawn(async move {
            let ids = ["a", "never"].map(|key| entry(key).of(&merchant).build().id);
            let recorded = lookup.recorded(&merchant, &ids).await.expect("an answer");
            let amounts: Vec<i64> = recorded.iter().map(|recorded| recorded.entry.amount.minor()).collect();
            assert_eq!(amounts, [number], "{merchant}");
        });
    }
    let all_statements_wait = async {
        while waiting(&owner).await < 4 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, all_statements_wait).await.expect("they wait");
    assert_eq!(waiting(&owner).await, 4, "of 200 requests");
    holder.batch_execute("COMMIT").await.unwrap();
    timeout(BOUND, requests.join_all()).await.expect("all are answered");
}

#[tokio::test]
async fn who_gives_up_is_not_asked_for_and_keeps_nobody_else_waiting() {
    let database = Database::create().await;
    let holder = database.owner().await;
    let acme = merchant("acme");
    let lookup = lookup(&database, Duration::from_millis(50));
    lookup.warm_up().await;
    holder.batch_execute("BEGIN; LOCK TABLE entry IN ACCESS EXCLUSIVE MODE").await.unwrap();
    for key in 0..10 {
        assert_eq!(lookup.recorded(&acme, &[entry(&key.to_string()).build().id]).await, None);
    }
    holder.batch_execute("COMMIT").await.unwrap();
    let answered = async {
        while lookup.recorded(&acme, &[]).await.is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, answered).await.expect("it answers again");
}

#[tokio::test]
async fn without_a_ledger_nobody_gets_an_answer_and_nobody_waits_for_ever() {
    let database = Database::create().await;
    let nowhere = ledger::LedgerConfig { port: 1, ..database.lookup_config() };
    let lookup = RequestLookup::new(Arc::new(Ledger::new(nowhere)), BOUND, LOOKUP_PAUSE).shared();
    let asking = async {
        while !lookup.is_circuit_open() {
            assert_eq!(lookup.recorded(&merchant("acme"), &[]).await, None);
        }
    };
    timeout(BOUND / 2, asking).await.expect("nobody waits for the budget");
}
