//! What migrations do to a ledger that has entries, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Currency, PostedEntry, parse_date};
use jiff::tz::TimeZone;
use ledger::{BalanceAsOf, BusinessDay, Connection, Ledger, Sealing, migrate};
use test_builders::{acme, entry};
use test_stores::Database;
use tokio_postgres::Client;

/// The files of the first versions, in order.
const VERSIONS: [&str; 7] = [
    include_str!("../../../migrations/V1__ledger.sql"),
    include_str!("../../../migrations/V2__reversals_statements_seals.sql"),
    include_str!("../../../migrations/V3__reconciliation.sql"),
    include_str!("../../../migrations/V4__functions_only.sql"),
    include_str!("../../../migrations/V5__positions.sql"),
    include_str!("../../../migrations/V6__jobs.sql"),
    include_str!("../../../migrations/V7__request_lookup.sql"),
];

/// Brings an empty database to an earlier version of the schema, as that version did, with the record of having done so.
async fn migrate_to(version: usize, client: &Client) {
    for file in &VERSIONS[..version] {
        client.batch_execute(file).await.unwrap();
    }
    // The migrations' own record is made by a run on another database.
    let other = Database::create().await;
    let record = "SELECT version, name, applied_on, checksum FROM refinery_schema_history WHERE version <= $1";
    let version = i32::try_from(version).unwrap();
    let rows = other.owner().await.query(record, &[&version]).await.unwrap();
    client
        .batch_execute(
            "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255))",
        )
        .await
        .unwrap();
    let insert = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES ($1, $2, $3, $4)";
    for row in rows {
        let (version, name, at, checksum): (i32, &str, &str, &str) = (row.get(0), row.get(1), row.get(2), row.get(3));
        client.execute(insert, &[&version, &name, &at, &checksum]).await.unwrap();
    }
}

/// In its totals, statements and seals.
#[tokio::test]
async fn entries_of_the_first_version_count_in_everything_of_the_newest() {
    let database = Database::create_empty().await;
    let mut owner = database.owner().await;
    migrate_to(1, &owner).await;
    let entries = "
        INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date, recorded_at) VALUES
            ('acme', gen_random_uuid(), decode(repeat('00', 32), 'hex'), 'credit', 1000, 'BRL', '2026-11-20', '2026-11-20T23:30:00Z'),
            ('acme', gen_random_uuid(), decode(repeat('01', 32), 'hex'), 'debit', 300, 'BRL', '2026-11-20', '2026-11-21T00:30:00Z'),
            ('acme', gen_random_uuid(), decode(repeat('02', 32), 'hex'), 'credit', 5, 'BRL', '2026-11-21', '2026-11-21T00:30:00Z');
        INSERT INTO daily_total (merchant_id, currency, date, slot, credits, debits, entry_count) VALUES
            ('acme', 'BRL', '2026-11-20', 3, 1000, 0, 1),
            ('acme', 'BRL', '2026-11-20', 4, 0, 300, 1),
            ('acme', 'BRL', '2026-11-21', 4, 5, 0, 1);";
    owner.batch_execute(entries).await.unwrap();
    assert!(!migrate(&mut owner).await.unwrap().applied.is_empty());

    let ledger = Ledger::new(database.owner_config());
    let (acme, day) = (acme(), |text| parse_date(text).unwrap());
    let known = ledger.totals_of_day(&acme, Currency::BRL, day("2026-11-20")).await.unwrap().unwrap();
    let sums: Vec<_> = known
        .totals
        .iter()
        .map(|t| (t.period.to_string(), t.totals.credits, t.totals.debits, t.totals.entry_count))
        .collect();
    assert_eq!(sums, [("2026-11".to_owned(), 1_005, 300, 3), ("2026-11-20".to_owned(), 1_000, 300, 2)]);

    let days = (day("2026-11-20"), day("2026-11-21"));
    let page = ledger.statement(&acme, Currency::BRL, days, None, 10).await.unwrap();
    assert_eq!(page.lines.last().unwrap().running_balance, 705);

    let before_midnight = "2026-11-20T23:59:59Z".parse().unwrap();
    let as_of = ledger.balance_as_of(&acme, Currency::BRL, day("2026-11-20"), before_midnight).await.unwrap();
    let BalanceAsOf::Known(balance) = as_of else { panic!("not settled") };
    assert_eq!((balance.closing, balance.totals.entry_count), (1_000, 1));

    let sealing = ledger.seal(&acme, Currency::BRL, day("2026-11-20")).await.unwrap();
    assert!(matches!(sealing, Sealing::Sealed(seal) if seal.totals.entry_count == 2));
}

#[tokio::test]
async fn the_second_version_loses_the_rights_on_tables_and_nothing_else() {
    let database = Database::create_empty().await;
    let mut owner = database.owner().await;
    migrate_to(2, &owner).await;
    let content = "
        INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date) VALUES
            ('acme', gen_random_uuid(), decode(repeat('00', 32), 'hex'), 'credit', 1000, 'BRL', '2026-11-20');
        INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
        SELECT merchant_id, currency, date, (recorded_at AT TIME ZONE 'UTC')::date, 3, 1000, 0, 1 FROM entry;";
    let seal = "
        INSERT INTO day_seal (merchant_id, currency, date, number, credits, debits, entry_count, epoch, snapshot, sha256)
        VALUES ('acme', 'BRL', '2026-11-20', 1, 1000, 0, 1, 1, pg_current_snapshot(), sha256(''));
        UPDATE ledger_epoch SET epoch = 2;";
    // The seal comes in a transaction of its own, so that it covers the entry.
    owner.batch_execute(content).await.unwrap();
    owner.batch_execute(seal).await.unwrap();
    let function = ledger::connect(&database.config()).await.unwrap();
    let read = "SELECT count(*) FROM entry";
    assert_eq!(function.query_one(read, &[]).await.unwrap().get::<_, i64>(0), 1);
    let applied = migrate(&mut owner).await.unwrap().applied;
    let all = "SELECT count(*) FROM refinery_schema_history";
    let all: i64 = Database::create().await.owner().await.query_one(all, &[]).await.unwrap().get(0);
    assert_eq!(applied.len(), usize::try_from(all).unwrap() - 2, "{applied:?}");

    // The same session: what it was allowed before holds no longer.
    assert_eq!(function.query_one(read, &[]).await.unwrap_err().code().unwrap().code(), "42501");
    let ledger = Ledger::new(database.config());
    let (acme, day) = (acme(), parse_date("2026-11-20").unwrap());
    let known = ledger.totals_of_day(&acme, Currency::BRL, day).await.unwrap().unwrap();
    assert_eq!((known.epoch, known.totals[1].totals.credits), (2, 1_000));
    let page = ledger.statement(&acme, Currency::BRL, (day, day), None, 10).await.unwrap();
    assert_eq!((page.lines[0].running_balance, page.lines[0].posted.seal), (1_000, Some(1)));
    let maintenance = Ledger::new(database.maintenance_config());
    assert_eq!(maintenance.months_with_entries(None, 10).await.unwrap().months.len(), 1);
    let reconciled = maintenance.reconciliation_watermark().await.unwrap();
    assert!(reconciled.until <= reconciled.now);
}

/// It differs from what the program holds.
#[tokio::test]
async fn a_function_that_differs_is_replaced_with_the_rights_it_should_have() {
    let database = Database::create().await;
    let mut owner = database.owner().await;
    let other = "
        CREATE OR REPLACE FUNCTION ledger.currencies(merchant_id text) RETURNS TABLE (currency text)
        LANGUAGE sql STABLE SECURITY DEFINER BEGIN ATOMIC SELECT 'XXX'::text; END;
        GRANT EXECUTE ON FUNCTION ledger.currencies(text) TO PUBLIC;";
    owner.batch_execute(other).await.unwrap();
    assert!(migrate(&mut owner).await.unwrap().applied.is_empty());
    let ledger = Ledger::new(database.config());
    assert_eq!(ledger.currencies(&acme()).await.unwrap(), []);
    let for_everybody = "SELECT has_function_privilege('public', 'ledger.currencies(text)', 'EXECUTE')";
    assert!(!owner.query_one(for_everybody, &[]).await.unwrap().get::<_, bool>(0));
}

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

const MERCHANTS: [&str; 2] = ["acme", "emca"];
const DAYS: [&str; 2] = ["2026-11-21", "2026-11-22"];

/// Posts and seals as functions of the fourth version did: transactions that overlap, days that are sealed meanwhile.
async fn a_ledger_of_the_fourth_version(database: &Database, chance: &mut Chance) {
    let sealer = database.owner().await;
    let mut writers: Vec<(Connection, bool)> = Vec::new();
    for _ in 0..5 {
        writers.push((database.owner().await, false));
    }
    for number in 0..150 {
        let (merchant, day) = (MERCHANTS[chance.below(2) as usize], DAYS[chance.below(2) as usize]);
        let (writer, is_open) = &mut writers[chance.below(5) as usize];
        if *is_open {
            writer.batch_execute("COMMIT").await.unwrap();
            *is_open = false;
        } else {
            let insert = format!(
                "BEGIN;
                 INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date)
                 VALUES ('{merchant}', gen_random_uuid(), sha256('{number}'), 'credit', {number} + 1, 'BRL', '{day}')"
            );
            writer.batch_execute(&insert).await.unwrap();
            *is_open = true;
        }
        if chance.below(6) == 0 {
            let seal = format!(
                "INSERT INTO day_seal (merchant_id, currency, date, number, credits, debits, entry_count, epoch, snapshot, sha256)
                 SELECT '{merchant}', 'BRL', '{day}', (
                     SELECT coalesce(max(number), 0) + 1 FROM day_seal WHERE merchant_id = '{merchant}' AND date = '{day}'
                 ), coalesce(sum(amount_minor), 0), 0, count(*), 1, pg_current_snapshot(), sha256('')
                 FROM entry WHERE merchant_id = '{merchant}' AND date = '{day}'"
            );
            sealer.batch_execute(&seal).await.unwrap();
        }
    }
    for (writer, is_open) in &writers {
        if *is_open {
            writer.batch_execute("COMMIT").await.unwrap();
        }
    }
    let totals = "INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
        SELECT merchant_id, currency, date, (recorded_at AT TIME ZONE 'UTC')::date, 0, sum(amount_minor), 0, count(*)
        FROM entry GROUP BY 1, 2, 3, 4";
    sealer.batch_execute(totals).await.unwrap();
}

/// Of each entry, by which seal it was covered first, and whether it is late.
async fn marks(owner: &Client) -> Vec<String> {
    let marks = "SELECT concat_ws(' ', merchant_id, id, seal, late) FROM posted_entry ORDER BY merchant_id, id";
    owner.query(marks, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// What seals cover, and which entries are late.
#[tokio::test]
async fn seals_and_late_entries_stay_the_same_when_entries_are_numbered() {
    let database = Database::create_empty().await;
    let mut owner = database.owner().await;
    migrate_to(4, &owner).await;
    // A function that depends on what changes, as there are many.
    owner.batch_execute(include_str!("../src/sql/ledger/posted.sql")).await.unwrap();
    a_ledger_of_the_fourth_version(&database, &mut Chance(7)).await;
    let before = marks(&owner).await;
    migrate(&mut owner).await.unwrap();
    assert_eq!(marks(&owner).await, before);

    // Otherwise the above would be easy: some were passed by others, and some of those are late.
    let count = async |condition: &str| -> i64 {
        let count = format!("SELECT count(*) FROM posted_entry WHERE {condition}");
        owner.query_one(&count, &[]).await.unwrap().get(0)
    };
    assert!(count("slot = 1 AND late").await > 0);
    assert!(count("slot = 1 AND seal > 1").await > 0);
    assert!(count("slot = 0 AND late").await > 0);
    // Each seal's own positions say what its snapshot said.
    let differs = "SELECT count(*) FROM entry JOIN day_seal USING (merchant_id, currency, date)
        WHERE pg_visible_in_snapshot(posted_xid, snapshot) IS DISTINCT FROM (position <= positions[slot + 1])";
    assert_eq!(owner.query_one(differs, &[]).await.unwrap().get::<_, i64>(0), 0);
    // The sums of blocks are those of the totals.
    let sums = |table: &str| {
        format!(
            "SELECT string_agg(concat_ws(' ', m, d, s, n), ',' ORDER BY m, d) FROM (
            SELECT merchant_id m, date d, sum(credits) s, sum(entry_count) n FROM {table} GROUP BY 1, 2) x"
        )
    };
    let of_blocks: String = owner.query_one(&sums("posting_block"), &[]).await.unwrap().get(0);
    assert_eq!(of_blocks, owner.query_one(&sums("daily_total"), &[]).await.unwrap().get::<_, String>(0));
}

/// The next seal covers everything.
#[tokio::test]
async fn what_is_posted_after_the_numbering_is_late_until_the_next_seal() {
    let database = Database::create_empty().await;
    let mut owner = database.owner().await;
    migrate_to(4, &owner).await;
    a_ledger_of_the_fourth_version(&database, &mut Chance(11)).await;
    migrate(&mut owner).await.unwrap();

    let ledger = Ledger::new(database.config());
    let acme = acme();
    for day in DAYS {
        let date = parse_date(day).unwrap();
        let statement = async || -> Vec<PostedEntry> {
            let page = ledger.statement(&acme, Currency::BRL, (date, date), None, 500).await.unwrap();
            page.lines.into_iter().map(|line| line.posted).collect()
        };
        let before = statement().await;
        for slot in 0..8 {
            let post = format!(
                "SELECT ledger.post('acme', ARRAY[gen_random_uuid()], ARRAY[sha256('x')], ARRAY['credit'], ARRAY[1::bigint],
                     ARRAY['BRL'], ARRAY['{day}'], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL]::uuid[], {slot}::smallint)"
            );
            owner.batch_execute(&post).await.unwrap();
        }
        let after = statement().await;
        assert_eq!((&after[..before.len()], after.len()), (&before[..], before.len() + 8));
        assert!(after[before.len()..].iter().all(|posted| posted.late && posted.seal.is_none()));
        let Ok(Sealing::Sealed(seal)) = ledger.seal(&acme, Currency::BRL, date).await else { panic!("not sealed") };
        assert_eq!(seal.totals.entry_count, u64::try_from(after.len()).unwrap());
        for (posted, then) in statement().await.iter().zip(&after) {
            assert_eq!((posted.late, posted.seal), (false, then.seal.or(Some(seal.number))));
        }
    }
}

/// Which keys there are must not depend on the operating system: an update of its collations would leave indexes in a wrong order.
#[tokio::test]
async fn every_text_in_an_index_is_compared_byte_by_byte() {
    let database = Database::create().await;
    let others = "
        SELECT DISTINCT pg_index.indrelid::regclass::text || '.' || attname
        FROM pg_index
        JOIN pg_attribute ON attrelid = pg_index.indrelid AND attnum = ANY (pg_index.indkey::smallint[])
        JOIN pg_class ON pg_class.oid = pg_index.indrelid
        WHERE relnamespace = 'public'::regnamespace AND attcollation NOT IN (0, '\"C\"'::regcollation)";
    let others: Vec<String> =
        database.owner().await.query(others, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(others, Vec::<String>::new());
}

#[tokio::test]
async fn a_migration_that_fails_leaves_everything_as_it_was() {
    let database = Database::create_empty().await;
    let mut owner = database.owner().await;
    migrate_to(4, &owner).await;
    owner.batch_execute(include_str!("../src/sql/ledger/posted.sql")).await.unwrap();
    // In the way of a table that the fifth version brings.
    owner.batch_execute("CREATE TABLE seal_coverage ()").await.unwrap();
    assert!(migrate(&mut owner).await.is_err());
    owner.query("SELECT * FROM ledger.posted('acme', ARRAY[]::uuid[])", &[]).await.unwrap();
    owner.batch_execute("DROP TABLE seal_coverage").await.unwrap();
    assert!(!migrate(&mut owner).await.unwrap().applied.is_empty());
}

/// In the order of its time, and nothing is derived from it. What comes afterwards is like anywhere else.
#[tokio::test]
async fn what_was_there_before_the_feed_makes_no_further_events() {
    let database = Database::create_empty().await;
    let mut owner = database.owner().await;
    migrate_to(7, &owner).await;
    let content = "
        INSERT INTO posting_position (merchant_id, slot, position, summed_until) VALUES ('acme', 2, 2, 0), ('acme', 5, 1, 0);
        INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date, recorded_at, slot, position) VALUES
            ('acme', md5('1')::uuid, sha256('1'), 'credit', 1000, 'BRL', '2026-11-20', '2026-11-20T10:00:00Z', 2, 1),
            ('acme', md5('2')::uuid, sha256('2'), 'credit', 500, 'BRL', '2026-11-20', '2026-11-20T12:00:00Z', 5, 1),
            ('acme', md5('3')::uuid, sha256('3'), 'credit', 7, 'BRL', '2026-11-20', '2026-11-20T16:00:00Z', 2, 2);
        INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count) VALUES
            ('acme', 'BRL', '2026-11-20', '2026-11-20', 2, 1007, 0, 2), ('acme', 'BRL', '2026-11-20', '2026-11-20', 5, 500, 0, 1);
        INSERT INTO entry_conflict (merchant_id, id, fingerprint, type, amount_minor, currency, date, recorded_at)
        VALUES ('acme', md5('1')::uuid, sha256('4'), 'credit', 9, 'BRL', '2026-11-20', '2026-11-20T11:00:00Z');
        INSERT INTO day_seal (merchant_id, currency, date, number, credits, debits, entry_count, epoch, positions, sha256, sealed_at)
        VALUES ('acme', 'BRL', '2026-11-20', 1, 1500, 0, 2, 1, ARRAY[0,0,1,0,0,1,0,0], sha256(''), '2026-11-20T14:00:00Z');";
    owner.batch_execute(content).await.unwrap();
    assert_eq!(migrate(&mut owner).await.unwrap().applied.len(), 1);

    let ledger = Ledger::new(database.config());
    let today = BusinessDay { date: parse_date("2026-11-28").unwrap(), time_zone: TimeZone::UTC };
    let read = async || -> Vec<(String, String)> {
        let page = ledger.events(&acme(), &today, None, None, 100).await.unwrap();
        assert!(!page.has_more);
        page.events
            .iter()
            .map(|event| (event.content.event_type().as_str().to_owned(), event.time.to_string()))
            .collect()
    };
    let at = |hour: u8| format!("2026-11-20T{hour}:00:00Z");
    let expected = [
        ("entry.posted", at(10)),
        ("entry.conflicted", at(11)),
        ("entry.posted", at(12)),
        ("day.sealed", at(14)),
        ("entry.posted", at(16)),
    ]
    .map(|(name, time)| (name.to_owned(), time));
    assert_eq!(read().await, expected);

    let late = entry("late").on("2026-11-20").build();
    ledger.post(&acme(), &[late]).await.unwrap();
    ledger.seal(&acme(), Currency::BRL, parse_date("2026-11-20").unwrap()).await.unwrap();
    let names: Vec<String> = read().await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[5..], ["entry.posted", "day.sealed", "day.restated", "day.balance_changed"]);
}
