//! What statements and balances as of an earlier moment show, on a real PostgreSQL, while others post.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::BTreeSet, time::Duration};

use cashflow::{Currency, DailyBalance, Entry, EntryId, StatementLine, StatementPosition, Totals};
use jiff::Timestamp;
use ledger::{BalanceAsOf, Ledger};
use test_builders::{acme, date, entry};
use test_stores::{Database, POST_NINE};
use tokio::task::JoinSet;
use tokio_postgres::Client;

/// A credit of as many cents as its number says, or a debit if the number is negative.
fn numbered(number: i64, day: &str) -> Entry {
    entry(&format!("key-{number}-{day}")).minor(number).on(day).build()
}

async fn post(ledger: &Ledger, entries: &[Entry]) {
    ledger.post(&acme(), entries).await.unwrap();
}

async fn page(
    ledger: &Ledger,
    days: (&str, &str),
    after: Option<&StatementPosition>,
    limit: u16,
) -> (Vec<StatementLine>, Option<StatementPosition>) {
    let days = (date(days.0), date(days.1));
    let page = ledger.statement(&acme(), Currency::BRL, days, after, limit).await.unwrap();
    (page.lines, page.next)
}

/// All pages; `between` runs after each of them.
async fn all_pages(ledger: &Ledger, days: (&str, &str), limit: u16, between: impl AsyncFn()) -> Vec<StatementLine> {
    let mut lines = Vec::new();
    let mut position = None;
    loop {
        let (more, next) = page(ledger, days, position.as_ref(), limit).await;
        assert!(more.len() <= usize::from(limit));
        lines.extend(more);
        position = next;
        if position.is_none() {
            return lines;
        }
        between().await;
    }
}

const DAY: (&str, &str) = ("2026-11-22", "2026-11-22");

/// The first starts from the opening balance.
#[tokio::test]
async fn every_line_has_the_balance_after_it() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post(&ledger, &[numbered(1_000, "2025-01-01"), numbered(-50, "2026-11-21"), numbered(7, "2026-11-23")]).await;
    for number in [100, -30, 5] {
        post(&ledger, &[numbered(number, "2026-11-22")]).await;
    }
    let lines = all_pages(&ledger, DAY, 500, async || {}).await;
    let balances: Vec<i128> = lines.iter().map(|line| line.running_balance).collect();
    assert_eq!(balances, [1_050, 1_020, 1_025]);
    // Over several days the balance runs on.
    let lines = all_pages(&ledger, ("2026-11-21", "2026-11-23"), 2, async || {}).await;
    let balances: Vec<i128> = lines.iter().map(|line| line.running_balance).collect();
    assert_eq!(balances, [950, 1_050, 1_020, 1_025, 1_032]);
}

#[tokio::test]
async fn a_day_without_entries_is_one_page_without_lines() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post(&ledger, &[numbered(1_000, "2025-01-01")]).await;
    assert_eq!(page(&ledger, DAY, None, 1).await, (vec![], None));
}

#[tokio::test]
async fn pages_of_any_size_show_the_same_as_one_page() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    // Entries of one batch share their transaction, and single ones have each their own.
    post(&ledger, &(1..=20).map(|number| numbered(number, "2026-11-22")).collect::<Vec<_>>()).await;
    for number in 21..=25 {
        post(&ledger, &[numbered(number, "2026-11-22")]).await;
    }
    let whole = all_pages(&ledger, DAY, 500, async || {}).await;
    assert_eq!(whole.len(), 25);
    for limit in [1, 2, 5, 24, 25, 26] {
        assert_eq!(all_pages(&ledger, DAY, limit, async || {}).await, whole, "{limit}");
    }
}

#[tokio::test]
async fn what_is_posted_after_the_first_page_is_on_none_of_its_pages() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post(&ledger, &(1..=9).map(|number| numbered(number, "2026-11-22")).collect::<Vec<_>>()).await;
    let whole = all_pages(&ledger, DAY, 500, async || {}).await;
    let later = Ledger::new(database.config());
    let number = std::sync::atomic::AtomicI64::new(100);
    let lines = all_pages(&ledger, DAY, 2, async || {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // Backdated entries too: the opening balance of the first page stands.
        post(&later, &[numbered(number, "2026-11-22"), numbered(number, "2026-01-01")]).await;
    })
    .await;
    assert_eq!(lines, whole);
}

/// Its transaction began before the first page. No statement misses it, and none shows it on some of its pages only.
/// An entry of a transaction that began early and commits late has an early time. A cursor that only remembered the last one
/// shown would pass it over.
#[tokio::test]
async fn an_entry_committed_between_two_pages_is_in_the_next_statement() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    ledger.warm_up().await;
    let mut slow = database.owner().await;
    let early = slow.transaction().await.unwrap();
    early.batch_execute(&database.post_nine_aside().await).await.unwrap();
    for number in 1..=3 {
        post(&ledger, &[numbered(number, "2026-11-22")]).await;
    }
    let (first, next) = page(&ledger, DAY, None, 2).await;
    assert_eq!(first.len(), 2);
    early.commit().await.unwrap();
    // It was not posted when the first page was asked for: it is on no page, and harms none.
    let (second, end) = page(&ledger, DAY, next.as_ref(), 2).await;
    assert_eq!((second.len(), end), (1, None));
    assert_eq!(second[0].running_balance, 6);
    assert_eq!(all_pages(&ledger, DAY, 2, async || {}).await.len(), 4);
}

/// One that was posted before the first page was read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_others_post_no_page_misses_or_repeats_an_earlier_entry() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let before: Vec<Entry> = (1..=60).map(|number| numbered(number, "2026-11-22")).collect();
    post(&ledger, &before).await;
    let mut writers = JoinSet::new();
    for writer in 0..6 {
        let ledger = Ledger::new(database.config());
        writers.spawn(async move {
            for number in 0..40 {
                post(&ledger, &[numbered(1_000 + writer * 100 + number, "2026-11-22")]).await;
            }
        });
    }
    for _ in 0..10 {
        let lines = all_pages(&ledger, DAY, 7, async || {}).await;
        let ids: BTreeSet<EntryId> = lines.iter().map(|line| line.posted.entry.id).collect();
        assert_eq!(ids.len(), lines.len(), "an entry is repeated");
        assert!(before.iter().all(|entry| ids.contains(&entry.id)), "an entry is missed");
        let sum: i128 = lines.iter().map(|line| i128::from(line.posted.entry.amount.minor())).sum();
        assert_eq!(lines.last().unwrap().running_balance, sum);
    }
    writers.join_all().await;
    assert_eq!(all_pages(&ledger, DAY, 7, async || {}).await.len(), 60 + 6 * 40);
}

/// Sets back the time of everything posted so far: tests need not wait until moments are settled.
async fn age(database: &Database, seconds: u32) {
    let owner = database.owner().await;
    let statement = format!(
        "ALTER TABLE entry DISABLE TRIGGER entry_is_append_only;
         UPDATE entry SET recorded_at = recorded_at - INTERVAL '{seconds} seconds';
         ALTER TABLE entry ENABLE TRIGGER entry_is_append_only;
         DELETE FROM daily_total;
         INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
         SELECT merchant_id, currency, date, (recorded_at AT TIME ZONE 'UTC')::date, 0,
             coalesce(sum(amount_minor) FILTER (WHERE type = 'credit'), 0),
             coalesce(sum(amount_minor) FILTER (WHERE type = 'debit'), 0), count(*)
         FROM entry GROUP BY 1, 2, 3, 4"
    );
    owner.batch_execute(&statement).await.unwrap();
}

async fn times(database: &Database) -> Vec<Timestamp> {
    let times =
        "SELECT (extract(epoch FROM recorded_at) * 1000000)::bigint FROM entry ORDER BY recorded_at, amount_minor";
    let rows = database.owner().await.query(times, &[]).await.unwrap();
    rows.iter().map(|row| Timestamp::from_microsecond(row.get(0)).unwrap()).collect()
}

async fn as_of(ledger: &Ledger, day: &str, instant: Timestamp) -> DailyBalance {
    match ledger.balance_as_of(&acme(), Currency::BRL, date(day), instant).await.unwrap() {
        BalanceAsOf::Known(balance) => balance,
        BalanceAsOf::NotSettled { .. } => panic!("{instant} is not settled"),
    }
}

const DAY_SECONDS: u32 = 24 * 60 * 60;

#[tokio::test]
async fn a_balance_as_of_a_moment_has_the_entries_posted_up_to_it() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post(&ledger, &[numbered(1_000, "2026-10-01")]).await;
    age(&database, 3 * DAY_SECONDS).await;
    post(&ledger, &[numbered(100, "2026-11-22"), numbered(-40, "2026-11-22")]).await;
    age(&database, DAY_SECONDS).await;
    post(&ledger, &[numbered(7, "2026-11-22")]).await;
    age(&database, 60).await;
    post(&ledger, &[numbered(500, "2026-10-15")]).await;
    age(&database, 60).await;

    let times = times(&database).await;
    let microsecond = Duration::from_micros(1);
    let check = async |instant: Timestamp, opening: i128, credits: i128, debits: i128, entry_count: u64| {
        let totals = Totals { credits, debits, entry_count };
        let closing = opening + credits - debits;
        let expected = DailyBalance { date: date("2026-11-22"), opening, totals, closing };
        assert_eq!(as_of(&ledger, "2026-11-22", instant).await, expected, "{instant}");
    };
    check(Timestamp::MIN, 0, 0, 0, 0).await;
    check(times[0] - microsecond, 0, 0, 0, 0).await;
    check(times[0], 1_000, 0, 0, 0).await;
    check(times[1] - microsecond, 1_000, 0, 0, 0).await;
    check(times[1], 1_000, 100, 40, 2).await;
    check(times[3] - microsecond, 1_000, 100, 40, 2).await;
    check(times[3], 1_000, 107, 40, 3).await;
    // A backdated entry changes what the day opens with, from then on.
    check(times[4], 1_500, 107, 40, 3).await;
    // Finer than the ledger's clock: what came within the same microsecond but later does not count.
    check(times[4] - Duration::from_nanos(1), 1_000, 107, 40, 3).await;
}

#[tokio::test]
async fn a_moment_that_can_still_change_is_not_answered() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let ask = async |instant| ledger.balance_as_of(&acme(), Currency::BRL, date("2026-11-22"), instant).await.unwrap();
    let now = Timestamp::now();
    let BalanceAsOf::NotSettled { retry_after_s } = ask(now).await else { panic!("settled at once") };
    assert!((1..=10).contains(&retry_after_s), "{retry_after_s}");
    let BalanceAsOf::NotSettled { retry_after_s } = ask(now + Duration::from_secs(3_600)).await else {
        panic!("the future is settled")
    };
    assert!((3_600..=3_611).contains(&retry_after_s), "{retry_after_s}");
    assert!(matches!(ask(now - Duration::from_secs(11)).await, BalanceAsOf::Known(_)));
}

/// An entry that is written and not committed yet can appear with a time in the past.
async fn no_moment_is_settled_while_an_entry_of_it_can_appear(database: &Database, writer: &Client) {
    let ledger = Ledger::new(database.config());
    writer.batch_execute("BEGIN").await.unwrap();
    writer.batch_execute(POST_NINE).await.unwrap();
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let written = Timestamp::from_microsecond(writer.query_one(now, &[]).await.unwrap().get(0)).unwrap();

    let answer = async || ledger.balance_as_of(&acme(), Currency::BRL, date("2026-11-22"), written).await.unwrap();
    // Once it lies far enough back, only the writer keeps it unsettled.
    let far_enough = written + Duration::from_millis(10_500);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while Timestamp::now() < far_enough {
        assert!(tokio::time::Instant::now() < deadline, "the clock stands still");
        assert!(matches!(answer().await, BalanceAsOf::NotSettled { .. }));
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert!(matches!(answer().await, BalanceAsOf::NotSettled { retry_after_s: 1 }));
    writer.batch_execute("COMMIT").await.unwrap();
    let BalanceAsOf::Known(balance) = answer().await else { panic!("not settled when all is committed") };
    assert_eq!(balance.closing, 9);
}

#[tokio::test]
async fn a_moment_is_not_settled_while_an_entry_of_it_is_being_written() {
    let database = Database::create().await;
    let writer = ledger::connect(&database.config()).await.unwrap();
    no_moment_is_settled_while_an_entry_of_it_can_appear(&database, &writer).await;
}

#[tokio::test]
async fn a_moment_is_not_settled_while_anybody_else_is_writing_an_entry_of_it() {
    let database = Database::create().await;
    let writer = database.owner().await;
    no_moment_is_settled_while_an_entry_of_it_can_appear(&database, &writer).await;
}

#[tokio::test]
async fn who_only_reads_or_writes_later_entries_keeps_no_moment_unsettled() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let (reader, writer) = (database.owner().await, ledger::connect(&database.config()).await.unwrap());
    reader.batch_execute("BEGIN; SELECT count(*) FROM entry").await.unwrap();
    writer.batch_execute("BEGIN").await.unwrap();
    writer.batch_execute(POST_NINE).await.unwrap();
    as_of(&ledger, "2026-11-22", Timestamp::now() - Duration::from_secs(11)).await;
}
