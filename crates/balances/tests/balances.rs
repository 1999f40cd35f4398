//! What the read model answers, on a real DynamoDB engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use balances::{BalanceTable, Consistency, SealMark, Write};
use cashflow::{
    BalanceLine, BalanceToken, Currency, DayStatus, Period, PeriodTotals, Totals, TotalsVersion, parse_date,
};
use jiff::Timestamp;
use test_builders::{acme, merchant};
use test_stores::DynamoDb;

fn table(store: &DynamoDb) -> BalanceTable {
    BalanceTable::new(store.client.clone(), &store.table_name)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn totals(period: &str, credits: i128, debits: i128, entry_count: u64) -> PeriodTotals {
    let totals = Totals { credits, debits, entry_count };
    PeriodTotals { period: Period::parse(period).unwrap(), currency: Currency::BRL, totals }
}

async fn write(table: &BalanceTable, epoch: u32, totals: PeriodTotals) -> Write {
    table.write_if_newer(&acme(), &totals, epoch, at(0)).await.unwrap()
}

/// The balances of a range as `date opening credits debits closing count`.
async fn lines(table: &BalanceTable, from: &str, to: &str) -> Vec<String> {
    let (from, to) = (parse_date(from).unwrap(), parse_date(to).unwrap());
    let lines = table.daily_balances(&acme(), Currency::BRL, from, to, Consistency::Eventual).await.unwrap();
    let line = |line: &BalanceLine| {
        let balance = line.balance;
        let Totals { credits, debits, entry_count } = balance.totals;
        format!("{} {} {credits} {debits} {} {entry_count}", balance.date, balance.opening, balance.closing)
    };
    lines.iter().map(line).collect()
}

#[tokio::test]
async fn a_merchant_without_entries_has_a_balance_of_zero() {
    let store = DynamoDb::start().await;
    assert_eq!(lines(&table(&store), "2026-11-22", "2026-11-22").await, ["2026-11-22 0 0 0 0 0"]);
    assert_eq!(
        lines(&table(&store), "1900-01-01", "1900-01-02").await,
        ["1900-01-01 0 0 0 0 0", "1900-01-02 0 0 0 0 0"]
    );
}

#[tokio::test]
async fn a_day_opens_with_the_months_before_and_the_days_before_in_its_month() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    for period in ["1900-01", "2025-12", "2026-10", "2026-11"] {
        write(&table, 1, totals(period, 1_000, 100, 5)).await;
    }
    for day in ["2026-10-31", "2026-11-01", "2026-11-21", "2026-11-22", "2026-11-23", "2026-12-01"] {
        write(&table, 1, totals(day, 50, 20, 2)).await;
    }
    // Three months before, then the 1st and the 21st.
    assert_eq!(lines(&table, "2026-11-22", "2026-11-22").await, ["2026-11-22 2760 50 20 2790 2"]);
    assert_eq!(lines(&table, "2026-11-01", "2026-11-01").await, ["2026-11-01 2700 50 20 2730 2"]);
}

#[tokio::test]
async fn a_range_across_months_fills_its_gaps() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    write(&table, 1, totals("2026-09", 700, 0, 1)).await;
    write(&table, 1, totals("2026-10", 300, 0, 3)).await;
    for day in ["2026-10-01", "2026-10-30", "2026-10-31"] {
        write(&table, 1, totals(day, 100, 0, 1)).await;
    }
    write(&table, 1, totals("2026-11", 0, 40, 1)).await;
    write(&table, 1, totals("2026-11-02", 0, 40, 1)).await;
    assert_eq!(
        lines(&table, "2026-10-30", "2026-11-03").await,
        [
            "2026-10-30 800 100 0 900 1",
            "2026-10-31 900 100 0 1000 1",
            "2026-11-01 1000 0 0 1000 0",
            "2026-11-02 1000 0 40 960 1",
            "2026-11-03 960 0 0 960 0",
        ]
    );
}

#[tokio::test]
async fn only_a_newer_version_replaces_totals() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    for (period, day) in [("2026-11-22", "2026-11-22"), ("2026-11", "2026-12-01")] {
        let totals = |credits, entry_count| totals(period, credits, 0, entry_count);
        let closing = async || lines(&table, day, day).await[0].split(' ').nth(4).unwrap().to_owned();
        assert_eq!(write(&table, 1, totals(200, 2)).await, Write::Written);
        assert_eq!(write(&table, 1, totals(200, 2)).await, Write::UpToDate);
        assert_eq!(write(&table, 1, totals(100, 1)).await, Write::UpToDate);
        assert_eq!(write(&table, 1, totals(1_000, 10)).await, Write::Written);
        assert_eq!(write(&table, 1, totals(900, 9)).await, Write::UpToDate);
        assert_eq!(closing().await, "1000");
        // After a restore the ledger has fewer entries, but a higher epoch.
        assert_eq!(write(&table, 2, totals(300, 3)).await, Write::Written);
        assert_eq!(write(&table, 1, totals(1_100, 11)).await, Write::UpToDate);
        assert_eq!(closing().await, "300");
    }
}

#[tokio::test]
async fn months_of_one_year_are_written_at_once_and_none_is_lost() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let months = (1..=12).map(|month| totals(&format!("2025-{month:02}"), 10, 3, 2));
    let writes = futures::future::join_all(months.map(|totals| write(&table, 1, totals))).await;
    assert_eq!(writes, [Write::Written; 12]);
    assert_eq!(lines(&table, "2025-12-31", "2025-12-31").await, ["2025-12-31 77 0 0 77 0"]);
    assert_eq!(lines(&table, "2026-01-01", "2026-01-01").await, ["2026-01-01 84 0 0 84 0"]);
}

#[tokio::test]
async fn totals_of_38_digits_stay_exact() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let largest = 99_999_999_999_999_999_999_999_999_999_999_999_999_i128;
    write(&table, 1, totals("2026-11-22", largest, 1, 2)).await;
    write(&table, 1, totals("2026-11", largest, 1, 2)).await;
    let net = largest - 1;
    assert_eq!(lines(&table, "2026-11-22", "2026-11-22").await, [format!("2026-11-22 0 {largest} 1 {net} 2")]);
    assert_eq!(lines(&table, "2026-12-01", "2026-12-01").await, [format!("2026-12-01 {net} 0 0 {net} 0")]);
}

#[tokio::test]
async fn merchants_and_currencies_have_balances_of_their_own() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    write(&table, 1, totals("2026-11-22", 100, 0, 1)).await;
    let date = parse_date("2026-11-22").unwrap();
    let closing = async |merchant: &str, currency: &str| {
        let merchant = self::merchant(merchant);
        let currency = Currency::parse(currency).unwrap();
        table.daily_balances(&merchant, currency, date, date, Consistency::Eventual).await.unwrap()[0].balance.closing
    };
    assert_eq!(closing("acme", "BRL").await, 100);
    for (merchant, currency) in
        [("acme", "USD"), ("ACME", "BRL"), ("acm", "BRL"), ("acme#", "BRL"), ("acme#BRL", "BRL")]
    {
        assert_eq!(closing(merchant, currency).await, 0, "{merchant} {currency}");
    }
}

#[tokio::test]
async fn a_day_tells_when_its_totals_were_taken() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    table.write_if_newer(&acme(), &totals("2026-11-22", 100, 0, 1), 1, at(7)).await.unwrap();
    let (from, to) = (parse_date("2026-11-22").unwrap(), parse_date("2026-11-23").unwrap());
    let lines = table.daily_balances(&acme(), Currency::BRL, from, to, Consistency::Eventual).await.unwrap();
    assert_eq!((lines[0].updated_at, lines[1].updated_at), (Some(at(7)), None));
}

#[tokio::test]
async fn a_history_since_1900_is_read_whole() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    // All months that the calendar of the ledger has up to today.
    let mut expected = 0;
    for year in 1900..2027 {
        for month in 1..=12 {
            write(&table, 1, totals(&format!("{year}-{month:02}"), 7, 0, 1)).await;
            expected += 7;
        }
    }
    expected -= 7 * 2;
    assert_eq!(lines(&table, "2026-11-30", "2026-11-30").await, [format!("2026-11-30 {expected} 0 0 {expected} 0")]);
}

#[tokio::test]
async fn a_newer_seal_replaces_an_older_one_and_never_the_other_way_round() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let day = parse_date("2026-11-22").unwrap();
    let seal = async |epoch, number, entry_count| {
        let mark = SealMark { epoch, number, entry_count };
        table.write_seal(&acme(), Currency::BRL, day, mark).await.unwrap()
    };
    let status = async || {
        let lines = table.daily_balances(&acme(), Currency::BRL, day, day, Consistency::Strong).await.unwrap();
        (lines[0].status, lines[0].balance.totals.entry_count)
    };
    assert_eq!(status().await, (DayStatus::Open, 0));
    // A day that was sealed before its first entry has no totals yet, and takes them.
    assert_eq!(seal(1, 1, 0).await, Write::Written);
    assert_eq!(status().await, (DayStatus::Sealed, 0));
    assert_eq!(write(&table, 1, totals("2026-11-22", 5, 0, 2)).await, Write::Written);
    assert_eq!(status().await, (DayStatus::Restated, 2));
    assert_eq!(seal(1, 3, 2).await, Write::Written);
    assert_eq!(seal(1, 2, 1).await, Write::UpToDate);
    assert_eq!(seal(1, 3, 2).await, Write::UpToDate);
    assert_eq!(status().await, (DayStatus::Sealed, 2));
    // Totals leave the seal as it is.
    assert_eq!(write(&table, 1, totals("2026-11-22", 6, 0, 3)).await, Write::Written);
    assert_eq!(status().await, (DayStatus::Restated, 3));
    assert_eq!(seal(2, 1, 3).await, Write::Written);
    assert_eq!(status().await, (DayStatus::Sealed, 3));
}

#[tokio::test]
async fn a_token_is_reached_when_day_and_month_are_at_its_versions_or_later() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let version = |epoch, entry_count| TotalsVersion { epoch, entry_count };
    let date = parse_date("2026-11-22").unwrap();
    let token = BalanceToken { currency: Currency::BRL, date, day: version(1, 2), month: version(1, 7) };
    let reached = async || table.has_reached(&acme(), &token).await.unwrap();
    assert!(!reached().await);
    write(&table, 1, totals("2026-11-22", 5, 0, 1)).await;
    write(&table, 1, totals("2026-11", 5, 0, 7)).await;
    assert!(!reached().await);
    write(&table, 1, totals("2026-11-22", 5, 0, 3)).await;
    assert!(reached().await);
    assert!(!table.has_reached(&merchant("emca"), &token).await.unwrap());
    // After a restore counts start again, in a later epoch.
    let earlier_epoch = BalanceToken { day: version(0, 99), month: version(0, 99), ..token };
    assert!(table.has_reached(&acme(), &earlier_epoch).await.unwrap());
}
