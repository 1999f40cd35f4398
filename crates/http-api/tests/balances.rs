//! How balances are asked for.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::parse_date;
use http_api::{BalanceQuery, Problem, TokenKey, parse_day_query, parse_range_query};
use test_builders::acme;
use test_events::{Answer, HttpEvent};

fn token_key() -> TokenKey {
    "a secret of at least 32 characters".parse().unwrap()
}

fn day(date: &str, query: &str) -> Result<BalanceQuery, Problem> {
    let request = HttpEvent::load("get-daily-balance/day").path_part("date", date).query(query).request();
    parse_day_query(&request, &acme(), &token_key())
}

fn range(query: &str) -> Result<BalanceQuery, Problem> {
    parse_range_query(&HttpEvent::load("get-daily-balance/range").query(query).request(), &acme(), &token_key())
}

fn faults(result: Result<BalanceQuery, Problem>) -> Vec<String> {
    let answer = Answer::read(result.unwrap_err().into_response());
    assert_eq!((answer.status, answer.code()), (400, "parameter_invalid"));
    answer.faults()
}

#[test]
fn a_day_is_asked_for_in_brl_unless_another_currency_is_named() {
    let query = day("2026-11-22", "").unwrap();
    assert_eq!((query.from, query.to), (parse_date("2026-11-22").unwrap(), parse_date("2026-11-22").unwrap()));
    assert_eq!(query.currency.code(), "BRL");
    assert_eq!(day("2026-11-22", "currency=JPY").unwrap().currency.code(), "JPY");
}

#[test]
fn every_fault_of_a_query_is_listed_at_once() {
    assert_eq!(
        faults(day("2026-02-30", "currency=real&curency=BRL&token=x")),
        [
            "curency: is not a known parameter",
            "date: must be a date of the calendar as YYYY-MM-DD",
            "currency: must be an ISO 4217 currency code in upper case, such as BRL",
            "token: is not a balance_token that an entry of the merchant was answered with",
        ]
    );
    assert_eq!(faults(day("2026-11-22", "currency=BRL&currency=USD")), ["currency: occurs more than once"]);
    assert_eq!(
        faults(day("2026-11-22", "currency=")),
        ["currency: must be an ISO 4217 currency code in upper case, such as BRL"]
    );
    assert_eq!(faults(range("")), ["from: is required", "to: is required"]);
}

#[test]
fn a_range_has_at_most_366_days() {
    let leap_year = range("from=2024-01-01&to=2024-12-31").unwrap();
    assert_eq!((leap_year.to - leap_year.from).get_days(), 365);
    assert!(range("from=2026-11-22&to=2026-11-22").is_ok());
    assert_eq!(faults(range("from=2023-01-01&to=2024-01-02")), ["to: must be at most 366 days from from, is 367"]);
    assert_eq!(faults(range("from=1900-01-01&to=9999-12-31")), ["to: must be at most 366 days from from, is 2958464"]);
    assert_eq!(faults(range("from=2026-11-22&to=2026-11-21")), ["to: must not be before from"]);
}
