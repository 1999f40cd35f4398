//! One order for all readers, and nothing missing.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use cashflow::{Currency, Date, EntryId, Event, EventContent, EventId, EventType, FeedCursor, TotalsVersion};
use ledger::{Connection, Ledger, NotSealed};
use test_builders::{TODAY, acme, entry};
use test_stores::Database;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::reader::{cut, of_type, page, post_nine_in, posted, read_all};

/// A transaction that began first ends last, behind a page that was read meanwhile.
#[tokio::test]
async fn an_entry_whose_transaction_ends_after_a_page_is_on_a_later_one() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let (slow, fast) =
        (ledger::connect(&database.config()).await.unwrap(), ledger::connect(&database.config()).await.unwrap());
    slow.batch_execute("BEGIN").await.unwrap();
    let begun_first = post_nine_in(&slow, 3).await;
    let ended_first = post_nine_in(&fast, 4).await;
    let first = page(&ledger, &FeedCursor::START, 100).await;
    assert_eq!(posted(&first.events), [ended_first]);
    slow.batch_execute("COMMIT").await.unwrap();
    let second = page(&ledger, &first.next, 100).await;
    assert_eq!(posted(&second.events), [begun_first]);
    assert_eq!(read_all(&ledger, 100).await, [first.events, second.events].concat());
}

#[tokio::test]
async fn a_page_may_end_amid_a_batch() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let batch: Vec<_> = (0..500).map(|number| entry(&number.to_string()).build()).collect();
    ledger.post(&acme(), &batch).await.unwrap();
    let all = read_all(&ledger, 500).await;
    assert_eq!(posted(&all).into_iter().collect::<HashSet<_>>().len(), 500);
    for limit in [1, 120, 499] {
        assert_eq!(read_all(&ledger, limit).await, all, "{limit}");
    }
}

/// The number of the newest event.
async fn newest(owner: &Connection) -> i64 {
    let newest = "SELECT coalesce(max(last_event), 0) FROM feed_cut";
    owner.query_one(newest, &[]).await.unwrap().get(0)
}

/// Within a slot and between slots. Cut at a few entries each, so that much lies on both sides of a cut.
#[tokio::test]
async fn a_clock_that_runs_back_loses_nothing_and_changes_no_order() {
    let database = Database::create().await;
    let (ledger, owner) = (Ledger::new(database.config()), database.owner().await);
    let session = ledger::connect(&database.config()).await.unwrap();
    let mut shown: Vec<Event> = Vec::new();
    let mut after = FeedCursor::START;
    let mut expected = BTreeSet::new();
    for round in 0..6_u8 {
        for number in 0..20 {
            expected.insert(post_nine_in(&session, (number * 5 + round) % 8).await);
        }
        // Of what is in no cut yet, any times.
        let set_back = "SET session_replication_role = replica;
            UPDATE entry SET recorded_at = now() - (hashtext(id::text) % 100) * INTERVAL '1 minute'
            WHERE recorded_at > now() - INTERVAL '1 second' AND position > coalesce((
                SELECT positions[entry.slot + 1] FROM feed_cut ORDER BY last_event DESC LIMIT 1
            ), 0);
            SET session_replication_role = DEFAULT";
        owner.batch_execute(set_back).await.unwrap();
        let before = newest(&owner).await;
        for number in 1..=i64::from(round) {
            cut(&session, 3).await;
            // Three entries each time and what is derived from them, whatever their times are.
            let events = newest(&owner).await - before;
            assert!((3 * number..=4 * number).contains(&events), "{events} events after {number} cuts");
        }
        let page = page(&ledger, &after, 7).await;
        shown.extend(page.events);
        after = page.next;
    }
    let rest = crate::reader::read_after(&ledger, &acme(), after, 7).await.0;
    let all = read_all(&ledger, 100).await;
    assert_eq!([shown, rest].concat(), all);
    let entries = posted(&all);
    assert_eq!((entries.len(), entries.into_iter().collect::<BTreeSet<_>>()), (120, expected));
}

/// Posts, repeats, conflicts, overtaken reversals and seals, all at once.
async fn write(database: &Database, writer: usize) {
    let ledger = Ledger::new(database.config());
    for number in 0..40 {
        let key = |n: usize| format!("{writer}-{number}-{n}");
        let day = TODAY.saturating_sub(jiff::Span::new().days(i64::try_from(number % 3).unwrap())).to_string();
        let mut batch: Vec<_> = (0..=number % 9).map(|n| entry(&key(n)).on(&day).build()).collect();
        // All writers send these, each another payload: one is posted, the others are conflicts.
        let shared = format!("shared-{}", number / 4);
        batch.push(entry(&shared).minor(i64::try_from(writer).unwrap() + 1).on(&day).build());
        ledger.post(&acme(), &batch).await.unwrap();
        if number % 8 == 7 {
            let sale = entry(&format!("sale-{}", number / 8)).on("2026-11-20").build();
            ledger.post(&acme(), std::slice::from_ref(&sale)).await.unwrap();
            ledger.post(&acme(), &[entry(&key(100)).reversing(&sale).build(), entry(&shared).build()]).await.unwrap();
            match ledger.seal(&acme(), Currency::BRL, TODAY).await {
                Ok(_) | Err(NotSealed::InProgress) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

/// Reads on and on, and once more after the writers have ended.
async fn follow(database: &Database, limit: u16, is_over: &AtomicBool) -> Vec<Event> {
    let ledger = Ledger::new(database.config());
    let (mut all, mut after) = (Vec::new(), FeedCursor::START);
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let page = page(&ledger, &after, limit).await;
        all.extend(page.events);
        after = page.next;
        if was_over && !page.has_more {
            return all;
        }
        tokio::task::yield_now().await;
    }
}

fn versions(events: &[Event]) -> HashMap<Date, Vec<TotalsVersion>> {
    let mut versions: HashMap<Date, Vec<TotalsVersion>> = HashMap::new();
    for event in events {
        if let EventContent::DayBalanceChanged(changed) = &event.content {
            versions.entry(changed.date).or_default().push(changed.version);
        }
    }
    versions
}

/// Which is all that there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_while_many_write_gets_what_a_replay_gets() {
    let database = Arc::new(Database::create().await);
    let is_over = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for limit in [3, 50, 500] {
        let (database, is_over) = (Arc::clone(&database), Arc::clone(&is_over));
        readers.spawn(async move { follow(&database, limit, &is_over).await });
    }
    let mut writers = JoinSet::new();
    for writer in 0..5 {
        let database = Arc::clone(&database);
        writers.spawn(async move { write(&database, writer).await });
    }
    writers.join_all().await;
    is_over.store(true, Ordering::SeqCst);
    let followed = readers.join_all().await;
    let ledger = Ledger::new(database.config());
    let replay = read_all(&ledger, 500).await;
    for events in &followed {
        assert!(*events == replay, "a reader saw another feed than a replay");
    }
    assert_eq!(replay.iter().map(|event| event.id).collect::<HashSet<EventId>>().len(), replay.len());

    let owner = database.owner().await;
    let ids = async |query: &str| -> HashSet<Uuid> {
        owner.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    let entries: HashSet<Uuid> = posted(&replay).iter().map(|id: &EntryId| *id.as_uuid()).collect();
    assert_eq!(entries, ids("SELECT id FROM entry").await);
    for (event_type, count) in [
        (EventType::EntryConflicted, "SELECT count(*) FROM entry_conflict"),
        (EventType::ReversalOvertaken, "SELECT count(*) FROM overtaken_reversal"),
        (EventType::DaySealed, "SELECT count(*) FROM day_seal"),
    ] {
        let count: i64 = owner.query_one(count, &[]).await.unwrap().get(0);
        assert!(count > 0, "nothing to see of {event_type:?}");
        assert_eq!(i64::try_from(of_type(&replay, event_type).len()).unwrap(), count, "{event_type:?}");
    }
    let restated: HashSet<Uuid> = replay
        .iter()
        .filter_map(|event| match &event.content {
            EventContent::DayRestated(restated) => Some(*restated.entry.as_uuid()),
            _ => None,
        })
        .collect();
    let expected = "SELECT id FROM posted_entry WHERE late OR seal > 1";
    assert_eq!(restated, ids(expected).await);
    let versions = versions(&replay);
    assert_eq!(versions.len(), 3);
    for (date, versions) in versions {
        assert!(versions.is_sorted_by(|one, next| one < next), "{date}: {versions:?}");
        let totals = ledger.totals_of_day(&acme(), Currency::BRL, date).await.unwrap().unwrap();
        let of_day = totals.totals.iter().find(|totals| totals.period.to_string() == date.to_string()).unwrap();
        assert_eq!(versions.last().unwrap().entry_count, of_day.totals.entry_count, "{date}");
    }
}

/// Whoever holds the feed or its counter, and for however long.
#[tokio::test]
async fn posting_waits_for_nobody_who_works_on_the_feed() {
    let database = Database::create().await;
    let (ledger, owner) = (Ledger::new(database.config()), database.owner().await);
    ledger.post(&acme(), &[entry("first").build()]).await.unwrap();
    let seal = "SELECT FROM ledger.add_seal('acme', 'BRL', '2026-11-22', 1, '0', '0', 0, array_fill(1::bigint, ARRAY[8]), sha256(''))";
    let refuse = "SELECT FROM ledger.record_refused('acme', ARRAY['conflict'], ARRAY[(SELECT id FROM entry LIMIT 1)],
        ARRAY[sha256('')], ARRAY['debit'], ARRAY[9::bigint], ARRAY['BRL'], ARRAY['2026-11-22'], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL::uuid])";
    let alert = "SELECT FROM ledger.set_alert('acme', 'BRL', 'below', '0', '2026-11-22', 50)";
    let advance = "SELECT FROM ledger.advance_feed('acme', '2026-11-22', 'UTC', 1000)";
    for (number, held) in [seal, refuse, alert, advance].into_iter().enumerate() {
        owner.batch_execute(&format!("BEGIN; {held}")).await.unwrap();
        // In all slots, and what is new to the merchant's totals as well.
        owner.batch_execute("SET LOCAL lock_timeout = '1s'").await.unwrap();
        let session = ledger::connect(&database.config()).await.unwrap();
        session.batch_execute("SET lock_timeout = '1s'").await.unwrap();
        for slot in 0..8 {
            post_nine_in(&session, slot).await;
        }
        owner.batch_execute("COMMIT").await.unwrap();
        let day = format!("2026-10-{:02}", number + 1);
        ledger.post(&acme(), &[entry(&day).on(&day).build()]).await.unwrap();
    }
    assert_eq!(posted(&read_all(&ledger, 100).await).len(), 1 + 4 * 9);
}

/// One batch has a conflict and an overtaken reversal, the other the same reversal.
#[tokio::test]
async fn who_records_the_same_refusals_at_once_does_not_deadlock() {
    let database = Database::create().await;
    let (ledger, owner) = (Ledger::new(database.config()), database.owner().await);
    ledger.post(&acme(), &[entry("sale").build()]).await.unwrap();
    let refuse = |reason: &str| {
        format!(
            "SELECT FROM ledger.record_refused('acme', ARRAY['{reason}'], ARRAY[(SELECT id FROM public.entry LIMIT 1)],
                ARRAY[sha256('')], ARRAY['debit'], ARRAY[9::bigint], ARRAY['BRL'], ARRAY['2026-11-22'], ARRAY[NULL],
                ARRAY[NULL], ARRAY[(SELECT id FROM public.entry LIMIT 1)])"
        )
    };
    let (one, other) = (database.owner().await, database.owner().await);
    one.batch_execute(&format!("BEGIN; {}", refuse("conflict"))).await.unwrap();
    let reversal = refuse("already_reversed");
    let waiting = tokio::spawn(async move { other.batch_execute(&reversal).await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while owner.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
    one.batch_execute(&refuse("already_reversed")).await.unwrap();
    one.batch_execute("COMMIT").await.unwrap();
    waiting.await.unwrap().unwrap();
    let events = read_all(&ledger, 500).await;
    assert_eq!(of_type(&events, EventType::EntryConflicted).len(), 1);
    assert_eq!(of_type(&events, EventType::ReversalOvertaken).len(), 1);
}
