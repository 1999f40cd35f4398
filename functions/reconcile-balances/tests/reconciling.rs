//! What `reconcile-balances` finds and repairs, on a real PostgreSQL and a real DynamoDB engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::cell::Cell;

use aws_sdk_dynamodb::types::AttributeValue;
use balances::{BalanceTable, Consistency, SealMark};
use cashflow::{
    Amount, Currency, DayStatus, EntryId, EntryRequest, EntryType, IdempotencyKey, MerchantId, Month, Period,
    PeriodTotals, Totals, parse_date,
};
use ledger::Ledger;
use reconcile_balances::{ReconcileBalances, Report};
use serde_json::{Value, json};
use test_events::{EmittedMetrics, event};
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
        let merchant = MerchantId::parse(merchant).unwrap();
        let date = parse_date(date).unwrap();
        let request = EntryRequest {
            entry_type: EntryType::Credit,
            amount: Amount::from_minor(100, Currency::parse(currency).unwrap()).unwrap(),
            date: Some(date),
            description: None,
            category: None,
        };
        let entry = request.into_entry(EntryId::derive(&merchant, &IdempotencyKey::parse(key).unwrap()), date);
        Ledger::new(self.database.config()).post(&merchant, &[entry]).await.unwrap();
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

    async fn overwrite(&self, sk: &str, attribute: &str, value: AttributeValue) {
        self.store.overwrite("acme#BRL", sk, attribute, value).await;
    }

    /// Closing balance and number of entries of a day, as a reader sees them.
    async fn day(&self, merchant: &str, currency: &str, date: &str) -> (i128, u64) {
        let line = self.line(merchant, currency, date).await;
        (line.balance.closing, line.balance.totals.entry_count)
    }

    async fn line(&self, merchant: &str, currency: &str, date: &str) -> cashflow::BalanceLine {
        let (merchant, currency) = (MerchantId::parse(merchant).unwrap(), Currency::parse(currency).unwrap());
        let date = parse_date(date).unwrap();
        let lines = self.function.table.daily_balances(&merchant, currency, date, date, Consistency::Strong).await;
        lines.unwrap().remove(0)
    }

    async fn mark(&self, epoch: u32, number: u32, entry_count: u64) {
        let (merchant, date) = (MerchantId::parse("acme").unwrap(), parse_date(DAY).unwrap());
        let mark = SealMark { epoch, number, entry_count };
        self.function.table.write_seal(&merchant, Currency::BRL, date, mark).await.unwrap();
    }

    /// Totals as a ledger had them that has lost them since.
    async fn write(&self, period: &str, credits: i128, entry_count: u64, epoch: u32) {
        let merchant = MerchantId::parse("acme").unwrap();
        let totals = Totals { credits, debits: 0, entry_count };
        let totals = PeriodTotals { period: Period::parse(period).unwrap(), currency: Currency::BRL, totals };
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        self.function.table.write_if_newer(&merchant, &totals, epoch, now).await.unwrap();
    }
}

fn number(value: &str) -> AttributeValue {
    AttributeValue::N(value.to_owned())
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A report of a complete run.
fn complete(months_compared: u64, repaired: u64) -> Report {
    Report { months_compared, repaired, complete: true, ..Report::default() }
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

#[tokio::test]
async fn totals_whose_execution_is_still_under_way_are_written_but_not_counted_as_different() {
    let world = World::new().await;
    world.post("acme", "BRL", DAY, "1").await;
    let report = world.reconcile(event("reconcile-balances/schedule")).await;
    assert_eq!(report, Report { in_flight: 2, ..complete(1, 0) });
    assert_eq!(world.day("acme", "BRL", DAY).await, (100, 1));
    assert_eq!(world.metrics.sum("BalancesDifferent"), 0);
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

#[tokio::test]
async fn totals_of_a_day_and_of_a_month_that_the_ledger_knows_nothing_of_become_zero() {
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

/// As the runbook says: the epoch is raised, then everything is compared.
#[tokio::test]
async fn after_a_restore_of_the_ledger_balances_go_back_to_what_it_knows_and_stay_there() {
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
    assert_eq!((report.renewed, report.behind, report.repaired), (2, 4, 4), "{report:?}");
    let late_writes = [(DAY, 1_000, 10), ("2026-12-24", 800, 8), ("2026-10-01", 300, 3)];
    for (period, credits, entry_count) in late_writes {
        world.write(period, credits, entry_count, 1).await;
    }
    assert_eq!(world.day("acme", "BRL", DAY).await, (200, 1));
    assert_eq!(world.day("acme", "BRL", "2026-12-24").await, (200, 0));
    assert_eq!(world.day("acme", "BRL", "2026-10-01").await, (100, 1));
    let again = world.everything().await;
    assert_eq!((again.renewed, again.repaired), (0, 0));
}

#[tokio::test]
async fn marks_of_seals_are_those_of_the_newest_seals() {
    let world = World::new().await;
    world.post("acme", "BRL", DAY, "1").await;
    let merchant = MerchantId::parse("acme").unwrap();
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
async fn a_scheduled_run_that_is_out_of_time_is_continued_by_the_next() {
    let world = World::new().await;
    let owner = world.database.owner().await;
    owner.batch_execute("ALTER TABLE entry DISABLE TRIGGER entry_is_append_only").await.unwrap();
    owner.batch_execute("UPDATE reconciliation SET reconciled_until = now() - INTERVAL '1 hour'").await.unwrap();
    for (merchant, minutes) in [("a", 50), ("b", 30), ("c", 1)] {
        world.post(merchant, "BRL", DAY, "1").await;
        let recorded = format!(
            "UPDATE entry SET recorded_at = now() - INTERVAL '{minutes} minutes' WHERE merchant_id = '{merchant}'"
        );
        owner.batch_execute(&recorded).await.unwrap();
    }
    let written = async || {
        let mut written = Vec::new();
        for merchant in ["a", "b", "c"] {
            written.push(world.day(merchant, "BRL", DAY).await.1);
        }
        written
    };
    // Out of time after half of the hour and the minute before it.
    let minutes = Cell::new(0);
    let is_late = || minutes.replace(minutes.get() + 1) >= 35;
    let report = world.function.handle(json!({}), is_late).await.unwrap();
    assert_eq!((report.months_compared, report.complete, written().await), (2, false, vec![1, 1, 0]));
    let report = world.reconcile(json!({})).await;
    assert_eq!((report.months_compared, report.complete, written().await), (1, true, vec![1, 1, 1]));
}

#[tokio::test]
async fn on_demand_a_merchants_months_are_compared_in_every_currency_and_no_others() {
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
            let is_late = || looks.replace(looks.get() + 1) >= 1;
            let report = world.function.handle(request.clone(), is_late).await.unwrap();
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
        assert!(error.to_string().starts_with("the event cannot be read: "), "{error}");
    }
}
