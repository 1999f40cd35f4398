//! What the feed costs, in rows that PostgreSQL reads: nothing grows with what lies before or after a page.

use cashflow::{EventType, FeedCursor};
use ledger::{Connection, Ledger};
use test_builders::{acme, entry};
use test_stores::Database;

use crate::reader::{cut, now, posted, read_after, read_all};

const TABLES: [&str; 5] = ["entry", "feed_event", "feed_cut", "daily_total", "day_seal"];

/// How many rows of these tables the session has read in its transaction.
async fn rows_read(session: &Connection) -> i64 {
    let read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
        WHERE relname = ANY ($1)";
    session.query_one(read, &[&TABLES.as_slice()]).await.unwrap().get(0)
}

async fn rows_of(session: &Connection, statement: &str) -> i64 {
    session.batch_execute("BEGIN").await.unwrap();
    let before = rows_read(session).await;
    session.batch_execute(statement).await.unwrap();
    let after = rows_read(session).await;
    session.batch_execute("ROLLBACK").await.unwrap();
    after - before
}

fn page_at(sequence: i64) -> String {
    format!("SELECT * FROM ledger.feed_page('acme', {sequence}, array_fill(0::bigint, ARRAY[8]), 0, NULL, 100, 100)")
}

const ADVANCE: &str = "SELECT * FROM ledger.advance_feed('acme', '2000-01-01', 'UTC', 1000)";

async fn post_batches(ledger: &Ledger, prefix: &str, count: usize) {
    for number in 0..count {
        let one = |n| entry(&format!("{prefix}-{number}-{n}")).on(if n % 2 == 0 { "2026-11-22" } else { "2026-11-21" });
        let batch: Vec<_> = (0..500).map(|n| one(n).build()).collect();
        ledger.post(&acme(), &batch).await.unwrap();
    }
}

/// Planned when all that the planner knew was that the tables are empty.
#[tokio::test]
async fn a_page_and_a_cut_cost_the_same_however_long_the_feed_is() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let session = database.owner().await;
    session.batch_execute(&page_at(0)).await.unwrap();
    ledger.post(&acme(), &[entry("first").build()]).await.unwrap();
    session.batch_execute(ADVANCE).await.unwrap();
    session.batch_execute(&page_at(0)).await.unwrap();

    // Long cuts and short ones, in many slots.
    post_batches(&ledger, "long", 20).await;
    while cut(&session, 1_000).await {}
    for number in 0..300 {
        ledger.post(&acme(), &[entry(&format!("short-{number}")).build()]).await.unwrap();
        cut(&session, 1_000).await;
    }
    let newest: i64 = session.query_one("SELECT max(last_event) FROM feed_cut", &[]).await.unwrap().get(0);
    // A page reads its own entries twice, once to number them; and the cuts that it begins and ends in.
    let bound = 2 * 100 + 2 * (1_000 + 499) + 300;
    for sequence in [0, 50, 5_000, newest - 700, newest - 100] {
        let rows = rows_of(&session, &page_at(sequence)).await;
        assert!(rows <= bound, "{rows} rows from {sequence} on");
    }
    let at_the_end = rows_of(&session, &page_at(newest - 100)).await;
    assert!(at_the_end <= 600, "{at_the_end} rows for a page of short cuts");
    assert_eq!(rows_of(&session, ADVANCE).await, 1, "nothing new is one look at the newest cut");
    ledger.post(&acme(), &[entry("one-more").build()]).await.unwrap();
    let rows = rows_of(&session, ADVANCE).await;
    assert!(rows <= 40, "{rows} rows for one new entry");
}

#[tokio::test]
async fn a_feed_that_nobody_read_is_caught_up_with_in_bounded_steps() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let session = database.owner().await;
    session.batch_execute(ADVANCE).await.unwrap();
    // As sessions of different slots post, a part of the time each.
    futures::future::join_all((0..4).map(async |writer: usize| {
        post_batches(&Ledger::new(database.config()), &writer.to_string(), 10).await;
    }))
    .await;
    // The entries of one cut twice, and of each slot as many as might be in it.
    let bound = 9 * 1_001 + 2 * (1_000 + 499) + 200;
    let mut steps = 0;
    loop {
        let rows = rows_of(&session, ADVANCE).await;
        assert!(rows <= bound, "{rows} rows in step {steps}");
        steps += 1;
        if !cut(&session, 1_000).await {
            break;
        }
    }
    assert!((14..=21).contains(&steps), "{steps} steps");
    let longest = "SELECT max(last_event - before) FROM (
        SELECT last_event, lag(last_event, 1, 0::bigint) OVER (ORDER BY last_event) AS before FROM feed_cut) AS cuts";
    let longest: i64 = session.query_one(longest, &[]).await.unwrap().get(0);
    assert!(longest <= 1_000 + 499 + 2, "{longest} events in a cut");
    // By time, although the slots are read one by one.
    let events = read_all(&ledger, 500).await;
    let entries = crate::reader::of_type(&events, EventType::EntryPosted);
    assert_eq!(posted(&events).len(), 20_000);
    assert!(entries.is_sorted_by_key(|event| event.time));
    let (rest, _) = read_after(&ledger, &acme(), FeedCursor::START, 500).await;
    assert_eq!(rest.len(), events.len());
    assert_eq!(ledger.events(&acme(), &now(), None, None, 1).await.unwrap().events[0], events[0]);
}
