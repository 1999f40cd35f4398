//! What one merchant, or a function that forgot the merchant, can get of another's: nothing. On a real PostgreSQL, with the
//! roles that functions have. Tables and functions are taken from the database's own lists, so that new ones count too.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{AlertDirection, Currency, Month, Totals};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use ledger::{BalanceAsOf, BusinessDay, Ledger, LedgerError, MonthKey, Outcome, PostError, Sealing, WindowCursor};
use test_builders::{TODAY, acme, entry, id, merchant};
use test_stores::Database;
use tokio_postgres::Client;

fn today() -> BusinessDay {
    BusinessDay { date: TODAY, time_zone: TimeZone::UTC }
}

/// In everything that belongs to acme, and in nothing else.
const MINOR: i64 = 271_828;

/// A ledger in which acme has something of every kind: entries, a key conflict, an overtaken reversal, a seal, an alert, a feed.
async fn of_acme() -> Database {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let acme = acme();
    let sale = entry("sale").minor(MINOR).build();
    ledger.post(&acme, &[sale.clone(), entry("other").minor(MINOR).build()]).await.unwrap();
    let conflict = ledger.post(&acme, &[entry("sale").minor(MINOR + 1).build()]).await.unwrap();
    assert_eq!(conflict.outcomes, [Outcome::Conflict]);
    ledger.post(&acme, &[entry("refund").reversing(&sale).build()]).await.unwrap();
    let overtaken = ledger.post(&acme, &[entry("refund-2").reversing(&sale).build()]).await.unwrap();
    assert_eq!(overtaken.outcomes, [Outcome::AlreadyReversed]);
    ledger.seal(&acme, Currency::BRL, TODAY).await.unwrap();
    ledger.set_alert(&acme, &today(), Currency::BRL, AlertDirection::Below, i128::from(MINOR)).await.unwrap();
    database
}

/// All relations that are not PostgreSQL's own: tables, views, sequences.
async fn relations(owner: &Client) -> Vec<String> {
    let names = "SELECT relation.oid::regclass::text FROM pg_class AS relation
                 WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
                     AND relation.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
                     AND relation.relnamespace::regnamespace::text NOT LIKE 'pg\\_%'";
    let names: Vec<String> = owner.query(names, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(
        ["entry", "posted_entry", "cursor_key", "reconciliation"].iter().all(|name| names.iter().any(|n| n == name))
    );
    names
}

/// How many rows each table has.
async fn row_counts(owner: &Client) -> Vec<(String, i64)> {
    let mut counts = Vec::new();
    for name in relations(owner).await {
        let count = owner.query_one(&format!("SELECT count(*) FROM {name}"), &[]).await.unwrap().get(0);
        counts.push((name, count));
    }
    counts
}

/// A function of the ledger's schemas, or any other that is not PostgreSQL's own.
struct Function {
    /// With its schema.
    name: String,
    arguments: Vec<String>,
    takes_merchant_first: bool,
    /// Runs with the rights of its owner, and names in it mean the same in every session.
    is_safe: bool,
    is_for_everybody: bool,
}

async fn functions_for(owner: &Client, role: &str) -> Vec<Function> {
    let functions = "
        SELECT
            pronamespace::regnamespace || '.' || proname AS name,
            coalesce(proargnames[1:pronargs], '{}') AS arguments,
            coalesce(proargnames[1] = 'merchant_id' AND proargtypes[0] = 'text'::regtype, false) AS takes_merchant_first,
            prosecdef AND (prosqlbody IS NOT NULL OR proconfig::text LIKE '%search_path=%') AS is_safe,
            has_function_privilege('public', pg_proc.oid, 'EXECUTE') AS is_for_everybody
        FROM pg_proc
        WHERE pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            AND has_function_privilege($1, pg_proc.oid, 'EXECUTE')";
    let rows = owner.query(functions, &[&role]).await.unwrap();
    rows.iter()
        .map(|row| Function {
            name: row.get("name"),
            arguments: row.get("arguments"),
            takes_merchant_first: row.get("takes_merchant_first"),
            is_safe: row.get("is_safe"),
            is_for_everybody: row.get("is_for_everybody"),
        })
        .collect()
}

#[tokio::test]
async fn the_functions_can_neither_read_nor_write_any_table() {
    let database = of_acme().await;
    let owner = database.owner().await;
    let relations = relations(&owner).await;
    for config in [database.config(), database.maintenance_config()] {
        let client = ledger::connect(&config).await.unwrap();
        for name in &relations {
            let error = client.execute(&format!("SELECT FROM {name}"), &[]).await.unwrap_err();
            assert_eq!(error.code().unwrap().code(), "42501", "{} {name}: {error:?}", config.user);
            let privileges = "SELECT has_table_privilege($1::text::regclass, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                OR has_any_column_privilege($1::text::regclass, 'SELECT, INSERT, UPDATE, REFERENCES')";
            assert!(!client.query_one(privileges, &[name]).await.unwrap().get::<_, bool>(0), "{} {name}", config.user);
        }
    }
}

/// The merchant is the first argument.
#[tokio::test]
async fn all_that_functions_may_call_takes_the_merchant_and_runs_as_its_owner() {
    let database = Database::create().await;
    let owner = database.owner().await;
    let functions = functions_for(&owner, &database.config().user).await;
    assert!(functions.iter().any(|function| function.name == "ledger.post"));
    for function in functions {
        assert!(function.takes_merchant_first && function.is_safe && !function.is_for_everybody, "{}", function.name);
    }
    for function in functions_for(&owner, &database.maintenance_config().user).await {
        assert!(function.is_safe && !function.is_for_everybody, "{}", function.name);
        let is_of_all = function.name.starts_with("ledger_maintenance.");
        assert!(is_of_all || function.takes_merchant_first, "{}", function.name);
    }
}

#[tokio::test]
async fn what_looks_at_all_merchants_is_for_the_scheduled_functions_only() {
    let database = of_acme().await;
    let owner = database.owner().await;
    let client = ledger::connect(&database.config()).await.unwrap();
    let of_all = functions_for(&owner, &database.maintenance_config().user).await;
    let of_all: Vec<&Function> = of_all.iter().filter(|f| f.name.starts_with("ledger_maintenance.")).collect();
    assert!(of_all.len() >= 5);
    for function in of_all {
        let arguments = vec!["NULL"; function.arguments.len()].join(", ");
        let error = client.query(&format!("SELECT * FROM {}({arguments})", function.name), &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{}: {error:?}", function.name);
    }
    let ledger = Ledger::new(database.config());
    let moment = Timestamp::UNIX_EPOCH;
    let month = MonthKey { merchant: acme(), currency: Currency::BRL, month: Month::of(TODAY) };
    let refused = [
        ledger.merchants_of_day(TODAY, None, 10).await.map(drop),
        ledger.months_with_entries(None, 10).await.map(drop),
        ledger.entries_recorded_between(moment, moment, 10).await.map(drop),
        ledger.months_recorded_between(moment, moment, None, 10).await.map(drop),
        ledger.reconciliation_watermark().await.map(drop),
        ledger.save_reconciliation_watermark(moment).await,
        ledger.save_window_cursor(moment, &WindowCursor { until: moment, after: month.clone() }).await,
        ledger.set_month_aside(&month, "of a test").await,
        ledger.months_set_aside(moment, 10).await.map(drop),
        ledger.count_months_set_aside().await.map(drop),
        ledger.take_back_months(&[&month]).await,
        ledger.merchants_with_events_since(moment, &today(), None, 10).await.map(drop),
    ];
    for result in refused {
        assert!(matches!(result, Err(LedgerError::Misconfigured(_))), "{result:?}");
    }
}

/// What to give for an argument, so that with acme as the merchant the answer is about acme's.
fn argument(name: &str) -> String {
    let of_one = |value: &str| format!("ARRAY[{value}]");
    let sale = id("sale");
    let other = id("conflicting");
    match name {
        "currency_code" => "'BRL'".to_owned(),
        "day" | "first_day" | "last_day" => "'2026-11-22'".to_owned(),
        "instant" => "'2099-01-01T00:00:00Z'".to_owned(),
        "entry_id" => format!("'{sale}'"),
        "ids" => format!("ARRAY['{sale}', '{other}']::uuid[]"),
        "originals" => "ARRAY[NULL, NULL]::uuid[]".to_owned(),
        "reasons" => of_one("'conflict', 'conflict'"),
        "fingerprints" => of_one("sha256('1'), sha256('2')"),
        "types" => of_one("'credit', 'credit'"),
        "amounts_minor" => of_one("7::bigint, 7::bigint"),
        "currencies" => of_one("'BRL', 'BRL'"),
        "dates" => of_one("'2026-11-22', '2026-11-22'"),
        "descriptions" | "categories" => of_one("NULL::text, NULL::text"),
        "given_snapshot" | "given_balance" | "total_slot" => "NULL".to_owned(),
        "given_positions" => "array_fill(9223372036854775807, ARRAY[8])".to_owned(),
        "seal_number" => "9".to_owned(),
        "credits" | "debits" => "'7'".to_owned(),
        "entry_count" => "7".to_owned(),
        "sha256" => "sha256('')".to_owned(),
        "last_time" => "'-infinity'".to_owned(),
        "below" => "2147483647".to_owned(),
        "last_date" => "'0001-01-01'".to_owned(),
        "last_xid" => "'0'".to_owned(),
        "last_id" => "'00000000-0000-0000-0000-000000000000'".to_owned(),
        "rows_max" | "scanned_max" | "entries_max" | "alerts_max" => "100".to_owned(),
        "today" => "'2026-11-23'".to_owned(),
        "time_zone" => "'UTC'".to_owned(),
        "after" | "given_noted" => "0".to_owned(),
        "wanted_types" => "NULL".to_owned(),
        "about" | "endpoint_id" | "holder" | "alert_id" => "'00000000-0000-0000-0000-000000000007'".to_owned(),
        "url" | "reason" => "'of a test'".to_owned(),
        "wait_seconds" => "1".to_owned(),
        "waiting_max" => "50".to_owned(),
        "alert_direction" => "'below'".to_owned(),
        "given_threshold" => format!("'{}'", MINOR * 9),
        _ => panic!("say here what to give for the argument {name}"),
    }
}

fn call(function: &Function, merchant: &str) -> String {
    let mut arguments = vec![format!("{merchant}::text")];
    arguments.extend(function.arguments.iter().skip(1).map(|name| argument(name)));
    format!("SELECT answer::text FROM {}({}) AS answer", function.name, arguments.join(", "))
}

#[tokio::test]
async fn a_call_that_forgot_the_merchant_gets_nothing_and_writes_nothing() {
    let database = of_acme().await;
    let owner = database.owner().await;
    let client = ledger::connect(&database.config()).await.unwrap();
    let before = row_counts(&owner).await;
    let mut refused = Vec::new();
    let functions = functions_for(&owner, &database.config().user).await;
    for function in &functions {
        for nobody in ["NULL", "''"] {
            match client.query(&call(function, nobody), &[]).await {
                Ok(rows) => {
                    let answer: Vec<Option<String>> = rows.iter().map(|row| row.get(0)).collect();
                    assert_nothing_of_acme(&answer, &function.name);
                }
                Err(error) => {
                    let code = error.code().unwrap().code();
                    assert!(code.starts_with("23"), "{}: {error:?}", function.name);
                    refused.push(function.name.as_str());
                }
            }
        }
    }
    refused.sort_unstable();
    refused.dedup();
    assert_eq!(
        refused,
        [
            "ledger.add_seal",
            "ledger.append_event",
            "ledger.claim_wait",
            "ledger.keep_conflicts",
            "ledger.keep_overtaken",
            "ledger.post",
            "ledger.record_refused",
            "ledger.seal",
            "ledger.set_alert"
        ]
    );
    assert_eq!(row_counts(&owner).await, before);
}

#[tokio::test]
async fn no_function_answers_anything_of_another_merchant() {
    let database = of_acme().await;
    let owner = database.owner().await;
    let client = ledger::connect(&database.config()).await.unwrap();
    let mut of_acme = 0;
    for function in functions_for(&owner, &database.config().user).await {
        // In a transaction that is not committed: of those that write, both calls meet the same ledger.
        let mut answers: Vec<Vec<Option<String>>> = Vec::new();
        for merchant in ["'emca'", "'acme'"] {
            client.batch_execute("BEGIN").await.unwrap();
            let rows = client.query(&call(&function, merchant), &[]).await;
            client.batch_execute("ROLLBACK").await.unwrap();
            answers.push(rows.unwrap_or_default().iter().map(|row| row.get(0)).collect());
        }
        assert_nothing_of_acme(&answers[0], &function.name);
        of_acme += usize::from(shows_acme(&answers[1]));
    }
    assert!(of_acme >= 8, "the calls ask for too little to mean anything: {of_acme}");
}

fn shows_acme(answer: &[Option<String>]) -> bool {
    let marks = [MINOR.to_string(), (MINOR + 1).to_string()];
    answer.iter().flatten().any(|row| marks.iter().any(|mark| row.contains(mark)))
}

fn assert_nothing_of_acme(answer: &[Option<String>], function: &str) {
    assert!(!shows_acme(answer), "{function}: {answer:?}");
}

#[tokio::test]
async fn every_operation_answers_another_merchant_as_if_there_were_nothing() {
    let database = of_acme().await;
    let ledger = Ledger::new(database.config());
    let (acme, emca) = (acme(), merchant("emca"));
    let sale = id("sale");
    let settled = Timestamp::now() - SignedDuration::from_secs(11);

    assert!(ledger.find(&emca, sale).await.unwrap().is_none());
    assert!(ledger.find(&emca, id("refund-2")).await.unwrap().is_none());
    assert_eq!(ledger.posted(&emca, &[sale, id("other")]).await.unwrap(), []);
    let days = (TODAY, TODAY);
    let first_page = ledger.statement(&acme, Currency::BRL, days, None, 1).await.unwrap();
    for position in [None, first_page.next.as_ref()] {
        let page = ledger.statement(&emca, Currency::BRL, days, position, 100).await.unwrap();
        assert_eq!((page.lines.len(), page.next), (0, None));
    }
    let as_of = ledger.balance_as_of(&emca, Currency::BRL, TODAY, settled).await.unwrap();
    assert!(matches!(as_of, BalanceAsOf::Known(balance) if (balance.opening, balance.totals) == (0, Totals::ZERO)));
    assert_eq!(ledger.seals(&emca, Currency::BRL, TODAY, None, 9).await.unwrap().seals, []);
    assert!(ledger.totals_of_day(&emca, Currency::BRL, TODAY).await.unwrap().is_none());
    assert_ne!(ledger.statement_key(&emca).await.unwrap().key, ledger.statement_key(&acme).await.unwrap().key);
    assert_ne!(ledger.seal_key(&emca).await.unwrap(), ledger.seal_key(&acme).await.unwrap());
    assert_eq!(ledger.currencies(&emca).await.unwrap(), []);
    let key = MonthKey { merchant: emca.clone(), currency: Currency::BRL, month: Month::of(TODAY) };
    let month = ledger.month(&key).await.unwrap();
    assert!(month.totals.is_empty() && month.seals.is_empty());
    let sealing = ledger.seal(&emca, Currency::BRL, TODAY).await.unwrap();
    assert!(matches!(sealing, Sealing::Sealed(seal) if (seal.number, seal.totals) == (1, Totals::ZERO)));
}

#[tokio::test]
async fn what_another_merchant_writes_under_the_same_ids_changes_nothing() {
    let database = of_acme().await;
    let ledger = Ledger::new(database.config());
    let (acme, emca) = (acme(), merchant("emca"));
    let known = async || ledger.posted(&acme, &[id("sale"), id("other"), id("refund")]).await.unwrap().len();
    let before = ledger.totals_of_day(&acme, Currency::BRL, TODAY).await.unwrap().unwrap().totals;

    // Under the id that acme's sale has: an entry of emca's own.
    let posting = ledger.post(&emca, &[entry("sale").minor(5).build()]).await.unwrap();
    assert_eq!(posting.outcomes, [Outcome::Posted]);
    assert!(posting.after.totals.iter().all(|totals| totals.totals.credits == 5));
    // No entry of acme's can be reversed, and whether it is there does not show.
    for original in [entry("other").minor(MINOR).build(), entry("never-posted").minor(MINOR).build()] {
        let error = ledger.post(&emca, &[entry("theft").reversing(&original).build()]).await.unwrap_err();
        assert!(matches!(error, PostError::OriginalNotPosted(_)), "{error:?}");
    }
    let after = ledger.totals_of_day(&acme, Currency::BRL, TODAY).await.unwrap().unwrap().totals;
    assert_eq!((known().await, after), (3, before));
}

/// The functions run with the rights of the tables' owner: what their names mean must not be for the caller to say.
#[tokio::test]
async fn a_callers_temporary_table_takes_no_tables_place() {
    let database = of_acme().await;
    let owner = database.owner().await;
    let client = ledger::connect(&database.config()).await.unwrap();
    let before = row_counts(&owner).await;
    let stolen = id("never-posted");
    client
        .batch_execute(&format!(
            "CREATE TEMPORARY TABLE entry (
                merchant_id text, id uuid, fingerprint bytea, type text, amount_minor bigint, currency text, date date,
                description text, category text, recorded_at timestamptz, posted_xid xid8, reverses uuid, slot smallint, position bigint
             );
             INSERT INTO entry (merchant_id, id, type, amount_minor, currency) VALUES ('acme', '{stolen}', 'debit', 7, 'BRL');
             CREATE TEMPORARY TABLE cursor_key AS SELECT sha256('known') AS key;
             SET search_path = pg_temp, public"
        ))
        .await
        .unwrap();
    let post = format!(
        "SELECT * FROM ledger.post('acme', ARRAY[gen_random_uuid()], ARRAY[sha256('1')], ARRAY['credit'], ARRAY[7::bigint],
            ARRAY['BRL'], ARRAY['2026-11-22'], ARRAY[NULL], ARRAY[NULL], ARRAY['{stolen}']::uuid[], NULL)"
    );
    let error = client.query(&post, &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "23503", "{error:?}");
    let key = client.query_one("SELECT key FROM ledger.statement_key('acme')", &[]).await.unwrap().get::<_, Vec<u8>>(0);
    assert_eq!(key, Ledger::new(database.config()).statement_key(&acme()).await.unwrap().key);
    assert_eq!(row_counts(&owner).await, before);
}
