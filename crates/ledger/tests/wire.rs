//! What the functions say to PostgreSQL: nothing that would pin a connection of RDS Proxy, which then serves one client only.
//! Migrations may, because they connect to the server itself.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{AlertDirection, Currency, EndpointDisabled, Entry, EventType, Month};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use ledger::{BusinessDay, Ledger, MonthKey, Outcome, Watermark, WindowCursor};
use test_builders::{TODAY, acme, entry};
use test_stores::{Database, Said, Wire};
use uuid::Uuid;

/// RDS Proxy pins a connection that says more at once.
const STATEMENT_BYTES_MAX: usize = 16 * 1024;

/// Whatever changes a session for those who come after. Advisory locks and sequences count, too.
const PINNING: [&str; 16] = [
    "SET",
    "RESET",
    "SET_CONFIG",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "DISCARD",
    "DECLARE",
    "LISTEN",
    "LOAD",
    "TEMP",
    "TEMPORARY",
    "NEXTVAL",
    "SETVAL",
    "PG_ADVISORY_LOCK",
    "PG_TRY_ADVISORY_LOCK",
];

/// Everything that functions do for one merchant.
async fn work_for_a_merchant(ledger: &Ledger) {
    let acme = acme();
    let sale = entry("sale").minor(100).build();
    let batch: Vec<Entry> = (0..500).map(|number| entry(&number.to_string()).minor(1).build()).collect();
    ledger.post(&acme, &batch).await.unwrap();
    let outcomes = [
        (vec![sale.clone()], Outcome::Posted),
        (vec![sale.clone()], Outcome::Duplicate),
        (vec![entry("sale").minor(200).build()], Outcome::Conflict),
        (vec![entry("refund").reversing(&sale).build()], Outcome::Posted),
        (vec![entry("refund-2").reversing(&sale).build()], Outcome::AlreadyReversed),
    ];
    for (entries, outcome) in outcomes {
        assert_eq!(ledger.post(&acme, &entries).await.unwrap().outcomes, [outcome]);
    }
    assert!(ledger.find(&acme, sale.id).await.unwrap().is_some());
    assert_eq!(ledger.posted(&acme, &[sale.id]).await.unwrap().len(), 1);
    ledger.statement_key(&acme).await.unwrap();
    let page = ledger.statement(&acme, Currency::BRL, (TODAY, TODAY), None, 10).await.unwrap();
    ledger.statement(&acme, Currency::BRL, (TODAY, TODAY), page.next.as_ref(), 10).await.unwrap();
    let settled = Timestamp::now() - SignedDuration::from_secs(11);
    ledger.balance_as_of(&acme, Currency::BRL, TODAY, settled).await.unwrap();
    ledger.seal(&acme, Currency::BRL, TODAY).await.unwrap();
    ledger.seal_key(&acme).await.unwrap();
    assert_eq!(ledger.seals(&acme, Currency::BRL, TODAY, None, 10).await.unwrap().seals.len(), 1);
    assert!(ledger.totals_of_day(&acme, Currency::BRL, TODAY).await.unwrap().is_some());
    assert_eq!(ledger.currencies(&acme).await.unwrap(), [Currency::BRL]);
    let key = MonthKey { merchant: acme, currency: Currency::BRL, month: Month::of(TODAY) };
    assert!(!ledger.month(&key).await.unwrap().totals.is_empty());
}

/// Everything about the feed and the alerts.
async fn work_on_the_feed(ledger: &Ledger) {
    let (acme, today) = (acme(), BusinessDay { date: TODAY, time_zone: TimeZone::UTC });
    let alert = ledger.set_alert(&acme, &today, Currency::BRL, AlertDirection::Below, 0).await.unwrap();
    assert_eq!(ledger.alerts(&acme, &today).await.unwrap(), [alert]);
    assert!(ledger.remove_alert(&acme, alert.id).await.unwrap());
    let id = Uuid::from_u128(1);
    let event = EndpointDisabled { endpoint_id: id, url: "https://example.com/".into(), reason: "gone".into() };
    ledger.append_event(&acme, id, &event).await.unwrap();
    let types = EventType::ALL;
    assert_eq!(ledger.events(&acme, &today, None, Some(&types), 10).await.unwrap().events.len(), 10);
    ledger.feed_end(&acme).await.unwrap();
    ledger.feed_key(&acme).await.unwrap();
    let claim = ledger.claim_wait(&acme, 20, 50).await.unwrap().unwrap();
    ledger.release_wait(&acme, claim).await.unwrap();
}

/// Everything that scheduled functions do for all.
async fn work_for_all(ledger: &Ledger) {
    assert_eq!(ledger.merchants_of_day(TODAY, None, 10).await.unwrap().days.len(), 1);
    assert_eq!(ledger.months_with_entries(None, 10).await.unwrap().months.len(), 1);
    let Watermark { until, now, .. } = ledger.reconciliation_watermark().await.unwrap();
    ledger.entries_recorded_between(until, now, 10).await.unwrap();
    ledger.months_recorded_between(until, now, None, 10).await.unwrap();
    let key = MonthKey { merchant: acme(), currency: Currency::BRL, month: Month::of(TODAY) };
    ledger.save_window_cursor(until, &WindowCursor { until: now, after: key.clone() }).await.unwrap();
    ledger.save_reconciliation_watermark(now).await.unwrap();
    ledger.set_month_aside(&key, "of a test").await.unwrap();
    assert_eq!(ledger.months_set_aside(now + SignedDuration::from_secs(60), 10).await.unwrap().months.len(), 1);
    assert_eq!(ledger.count_months_set_aside().await.unwrap(), 1);
    ledger.take_back_months(&[&key]).await.unwrap();
    let today = BusinessDay { date: TODAY, time_zone: TimeZone::UTC };
    assert_eq!(ledger.merchants_with_events_since(until, &today, None, 10).await.unwrap().merchants, [acme()]);
}

/// The statement of a Parse message, after a look at everything else that could be named.
fn statement(said: &Said) -> Option<String> {
    let (first, rest) = said.text();
    match said.kind {
        // The first message; the end of a pipeline; the end of a connection.
        0 | b'S' | b'X' => None,
        // The password.
        b'p' => None,
        b'P' => {
            assert_eq!(first, "", "a prepared statement with a name");
            Some(rest.text().0)
        }
        b'B' => {
            assert_eq!((first.as_str(), rest.text().0.as_str()), ("", ""), "a portal or a statement with a name");
            None
        }
        b'D' => {
            assert_eq!(first, "S", "a portal or a statement with a name");
            None
        }
        b'E' => {
            assert_eq!(first, "", "a portal with a name");
            None
        }
        other => panic!("the functions send a message {:?}", char::from(other)),
    }
}

fn words(statement: &str) -> impl Iterator<Item = String> {
    statement.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_uppercase)
}

#[tokio::test]
async fn nothing_that_functions_say_pins_a_connection_of_rds_proxy() {
    let database = Database::create().await;
    let wire = Wire::to(&database.config()).await;
    let ledger = Ledger::new(wire.config.clone());
    work_for_a_merchant(&ledger).await;
    work_on_the_feed(&ledger).await;
    let maintenance = Wire::to(&database.maintenance_config()).await;
    work_for_all(&Ledger::new(maintenance.config.clone())).await;

    let said = [wire.said(), maintenance.said()].concat();
    let statements: Vec<String> = said.iter().filter_map(statement).collect();
    for statement in &statements {
        assert!(statement.len() < STATEMENT_BYTES_MAX, "{statement}");
        let pins = words(statement).find(|word| PINNING.contains(&word.as_str()));
        assert_eq!(pins, None, "{statement}");
    }
    // Of what they could say, all has been said.
    let names = "SELECT pronamespace::regnamespace || '.' || proname FROM pg_proc
        WHERE pronamespace IN ('ledger'::regnamespace, 'ledger_maintenance'::regnamespace)
            AND obj_description(oid, 'pg_proc') IS DISTINCT FROM 'For functions of the release before; goes with the next.'";
    for row in database.owner().await.query(names, &[]).await.unwrap() {
        let name: &str = row.get(0);
        assert!(statements.iter().any(|statement| statement.contains(&format!("{name}("))), "{name} was not called");
    }
}

/// So that the test above means something.
#[tokio::test]
async fn what_migrations_say_would_pin_it() {
    let database = Database::create().await;
    let wire = Wire::to(&database.owner_config()).await;
    ledger::migrate(&mut ledger::connect(&wire.config).await.unwrap()).await.unwrap();
    let simple_queries: Vec<String> =
        wire.said().iter().filter(|said| said.kind == b'Q').map(|said| said.text().0).collect();
    assert!(simple_queries.iter().any(|query| words(query).any(|word| word == "SET")), "{simple_queries:?}");
}
