//! What the comparison of the read model with the ledger asks the ledger, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Currency, Month, Totals, parse_date};
use jiff::{SignedDuration, Timestamp, ToSpan};
use ledger::{Ledger, MonthKey, MonthPage, WindowCursor};
use test_builders::{acme, entry, merchant};
use test_stores::Database;

fn key(merchant_id: &str, currency: &str, month: &str) -> MonthKey {
    let currency = Currency::parse(currency).unwrap();
    MonthKey { merchant: merchant(merchant_id), currency, month: Month::parse(month).unwrap() }
}

async fn post(ledger: &Ledger, merchant_id: &str, currency: &str, date: &str, minor: i64) {
    let merchant = merchant(merchant_id);
    let entry = entry(&format!("{currency}-{date}-{minor}")).of(&merchant).minor(minor).currency(currency).on(date);
    ledger.post(&merchant, &[entry.build()]).await.unwrap();
}

#[tokio::test]
async fn a_month_is_its_days_itself_and_the_newest_seals_in_one_answer() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    for (date, minor) in [("2026-11-01", 100), ("2026-11-30", 20), ("2026-11-30", 3)] {
        post(&ledger, "acme", "BRL", date, minor).await;
    }
    for (merchant_id, currency, date) in [
        ("acme", "BRL", "2026-10-31"),
        ("acme", "BRL", "2026-12-01"),
        ("acme", "USD", "2026-11-01"),
        ("acm", "BRL", "2026-11-01"),
    ] {
        post(&ledger, merchant_id, currency, date, 7).await;
    }
    let seal = async |date: &str| {
        ledger.seal(&acme(), Currency::BRL, parse_date(date).unwrap()).await.unwrap();
    };
    seal("2026-11-30").await;
    post(&ledger, "acme", "BRL", "2026-11-30", 4).await;
    seal("2026-11-30").await;
    seal("2026-11-15").await;

    let month = ledger.month(&key("acme", "BRL", "2026-11")).await.unwrap();
    let totals = month.totals.iter().map(|known| (known.totals.period.to_string(), known.totals.totals));
    let sum = |credits, entry_count| Totals { credits, debits: 0, entry_count };
    assert_eq!(
        totals.collect::<Vec<_>>(),
        [
            ("2026-11".to_owned(), sum(127, 4)),
            ("2026-11-01".to_owned(), sum(100, 1)),
            ("2026-11-30".to_owned(), sum(27, 3)),
        ]
    );
    let newest: Vec<Timestamp> = month.totals.iter().map(|known| known.newest_entry_at).collect();
    assert!(newest[0] == newest[2] && newest[1] < newest[2] && newest[2] <= month.totals_at, "{newest:?}");
    let seals: Vec<_> = month.seals.iter().map(|seal| (seal.date.to_string(), seal.number, seal.entry_count)).collect();
    assert_eq!(seals, [("2026-11-15".to_owned(), 1, 0), ("2026-11-30".to_owned(), 2, 3)]);
    assert_eq!(month.epoch, 1);
}

#[tokio::test]
async fn a_month_without_entries_still_tells_the_epoch() {
    let database = Database::create().await;
    database.owner().await.batch_execute("UPDATE ledger_epoch SET epoch = 5").await.unwrap();
    let month = Ledger::new(database.maintenance_config()).month(&key("acme", "BRL", "2026-02")).await.unwrap();
    assert_eq!((month.epoch, month.totals, month.seals), (5, Vec::new(), Vec::new()));
}

#[tokio::test]
async fn months_with_entries_are_listed_page_by_page_and_each_once() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    let keys = [
        key("a", "BRL", "1900-01"),
        key("a", "BRL", "2026-11"),
        key("a", "BRL", "2026-12"),
        key("a", "USD", "2026-11"),
        key("b", "BRL", "2026-11"),
    ];
    for key in &keys {
        for day in ["02", "28"] {
            post(&ledger, key.merchant.as_str(), key.currency.code(), &format!("{}-{day}", key.month), 1).await;
        }
    }
    for limit in [1, 2, 3, 100] {
        let mut listed: Vec<MonthKey> = Vec::new();
        loop {
            let page = ledger.months_with_entries(listed.last(), limit).await.unwrap();
            assert!(page.months.len() <= usize::from(limit));
            listed.extend(page.months);
            if page.is_last {
                break;
            }
        }
        assert_eq!(listed, keys);
    }
    assert_eq!(ledger.currencies(&merchant("a")).await.unwrap(), [Currency::BRL, Currency::parse("USD").unwrap()]);
    assert_eq!(ledger.currencies(&merchant("nobody")).await.unwrap(), []);
}

#[tokio::test]
async fn months_are_listed_by_when_their_entries_were_recorded() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    let before = ledger.reconciliation_watermark().await.unwrap().now;
    post(&ledger, "acme", "BRL", "2026-11-01", 1).await;
    post(&ledger, "acme", "BRL", "2026-11-02", 1).await;
    let between = ledger.reconciliation_watermark().await.unwrap().now;
    post(&ledger, "acme", "BRL", "1999-12-31", 1).await;
    let after = ledger.reconciliation_watermark().await.unwrap().now + 1.second();

    let listed = async |since, until| ledger.months_recorded_between(since, until, None, 10).await.unwrap().months;
    assert_eq!(listed(before, between).await, [key("acme", "BRL", "2026-11")]);
    assert_eq!(listed(between, after).await, [key("acme", "BRL", "1999-12")]);
    assert_eq!(listed(before, after).await, [key("acme", "BRL", "1999-12"), key("acme", "BRL", "2026-11")]);
    assert_eq!(listed(after, after + 1.hour()).await, []);
}

#[tokio::test]
async fn how_far_the_comparison_has_come_is_kept_and_never_goes_back() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    let start = ledger.reconciliation_watermark().await.unwrap();
    assert!(start.until <= start.now);
    let later = start.now + SignedDuration::from_secs(5);
    ledger.save_reconciliation_watermark(later).await.unwrap();
    ledger.save_reconciliation_watermark(start.now).await.unwrap();
    assert_eq!(ledger.reconciliation_watermark().await.unwrap().until, later);
}

#[tokio::test]
async fn a_windows_months_are_listed_by_page_and_entries_counted_to_a_limit() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    let keys = [
        key("a", "BRL", "2026-11"),
        key("a", "BRL", "2026-12"),
        key("a", "USD", "2026-01"),
        key("b", "BRL", "1900-01"),
    ];
    let since = ledger.reconciliation_watermark().await.unwrap().now;
    for key in &keys {
        for day in ["01", "31"] {
            let day = if key.month.to_string().ends_with("11") && day == "31" { "30" } else { day };
            post(&ledger, key.merchant.as_str(), key.currency.code(), &format!("{}-{day}", key.month), 1).await;
        }
    }
    let until = ledger.reconciliation_watermark().await.unwrap().now + 1.second();
    for limit in [1, 2, 3, 4, 5] {
        let mut listed: Vec<MonthKey> = Vec::new();
        loop {
            let MonthPage { months, is_last } =
                ledger.months_recorded_between(since, until, listed.last(), limit).await.unwrap();
            listed.extend(months);
            if is_last {
                break;
            }
        }
        assert_eq!(listed, keys, "{limit} at once");
    }
    for (entries_max, expected) in [(3, 3), (8, 8), (100, 8)] {
        assert_eq!(ledger.entries_recorded_between(since, until, entries_max).await.unwrap(), expected);
    }
}

/// One that this release cannot read.
/// As after a release with another currency was taken back.
#[tokio::test]
async fn an_unknown_month_keeps_no_other_from_being_listed() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    post(&ledger, "a", "BRL", "2026-11-01", 1).await;
    post(&ledger, "c", "BRL", "2026-11-01", 1).await;
    let strange = "
        INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date, slot, position)
        VALUES ('b', gen_random_uuid(), sha256(''), 'credit', 1, 'XXX', '2026-11-01', 0, 1);
        INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
        VALUES ('b', 'XXX', '2026-11-01', '2026-11-01', 0, 1, 0, 1)";
    database.owner().await.batch_execute(strange).await.unwrap();
    let now = ledger.reconciliation_watermark().await.unwrap().now + 1.second();
    let expected = [key("a", "BRL", "2026-11"), key("c", "BRL", "2026-11")];
    assert_eq!(ledger.months_recorded_between(now - 1.hour(), now, None, 10).await.unwrap().months, expected);
    assert_eq!(ledger.months_with_entries(None, 10).await.unwrap().months, expected);
}

#[tokio::test]
async fn a_cursor_within_a_window_holds_until_the_window_is_passed() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    let until = ledger.reconciliation_watermark().await.unwrap().until;
    let cursor = |seconds: i64, month: &str| WindowCursor {
        until: until + SignedDuration::from_secs(seconds),
        after: key("acme", "BRL", month),
    };
    let saved = async |cursor: &WindowCursor| {
        ledger.save_window_cursor(until, cursor).await.unwrap();
        ledger.reconciliation_watermark().await.unwrap().cursor
    };
    assert_eq!(ledger.reconciliation_watermark().await.unwrap().cursor, None);
    assert_eq!(saved(&cursor(9, "2026-05")).await, Some(cursor(9, "2026-05")));
    // Never back in the same window; a window of another length has a cursor of its own, which is as true.
    assert_eq!(saved(&cursor(9, "2026-04")).await, Some(cursor(9, "2026-05")));
    assert_eq!(saved(&cursor(9, "2026-06")).await, Some(cursor(9, "2026-06")));
    assert_eq!(saved(&cursor(4, "2026-02")).await, Some(cursor(4, "2026-02")));

    let passed = until + SignedDuration::from_secs(1);
    ledger.save_reconciliation_watermark(passed).await.unwrap();
    let reconciled = ledger.reconciliation_watermark().await.unwrap();
    assert_eq!((reconciled.until, reconciled.cursor), (passed, None));
    assert_eq!(saved(&cursor(9, "2026-07")).await, None);
}

/// While a stack is deployed, and if a deployment is taken back.
#[tokio::test]
async fn the_release_before_reads_and_saves_the_watermark() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    post(&ledger, "acme", "BRL", "2026-11-01", 1).await;
    let earlier = ledger::connect(&database.maintenance_config()).await.unwrap();
    let until = ledger.reconciliation_watermark().await.unwrap().until;
    let cursor = WindowCursor { until: until + SignedDuration::from_secs(9), after: key("acme", "BRL", "2026-05") };
    ledger.save_window_cursor(until, &cursor).await.unwrap();

    // It begins the window anew, and loses nothing by that.
    let read = "SELECT reconciled_until_us FROM ledger_maintenance.reconciled_until()";
    assert_eq!(earlier.query_one(read, &[]).await.unwrap().get::<_, i64>(0), until.as_microsecond());
    let list = "SELECT * FROM ledger_maintenance.months_recorded_between('-infinity', 'infinity')";
    assert_eq!(earlier.query(list, &[]).await.unwrap().len(), 1);
    let unsealed = "SELECT * FROM ledger_maintenance.unsealed('2026-11-01', '', '', 10)";
    assert_eq!(earlier.query(unsealed, &[]).await.unwrap().len(), 1);
    // What it saves is as good as what this release saves.
    let passed = until + SignedDuration::from_secs(60);
    let save = format!("SELECT ledger_maintenance.save_reconciled_until('{passed}')");
    earlier.batch_execute(&save).await.unwrap();
    let reconciled = ledger.reconciliation_watermark().await.unwrap();
    assert_eq!((reconciled.until, reconciled.cursor), (passed, None));
}

#[tokio::test]
async fn months_are_set_aside_until_taken_back_the_longest_waiting_first() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.maintenance_config());
    let (first, second) = (key("acme", "BRL", "2026-11"), key("acme", "BRL", "2026-10"));
    let listed = async |before| ledger.months_set_aside(before, 10).await.unwrap().months;
    let start = ledger.reconciliation_watermark().await.unwrap().now;
    let later = start + 1.hour();
    for key in [&first, &second] {
        ledger.set_month_aside(key, "no answer").await.unwrap();
    }
    assert_eq!(listed(start).await, []);
    assert_eq!(listed(later).await, [first.clone(), second.clone()]);
    ledger.set_month_aside(&first, &"still no answer ".repeat(100)).await.unwrap();
    assert_eq!(listed(later).await, [second.clone(), first.clone()]);
    assert_eq!(ledger.months_set_aside(later, 1).await.unwrap().months, std::slice::from_ref(&second));
    let told =
        "SELECT attempts, reason, last_failed_at > first_failed_at FROM month_set_aside WHERE month = '2026-11-01'";
    let told = database.owner().await.query_one(told, &[]).await.unwrap();
    let (attempts, reason, is_later): (i32, String, bool) = (told.get(0), told.get(1), told.get(2));
    assert_eq!((attempts, reason.len(), is_later), (2, 500, true));

    ledger.take_back_months(&[&first, &key("emca", "BRL", "2026-11")]).await.unwrap();
    assert_eq!((listed(later).await, ledger.count_months_set_aside().await.unwrap()), (vec![second.clone()], 1));
    ledger.take_back_months(&[&second]).await.unwrap();
    assert_eq!(ledger.count_months_set_aside().await.unwrap(), 0);
}
