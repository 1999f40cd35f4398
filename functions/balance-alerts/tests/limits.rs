//! How many alerts there may be, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use balance_alerts::BalanceAlerts;
use jiff::{Timestamp, tz::TimeZone};
use ledger::{Ledger, LedgerConfig};
use serde_json::json;
use test_events::{Answer, HttpEvent};
use test_stores::Database;

const CURRENCIES: [&str; 26] = [
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BMD", "BND", "BOB",
    "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "JPY",
];

async fn set(ledger: &Ledger, merchant: &str, currency: &str, direction: &str) -> Answer {
    let business_time_zone = TimeZone::get("America/Sao_Paulo").unwrap();
    let alerts = BalanceAlerts { ledger: ledger.clone(), business_time_zone };
    let body = json!({"currency": currency, "threshold": "0", "direction": direction});
    let event = HttpEvent::load("balance-alerts/set").json(&body).claim("custom:merchant_id", merchant);
    Answer::read(alerts.handle(&event.request(), Timestamp::now()).await)
}

#[tokio::test]
async fn a_merchant_has_at_most_fifty_alerts() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let mut statuses = Vec::new();
    for currency in CURRENCIES {
        for direction in ["below", "above"] {
            statuses.push(set(&ledger, "acme", currency, direction).await.status);
        }
    }
    assert_eq!(statuses, [[200; 50].as_slice(), &[409; 2]].concat());
    assert_eq!(set(&ledger, "acme", "JPY", "above").await.code(), "too_many_balance_alerts");
    // One that there is can be changed, and others have their own.
    assert_eq!(set(&ledger, "acme", "AED", "below").await.status, 200);
    assert_eq!(set(&ledger, "emca", "JPY", "above").await.status, 200);
}

#[tokio::test]
async fn a_ledger_that_is_down_is_answered_with_503() {
    let database = Database::create().await;
    let ledger = Ledger::new(LedgerConfig { port: 1, ..database.config() });
    assert_eq!(set(&ledger, "acme", "BRL", "below").await.code(), "temporarily_unavailable");
}
