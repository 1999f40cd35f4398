//! What `get-daily-balance` answers, on a real DynamoDB engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use balances::BalanceTable;
use cashflow::{Currency, MerchantId, Period, PeriodTotals, Totals};
use serde_json::json;
use test_events::{Answer, HttpEvent};
use test_stores::{DynamoDb, aws_at};

fn table(store: &DynamoDb) -> BalanceTable {
    BalanceTable::new(store.client.clone(), &store.table_name)
}

async fn get(table: &BalanceTable, event: &HttpEvent) -> Answer {
    Answer::read(get_daily_balance::handle(table, &event.request()).await)
}

async fn write(table: &BalanceTable, period: &str, currency: &str, credits: i128, debits: i128) {
    let totals = PeriodTotals {
        period: Period::parse(period).unwrap(),
        currency: Currency::parse(currency).unwrap(),
        totals: Totals { credits, debits, entry_count: 3 },
    };
    let at = "2026-11-22T15:04:06.123456Z".parse().unwrap();
    table.write_if_newer(&MerchantId::parse("acme").unwrap(), &totals, 1, at).await.unwrap();
}

fn day() -> HttpEvent {
    HttpEvent::load("get-daily-balance/day")
}

fn range() -> HttpEvent {
    HttpEvent::load("get-daily-balance/range")
}

#[tokio::test]
async fn a_day_is_answered_with_its_balance() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    write(&table, "2026-10", "BRL", 10_000, 20_050).await;
    write(&table, "2026-11-22", "BRL", 15_075, 5).await;
    let answer = get(&table, &day()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        answer.body,
        json!({
            "date": "2026-11-22", "currency": "BRL", "opening_balance": "-100.50", "total_credits": "150.75",
            "total_debits": "0.05", "closing_balance": "50.20", "entry_count": 3,
            "updated_at": "2026-11-22T15:04:06.123456Z"
        })
    );
}

#[tokio::test]
async fn a_day_without_entries_carries_the_balance_over() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    write(&table, "2026-10", "BRL", 10_000, 0).await;
    let answer = get(&table, &day()).await;
    assert_eq!(
        answer.body,
        json!({
            "date": "2026-11-22", "currency": "BRL", "opening_balance": "100.00", "total_credits": "0.00",
            "total_debits": "0.00", "closing_balance": "100.00", "entry_count": 0, "updated_at": null
        })
    );
}

#[tokio::test]
async fn amounts_have_the_digits_of_their_currency() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    for (currency, closing) in [("JPY", "1234"), ("BRL", "12.34"), ("KWD", "1.234")] {
        write(&table, "2026-11-22", currency, 1_234, 0).await;
        let answer = get(&table, &day().query(&format!("currency={currency}"))).await;
        assert_eq!(answer.body["closing_balance"], closing);
    }
}

#[tokio::test]
async fn a_range_has_one_balance_for_every_day() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    write(&table, "2026-11-22", "BRL", 500, 0).await;
    let answer = get(&table, &range()).await;
    assert_eq!(answer.status, 200);
    let balances = answer.body["balances"].as_array().unwrap();
    assert_eq!(balances.len(), 30);
    let closing: Vec<&str> = balances.iter().map(|day| day["closing_balance"].as_str().unwrap()).collect();
    assert!(closing[..21].iter().all(|text| *text == "0.00") && closing[21..].iter().all(|text| *text == "5.00"));
    assert_eq!((&balances[0]["date"], &balances[29]["date"]), (&json!("2026-11-01"), &json!("2026-11-30")));
}

#[tokio::test]
async fn a_merchant_sees_only_its_own_balances() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    write(&table, "2026-11-22", "BRL", 500, 0).await;
    for merchant in ["emca", "acme#BRL", "ACME", "acme "] {
        let answer = get(&table, &day().claim("custom:merchant_id", merchant)).await;
        assert!(answer.status == 403 || answer.body["closing_balance"] == "0.00", "{merchant}: {answer:?}");
    }
    // Nothing in the request has a say in whose balance it is.
    let asking = day().header("merchant-id", "acme").claim("custom:merchant_id", "emca").query("merchant_id=acme");
    assert_eq!(get(&table, &asking).await.code(), "parameter_invalid");
}

#[tokio::test]
async fn any_user_of_a_merchant_may_read_and_nobody_else() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    assert_eq!(get(&table, &day().without_claim("cognito:groups")).await.status, 200);
    assert_eq!(get(&table, &day().claim("cognito:groups", "[viewer]")).await.status, 200);
    assert_eq!(get(&table, &day().without_claim("custom:merchant_id")).await.code(), "merchant_missing");
    assert_eq!(get(&table, &day().claim("token_use", "access")).await.code(), "id_token_required");
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let refused = [
        (HttpEvent::load("get-daily-balance/impossible-date"), "parameter_invalid"),
        (day().path("/daily-balances/today"), "parameter_invalid"),
        (day().query("currency=XXX"), "parameter_invalid"),
        (range().query("from=2026-11-30&to=2026-11-01"), "parameter_invalid"),
        (range().query(""), "parameter_invalid"),
        (day().path("/daily-balances/2026-11-22/more"), "not_found"),
        (day().path("/"), "not_found"),
    ];
    for (event, code) in refused {
        assert_eq!(get(&table, &event).await.code(), code);
    }
}

#[tokio::test]
async fn a_read_model_that_is_down_is_answered_with_503_and_retry_after() {
    let nowhere = aws_sdk_dynamodb::Client::new(&aws_at("http://127.0.0.1:1").await);
    let answer = get(&BalanceTable::new(nowhere, "balances"), &day()).await;
    assert_eq!((answer.status, answer.code()), (503, "temporarily_unavailable"));
    assert!(answer.header("retry-after").is_some());
}
