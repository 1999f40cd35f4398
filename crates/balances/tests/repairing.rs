//! Looking at what the read model holds, and putting it right, on a real DynamoDB engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use balances::{BalanceTable, Consistency, ProbeError, SealMark, Stored, StoredBalance, Write};
use cashflow::{Currency, MerchantId, Month, Period, PeriodTotals, Totals, TotalsVersion};
use jiff::Timestamp;
use test_builders::{TODAY, acme, merchant};
use test_stores::DynamoDb;

const DAY: &str = "2026-11-22";
const MARK: SealMark = SealMark { epoch: 1, number: 1, entry_count: 5 };

struct World {
    store: DynamoDb,
    table: BalanceTable,
}

impl World {
    async fn new() -> World {
        let store = DynamoDb::start().await;
        let table = BalanceTable::new(store.client.clone(), &store.table_name);
        World { store, table }
    }

    async fn write(&self, period: &str, credits: i128, entry_count: u64) {
        self.table.write_if_newer(&acme(), &totals(period, credits, entry_count), 1, at()).await.unwrap();
    }

    async fn overwrite(&self, attribute: &str, value: AttributeValue) {
        self.store.overwrite("acme#BRL", &format!("day#{DAY}"), attribute, value).await;
    }

    async fn day(&self) -> StoredBalance {
        self.stored(Period::Day(TODAY)).await
    }

    async fn month(&self) -> StoredBalance {
        self.stored(Period::Month(month("2026-11"))).await
    }

    async fn stored(&self, period: Period) -> StoredBalance {
        self.table.month(&acme(), Currency::BRL, month("2026-11")).await.unwrap()[&period].clone()
    }

    async fn replace(&self, credits: i128, entry_count: u64, seen: &StoredBalance) -> Write {
        let totals = totals(DAY, credits, entry_count);
        self.table.replace_totals(&acme(), &totals, 1, at(), seen).await.unwrap()
    }
}

fn month(text: &str) -> Month {
    Month::parse(text).unwrap()
}

fn at() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

fn totals(period: &str, credits: i128, entry_count: u64) -> PeriodTotals {
    let totals = Totals { credits, debits: 0, entry_count };
    PeriodTotals { period: Period::parse(period).unwrap(), currency: Currency::BRL, totals }
}

fn present(credits: i128, entry_count: u64) -> Stored<(Totals, TotalsVersion)> {
    Stored::Present((totals(DAY, credits, entry_count).totals, TotalsVersion { epoch: 1, entry_count }))
}

fn number(value: &str) -> AttributeValue {
    AttributeValue::N(value.to_owned())
}

#[tokio::test]
async fn a_month_is_its_days_and_itself_and_nothing_of_its_neighbours() {
    let world = World::new().await;
    let inside = ["2026-11", "2026-11-01", "2026-11-30"];
    for period in ["2026-10", "2026-10-31", "2026-12", "2026-12-01", "1926-11-15"].iter().chain(&inside) {
        world.write(period, 100, 1).await;
    }
    let stored = world.table.month(&acme(), Currency::BRL, month("2026-11")).await.unwrap();
    let expected: HashSet<Period> = inside.map(|period| Period::parse(period).unwrap()).into();
    assert_eq!(stored.into_keys().collect::<HashSet<_>>(), expected);
    let other = merchant("acm");
    assert!(world.table.month(&other, Currency::BRL, month("2026-11")).await.unwrap().is_empty());
}

#[tokio::test]
async fn totals_that_are_wrong_at_an_equal_or_higher_version_can_be_replaced() {
    let world = World::new().await;
    world.write(DAY, 100, 5).await;
    for (attribute, value) in [("credits", "1"), ("entry_count", "9"), ("epoch", "7")] {
        world.overwrite(attribute, number(value)).await;
        let seen = world.day().await;
        assert_ne!(seen.totals(), present(100, 5));
        assert_eq!(world.replace(100, 5, &seen).await, Write::Written);
        assert_eq!(world.day().await.totals(), present(100, 5));
    }
}

#[tokio::test]
async fn totals_that_somebody_has_broken_can_be_replaced() {
    let world = World::new().await;
    world.write(DAY, 100, 5).await;
    world.overwrite("debits", AttributeValue::S("none".to_owned())).await;
    let seen = world.day().await;
    assert_eq!(seen.totals(), Stored::Malformed);
    assert_eq!(world.replace(100, 5, &seen).await, Write::Written);
    assert_eq!(world.day().await.totals(), present(100, 5));
}

#[tokio::test]
async fn what_has_changed_since_it_was_seen_is_not_replaced() {
    let world = World::new().await;
    world.write(DAY, 1, 5).await;
    let seen = world.day().await;
    world.write(DAY, 200, 6).await;
    assert_eq!(world.replace(100, 5, &seen).await, Write::UpToDate);
    assert_eq!(world.day().await.totals(), present(200, 6));
}

#[tokio::test]
async fn totals_of_a_day_that_was_only_sealed_before_are_not_replaced() {
    let world = World::new().await;
    world.table.write_seal(&acme(), Currency::BRL, TODAY, MARK).await.unwrap();
    let seen = world.day().await;
    assert_eq!(seen.totals(), Stored::Missing);
    world.write(DAY, 200, 6).await;
    assert_eq!(world.replace(100, 5, &seen).await, Write::UpToDate);
}

#[tokio::test]
async fn a_month_is_replaced_only_if_it_is_as_it_was_seen() {
    let world = World::new().await;
    let replace = async |credits, seen: &StoredBalance| {
        let totals = totals("2026-11", credits, 5);
        world.table.replace_totals(&acme(), &totals, 1, at(), seen).await.unwrap()
    };
    world.write("2026-11", 1, 5).await;
    let seen = world.month().await;
    assert_eq!((seen.totals(), seen.updated_at(), seen.seal()), (present(1, 5), Some(at()), Stored::Missing));
    assert_eq!(replace(100, &seen).await, Write::Written);
    assert_eq!(replace(200, &seen).await, Write::UpToDate);
    assert_eq!(world.month().await.totals(), present(100, 5));

    world.store.overwrite("acme#BRL", "year#2026", "m11", number("5")).await;
    let seen = world.month().await;
    assert_eq!((seen.totals(), seen.updated_at()), (Stored::Malformed, None));
    assert_eq!(replace(100, &seen).await, Write::Written);
    assert_eq!(world.month().await.totals(), present(100, 5));
}

#[tokio::test]
async fn the_mark_of_a_seal_can_be_replaced_and_removed_and_leaves_the_totals() {
    let world = World::new().await;
    world.write(DAY, 100, 5).await;
    world.table.write_seal(&acme(), Currency::BRL, TODAY, MARK).await.unwrap();
    world.overwrite("seal_entry_count", number("4")).await;
    let seen = world.day().await;
    let replaced = world.table.replace_seal(&acme(), Currency::BRL, TODAY, MARK, &seen).await.unwrap();
    assert_eq!((replaced, world.day().await.seal()), (Write::Written, Stored::Present(MARK)));

    let late = world.table.remove_seal(&acme(), Currency::BRL, TODAY, &seen).await.unwrap();
    assert_eq!((late, world.day().await.seal()), (Write::UpToDate, Stored::Present(MARK)));
    let seen = world.day().await;
    let removed = world.table.remove_seal(&acme(), Currency::BRL, TODAY, &seen).await.unwrap();
    assert_eq!((removed, world.day().await.seal()), (Write::Written, Stored::Missing));
    assert_eq!(world.day().await.totals(), present(100, 5));
}

#[tokio::test]
async fn a_day_that_a_restored_ledger_does_not_know_reads_as_empty() {
    let world = World::new().await;
    world.write(DAY, 100, 5).await;
    world.table.write_if_newer(&acme(), &totals(DAY, 0, 0), 2, at()).await.unwrap();
    let lines = world.table.daily_balances(&acme(), Currency::BRL, TODAY, TODAY, Consistency::Strong).await.unwrap();
    assert_eq!((lines[0].balance.closing, lines[0].updated_at), (0, None));
    // What was on its way when the ledger was restored comes too late.
    world.write(DAY, 120, 6).await;
    let lines = world.table.daily_balances(&acme(), Currency::BRL, TODAY, TODAY, Consistency::Strong).await.unwrap();
    assert_eq!(lines[0].balance.closing, 0);
}

#[tokio::test]
async fn a_walk_comes_to_every_month_whatever_the_merchant_is_called() {
    let world = World::new().await;
    let mut expected = HashSet::new();
    for merchant in ["acme", "a#b", "#", "acme#BRL"].map(|name| MerchantId::parse(name).unwrap()) {
        for day in 1..=60 {
            let period = format!("20{day:02}-03-04");
            let totals = totals(&period, 1, 1);
            world.table.write_if_newer(&merchant, &totals, 1, at()).await.unwrap();
            expected.insert((merchant.clone(), Currency::BRL, month(&period[..7])));
        }
    }
    let mut found = HashSet::new();
    let mut cursor = None;
    let mut pages = 0;
    loop {
        let (items, has_more) = world.table.items(cursor.as_ref()).await.unwrap();
        cursor = items.last().map(|item| item.cursor.clone());
        found.extend(items.into_iter().flat_map(|item| item.months.unwrap()));
        pages += 1;
        if !has_more {
            break;
        }
    }
    assert_eq!(found, expected);
    assert!(pages > 1, "240 items are more than one page");
}

#[tokio::test]
async fn a_walk_through_the_table_comes_to_months_whose_days_are_lost() {
    let world = World::new().await;
    for period in ["2025-12", "2026-01", "2026-11"] {
        world.write(period, 100, 1).await;
    }
    let (items, has_more) = world.table.items(None).await.unwrap();
    let months: HashSet<_> = items.into_iter().flat_map(|item| item.months.unwrap()).collect();
    let expected = ["2025-12", "2026-01", "2026-11"].map(|text| (acme(), Currency::BRL, month(text)));
    assert_eq!((months, has_more), (expected.into(), false));
}

#[tokio::test]
async fn a_walk_through_the_table_goes_past_items_that_are_none_of_its_own() {
    let world = World::new().await;
    let strange = [("nobody", "day#2026-11-22"), ("acme#BRL", "day#2026-11-3x"), ("acme#XXX", "day#2026-11-22")];
    for (pk, sk) in strange {
        world.store.overwrite(pk, sk, "credits", AttributeValue::N("1".to_owned())).await;
    }
    world.write("2026-11", 100, 1).await;
    let (items, _) = world.table.items(None).await.unwrap();
    let unknown = items.iter().filter(|item| item.months.is_none()).count();
    let known: Vec<_> = items.into_iter().filter_map(|item| item.months).flatten().collect();
    assert_eq!((unknown, known), (3, vec![(acme(), Currency::BRL, month("2026-11"))]));
}

#[tokio::test]
async fn a_probe_tells_whether_the_table_answers_and_changes_nothing() {
    let world = World::new().await;
    world.table.probe().await.unwrap();
    assert_eq!(world.table.items(None).await.unwrap().0, []);
    let elsewhere = BalanceTable::new(world.store.client.clone(), "no-such-table");
    assert!(matches!(elsewhere.probe().await, Err(ProbeError::Read(_))));
    assert!(elsewhere.probe_writes().await.is_err());
}
