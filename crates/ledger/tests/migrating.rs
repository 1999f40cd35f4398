//! What migrations do to a ledger that has entries, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Currency, MerchantId, parse_date};
use ledger::{BalanceAsOf, Ledger, Sealing, migrate};
use test_stores::Database;
use tokio_postgres::Client;

/// The files of the first versions, in order.
const VERSIONS: [&str; 2] = [
    include_str!("../../../migrations/V1__ledger.sql"),
    include_str!("../../../migrations/V2__reversals_statements_seals.sql"),
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

#[tokio::test]
async fn entries_of_the_first_version_are_in_the_totals_statements_and_seals_of_the_newest() {
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
    assert!(!migrate(&mut owner).await.unwrap().is_empty());

    let ledger = Ledger::new(database.owner_config());
    let (acme, day) = (MerchantId::parse("acme").unwrap(), |text| parse_date(text).unwrap());
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
async fn a_ledger_of_the_second_version_loses_the_rights_on_tables_and_nothing_else() {
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
    let applied = migrate(&mut owner).await.unwrap();
    assert_eq!(applied.len(), 3, "{applied:?}");

    // The same session: what it was allowed before holds no longer.
    assert_eq!(function.query_one(read, &[]).await.unwrap_err().code().unwrap().code(), "42501");
    let ledger = Ledger::new(database.config());
    let (acme, day) = (MerchantId::parse("acme").unwrap(), parse_date("2026-11-20").unwrap());
    let known = ledger.totals_of_day(&acme, Currency::BRL, day).await.unwrap().unwrap();
    assert_eq!((known.epoch, known.totals[1].totals.credits), (2, 1_000));
    let page = ledger.statement(&acme, Currency::BRL, (day, day), None, 10).await.unwrap();
    assert_eq!((page.lines[0].running_balance, page.lines[0].posted.seal), (1_000, Some(1)));
    let maintenance = Ledger::new(database.maintenance_config());
    assert_eq!(maintenance.months_with_entries(None, 10).await.unwrap().len(), 1);
    let reconciled = maintenance.reconciled().await.unwrap();
    assert!(reconciled.until <= reconciled.now);
}

#[tokio::test]
async fn a_function_that_differs_from_the_programs_is_replaced_with_the_rights_it_should_have() {
    let database = Database::create().await;
    let mut owner = database.owner().await;
    let other = "
        CREATE OR REPLACE FUNCTION ledger.currencies(merchant_id text) RETURNS TABLE (currency text)
        LANGUAGE sql STABLE SECURITY DEFINER BEGIN ATOMIC SELECT 'XXX'::text; END;
        GRANT EXECUTE ON FUNCTION ledger.currencies(text) TO PUBLIC;";
    owner.batch_execute(other).await.unwrap();
    assert!(migrate(&mut owner).await.unwrap().is_empty());
    let ledger = Ledger::new(database.config());
    assert_eq!(ledger.currencies(&MerchantId::parse("acme").unwrap()).await.unwrap(), []);
    let for_everybody = "SELECT has_function_privilege('public', 'ledger.currencies(text)', 'EXECUTE')";
    assert!(!owner.query_one(for_everybody, &[]).await.unwrap().get::<_, bool>(0));
}
