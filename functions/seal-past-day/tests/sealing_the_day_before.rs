//! What `seal-past-day` seals, on a real PostgreSQL and a real DynamoDB engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use balances::BalanceTable;
use cashflow::{Currency, parse_date};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use ledger::Ledger;
use seal_past_day::{RunError, SealPastDay, Sealed, Tally};
use sealing::Sealer;
use test_builders::{entry, merchant};
use test_stores::{Database, DynamoDb};

async fn function(database: &Database, store: &DynamoDb) -> SealPastDay {
    let table = BalanceTable::new(store.client.clone(), &store.table_name);
    SealPastDay {
        sealer: Sealer { ledger: Ledger::new(database.maintenance_config()), table },
        business_time_zone: TimeZone::get("America/Sao_Paulo").unwrap(),
    }
}

async fn post(ledger: &Ledger, merchant: &str, key: &str, currency: &str, date: &str) {
    let merchant = self::merchant(merchant);
    let entry = entry(key).of(&merchant).currency(currency).minor(100).on(date).build();
    ledger.post(&merchant, &[entry]).await.unwrap();
}

/// 23 November 2026, half past midnight in São Paulo.
fn after_midnight() -> Timestamp {
    "2026-11-23T03:30:00Z".parse().unwrap()
}

/// How many seals a day has.
async fn seals(ledger: &Ledger, merchant: &str, currency: &str, date: &str) -> usize {
    let (merchant, currency) = (self::merchant(merchant), Currency::parse(currency).unwrap());
    ledger.seals(&merchant, currency, parse_date(date).unwrap(), None, 500).await.unwrap().seals.len()
}

/// From now on no day of these merchants can be sealed.
async fn break_seals(database: &Database, merchants: &str) {
    let trigger = format!(
        "CREATE FUNCTION refuse_seal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'of a test'; END $$;
         CREATE TRIGGER refuse_seal BEFORE INSERT ON day_seal
            FOR EACH ROW WHEN (NEW.merchant_id ~ '{merchants}') EXECUTE FUNCTION refuse_seal()"
    );
    database.owner().await.batch_execute(&trigger).await.unwrap();
}

async fn mend_seals(database: &Database) {
    database.owner().await.batch_execute("DROP FUNCTION refuse_seal() CASCADE").await.unwrap();
}

/// For those that have entries of it. It is the business day.
#[tokio::test]
async fn the_day_before_is_sealed_for_every_merchant_and_currency() {
    let (database, store) = (Database::create().await, DynamoDb::start().await);
    let function = function(&database, &store).await;
    let ledger = &function.sealer.ledger;
    post(ledger, "acme", "1", "BRL", "2026-11-22").await;
    post(ledger, "acme", "2", "USD", "2026-11-22").await;
    post(ledger, "emca", "1", "BRL", "2026-11-22").await;
    post(ledger, "other", "1", "BRL", "2026-11-23").await;

    let date = parse_date("2026-11-22").unwrap();
    let sealed = |sealed, sealed_earlier| Sealed { date, sealed, sealed_earlier };
    assert_eq!(function.run(after_midnight(), || false).await.unwrap(), sealed(3, 0));
    for (merchant, currency) in [("acme", "BRL"), ("acme", "USD"), ("emca", "BRL")] {
        assert_eq!(seals(ledger, merchant, currency, "2026-11-22").await, 1, "{merchant} {currency}");
    }
    assert_eq!(seals(ledger, "other", "BRL", "2026-11-23").await, 0);

    // Again, as when the scheduler is not sure: nothing is left to do. A late entry is.
    assert_eq!(function.run(after_midnight(), || false).await.unwrap(), sealed(0, 0));
    post(ledger, "emca", "late", "BRL", "2026-11-22").await;
    assert_eq!(function.run(after_midnight(), || false).await.unwrap(), sealed(1, 0));
}

#[tokio::test]
async fn a_run_that_is_out_of_time_fails_and_the_next_goes_on_where_it_stopped() {
    let (database, store) = (Database::create().await, DynamoDb::start().await);
    let function = function(&database, &store).await;
    for merchant in ["a", "b", "c"] {
        post(&function.sealer.ledger, merchant, "1", "BRL", "2026-11-22").await;
    }
    let looks = std::cell::Cell::new(0);
    let is_out_of_time = || looks.replace(looks.get() + 1) == 2;
    let stopped = function.run(after_midnight(), is_out_of_time).await.unwrap_err();
    assert!(matches!(stopped, RunError::OutOfTime(Tally { of_day_before: 2, .. })), "{stopped:?}");
    assert_eq!(function.run(after_midnight(), || false).await.unwrap().sealed, 1);
}

#[tokio::test]
async fn a_merchant_whose_day_cannot_be_sealed_keeps_no_other_waiting() {
    // More in a row than make the run ask whether the stores answer.
    for broken in ["^a$", "^[a-y]$"] {
        let (database, store) = (Database::create().await, DynamoDb::start().await);
        let function = function(&database, &store).await;
        let ledger = &function.sealer.ledger;
        let merchants: Vec<String> = ('a'..='z').map(String::from).collect();
        for merchant in &merchants {
            post(ledger, merchant, "1", "BRL", "2026-11-22").await;
        }
        break_seals(&database, broken).await;
        let error = function.run(after_midnight(), || false).await.unwrap_err();
        let RunError::NotSealed(Tally { of_day_before, failed, .. }) = error else { panic!("{error:?}") };
        assert_eq!(of_day_before + failed, 26);
        assert!(error.to_string().starts_with(&format!("sealing failed for {failed} days")), "{error}");
        assert_eq!(seals(ledger, "z", "BRL", "2026-11-22").await, 1);
        mend_seals(&database).await;
        assert_eq!(function.run(after_midnight(), || false).await.unwrap().sealed, failed);
    }
}

#[tokio::test]
async fn later_runs_come_back_for_days_that_were_never_sealed_and_for_no_others() {
    let (database, store) = (Database::create().await, DynamoDb::start().await);
    let function = function(&database, &store).await;
    let ledger = &function.sealer.ledger;
    for date in ["2026-11-14", "2026-11-15", "2026-11-21"] {
        post(ledger, "acme", date, "BRL", date).await;
        post(ledger, "sealed", date, "BRL", date).await;
        function.sealer.seal(&merchant("sealed"), Currency::BRL, parse_date(date).unwrap()).await.unwrap();
        post(ledger, "sealed", &format!("late-{date}"), "BRL", date).await;
    }
    // The week before the 22nd begins with the 15th.
    let sealed = Sealed { date: parse_date("2026-11-22").unwrap(), sealed: 0, sealed_earlier: 2 };
    assert_eq!(function.run(after_midnight(), || false).await.unwrap(), sealed);
    for (date, expected) in [("2026-11-14", 0), ("2026-11-15", 1), ("2026-11-21", 1)] {
        assert_eq!(seals(ledger, "acme", "BRL", date).await, expected, "{date}");
        assert_eq!(seals(ledger, "sealed", "BRL", date).await, 1, "{date}");
    }
    assert_eq!(function.run(after_midnight(), || false).await.unwrap().sealed_earlier, 0);
}

#[tokio::test]
async fn days_are_those_of_the_business_time_zone_across_years_and_leap_days() {
    let cases = [
        // New Year's Eve in São Paulo still, then New Year's Day.
        ("2027-01-01T02:59:59Z", "2026-12-30"),
        ("2027-01-01T03:00:00Z", "2026-12-31"),
        ("2028-03-01T03:00:00Z", "2028-02-29"),
        ("2026-03-01T03:00:00Z", "2026-02-28"),
    ];
    for (now, expected) in cases {
        let (database, store) = (Database::create().await, DynamoDb::start().await);
        let function = function(&database, &store).await;
        let ledger = &function.sealer.ledger;
        let week_before = parse_date(expected).unwrap().checked_sub(7.days()).unwrap().to_string();
        for date in [expected, &week_before] {
            post(ledger, "acme", date, "BRL", date).await;
        }
        let sealed = function.run(now.parse().unwrap(), || false).await.unwrap();
        assert_eq!(sealed, Sealed { date: parse_date(expected).unwrap(), sealed: 1, sealed_earlier: 1 }, "{now}");
    }
}

#[tokio::test]
async fn the_first_days_that_an_entry_can_have_are_sealed_like_others() {
    let (database, store) = (Database::create().await, DynamoDb::start().await);
    let function = function(&database, &store).await;
    for date in ["1900-01-01", "1900-01-02"] {
        post(&function.sealer.ledger, "acme", date, "BRL", date).await;
    }
    let sealed = function.run("1900-01-03T12:00:00Z".parse().unwrap(), || false).await.unwrap();
    assert_eq!((sealed.sealed, sealed.sealed_earlier), (1, 1));
    assert!(matches!(function.run(Timestamp::MIN, || false).await, Err(RunError::NoPastDay(_))));
}

/// A day with many entries takes long to seal, or longer than it may.
#[tokio::test]
async fn days_with_many_entries_are_sealed_after_all_others() {
    let (database, store) = (Database::create().await, DynamoDb::start().await);
    let function = function(&database, &store).await;
    let ledger = &function.sealer.ledger;
    for (merchant, date) in [("large", "2026-11-22"), ("small", "2026-11-22"), ("small", "2026-11-20")] {
        post(ledger, merchant, date, "BRL", date).await;
    }
    let many = "
        SELECT count(*) FROM ledger.post(
            'large', (SELECT array_agg(gen_random_uuid()) FROM generate_series(1, 60000)), array_fill(sha256(''), ARRAY[60000]),
            array_fill('credit'::text, ARRAY[60000]), array_fill(1::bigint, ARRAY[60000]), array_fill('BRL'::text, ARRAY[60000]),
            array_fill('2026-11-22'::text, ARRAY[60000]), array_fill(NULL::text, ARRAY[60000]),
            array_fill(NULL::text, ARRAY[60000]), array_fill(NULL::uuid, ARRAY[60000]), NULL
        )";
    database.owner().await.batch_execute(many).await.unwrap();
    let looks = std::cell::Cell::new(0);
    let is_out_of_time = || looks.replace(looks.get() + 1) == 2;
    let stopped = function.run(after_midnight(), is_out_of_time).await.unwrap_err();
    assert!(matches!(stopped, RunError::OutOfTime(Tally { of_day_before: 1, of_earlier: 1, .. })), "{stopped:?}");
    assert_eq!(seals(ledger, "large", "BRL", "2026-11-22").await, 0);
    assert_eq!(function.run(after_midnight(), || false).await.unwrap().sealed, 1);
}

/// `reconcile-balances` shows its seals later.
/// Its seals are in the ledger all the same, and would not come up again here.
#[tokio::test]
async fn while_the_read_model_is_down_a_run_ends_early() {
    let (database, store) = (Database::create().await, DynamoDb::start().await);
    let mut function = function(&database, &store).await;
    for number in 0..20 {
        post(&function.sealer.ledger, &format!("merchant-{number:02}"), "1", "BRL", "2026-11-22").await;
    }
    let mended =
        std::mem::replace(&mut function.sealer.table, BalanceTable::new(store.client.clone(), "no-such-table"));
    let error = function.run(after_midnight(), || false).await.unwrap_err();
    let RunError::Stores { tally, .. } = error else { panic!("{error:?}") };
    assert_eq!(tally.failed, 5);
    function.sealer.table = mended;
    assert_eq!(function.run(after_midnight(), || false).await.unwrap().sealed, 15);
    let ledger = &function.sealer.ledger;
    let now = ledger.reconciliation_watermark().await.unwrap().now + 1.second();
    let months = ledger.months_set_aside(now, 100).await.unwrap().months;
    let expected: Vec<String> = (0..5).map(|number| format!("merchant-{number:02}")).collect();
    assert_eq!(months.iter().map(|key| key.merchant.to_string()).collect::<Vec<_>>(), expected);
    assert!(months.iter().all(|key| key.month.to_string() == "2026-11"));
}

#[tokio::test]
async fn while_the_ledger_is_down_a_run_fails() {
    let (database, store) = (Database::create().await, DynamoDb::start().await);
    let mut function = function(&database, &store).await;
    let mut config = database.maintenance_config();
    config.port = 1;
    function.sealer.ledger = Ledger::new(config);
    assert!(matches!(function.run(after_midnight(), || false).await, Err(RunError::List(_))));
}
