//! What posting a batch does, on a real PostgreSQL with the rights that the functions have.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Category, Description, Entry, Period, Totals, parse_date};
use ledger::{Ledger, LedgerConfig, LedgerError, Outcome, PostError, Posting};
use test_builders::{acme, entry, merchant};
use test_stores::Database;

async fn post(ledger: &Ledger, entries: &[Entry]) -> Posting {
    ledger.post(&acme(), entries).await.unwrap()
}

/// The totals of one period as `credits debits count`, in minor units.
fn totals(posting: &Posting, period: &str, currency: &str) -> String {
    let found: Vec<&Totals> = posting
        .after
        .totals
        .iter()
        .filter(|totals| totals.period == Period::parse(period).unwrap() && totals.currency.code() == currency)
        .map(|totals| &totals.totals)
        .collect();
    let [totals] = found[..] else { panic!("{period} {currency} in {posting:?}") };
    format!("{} {} {}", totals.credits, totals.debits, totals.entry_count)
}

#[tokio::test]
async fn a_batch_is_posted_and_answers_the_totals_of_its_days_and_months() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let batch = [
        entry("1").credit("150.75").on("2026-11-22").build(),
        entry("2").debit("50.25").on("2026-11-22").build(),
        entry("3").credit("1.00").on("2026-11-01").build(),
        entry("4").currency("JPY").credit("700").on("2026-12-31").build(),
    ];
    let posting = post(&ledger, &batch).await;
    assert_eq!(posting.outcomes, [Outcome::Posted; 4]);
    assert_eq!(posting.after.epoch, 1);
    assert_eq!(posting.after.totals.len(), 5);
    assert_eq!(totals(&posting, "2026-11-22", "BRL"), "15075 5025 2");
    assert_eq!(totals(&posting, "2026-11-01", "BRL"), "100 0 1");
    assert_eq!(totals(&posting, "2026-11", "BRL"), "15175 5025 3");
    assert_eq!(totals(&posting, "2026-12-31", "JPY"), "700 0 1");
    assert_eq!(totals(&posting, "2026-12", "JPY"), "700 0 1");
}

#[tokio::test]
async fn a_repeated_entry_is_applied_once_and_still_answers_the_totals() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let batch =
        [entry("1").credit("10.00").on("2026-11-22").build(), entry("2").debit("3.00").on("2026-11-22").build()];
    post(&ledger, &batch).await;
    let again = post(&ledger, &batch).await;
    assert_eq!(again.outcomes, [Outcome::Duplicate; 2]);
    assert_eq!(totals(&again, "2026-11-22", "BRL"), "1000 300 2");
    assert_eq!(totals(&again, "2026-11", "BRL"), "1000 300 2");
}

#[tokio::test]
async fn an_entry_given_twice_in_one_batch_is_applied_once() {
    let database = Database::create().await;
    let one = entry("1").credit("10.00").on("2026-11-22").build();
    let posting = post(&Ledger::new(database.config()), &[one.clone(), one]).await;
    assert_eq!(posting.outcomes, [Outcome::Posted, Outcome::Duplicate]);
    assert_eq!(totals(&posting, "2026-11-22", "BRL"), "1000 0 1");
}

#[tokio::test]
async fn a_conflict_is_not_posted_and_the_rest_of_its_batch_is() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post(&ledger, &[entry("1").credit("10.00").on("2026-11-22").build()]).await;
    let batch =
        [entry("1").credit("99.00").on("2026-11-20").build(), entry("2").credit("1.00").on("2026-11-22").build()];
    for _ in 0..2 {
        let posting = post(&ledger, &batch).await;
        assert_eq!(posting.outcomes[0], Outcome::Conflict);
        assert_eq!(totals(&posting, "2026-11-22", "BRL"), "1100 0 2");
    }
    let kept = database.owner().await.query_one("SELECT count(*), max(amount_minor) FROM entry_conflict", &[]).await;
    let kept = kept.unwrap();
    assert_eq!((kept.get::<_, i64>(0), kept.get::<_, i64>(1)), (1, 9_900));
}

/// Its request names no date, so that the default is another one.
#[tokio::test]
async fn a_repeat_on_another_day_answers_the_totals_of_the_stored_date() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let first = entry("1").credit("10.00").on("2026-11-30").build();
    post(&ledger, std::slice::from_ref(&first)).await;
    // The same request, whose date was left to the day it came in, repeated after midnight.
    let after_midnight = Entry { date: parse_date("2026-12-01").unwrap(), ..first };
    let posting = post(&ledger, &[after_midnight]).await;
    assert_eq!(posting.outcomes, [Outcome::Duplicate]);
    assert_eq!(posting.after.totals.len(), 2);
    assert_eq!(totals(&posting, "2026-11-30", "BRL"), "1000 0 1");
    assert_eq!(totals(&posting, "2026-11", "BRL"), "1000 0 1");
}

#[tokio::test]
async fn the_plan_a_session_keeps_reads_no_more_after_years_of_history() {
    let database = Database::create().await;
    let mut session = database.owner().await;
    let ask = "SELECT * FROM ledger.period_totals('acme', '{BRL}', '{2026-11-22}')";
    // Planned now, when all that the planner knows is that the tables are empty.
    assert_eq!(session.query(ask, &[]).await.unwrap().len(), 0);

    let today = parse_date("2026-11-22").unwrap();
    let days: Vec<String> =
        (0..1_500).map(|days| today.checked_sub(jiff::Span::new().days(days)).unwrap().to_string()).collect();
    let history: Vec<Entry> = days.iter().map(|day| entry(day).on(day).build()).collect();
    let ledger = Ledger::new(database.config());
    for batch in history.chunks(500) {
        post(&ledger, batch).await;
    }

    let transaction = session.transaction().await.unwrap();
    assert_eq!(transaction.query(ask, &[]).await.unwrap().len(), 2);
    let rows_read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
                     WHERE relname IN ('entry', 'daily_total')";
    let rows_read: i64 = transaction.query_one(rows_read, &[]).await.unwrap().get(0);
    // The day, and the 22 days that the month has so far.
    assert_eq!(rows_read, 1 + 22);
}

#[tokio::test]
async fn what_one_session_posts_to_a_day_adds_to_one_row() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    for key in 0..20 {
        post(&ledger, &[entry(&key.to_string()).credit("1.00").on("2026-11-22").build()]).await;
    }
    let counts = "SELECT array_agg(entry_count) FROM daily_total";
    let counts: Vec<i64> = database.owner().await.query_one(counts, &[]).await.unwrap().get(0);
    assert_eq!(counts, [20]);
}

#[tokio::test]
async fn totals_past_64_bits_stay_exact() {
    let database = Database::create().await;
    // 10,000 of the largest entries, posted the way the statement posts them, without 10,000 requests.
    database
        .owner()
        .await
        .execute(
            "INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
             VALUES ('acme', 'CLF', '2026-11-22', '2026-11-22', 0, 10000 * 99999999999999900::numeric, 0, 10000)",
            &[],
        )
        .await
        .unwrap();
    let posting = post(
        &Ledger::new(database.config()),
        &[entry("1").currency("CLF").credit("9999999999999.9900").on("2026-11-22").build()],
    )
    .await;
    assert_eq!(totals(&posting, "2026-11-22", "CLF"), format!("{} 0 10001", 99_999_999_999_999_900_i128 * 10_001));
    assert!(99_999_999_999_999_900_i128 * 10_001 > i128::from(i64::MAX));
}

#[tokio::test]
async fn merchants_with_the_same_key_do_not_touch_each_other() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post(&ledger, &[entry("1").credit("10.00").on("2026-11-22").build()]).await;
    let other = entry("1").of(&merchant("emca")).debit("4.00").on("2026-11-22").build();
    let posting = ledger.post(&merchant("emca"), &[other]).await.unwrap();
    assert_eq!(posting.outcomes, [Outcome::Posted]);
    assert_eq!(totals(&posting, "2026-11-22", "BRL"), "0 400 1");
}

#[tokio::test]
async fn texts_are_stored_as_they_came() {
    let database = Database::create().await;
    let texts = ["", "  ", "çãõ 🧾", "e\u{301}", "a'b\"c\\d{e,NULL}", "\u{202e}x\u{10ffff}", "NULL"];
    let entries: Vec<Entry> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| Entry {
            description: Some(Description::parse(text).unwrap()),
            category: Some(Category::parse(text).unwrap()),
            ..entry(&index.to_string()).credit("1.00").on("2026-11-22").build()
        })
        .collect();
    post(&Ledger::new(database.config()), &entries).await;
    let owner = database.owner().await;
    for (entry, text) in entries.iter().zip(texts) {
        let row = owner.query_one("SELECT description, category FROM entry WHERE id = $1", &[entry.id.as_uuid()]).await;
        let row = row.unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), (text, text));
    }
}

#[tokio::test]
async fn entries_can_be_neither_changed_nor_removed_even_by_the_owner() {
    let database = Database::create().await;
    post(&Ledger::new(database.config()), &[entry("1").credit("1.00").on("2026-11-22").build()]).await;
    let owner = database.owner().await;
    for statement in [
        "UPDATE entry SET amount_minor = 1",
        "DELETE FROM entry",
        "TRUNCATE entry CASCADE",
        "DELETE FROM entry_conflict",
    ] {
        let error = owner.execute(statement, &[]).await.unwrap_err();
        assert!(error.as_db_error().unwrap().message().contains("is append-only"), "{statement}: {error:?}");
    }
}

#[tokio::test]
async fn the_functions_have_no_right_to_change_or_remove_entries() {
    let database = Database::create().await;
    let client = ledger::connect(&database.config()).await.unwrap();
    for statement in [
        "UPDATE entry SET amount_minor = 1",
        "DELETE FROM entry",
        "DELETE FROM daily_total",
        "UPDATE ledger_epoch SET epoch = 9",
        "CREATE TABLE mine ()",
    ] {
        let error = client.execute(statement, &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{statement}: {error:?}");
    }
}

#[tokio::test]
async fn the_database_refuses_what_the_domain_would_refuse() {
    let database = Database::create().await;
    let owner = database.owner().await;
    let valid =
        ["'acme'", "gen_random_uuid()", "decode(repeat('00', 32), 'hex')", "'credit'", "1", "'BRL'", "'2026-11-22'"];
    let insert = |column: usize, value: &str| {
        let mut values = valid;
        values[column] = value;
        format!(
            "INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date, slot, position) VALUES ({}, 0, 1)",
            values.join(", ")
        )
    };
    owner.execute(&insert(0, "'acme'"), &[]).await.unwrap();
    let refused = [
        (0, "''"),
        (0, "'a b'"),
        (0, "repeat('m', 65)"),
        (2, "'\\x00'"),
        (3, "'transfer'"),
        (4, "0"),
        (4, "-1"),
        (4, "99999999999999901"),
        (5, "'brl'"),
        (5, "'BRLX'"),
        (6, "'1899-12-31'"),
        (0, "NULL"),
    ];
    for (column, value) in refused {
        let error = owner.execute(&insert(column, value), &[]).await.unwrap_err();
        assert!(error.code().unwrap().code().starts_with("23"), "{column} {value}: {error:?}");
    }
}

#[tokio::test]
async fn an_error_names_what_refused_an_entry_and_tells_nothing_of_the_entry() {
    let database = Database::create().await;
    let owner = database.owner().await;
    owner.batch_execute("ALTER TABLE entry ADD CONSTRAINT refusing CHECK (amount_minor <> 753159)").await.unwrap();
    let refused = entry("1").credit("7531.59").on("2026-11-22").build();
    let error = Ledger::new(database.config()).post(&acme(), &[refused]).await.unwrap_err();
    let PostError::Refused(source) = &error else { panic!("{error:?}") };
    assert_eq!(source.code().unwrap().code(), "23514");
    let message = "db error: SQLSTATE 23514: new row for relation \"entry\" violates check constraint \"refusing\"";
    assert_eq!(source.to_string(), message);
    assert!(!format!("{error:?}").contains("753159"), "{error:?}");
}

#[tokio::test]
async fn a_ledger_that_is_not_there_is_unavailable() {
    let database = Database::create().await;
    // Port 1 of this machine: nobody listens there.
    let ledger = Ledger::new(LedgerConfig { port: 1, ..database.config() });
    let error = ledger.post(&acme(), &[entry("1").credit("1.00").on("2026-11-22").build()]).await.unwrap_err();
    assert!(matches!(error, PostError::Ledger(LedgerError::Unavailable(_))), "{error:?}");
}

#[tokio::test]
async fn a_ledger_without_tables_or_database_is_misconfigured() {
    let database = Database::create().await;
    let nowhere = LedgerConfig { database: "no_such_database".to_owned(), ..database.config() };
    let empty = LedgerConfig { database: "postgres".to_owned(), ..database.config() };
    for config in [nowhere, empty] {
        let ledger = Ledger::new(config);
        let error = ledger.post(&acme(), &[entry("1").credit("1.00").on("2026-11-22").build()]).await.unwrap_err();
        assert!(matches!(error, PostError::Ledger(LedgerError::Misconfigured(_))), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_could_forget_posted_entries_is_refused() {
    for (setting, value) in [("synchronous_commit", "off"), ("default_transaction_isolation", "'repeatable read'")] {
        let database = Database::create().await;
        let name = database.config().database;
        let statement = format!("ALTER DATABASE {name} SET {setting} = {value}");
        database.owner().await.execute(&statement, &[]).await.unwrap();
        let ledger = Ledger::new(database.config());
        let error = ledger.post(&acme(), &[entry("1").credit("1.00").on("2026-11-22").build()]).await.unwrap_err();
        assert!(matches!(error, PostError::Ledger(LedgerError::Misconfigured(_))), "{setting}: {error:?}");
    }
}

#[tokio::test]
async fn a_broken_connection_is_replaced() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    post(&ledger, &[entry("1").credit("1.00").on("2026-11-22").build()]).await;
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.owner().await.query(terminate, &[]).await.unwrap();
    // The first attempt may meet the broken connection; it must leave none behind for the second.
    let next = [entry("2").credit("1.00").on("2026-11-22").build()];
    if let Err(error) = ledger.post(&acme(), &next).await {
        assert!(matches!(error, PostError::Ledger(LedgerError::Unavailable(_))), "{error:?}");
    }
    let posting = post(&ledger, &next).await;
    assert_eq!(totals(&posting, "2026-11-22", "BRL"), "200 0 2");
}

#[tokio::test]
async fn migrating_again_or_at_the_same_time_changes_nothing() {
    let database = Database::create().await;
    let (mut one, mut two) = (database.owner().await, database.owner().await);
    let (first, second) = tokio::join!(ledger::migrate(&mut one), ledger::migrate(&mut two));
    assert_eq!(first.unwrap(), ledger::Migrations::default());
    assert_eq!(second.unwrap(), ledger::Migrations::default());
}
