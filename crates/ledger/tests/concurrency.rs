//! What holds when many functions post at once. Each worker has its own connection, as each Lambda environment has.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cashflow::{Entry, Period, Totals};
use ledger::{Connection, Ledger, Outcome, Posting};
use test_builders::{acme, entry};
use test_stores::{Database, POST_NINE};
use tokio::{sync::Barrier, task::JoinSet, time::timeout};

const WORKERS: usize = 12;

/// Far above what anything here takes, and below the database's own limits.
const BOUND: Duration = Duration::from_secs(3);

/// A credit or, for every third key, a debit.
fn numbered(key: usize, date: &str) -> Entry {
    let amount = i64::try_from(key).unwrap() + 1;
    entry(&format!("key-{key}")).minor(if key.is_multiple_of(3) { -amount } else { amount }).on(date).build()
}

/// Lets every worker post its batches in turn, all workers their n-th batch at the same moment, and gathers the answers.
async fn post_all(database: &Database, batches_of: impl Fn(usize) -> Vec<Vec<Entry>>) -> Vec<Posting> {
    let mut workers = JoinSet::new();
    let start = Arc::new(Barrier::new(WORKERS));
    for worker in 0..WORKERS {
        let ledger = Arc::new(Ledger::new(database.config()));
        let batches = batches_of(worker);
        let start = Arc::clone(&start);
        workers.spawn(async move {
            // All connect before any posts, so that a busy machine does not make connecting late.
            ledger.warm_up().await;
            start.wait().await;
            let mut postings = Vec::new();
            for batch in batches {
                start.wait().await;
                postings.push(ledger.post(&acme(), &batch).await.expect("no batch fails"));
            }
            postings
        });
    }
    workers.join_all().await.into_iter().flatten().collect()
}

fn applied(postings: &[Posting]) -> usize {
    postings.iter().flat_map(|posting| &posting.outcomes).filter(|outcome| **outcome == Outcome::Posted).count()
}

/// The sums over the entry table itself, which no counter can get wrong.
async fn sums_of_entries(database: &Database) -> (i128, i128, u64) {
    let sums = "SELECT coalesce(sum(amount_minor) FILTER (WHERE type = 'credit'), 0)::text,
                       coalesce(sum(amount_minor) FILTER (WHERE type = 'debit'), 0)::text, count(*) FROM entry";
    let row = database.owner().await.query_one(sums, &[]).await.unwrap();
    let minor = |column: usize| row.get::<_, String>(column).parse().unwrap();
    (minor(0), minor(1), u64::try_from(row.get::<_, i64>(2)).unwrap())
}

async fn sums_of_totals(database: &Database) -> (i128, i128, u64) {
    let sums = "SELECT sum(credits)::text, sum(debits)::text, sum(entry_count)::bigint FROM daily_total";
    let row = database.owner().await.query_one(sums, &[]).await.unwrap();
    let minor = |column: usize| row.get::<_, String>(column).parse().unwrap();
    (minor(0), minor(1), u64::try_from(row.get::<_, i64>(2)).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_batch_posted_by_all_at_once_is_applied_once() {
    let database = Database::create().await;
    let batch: Vec<Entry> = (0..20).map(|key| numbered(key, "2026-11-22")).collect();
    let postings = post_all(&database, |_| vec![batch.clone()]).await;
    assert_eq!(applied(&postings), 20);
    assert_eq!(sums_of_entries(&database).await.2, 20);
    assert_eq!(sums_of_totals(&database).await, sums_of_entries(&database).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_of_one_hot_day_are_exact() {
    let database = Database::create().await;
    let postings = post_all(&database, |worker| {
        (0..25).map(|number| vec![numbered(worker * 25 + number, "2026-11-22")]).collect()
    })
    .await;
    assert_eq!(applied(&postings), WORKERS * 25);
    assert_eq!(sums_of_totals(&database).await, sums_of_entries(&database).await);
    // The greatest version anyone was answered is the exact sum of all.
    let (credits, debits, entry_count) = sums_of_entries(&database).await;
    let day = Period::parse("2026-11-22").unwrap();
    let newest = newest_totals(&postings, day);
    assert_eq!(newest, Totals { credits, debits, entry_count });
}

/// A session of a function, and the slot of totals that is its own.
async fn session(database: &Database) -> (Connection, i32) {
    let session = ledger::connect(&database.config()).await.unwrap();
    let slot = session.query_one("SELECT pg_backend_pid() % 8", &[]).await.unwrap().get(0);
    (session, slot)
}

#[tokio::test]
async fn a_session_does_not_wait_for_one_with_another_slot() {
    let database = Database::create().await;
    let (first, taken) = session(&database).await;
    let mut sessions = Vec::new();
    let second = loop {
        assert!(sessions.len() < 50, "every session has slot {taken}");
        let (session, slot) = session(&database).await;
        if slot != taken {
            break session;
        }
        sessions.push(session);
    };
    // The row of the day is there, and then locked by a transaction that does not end.
    first.batch_execute(POST_NINE).await.unwrap();
    first.batch_execute("BEGIN").await.unwrap();
    first.batch_execute(POST_NINE).await.unwrap();
    timeout(BOUND, second.batch_execute(POST_NINE)).await.expect("the second one waits for the first").unwrap();
    first.batch_execute("COMMIT").await.unwrap();
    assert_eq!(sums_of_totals(&database).await, (27, 0, 3));
}

fn newest_totals(postings: &[Posting], period: Period) -> Totals {
    postings
        .iter()
        .flat_map(|posting| &posting.after.totals)
        .filter(|totals| totals.period == period)
        .map(|totals| totals.totals)
        .max_by_key(|totals| totals.entry_count)
        .unwrap()
}

/// The entry count serves as the version of a total. That is sound only if no two writers are ever answered different
/// totals of one period with the same count, as they would be if totals were read inside the writing transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_entry_count_never_stands_for_two_totals() {
    let database = Database::create().await;
    let postings = post_all(&database, |worker| {
        (0..40)
            .map(|number| {
                // Neighbours overlap, so that duplicates and waits for the same id are among them.
                let first = worker * 30 + number;
                vec![numbered(first, "2026-11-22"), numbered(first + 1, "2026-11-23")]
            })
            .collect()
    })
    .await;
    let mut totals_by_version = BTreeMap::new();
    for totals in postings.iter().flat_map(|posting| &posting.after.totals) {
        let version = (totals.period, totals.totals.entry_count);
        let known = *totals_by_version.entry(version).or_insert(totals.totals);
        assert_eq!(known, totals.totals, "{version:?}");
    }
    assert!(totals_by_version.len() > WORKERS, "too few versions to mean anything");
    assert_eq!(sums_of_totals(&database).await, sums_of_entries(&database).await);
}

/// Batches that share days and list them in different orders would wait for each other in a ring if the statement did not
/// sort what it adds to the totals. Hashing, which a planner may choose for any grouping, keeps no order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_touch_the_same_days_in_any_order_do_not_deadlock() {
    let database = Database::create().await;
    prefer_hashing(&database).await;
    let postings = post_all(&database, |worker| {
        (0..15)
            .map(|round| {
                // Every worker has ids of its own here; sizes differ, because they decide how hashing orders its groups.
                let size = 60 + (worker * 37 + round * 5) % 190;
                (0..size)
                    .map(|n| numbered((worker * 15 + round) * 1_000 + n, &day((n * 11 + worker * 3) % 300)))
                    .collect()
            })
            .collect()
    })
    .await;
    assert_no_deadlocks(&database).await;
    assert_eq!(sums_of_entries(&database).await.2, u64::try_from(applied(&postings)).unwrap());
    assert_eq!(sums_of_totals(&database).await, sums_of_entries(&database).await);
}

/// The same for batches that share ids: each waits for the other's uncommitted entries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_share_entries_in_opposite_orders_do_not_deadlock() {
    let database = Database::create().await;
    let postings = post_all(&database, |worker| {
        (0..15)
            .map(|round| {
                let mut batch: Vec<Entry> = (0..300).map(|n| numbered(round * 1_000 + n, &day(n % 6))).collect();
                if worker % 2 == 1 {
                    batch.reverse();
                }
                batch.rotate_left(worker * 25);
                batch
            })
            .collect()
    })
    .await;
    assert_eq!(applied(&postings), 15 * 300);
    assert_no_deadlocks(&database).await;
    assert_eq!(sums_of_totals(&database).await, sums_of_entries(&database).await);
}

fn day(number: usize) -> String {
    format!("2026-{:02}-{:02}", number / 28 + 1, number % 28 + 1)
}

async fn prefer_hashing(database: &Database) {
    let owner = database.owner().await;
    // Switching sorting off makes plans look dear enough for just-in-time compilation, which would only slow the test.
    for setting in ["enable_sort = off", "jit = off"] {
        let statement = format!("ALTER DATABASE {} SET {setting}", database.config().database);
        owner.execute(&statement, &[]).await.unwrap();
    }
}

async fn assert_no_deadlocks(database: &Database) {
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let row = database.owner().await.query_one(deadlocks, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}
