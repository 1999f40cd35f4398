//! What reading costs, in rows and pages that PostgreSQL reads, which do not depend on the machine: nothing may grow with what it is
//! not about.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::Entry;
use ledger::Ledger;
use test_builders::{TODAY, acme, entry};
use test_stores::Database;
use tokio_postgres::{Client, types::ToSql};

const STATEMENT: &str =
    "SELECT * FROM ledger.statement_page('acme', 'BRL', '2026-11-22', '2026-11-22', NULL, NULL, '2026-11-22',
    '-infinity', '00000000-0000-0000-0000-000000000000', 101)";

/// Entries of a block, at most: it ends with the batch in which its thousandth entry came.
const BLOCK_ENTRIES_MAX: i64 = 1_024 + 499;

fn entries(numbers: std::ops::Range<i64>) -> Vec<Entry> {
    let numbered = |number: i64| {
        let amount = if number % 3 == 0 { -number - 1 } else { number + 1 };
        let date = TODAY.saturating_sub(jiff::Span::new().days(number % 2));
        entry(&number.to_string()).minor(amount).on(&date.to_string()).build()
    };
    numbers.map(numbered).collect()
}

async fn post(database: &Database, numbers: std::ops::Range<i64>) {
    let ledger = Ledger::new(database.config());
    for batch in entries(numbers).chunks(500) {
        ledger.post(&acme(), batch).await.unwrap();
    }
}

/// How many pages a statement reads, wherever they lie.
async fn pages_read(client: &Client, statement: &str) -> i64 {
    // Once before, so that looking up names does not count.
    client.query(statement, &[]).await.unwrap();
    let rows =
        client.query(&format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF) {statement}"), &[]).await.unwrap();
    let plan: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    let buffers = plan.iter().find(|line| line.contains("Buffers: shared")).expect("buffers in the plan");
    let numbers = buffers.split([' ', ',']).filter_map(|part| part.strip_prefix("hit=").or(part.strip_prefix("read=")));
    numbers.map(|number| number.parse::<i64>().unwrap()).sum()
}

/// How many rows of a table a statement reads. In a session of its own, whose counters have counted nothing else.
async fn rows_read(database: &Database, table: &str, statement: &str, parameters: &[&(dyn ToSql + Sync)]) -> i64 {
    let mut session = database.owner().await;
    let transaction = session.transaction().await.unwrap();
    transaction.query(statement, parameters).await.unwrap();
    let rows =
        "SELECT (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables WHERE relname = $1";
    transaction.query_one(rows, &[&table]).await.unwrap().get(0)
}

async fn add_seals(client: &Client, numbers: std::ops::RangeInclusive<i32>) {
    let add = "INSERT INTO day_seal (merchant_id, currency, date, number, credits, debits, entry_count, epoch, positions, sha256)
        SELECT 'acme', 'BRL', '2026-11-22', number, 0, 0, 0, 1, array_fill(number::bigint, ARRAY[8]), sha256('')
        FROM generate_series($1::int, $2::int) AS number";
    // Each statement of so many that it ends in time on a busy machine.
    for first in numbers.clone().step_by(200) {
        client.execute(add, &[&first, numbers.end().min(&(first + 199))]).await.unwrap();
    }
}

#[tokio::test]
async fn a_page_of_a_statement_costs_the_same_with_many_seals_as_with_one() {
    let database = Database::create().await;
    let owner = database.owner().await;
    post(&database, 0..400).await;
    add_seals(&owner, 1..=1).await;
    owner.batch_execute("VACUUM ANALYZE").await.unwrap();
    let with_one = pages_read(&owner, STATEMENT).await;
    add_seals(&owner, 2..=2_000).await;
    owner.batch_execute("VACUUM ANALYZE").await.unwrap();
    let with_many = pages_read(&owner, STATEMENT).await;
    // Both indexes are one or two levels deeper, for each of 101 lines.
    assert!(with_many <= with_one + 2 * 2 * 101, "{with_many} pages instead of {with_one}");
    // And the same by a plan from before there were so many.
    let seals = rows_read(&database, "day_seal", STATEMENT, &[]).await;
    assert!(seals <= 101, "{seals} seals for 101 lines");
}

#[tokio::test]
async fn what_there_is_to_seal_costs_the_same_whatever_the_day_has() {
    let database = Database::create().await;
    let owner = database.owner().await;
    let ask = "SELECT * FROM ledger.day_to_seal('acme', 'BRL', '2026-11-22')";
    post(&database, 0..10).await;
    let small = pages_read(&owner, ask).await;
    post(&database, 10..20_000).await;
    let large = pages_read(&owner, ask).await;
    assert!(large <= small + 16, "{large} pages instead of {small}");
    assert_eq!(rows_read(&database, "entry", ask, &[]).await, 0);
}

#[tokio::test]
async fn a_balance_as_of_a_moment_reads_a_few_blocks_of_the_days_entries() {
    let database = Database::create().await;
    post(&database, 0..20_000).await;
    let owner = database.owner().await;
    for share in ["0", "0.37", "0.5", "0.999", "1"] {
        let instant =
            format!("SELECT (min(recorded_at) + {share} * (max(recorded_at) - min(recorded_at)))::text FROM entry");
        let instant: String = owner.query_one(&instant, &[]).await.unwrap().get(0);
        let ask = "SELECT * FROM ledger.as_of('acme', 'BRL', '2026-11-22', $1)";
        let rows = rows_read(&database, "entry", ask, &[&instant]).await;
        assert!(rows <= 2 * BLOCK_ENTRIES_MAX, "{share}: {rows} rows");
    }
}

/// As of every moment at which something was posted, and between them.
async fn assert_as_of_is_the_sum_of_the_entries(client: &Client, moments_min: i64) {
    let check = "
        SELECT count(*), count(*) FILTER (WHERE known IS DISTINCT FROM expected)
        FROM (
            SELECT
                (SELECT concat_ws(' ', opening, credits, debits, entry_count)
                 FROM ledger.as_of('acme', 'BRL', '2026-11-22', instant.at::text)) AS known,
                (SELECT concat_ws(' ',
                     coalesce(sum(CASE type WHEN 'credit' THEN amount_minor ELSE -amount_minor END) FILTER (WHERE date < '2026-11-22'), 0),
                     coalesce(sum(amount_minor) FILTER (WHERE date = '2026-11-22' AND type = 'credit'), 0),
                     coalesce(sum(amount_minor) FILTER (WHERE date = '2026-11-22' AND type = 'debit'), 0),
                     count(*) FILTER (WHERE date = '2026-11-22'))
                 FROM entry WHERE merchant_id = 'acme' AND date <= '2026-11-22' AND recorded_at <= instant.at) AS expected
            FROM (
                SELECT DISTINCT recorded_at - shift AS at
                FROM entry, (VALUES (INTERVAL '0'), (INTERVAL '1 microsecond')) AS shifts (shift)
            ) AS instant
        ) AS compared";
    let row = client.query_one(check, &[]).await.unwrap();
    let (compared, different): (i64, i64) = (row.get(0), row.get(1));
    assert!(compared >= moments_min, "{compared} moments");
    assert_eq!(different, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_of_any_moment_the_balance_is_the_sum_of_the_entries_posted_by_then() {
    let database = Database::create().await;
    let owner = database.owner().await;
    let writers = (0..4).map(|writer| post(&database, writer * 3_000..(writer + 1) * 3_000));
    futures::future::join_all(writers).await;
    let blocks: i64 =
        owner.query_one("SELECT count(DISTINCT (slot, last_position)) FROM posting_block", &[]).await.unwrap().get(0);
    assert!(blocks >= 4, "{blocks} blocks");
    assert_as_of_is_the_sum_of_the_entries(&owner, 40).await;

    // Midnight amid everything, and a clock that ran back: as if half of it had been posted the day before, in any order.
    let set_back = "
        ALTER TABLE entry DISABLE TRIGGER entry_is_append_only;
        UPDATE entry SET recorded_at = (date_trunc('day', recorded_at, 'UTC') + (position / 500 % 3 - position / 500 % 5) * INTERVAL '1 ms');
        ALTER TABLE entry ENABLE TRIGGER entry_is_append_only;
        DELETE FROM posting_block;
        UPDATE posting_position SET summed_until = 0;
        DELETE FROM daily_total;
        INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
        SELECT merchant_id, currency, date, (recorded_at AT TIME ZONE 'UTC')::date, 0,
            coalesce(sum(amount_minor) FILTER (WHERE type = 'credit'), 0),
            coalesce(sum(amount_minor) FILTER (WHERE type = 'debit'), 0), count(*)
        FROM entry GROUP BY 1, 2, 3, 4";
    owner.batch_execute(set_back).await.unwrap();
    // One more entry in each slot makes a block of all that it has.
    for slot in 0..8 {
        let post = test_stores::POST_NINE.replace("NULL\n    )", &format!("{slot}::smallint\n    )"));
        owner.batch_execute(&post).await.unwrap();
    }
    let days: i64 = owner.query_one("SELECT count(DISTINCT posted_on) FROM posting_block", &[]).await.unwrap().get(0);
    assert_eq!(days, 2);
    let few = "SELECT count(DISTINCT recorded_at) FROM entry";
    assert!(owner.query_one(few, &[]).await.unwrap().get::<_, i64>(0) >= 5);
    assert_as_of_is_the_sum_of_the_entries(&owner, 10).await;
}

#[tokio::test]
async fn the_plan_kept_for_posting_reads_only_the_ids_that_are_given() {
    let database = Database::create().await;
    let session = database.owner().await;
    let post =
        "SELECT ledger.post('acme', ARRAY[gen_random_uuid()], ARRAY[sha256('')], ARRAY['credit'], ARRAY[1::bigint],
        ARRAY['BRL'], ARRAY['2026-11-22'], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL]::uuid[], NULL)";
    let rows_read = async || -> i64 {
        let read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
            WHERE relname IN ('entry', 'overtaken_reversal')";
        session.query_one(read, &[]).await.unwrap().get(0)
    };
    // Planned now, when all that the planner knows is that the tables are empty.
    session.batch_execute(post).await.unwrap();
    post_history(&database).await;
    session.batch_execute("BEGIN").await.unwrap();
    let before = rows_read().await;
    session.batch_execute(post).await.unwrap();
    assert_eq!(rows_read().await - before, 0);
}

/// Many entries of acme, and many reversals of the first that came too late.
async fn post_history(database: &Database) {
    post(database, 0..2_000).await;
    let overtaken = "INSERT INTO overtaken_reversal (
            merchant_id, id, fingerprint, type, amount_minor, currency, date, description, category, reverses
        )
        SELECT 'acme', gen_random_uuid(), sha256(''), 'debit', 1, 'BRL', '2026-11-22', NULL, NULL, (SELECT id FROM entry LIMIT 1)
        FROM generate_series(1, 2000)";
    database.owner().await.execute(overtaken, &[]).await.unwrap();
}
