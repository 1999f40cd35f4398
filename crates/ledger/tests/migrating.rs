//! What migrations do to a ledger that has entries, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Currency, MerchantId, parse_date};
use ledger::{BalanceAsOf, Ledger, Sealing, migrate};
use test_stores::Database;
use tokio_postgres::Client;

/// Brings an empty database to the first version of the schema, as that version did.
async fn migrate_to_the_first_version(client: &Client) {
    let first = include_str!("../../../migrations/V1__ledger.sql");
    client.batch_execute(first).await.unwrap();
}

/// Lets the next migration start from the second version: the first one is there.
async fn migrate_from_the_first_version(client: &mut Client) {
    // The migrations' own record of the first version is made by a run on another database.
    let other = Database::create().await;
    let record = "SELECT version, name, applied_on, checksum FROM refinery_schema_history WHERE version = 1";
    let row = other.owner().await.query_one(record, &[]).await.unwrap();
    client
        .batch_execute(
            "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255))",
        )
        .await
        .unwrap();
    let insert = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES ($1, $2, $3, $4)";
    let (version, name, at, checksum): (i32, &str, &str, &str) = (row.get(0), row.get(1), row.get(2), row.get(3));
    client.execute(insert, &[&version, &name, &at, &checksum]).await.unwrap();
    let applied = migrate(client).await.unwrap();
    assert!(!applied.is_empty());
}

#[tokio::test]
async fn entries_of_the_first_version_are_in_the_totals_statements_and_seals_of_the_newest() {
    let database = Database::create_empty().await;
    let mut owner = database.owner().await;
    migrate_to_the_first_version(&owner).await;
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
    migrate_from_the_first_version(&mut owner).await;

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
