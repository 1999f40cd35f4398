//! What `reconcile-balances` finds and repairs, on a real PostgreSQL and a real DynamoDB engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{cell::Cell, fs};

use aws_sdk_dynamodb::types::AttributeValue;
use balances::{BalanceTable, Consistency, SealMark};
use cashflow::{Currency, DayStatus, Month, Period, PeriodTotals, Totals, parse_date};
use ledger::Ledger;
use reconcile_balances::{ReconcileBalances, Report, RunError};
use serde_json::{Value, json};
use telemetry::{Invocation, Telemetry};
use test_builders::{acme, entry, merchant};
use test_events::{EmittedMetrics, event, metric_names};
use test_stores::{Database, DynamoDb};

const DAY: &str = "2026-11-22";

struct World {
    database: Database,
    store: DynamoDb,
    function: ReconcileBalances,
    metrics: EmittedMetrics,
}

impl World {
    async fn new() -> World {
        let (database, store) = (Database::create().await, DynamoDb::start().await);
        let metrics = EmittedMetrics::default();
        let function = ReconcileBalances {
            ledger: Ledger::new(database.maintenance_config()),
            table: BalanceTable::new(store.client.clone(), &store.table_name),
            metrics: metrics.metrics(),
        };
        World { database, store, function, metrics }
    }

    /// Posts an entry of 1.00, which nobody consolidates.
    async fn post(&self, merchant: &str, currency: &str, date: &str, key: &str) {
        World::post_to(&Ledger::new(self.database.config()), merchant, currency, date, key).await;
    }

    async fn post_to(ledger: &Ledger, merchant: &str, currency: &str, date: &str, key: &str) {
        let merchant = self::merchant(merchant);
        let entry = entry(key).of(&merchant).currency(currency).minor(100).on(date).build();
        ledger.post(&merchant, &[entry]).await.unwrap();
    }

    /// Makes all entries a day older: their executions must have ended, one way or another.
    async fn let_a_day_pass(&self) {
        let owner = self.database.owner().await;
        owner
            .batch_execute(
                "ALTER TABLE entry DISABLE TRIGGER entry_is_append_only;
                 UPDATE entry SET recorded_at = recorded_at - INTERVAL '1 day';
                 ALTER TABLE entry ENABLE TRIGGER entry_is_append_only;
                 UPDATE daily_total SET posted_on = posted_on - 1;",
            )
            .await
            .unwrap();
    }

    async fn reconcile(&self, event: Value) -> Report {
        self.function.handle(event, || false).await.unwrap()
    }

    async fn everything(&self) -> Report {
        self.reconcile(json!({"everything": true})).await
    }

    /// Until it is out of time, which it is at this look at the clock. The first month is begun without one.
    async fn reconcile_until_look(&self, look: u64) -> Report {
        let looks = Cell::new(1);
        self.function.handle(json!({}), || looks.replace(looks.get() + 1) >= look).await.unwrap()
    }

    /// As if no scheduled run had come by since shortly before the first entry was posted.
    async fn forget_scheduled_runs(&self) {
        let forget = "
            UPDATE reconciliation SET reconciled_until = first.recorded_at + INTERVAL '50 seconds'
            FROM (SELECT min(recorded_at) AS recorded_at FROM entry) AS first";
        self.database.owner().await.batch_execute(forget).await.unwrap();
    }

    /// One entry each of so many merchants, of a day ago, that nobody consolidated or compared.
    async fn of_merchants(count: usize) -> World {
        let world = World::new().await;
        let ledger = Ledger::new(world.database.config());
        for number in 0..count {
            World::post_to(&ledger, &merchant_name(number), "BRL", DAY, "1").await;
        }
        world.let_a_day_pass().await;
        world.forget_scheduled_runs().await;
        world
    }

    /// Makes a month unreadable: one of its items is of a day that no calendar has.
    async fn break_month(&self, merchant: &str) {
        self.store.overwrite(&format!("{merchant}#BRL"), "day#2026-11-1x", "credits", number("1")).await;
    }

    async fn mend_month(&self, merchant: &str) {
        let delete = self.store.client.delete_item().table_name(&self.store.table_name);
        let delete = delete.key("pk", text(&format!("{merchant}#BRL"))).key("sk", text("day#2026-11-1x"));
        delete.send().await.unwrap();
    }

    /// How many of so many merchants have their balance.
    async fn written(&self, count: usize) -> usize {
        let date = parse_date(DAY).unwrap();
        let mut written = 0;
        for number in 0..count {
            let merchant = self::merchant(&merchant_name(number));
            let table = &self.function.table;
            let lines = table.daily_balances(&merchant, Currency::BRL, date, date, Consistency::Strong).await;
            written += usize::from(lines.is_ok_and(|lines| lines[0].balance.totals.entry_count > 0));
        }
        written
    }

    async fn overwrite(&self, sk: &str, attribute: &str, value: AttributeValue) {
        self.store.overwrite("acme#BRL", sk, attribute, value).await;
    }

    /// Closing balance and number of entries of a day, as a reader sees them.
    async fn day(&self, merchant: &str, currency: &str, date: &str) -> (i128, u64) {
        let line = self.line(merchant, currency, date).await;
        (line.balance.closing, line.balance.totals.entry_count)
    }

    async fn line(&self, merchant: &str, currency: &str, date: &str) -> cashflow::BalanceLine {
        let (merchant, currency) = (self::merchant(merchant), Currency::parse(currency).unwrap());
        let date = parse_date(date).unwrap();
        let lines = self.function.table.daily_balances(&merchant, currency, date, date, Consistency::Strong).await;
        lines.unwrap().remove(0)
    }

    async fn mark(&self, epoch: u32, number: u32, entry_count: u64) {
        let (merchant, date) = (acme(), parse_date(DAY).unwrap());
        let mark = SealMark { epoch, number, entry_count };
        self.function.table.write_seal(&merchant, Currency::BRL, date, mark).await.unwrap();
    }

    /// Totals as a ledger had them that has lost them since.
    async fn write(&self, period: &str, credits: i128, entry_count: u64, epoch: u32) {
        let merchant = acme();
        let totals = Totals { credits, debits: 0, entry_count };
        let totals = PeriodTotals { period: Period::parse(period).unwrap(), currency: Currency::BRL, totals };
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        self.function.table.write_if_newer(&merchant, &totals, epoch, now).await.unwrap();
    }
}

/// In the order in which months are listed.
fn merchant_name(number: usize) -> String {
    format!("merchant-{number:06}")
}

fn number(value: &str) -> AttributeValue {
    AttributeValue::N(value.to_owned())
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A report of a complete run that leaves nothing set aside.
fn complete(months_compared: u64, repaired: u64) -> Report {
    Report { months_compared, repaired, set_aside: Some(0), complete: true, ..Report::default() }
}

#[tokio::test]
async fn totals_that_were_never_written_are_written_and_counted_with_their_age() {
    let world = World::new().await;
    world.post("acme", "BRL", DAY, "1").await;
    world.let_a_day_pass().await;
    let report = world.reconcile(event("reconcile-balances/everything")).await;
    assert!((86_400..86_500).contains(&report.oldest_age_seconds), "{report:?}");
    // Once in the ledger's list of months and once in the read model's.
    let expected = Report { missing: 2, oldest_age_seconds: report.oldest_age_seconds, ..complete(2, 2) };
    assert_eq!(report, expected);
    assert_eq!(world.day("acme", "BRL", DAY).await, (100, 1));
    let names = ["MonthsCompared", "BalancesDifferent", "BalancesRepaired", "OldestDifferenceAge"];
    assert_eq!(names.map(|name| world.metrics.sum(name)), [2, 2, 2, report.oldest_age_seconds]);
    assert_eq!(world.everything().await.repaired, 0);
}

/// Their execution may still be running.
#[tokio::test]
async fn totals_still_on_their_way_are_written_but_not_counted_as_different() {
    let world = World::new().await;
    world.post("acme", "BRL", DAY, "1").await;
    let report = world.reconcile(event("reconcile-balances/schedule")).await;
    assert_eq!(report, Report { in_flight: 2, ..complete(1, 0) });
    assert_eq!(world.day("acme", "BRL", DAY).await, (100, 1));
    assert_eq!(world.metrics.sum("BalancesDifferent"), 0);
}

/// What an idle stack costs is reckoned with them.
#[tokio::test]
async fn a_run_that_finds_nothing_sends_the_metrics_that_the_costs_count() {
    let world = World::new().await;
    let telemetry = Telemetry::new(world.metrics.metrics(), None);
    let run = world.function.handle(event("reconcile-balances/schedule"), || false);
    telemetry.observe(Invocation::new("1", None), run).await.unwrap();
    let lines = world.metrics.lines();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let assumptions = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/cost/assumptions.json");
    let assumptions: Value = serde_json::from_str(&fs::read_to_string(assumptions).unwrap()).unwrap();
    let names = metric_names(line).into_iter().map(Value::from).collect();
    assert_eq!(assumptions["metrics_of_a_run"]["value"]["reconcile-balances"], Value::Array(names));
}

#[tokio::test]
async fn totals_that_lack_entries_are_brought_up() {
    let world = World::new().await;
    world.post("acme", "BRL", DAY, "1").await;
    world.everything().await;
    world.post("acme", "BRL", DAY, "2").await;
    world.let_a_day_pass().await;
    let report = world.everything().await;
    assert_eq!((report.behind, report.missing, report.repaired), (2, 0, 2));
    assert_eq!(world.day("acme", "BRL", DAY).await, (200, 2));
}

/// The function that writes both may die in between.
#[tokio::test]
async fn a_month_that_lacks_what_its_day_shows_is_brought_up() {
    let world = World::new().await;
    world.post("acme", "BRL", DAY, "1").await;
    world.let_a_day_pass().await;
    world.write(DAY, 100, 1, 1).await;
    assert_eq!(world.day("acme", "BRL", "2026-12-01").await, (0, 0));
    assert_eq!(world.everything().await.missing, 1);
    assert_eq!(world.day("acme", "BRL", "2026-12-01").await, (100, 0));
}

#[tokio::test]
async fn whatever_somebody_has_written_over_a_balance_is_replaced() {
    let (day, year) = ("day#2026-11-22", "year#2026");
    let cases = [
        (day, "credits", number("1"), "wrong"),
        (day, "debits", number("-5"), "wrong"),
        (day, "entry_count", number("7"), "ahead"),
        (day, "epoch", number("2"), "ahead"),
        (day, "entry_count", number("0"), "behind"),
        (day, "credits", text("nothing"), "wrong"),
        (day, "epoch", text("nothing"), "wrong"),
        (year, "m11", text("0000000001 00000000000000000001 1 0 1795000000000000"), "wrong"),
        (year, "m11", text("0000000001 00000000000000000001 100 -5 1795000000000000"), "wrong"),
        (year, "m11", text("0000000001 00000000000000000007 100 0 1795000000000000"), "ahead"),
        (year, "m11", text("0000000002 00000000000000000001 100 0 1795000000000000"), "ahead"),
        (year, "m11", text("0000000001 00000000000000000000 100 0 1795000000000000"), "behind"),
        (year, "m11", text("nothing"), "wrong"),
        (year, "m11", number("1"), "wrong"),
    ];
    let world = World::new().await;
    world.post("acme", "BRL", DAY, "1").await;
    world.everything().await;
    world.let_a_day_pass().await;
    for (sk, attribute, value, kind) in cases {
        world.overwrite(sk, attribute, value).await;
        let report = world.everything().await;
        let found = json!({"wrong": report.wrong, "ahead": report.ahead, "behind": report.behind});
        assert_eq!(found[kind], 1, "{attribute} of {sk}: {report:?}");
        assert_eq!(report.repaired, 1, "{attribute} of {sk}: {report:?}");
        assert_eq!(world.day("acme", "BRL", DAY).await, (100, 1));
        assert_eq!(world.day("acme", "BRL", "2026-12-01").await, (100, 0));
    }
}

/// As of a table that was written when each month had an item of its own.
#[tokio::test]
async fn months_as_they_were_kept_before_are_written_anew() {
    let world = World::new().await;
    world.post("acme", "BRL", DAY, "1").await;
    world.let_a_day_pass().await;
    world.overwrite("month#2026-11", "credits", number("100")).await;
    assert_eq!(world.everything().await.missing, 2);
    assert_eq!(world.day("acme", "BRL", "2026-12-01").await, (100, 0));
    assert_eq!(world.everything().await.repaired, 0);
}

/// Of a day and of a month.
#[tokio::test]
async fn totals_that_the_ledger_knows_nothing_of_become_zero() {
    let world = World::new().await;
    world.post("acme", "BRL", "2026-11-01", "1").await;
    for period in [DAY, "2025-03-04", "2025-03"] {
        world.write(period, 500, 5, 1).await;
    }
    let report = world.everything().await;
    assert_eq!((report.ahead, report.repaired), (3, 3), "{report:?}");
    assert_eq!(world.day("acme", "BRL", DAY).await, (100, 0));
    assert_eq!(world.line("acme", "BRL", DAY).await.updated_at, None);
    assert_eq!(world.everything().await.repaired, 0);
}

/// And they stay there.
/// As the runbook says: the epoch is raised, then everything is compared.
#[tokio::test]
async fn after_a_restore_balances_go_back_to_what_the_ledger_knows() {
    let world = World::new().await;
    world.post("acme", "BRL", DAY, "1").await;
    world.post("acme", "BRL", "2026-10-01", "2").await;
    world.everything().await;
    // What only the time that is lost had known.
    world.write(DAY, 900, 9, 1).await;
    world.write("2026-11", 900, 9, 1).await;
    world.write("2026-12-24", 700, 7, 1).await;
    world.write("2026-12", 700, 7, 1).await;
    world.let_a_day_pass().await;
    world.database.owner().await.batch_execute("UPDATE ledger_epoch SET epoch = epoch + 1").await.unwrap();

    let report = world.everything().await;
    // October was right, and is now of the new epoch, too.
    assert_eq!((report.older_epoch, report.behind, report.repaired), (2, 4, 4), "{report:?}");
    let late_writes = [(DAY, 1_000, 10), ("2026-12-24", 800, 8), ("2026-10-01", 300, 3)];
    for (period, credits, entry_count) in late_writes {
        world.write(period, credits, entry_count, 1).await;
    }
    assert_eq!(world.day("acme", "BRL", DAY).await, (200, 1));
    assert_eq!(world.day("acme", "BRL", "2026-12-24").await, (200, 0));
    assert_eq!(world.day("acme", "BRL", "2026-10-01").await, (100, 1));
    let again = world.everything().await;
    assert_eq!((again.older_epoch, again.repaired), (0, 0));
}

#[tokio::test]
async fn marks_of_seals_are_those_of_the_newest_seals() {
    let world = World::new().await;
    world.post("acme", "BRL", DAY, "1").await;
    let merchant = acme();
    let status = async || world.line("acme", "BRL", DAY).await.status;

    // Of a seal that the ledger does not know.
    world.mark(1, 3, 1).await;
    let report = world.everything().await;
    assert_eq!((report.seals, status().await), (1, DayStatus::Open), "{report:?}");

    let ledger = Ledger::new(world.database.maintenance_config());
    ledger.seal(&merchant, Currency::BRL, parse_date(DAY).unwrap()).await.unwrap();
    assert_eq!(world.everything().await.seals, 1);
    assert_eq!(status().await, DayStatus::Sealed);

    world.overwrite("day#2026-11-22", "seal_entry_count", number("9")).await;
    assert_eq!(status().await, DayStatus::Restated);
    assert_eq!(world.everything().await.seals, 1);
    assert_eq!(status().await, DayStatus::Sealed);
    assert_eq!(world.everything().await, complete(2, 0));
}

#[tokio::test]
async fn a_scheduled_run_compares_what_was_posted_since_the_last_one() {
    let world = World::new().await;
    for merchant in ["acme", "emca"] {
        world.post(merchant, "BRL", DAY, "1").await;
    }
    assert_eq!(world.reconcile(json!({})).await.months_compared, 2);
    // Within the overlap they are looked at once more; a day later no longer.
    world.let_a_day_pass().await;
    world.post("acme", "USD", DAY, "2").await;
    assert_eq!(world.reconcile(json!({})).await.months_compared, 1);
}

#[tokio::test]
async fn a_scheduled_run_that_is_out_of_time_is_continued_where_it_stopped() {
    const MERCHANTS: usize = 50;
    let world = World::of_merchants(MERCHANTS).await;
    for run in 1..5 {
        let report = world.reconcile_until_look(10).await;
        assert_eq!((report.months_compared, report.complete), (10, false), "run {run}");
        assert_eq!(world.written(MERCHANTS).await, 10 * run);
    }
    let report = world.reconcile(json!({})).await;
    assert_eq!((report.months_compared, report.complete), (10, true));
    assert_eq!(world.written(MERCHANTS).await, MERCHANTS);
    assert_eq!(world.reconcile(json!({})).await, complete(0, 0));
}

/// Ten times as many months in a minute as a run can compare. Here some hundreds are, at the beginning, at the end of a window
/// and at the very end: what is between is the same again and again.
#[tokio::test]
async fn a_minute_with_130_000_months_is_come_through_run_by_run() {
    const MONTHS: usize = 130_000;
    let world = World::new().await;
    let owner = world.database.owner().await;
    // In a minute of an hour ago, in an order that has nothing to do with that of the months.
    let entries = format!(
        "SET statement_timeout = 0;
         INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date, recorded_at, slot, position)
         SELECT 'merchant-' || to_char(number * 7919 % {MONTHS}, 'FM000000'), gen_random_uuid(), sha256(''), 'credit', 100, 'BRL',
             '{DAY}', date_trunc('minute', now()) - INTERVAL '1 hour' + number * INTERVAL '60 seconds' / {MONTHS}, 0, 1
         FROM generate_series(0, {MONTHS} - 1) AS number;
         UPDATE reconciliation SET reconciled_until = date_trunc('minute', now()) - INTERVAL '59 minutes'"
    );
    owner.batch_execute(&entries).await.unwrap();
    let place = async || {
        let place = "SELECT after_merchant_id, to_char(window_until, 'SS') FROM reconciliation";
        let row = owner.query_one(place, &[]).await.unwrap();
        (row.get::<_, String>(0), row.get::<_, String>(1))
    };
    let mut last = String::new();
    for _ in 0..5 {
        let report = world.reconcile_until_look(100).await;
        assert_eq!((report.months_compared, report.complete), (100, false));
        let (merchant, second) = place().await;
        // A quarter of the minute is what the ledger lists at once.
        assert!(merchant > last && second == "15", "{merchant} after {last}, to second {second}");
        last = merchant;
    }
    // As runs after these leave it: near the end of this window, then of the last one.
    for (since, until) in [(0, 15), (45, 60)] {
        let near_the_end = format!(
            "UPDATE reconciliation SET (reconciled_until, place_of, window_until, after_merchant_id) = (
                 SELECT minute + INTERVAL '{since} s 1 minute', minute + INTERVAL '{since} s 1 minute', minute + INTERVAL '{until} s', 'merchant-129900'
                 FROM (SELECT date_trunc('minute', min(recorded_at)) AS minute FROM entry) AS recorded)"
        );
        owner.batch_execute(&near_the_end).await.unwrap();
        let report = world.reconcile_until_look(60).await;
        let (merchant, second) = place().await;
        match since {
            0 => assert!(
                !report.complete && second == "30" && merchant < last,
                "{merchant} in the window to second {second}"
            ),
            _ => assert!(report.complete && (15..35).contains(&report.months_compared), "{report:?}"),
        }
    }
}

/// Counting and listing have four seconds.
#[tokio::test]
async fn a_window_that_cannot_be_listed_in_time_is_halved() {
    let world = World::of_merchants(5).await;
    let slow = "
        ALTER TABLE entry DISABLE TRIGGER entry_is_append_only;
        UPDATE entry SET recorded_at = now() - INTERVAL '5 minutes';
        UPDATE reconciliation SET reconciled_until = now() - INTERVAL '5 minutes';
        CREATE OR REPLACE FUNCTION ledger_maintenance.months_recorded_after(
            since text, until text, after_merchant text, after_currency text, after_month text, rows_max bigint
        )
        RETURNS TABLE (merchant_id text, currency text, month text)
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public AS $$
        BEGIN
            IF $2::timestamptz - $1::timestamptz > INTERVAL '20 seconds' THEN
                PERFORM pg_sleep(6);
            END IF;
            RETURN QUERY SELECT DISTINCT entry.merchant_id, entry.currency, to_char(entry.date, 'YYYY-MM') FROM entry
                WHERE recorded_at >= $1::timestamptz AND recorded_at < $2::timestamptz AND entry.merchant_id > $3;
        END
        $$";
    world.database.owner().await.batch_execute(slow).await.unwrap();
    let report = world.reconcile(json!({})).await;
    assert_eq!((report.months_compared, report.complete), (5, true));
}

/// Whatever ends a function, such as its timeout: what it has noted counts, and the rest is compared again.
#[tokio::test]
async fn a_run_that_ends_within_a_batch_loses_no_more_than_that_batch() {
    const MERCHANTS: usize = 80;
    let world = World::of_merchants(MERCHANTS).await;
    let (looks, ended) = (Cell::new(0), tokio::sync::Notify::new());
    let is_out_of_time = || {
        looks.set(looks.get() + 1);
        if looks.get() == 50 {
            ended.notify_one();
        }
        false
    };
    tokio::select! {
        biased;
        () = ended.notified() => {}
        report = world.function.handle(json!({}), is_out_of_time) => panic!("{report:?}"),
    }
    // One batch of 32 was noted, of the next one a part was done.
    let done = world.written(MERCHANTS).await;
    assert!((32..60).contains(&done), "{done}");
    let report = world.reconcile(json!({})).await;
    assert_eq!((report.months_compared, report.complete), (48, true));
    assert_eq!(world.written(MERCHANTS).await, MERCHANTS);
}

#[tokio::test]
async fn two_scheduled_runs_at_once_compare_everything_and_lose_no_place() {
    const MERCHANTS: usize = 100;
    let world = World::of_merchants(MERCHANTS).await;
    let other = ReconcileBalances {
        ledger: Ledger::new(world.database.maintenance_config()),
        table: BalanceTable::new(world.store.client.clone(), &world.store.table_name),
        metrics: EmittedMetrics::default().metrics(),
    };
    let looks = Cell::new(0);
    let is_out_of_time = || looks.replace(looks.get() + 1) >= 40;
    let (one, another) =
        tokio::join!(other.handle(json!({}), || false), world.function.handle(json!({}), is_out_of_time));
    assert!(one.unwrap().complete && !another.unwrap().complete);
    assert_eq!(world.written(MERCHANTS).await, MERCHANTS);
    assert_eq!(world.reconcile(json!({})).await.months_compared, 0);
}

/// It is set aside.
#[tokio::test]
async fn a_month_that_cannot_be_compared_keeps_no_other_waiting() {
    let world = World::of_merchants(3).await;
    world.break_month(&merchant_name(0)).await;
    let report = world.reconcile(json!({})).await;
    assert_eq!((report.months_compared, report.failed, report.set_aside, report.complete), (2, 1, Some(1), true));
    assert_eq!(world.metrics.sum("MonthsSetAside"), 1);
    assert_eq!(world.written(3).await, 2);

    // Later runs try it again, whatever else was recorded, until it can be compared.
    world.let_a_day_pass().await;
    let report = world.reconcile(json!({})).await;
    assert_eq!((report.months_compared, report.failed, report.set_aside), (0, 1, Some(1)));
    world.mend_month(&merchant_name(0)).await;
    let report = world.reconcile(json!({})).await;
    assert_eq!((report.months_compared, report.failed, report.set_aside), (1, 0, Some(0)));
    assert_eq!(world.written(3).await, 3);
}

#[tokio::test]
async fn a_month_is_set_aside_until_any_run_has_compared_it() {
    let world = World::of_merchants(1).await;
    world.break_month(&merchant_name(0)).await;
    assert_eq!(world.reconcile(json!({})).await.set_aside, Some(1));
    world.mend_month(&merchant_name(0)).await;
    let request = json!({"merchant_id": merchant_name(0), "from": DAY, "to": DAY});
    assert_eq!(world.reconcile(request).await.set_aside, Some(0));
}

/// More than are compared side by side, so that no run sees any other between them.
#[tokio::test]
async fn many_months_that_cannot_be_compared_do_not_stop_those_behind_them() {
    const BROKEN: usize = 70;
    let world = World::of_merchants(BROKEN + 1).await;
    for number in 0..BROKEN {
        world.break_month(&merchant_name(number)).await;
    }
    let report = world.reconcile(json!({})).await;
    assert_eq!((report.months_compared, report.failed, report.complete), (1, BROKEN as u64, true));
    // The next run tries each of them once, and no more.
    let report = world.reconcile(json!({})).await;
    assert_eq!((report.failed, report.set_aside), (BROKEN as u64, Some(BROKEN as u64)));
    let attempts = "SELECT DISTINCT attempts FROM month_set_aside";
    let attempts = world.database.owner().await.query(attempts, &[]).await.unwrap();
    assert_eq!(attempts.iter().map(|row| row.get(0)).collect::<Vec<i32>>(), [2]);
}

/// As long as the table takes others.
/// An item may have 400 KB, which is nothing of the table.
#[tokio::test]
async fn a_month_whose_item_takes_no_write_is_set_aside() {
    let world = World::of_merchants(2).await;
    let full = text(&"x".repeat(400 * 1024 - 64));
    world.store.overwrite(&format!("{}#BRL", merchant_name(0)), "day#2026-11-22", "note", full).await;
    let report = world.reconcile(json!({})).await;
    assert_eq!((report.months_compared, report.failed, report.set_aside), (1, 1, Some(1)));
    assert_eq!(world.day(&merchant_name(1), "BRL", DAY).await, (100, 1));
}

#[tokio::test]
async fn while_the_read_model_is_down_a_run_fails_and_sets_nothing_aside() {
    const MERCHANTS: usize = 40;
    let world = World::of_merchants(MERCHANTS).await;
    world.reconcile_until_look(5).await;
    let down = ReconcileBalances {
        ledger: Ledger::new(world.database.maintenance_config()),
        table: BalanceTable::new(world.store.client.clone(), "no-such-table"),
        metrics: EmittedMetrics::default().metrics(),
    };
    for event in
        [json!({}), json!({"everything": true}), json!({"merchant_id": merchant_name(0), "from": DAY, "to": DAY})]
    {
        let error = down.handle(event, || false).await.unwrap_err();
        assert!(matches!(error, RunError::Stores(_)), "{error:?}");
    }
    let report = world.reconcile(json!({})).await;
    assert_eq!((report.months_compared, report.set_aside, report.complete), (35, Some(0), true));
}

#[tokio::test]
async fn while_the_ledger_is_down_a_run_fails() {
    let world = World::of_merchants(1).await;
    let mut config = world.database.maintenance_config();
    config.port = 1;
    let down = ReconcileBalances {
        ledger: Ledger::new(config),
        table: BalanceTable::new(world.store.client.clone(), &world.store.table_name),
        metrics: EmittedMetrics::default().metrics(),
    };
    assert!(matches!(down.handle(json!({}), || false).await, Err(RunError::Ledger(_))));
}

#[tokio::test]
async fn on_demand_too_an_incomparable_month_keeps_no_other_waiting() {
    let requests = [
        (json!({"everything": true}), 2),
        (json!({"merchant_id": "acme", "from": "2026-10-01", "to": "2026-12-31"}), 0),
    ];
    for (request, unknown_items) in requests {
        let world = World::new().await;
        for date in ["2026-10-10", DAY, "2026-12-10"] {
            world.post("acme", "BRL", date, date).await;
        }
        world.break_month("acme").await;
        // Of nobody: no walk through the table may stop there.
        world.store.overwrite("nobody", "day#2026-11-22", "credits", number("1")).await;
        let report = world.reconcile(request).await;
        assert_eq!((report.failed, report.set_aside, report.complete), (1, Some(1), true), "{report:?}");
        assert_eq!(report.unknown_items, unknown_items);
        for date in ["2026-10-10", "2026-12-10"] {
            assert_eq!(world.line("acme", "BRL", date).await.balance.totals.entry_count, 1, "{date}");
        }
    }
}

/// And no other months.
#[tokio::test]
async fn on_demand_a_merchants_months_are_compared_in_every_currency() {
    let world = World::new().await;
    for (merchant, currency, date) in [
        ("acme", "BRL", "2026-10-31"),
        ("acme", "BRL", "2026-11-01"),
        ("acme", "USD", "2026-12-31"),
        ("acme", "USD", "2027-01-01"),
        ("emca", "BRL", "2026-11-01"),
    ] {
        world.post(merchant, currency, date, date).await;
    }
    let report = world.reconcile(json!({"merchant_id": "acme", "from": "2026-11-15", "to": "2026-12-15"})).await;
    // Two months in each of two currencies.
    assert_eq!((report.months_compared, report.in_flight), (4, 4));
    assert_eq!(world.day("acme", "BRL", "2026-11-01").await, (100, 1));
    assert_eq!(world.day("acme", "USD", "2026-12-31").await, (100, 1));
    assert_eq!(world.day("acme", "BRL", "2026-10-31").await, (0, 0));
    assert_eq!(world.day("acme", "USD", "2027-01-01").await, (100, 0));
    assert_eq!(world.day("emca", "BRL", "2026-11-01").await, (0, 0));

    let event = event("reconcile-balances/merchant");
    assert_eq!(world.reconcile(event).await, complete(1, 0));
}

#[tokio::test]
async fn a_run_on_demand_that_is_out_of_time_says_where_to_go_on() {
    let requests =
        [json!({"everything": true}), json!({"merchant_id": "acme", "from": "2026-01-01", "to": "2026-06-30"})];
    for mut request in requests {
        let world = World::new().await;
        for month in 1..=6 {
            world.post("acme", "BRL", &format!("2026-0{month}-10"), &month.to_string()).await;
        }
        let (mut compared, mut runs) = (0, 0);
        loop {
            // Out of time after two months.
            let looks = Cell::new(0);
            let is_out_of_time = || looks.replace(looks.get() + 1) >= 1;
            let report = world.function.handle(request.clone(), is_out_of_time).await.unwrap();
            compared += report.months_compared;
            runs += 1;
            assert_eq!(report.complete, report.next.is_none());
            let Some(next) = report.next else { break };
            request["after"] = json!(next);
        }
        assert!(runs >= 3 && compared >= 6, "{runs} runs, {compared} months");
        assert_eq!(world.day("acme", "BRL", "2026-06-30").await, (600, 0));
        assert_eq!(world.day("acme", "BRL", "2026-07-01").await, (600, 0));
    }
}

/// Newer totals stand, whoever wrote them.
#[tokio::test]
async fn it_runs_beside_live_traffic_and_beside_itself() {
    const ENTRIES: usize = 20;
    let world = World::new().await;
    let posting = async {
        for key in 0..ENTRIES {
            world.post("acme", "BRL", DAY, &key.to_string()).await;
            if key % 3 == 0 && world.day("acme", "BRL", DAY).await.1 > 0 {
                world.overwrite("day#2026-11-22", "credits", number("1")).await;
            }
        }
    };
    let other = ReconcileBalances {
        ledger: Ledger::new(world.database.maintenance_config()),
        table: BalanceTable::new(world.store.client.clone(), &world.store.table_name),
        metrics: EmittedMetrics::default().metrics(),
    };
    let done = Cell::new(false);
    let reconciling = async |function: &ReconcileBalances| {
        let mut seen = 0;
        while !done.get() {
            function.handle(json!({"everything": true}), || false).await.unwrap();
            let (_, entry_count) = world.day("acme", "BRL", DAY).await;
            assert!(entry_count >= seen, "back from {seen} to {entry_count}");
            seen = entry_count;
        }
    };
    let posting = async {
        posting.await;
        done.set(true);
    };
    tokio::join!(posting, reconciling(&world.function), reconciling(&other));
    world.everything().await;
    assert_eq!(world.day("acme", "BRL", DAY).await, (100 * ENTRIES as i128, ENTRIES as u64));
}

#[tokio::test]
async fn a_month_is_compared_whatever_the_calendar_holds() {
    let world = World::new().await;
    world.post("acme", "BRL", "1900-01-01", "1").await;
    world.post("acme", "BRL", "2024-02-29", "2").await;
    assert_eq!(world.everything().await.in_flight, 4);
    assert_eq!(world.day("acme", "BRL", "2024-02-29").await, (200, 1));
    assert_eq!(Month::parse("9999-12").unwrap().next(), None);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_refused() {
    let world = World::new().await;
    for event in
        [json!({"merchant_id": "acme"}), json!({"everything": "yes"}), json!({"everything": true, "after": {}})]
    {
        let error = world.function.handle(event, || false).await.unwrap_err();
        assert!(error.to_string().starts_with("the event is not valid: "), "{error}");
    }
}
