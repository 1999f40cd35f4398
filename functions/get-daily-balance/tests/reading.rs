//! What `get-daily-balance` answers, on a real DynamoDB engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::Duration;

use balances::BalanceTable;
use cashflow::{
    BalanceToken, Currency, Period, PeriodTotals, PostedEntry, RecordedEntry, Totals, TotalsVersion, parse_date,
};
use get_daily_balance::GetDailyBalance;
use http_api::{TokenKey, recorded_entry_response};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use test_builders::{acme, entry, merchant};
use test_events::{Answer, HttpEvent};
use test_stores::{DynamoDb, aws_at};

/// How long the tests let a read model catch up: one look, and a second one.
const CATCH_UP: Duration = Duration::from_millis(150);

fn table(store: &DynamoDb) -> BalanceTable {
    BalanceTable::new(store.client.clone(), &store.table_name)
}

fn function(table: &BalanceTable, catch_up: Duration) -> GetDailyBalance {
    GetDailyBalance { table: table.clone(), token_key: token_key(), catch_up }
}

fn token_key() -> TokenKey {
    "a secret of at least 32 characters".parse().unwrap()
}

async fn get(table: &BalanceTable, event: &HttpEvent) -> Answer {
    Answer::read(function(table, CATCH_UP).handle(&event.request(), posted_at()).await)
}

/// When the entries of the tokens were posted.
fn posted_at() -> Timestamp {
    "2026-11-22T18:00:00Z".parse().unwrap()
}

async fn write(table: &BalanceTable, period: &str, currency: &str, credits: i128, debits: i128) {
    let totals = PeriodTotals {
        period: Period::parse(period).unwrap(),
        currency: Currency::parse(currency).unwrap(),
        totals: Totals { credits, debits, entry_count: 3 },
    };
    let at = "2026-11-22T15:04:06.123456Z".parse().unwrap();
    table.write_if_newer(&acme(), &totals, 1, at).await.unwrap();
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
            "total_debits": "0.05", "closing_balance": "50.20", "entry_count": 3, "status": "open",
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
            "total_debits": "0.00", "closing_balance": "100.00", "entry_count": 0, "status": "open",
            "updated_at": null
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
        (day().path_part("date", "today"), "parameter_invalid"),
        (day().query("currency=XXX"), "parameter_invalid"),
        (range().query("from=2026-11-30&to=2026-11-01"), "parameter_invalid"),
        (range().query(""), "parameter_invalid"),
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

/// A token for an entry of 2026-11-22, when the day had this many entries and the month as many.
fn token(entry_count: u64) -> BalanceToken {
    let version = TotalsVersion { epoch: 1, entry_count };
    BalanceToken { currency: Currency::BRL, date: parse_date("2026-11-22").unwrap(), day: version, month: version }
}

/// The text of the token, as an entry of `acme` is answered with it.
fn text(token: &BalanceToken) -> String {
    given_to("acme", token)
}

fn given_to(merchant: &str, token: &BalanceToken) -> String {
    let merchant = self::merchant(merchant);
    let entry = entry("sale").of(&merchant).on(&token.date.to_string()).build();
    let posted = PostedEntry { entry, posted_at: posted_at(), reversed_by: None, seal: None, late: false };
    let answer =
        recorded_entry_response(&merchant, &RecordedEntry::Posted(posted, vec![]), Some(token), &token_key(), None);
    Answer::read(answer).body["balance_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn with_a_token_only_balances_that_contain_its_entry_are_answered() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let token = text(&token(3));
    let questions = [
        day().query(&format!("token={token}")),
        day().path_part("date", "2027-01-05").query(&format!("token={token}&currency=BRL")),
        range().query(&format!("from=2026-11-01&to=2026-11-30&token={token}")),
    ];
    let statuses = async || {
        let mut statuses = Vec::new();
        for question in &questions {
            statuses.push(get(&table, question).await.status);
        }
        statuses
    };
    assert_eq!(statuses().await, [409; 3]);
    write(&table, "2026-11-22", "BRL", 500, 0).await;
    // The day alone is not enough: later months open with the month.
    assert_eq!(statuses().await, [409; 3]);
    let behind = get(&table, &questions[0]).await;
    assert_eq!(behind.code(), "not_yet_reflected");
    assert!(behind.header("retry-after").is_some());
    write(&table, "2026-11", "BRL", 500, 0).await;
    assert_eq!(statuses().await, [200; 3]);
    assert_eq!(get(&table, &questions[1]).await.body["opening_balance"], "5.00");
}

#[tokio::test]
async fn a_read_model_that_catches_up_while_the_function_waits_is_answered() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let question = day().query(&format!("token={}", text(&token(3)))).request();
    let function = function(&table, Duration::from_secs(30));
    let answer = async { Answer::read(function.handle(&question, posted_at()).await) };
    let catch_up = async {
        write(&table, "2026-11-22", "BRL", 500, 0).await;
        write(&table, "2026-11", "BRL", 500, 0).await;
    };
    let (answer, ()) = tokio::join!(answer, catch_up);
    assert_eq!((answer.status, &answer.body["closing_balance"]), (200, &json!("5.00")));
}

/// With a time to catch up that would hold the test up for good.
#[tokio::test]
async fn an_older_entry_is_looked_for_once_and_not_waited_for() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    let function = function(&table, Duration::from_secs(24 * 60 * 60));
    let question = day().query(&format!("token={}", text(&token(3)))).request();
    let later = posted_at() + SignedDuration::from_secs(10);
    let answer = Answer::read(function.handle(&question, later).await);
    assert_eq!((answer.status, answer.code()), (409, "not_yet_reflected"));
    assert!(answer.header("retry-after").is_some());
    write(&table, "2026-11-22", "BRL", 500, 0).await;
    write(&table, "2026-11", "BRL", 500, 0).await;
    assert_eq!(Answer::read(function.handle(&question, later).await).body["closing_balance"], "5.00");
}

/// Without a look at the read model, which is not there.
#[tokio::test]
async fn what_is_no_token_of_the_merchant_is_refused_and_not_waited_for() {
    let nowhere = BalanceTable::new(aws_sdk_dynamodb::Client::new(&aws_at("http://127.0.0.1:1").await), "balances");
    let given = text(&token(3));
    let changed = given.replacen(|first: char| first != 'A', "A", 1);
    // "1 BRL 2026-11-22 1 3 1 9", which was a token before they were signed.
    let unsigned = "MSBCUkwgMjAyNi0xMS0yMiAxIDMgMSA5".to_owned();
    for token in ["abc".to_owned(), String::new(), given_to("emca", &token(3)), changed, unsigned] {
        for question in [
            day().query(&format!("token={token}")),
            range().query(&format!("from=2026-11-01&to=2026-11-30&token={token}")),
        ] {
            let answer = get(&nowhere, &question).await;
            assert_eq!(
                (answer.status, answer.faults()),
                (400, vec!["token: is not a balance_token that an entry of the merchant was answered with".to_owned()]),
                "{token}"
            );
        }
    }
}

#[tokio::test]
async fn a_range_comes_as_csv_too() {
    let store = DynamoDb::start().await;
    let table = table(&store);
    write(&table, "2026-10", "BRL", 0, 150).await;
    write(&table, "2026-11-02", "BRL", 100_000, 5).await;
    let event = HttpEvent::load("get-daily-balance/csv").query("from=2026-11-01&to=2026-11-02&currency=BRL");
    let response = function(&table, CATCH_UP).handle(&event.request(), posted_at()).await;
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let lines: Vec<&str> = std::str::from_utf8(response.body()).unwrap().lines().skip(1).collect();
    let second = "2026-11-02,BRL,-1.50,1000.00,0.05,998.45,3,open,2026-11-22T15:04:06.123456Z";
    assert_eq!(lines, ["2026-11-01,BRL,-1.50,0.00,0.00,-1.50,0,open,", second]);
}
