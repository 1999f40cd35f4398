//! Alerts tell each crossing once, whoever posts and whenever.

use std::sync::Arc;

use cashflow::{AlertCrossing, AlertDirection, Currency, Event, EventContent, FeedCursor};
use jiff::{ToSpan, tz::TimeZone};
use ledger::{ALERTS_MAX, AlertError, BusinessDay, Ledger};
use test_builders::{acme, entry};
use test_stores::Database;
use tokio::task::JoinSet;

use crate::reader::{now, read_after, read_all};

/// Triggered or resolved, and the crossing.
fn crossings(events: &[Event]) -> Vec<(bool, AlertCrossing)> {
    let crossing = |event: &Event| match event.content {
        EventContent::AlertTriggered(crossing) => Some((true, crossing)),
        EventContent::AlertResolved(crossing) => Some((false, crossing)),
        _ => None,
    };
    events.iter().filter_map(crossing).collect()
}

/// What the entries of the feed say, one after the other in its order, of an alert that was set before all of them.
fn recomputed(events: &[Event], (direction, threshold): (AlertDirection, i128)) -> Vec<(bool, i128)> {
    let (mut balance, mut crossings) = (0, Vec::new());
    let mut is_triggered = direction.is_triggered(threshold, balance);
    for event in events {
        let EventContent::EntryPosted(entry) = &event.content else { continue };
        let minor = i128::from(entry.amount.minor());
        balance += if entry.entry_type == cashflow::EntryType::Credit { minor } else { -minor };
        if direction.is_triggered(threshold, balance) != is_triggered {
            is_triggered = !is_triggered;
            crossings.push((is_triggered, balance));
        }
    }
    crossings
}

async fn post(ledger: &Ledger, key: &str, minor: i64, date: &str) {
    ledger.post(&acme(), &[entry(key).minor(minor).on(date).build()]).await.unwrap();
}

#[tokio::test]
async fn only_a_crossing_is_told_and_setting_an_alert_is_none() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let today = now().date.to_string();
    post(&ledger, "1", 100, &today).await;
    let (below, above) = (AlertDirection::Below, AlertDirection::Above);
    let alert = ledger.set_alert(&acme(), &now(), Currency::BRL, below, 50).await.unwrap();
    assert_eq!((alert.is_triggered, alert.balance, alert.threshold), (false, 100, 50));
    let upper = ledger.set_alert(&acme(), &now(), Currency::BRL, above, 100).await.unwrap();
    assert!(!upper.is_triggered && upper.id != alert.id);
    // At the threshold, below it, further below, and back to it; then above the other one's.
    for (key, minor) in [("2", -50), ("3", -1), ("4", -7), ("5", 8), ("6", 50), ("7", 1), ("8", -1)] {
        post(&ledger, key, minor, &today).await;
    }
    let events = read_all(&ledger, 100).await;
    let told: Vec<_> = crossings(&events).iter().map(|(on, c)| (*on, c.alert_id, c.balance)).collect();
    let expected = [(true, alert.id, 49), (false, alert.id, 50), (true, upper.id, 101), (false, upper.id, 100)];
    assert_eq!(told, expected);
    let crossing = crossings(&events)[0].1;
    assert_eq!((crossing.entry, crossing.date), (Some(test_builders::id("3")), now().date));

    // Another threshold in its place: no event, and the alert is the same.
    let changed = ledger.set_alert(&acme(), &now(), Currency::BRL, below, 1_000).await.unwrap();
    assert_eq!((changed.id, changed.is_triggered, changed.balance), (alert.id, true, 100));
    assert_eq!(ledger.alerts(&acme(), &now()).await.unwrap().len(), 2);
    post(&ledger, "9", 900, &today).await;
    let after = read_all(&ledger, 100).await;
    assert_eq!(
        crossings(&after)[4..].iter().map(|(on, c)| (*on, c.balance)).collect::<Vec<_>>(),
        [(true, 1_000), (false, 1_000)]
    );
    assert_eq!(after[..events.len()], events);

    assert!(ledger.remove_alert(&acme(), alert.id).await.unwrap());
    assert!(!ledger.remove_alert(&acme(), alert.id).await.unwrap());
    post(&ledger, "10", -5_000, &today).await;
    let last = read_all(&ledger, 100).await;
    assert_eq!(crossings(&last)[6..].iter().map(|(on, c)| (*on, c.alert_id)).collect::<Vec<_>>(), [(false, upper.id)]);
    assert!(ledger.remove_alert(&acme(), upper.id).await.unwrap());
    let left = "SELECT (SELECT count(*) FROM watched_balance) + (SELECT count(*) FROM watched_future)";
    assert_eq!(database.owner().await.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// Readers in the middle of it, so that it is cut anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_make_exactly_the_crossings_of_the_feeds_order() {
    let database = Arc::new(Database::create().await);
    let ledger = Ledger::new(database.config());
    let alerts = [(AlertDirection::Below, 0), (AlertDirection::Above, 30)];
    for (direction, threshold) in alerts {
        ledger.set_alert(&acme(), &now(), Currency::BRL, direction, threshold).await.unwrap();
    }
    let mut tasks = JoinSet::new();
    for writer in 0..6 {
        let database = Arc::clone(&database);
        tasks.spawn(async move {
            let ledger = Ledger::new(database.config());
            for number in 0..60_i64 {
                let minor = if (number * 7 + writer) % 13 < 6 { 40 } else { -35 };
                post(&ledger, &format!("{writer}-{number}"), minor, "2026-11-22").await;
                if number % 5 == writer % 5 {
                    read_after(&ledger, &acme(), FeedCursor::START, 500).await;
                }
            }
        });
    }
    tasks.join_all().await;
    let events = read_all(&ledger, 500).await;
    for alert in alerts {
        let of_alert: Vec<_> =
            crossings(&events).into_iter().filter(|(_, crossing)| crossing.direction == alert.0).collect();
        let told: Vec<(bool, i128)> = of_alert.iter().map(|(on, crossing)| (*on, crossing.balance)).collect();
        assert!(told.len() > 4, "{} crossings", told.len());
        assert!(told.windows(2).all(|pair| pair[0].0 != pair[1].0), "{told:?}");
        assert_eq!(told, recomputed(&events, alert));
        let now_is = ledger.alerts(&acme(), &now()).await.unwrap();
        let now_is = now_is.iter().find(|known| known.direction == alert.0).unwrap();
        assert_eq!(now_is.is_triggered, alert.0.is_triggered(alert.1, now_is.balance));
    }
    let totals = "SELECT sum(credits - debits)::text FROM daily_total";
    let sum: String = database.owner().await.query_one(totals, &[]).await.unwrap().get(0);
    assert_eq!(ledger.alerts(&acme(), &now()).await.unwrap()[0].balance.to_string(), sum);
}

/// Dated on days to come, whether posted before the alert was set, read before their day or not.
#[tokio::test]
async fn what_is_dated_on_a_day_that_begins_makes_a_crossing_of_its_own() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let day = |days: i64| BusinessDay {
        date: now().date.saturating_add(days.days()),
        time_zone: TimeZone::get("America/Sao_Paulo").unwrap(),
    };
    let date = |days| day(days).date.to_string();
    post(&ledger, "before", 100, &date(-3)).await;
    post(&ledger, "known", -500, &date(2)).await;
    let alert = ledger.set_alert(&acme(), &day(1), Currency::BRL, AlertDirection::Below, 0).await.unwrap();
    assert_eq!((alert.is_triggered, alert.balance), (false, 100));
    post(&ledger, "later", 450, &date(3)).await;
    post(&ledger, "far", -1_000, "2199-01-01").await;
    let read = async |days| ledger.events(&acme(), &day(days), None, None, 500).await.unwrap().events;
    assert_eq!(crossings(&read(1).await), []);
    post(&ledger, "unread", 1, &date(2)).await;
    // Nobody reads on the second day, so both days are found on the third.
    let events = read(3).await;
    let told = crossings(&events);
    let shown: Vec<_> = told.iter().map(|(on, c)| (*on, c.balance, c.date, c.entry)).collect();
    assert_eq!(shown, [(true, -399, day(2).date, None), (false, 51, day(3).date, None)]);
    let midnight = events.iter().find(|event| matches!(event.content, EventContent::AlertTriggered(_))).unwrap().time;
    let expected = day(2).time_zone.to_zoned_datetime(day(2).date.at(0, 0, 0, 0)).unwrap().timestamp();
    assert_eq!(midnight, expected);
    // A look whose clock is behind changes nothing.
    assert_eq!(read(2).await, events);
    // The day that has begun counts at once.
    post(&ledger, "today", -52, &date(3)).await;
    let crossing = crossings(&read(3).await)[2];
    assert_eq!((crossing.0, crossing.1.balance, crossing.1.entry), (true, -1, Some(test_builders::id("today"))));
    assert_eq!(ledger.alerts(&acme(), &day(3)).await.unwrap()[0].balance, -1);
}

#[tokio::test]
async fn an_entry_of_an_earlier_day_and_a_reversal_cross_as_any_other() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let today = now().date.to_string();
    ledger.set_alert(&acme(), &now(), Currency::BRL, AlertDirection::Above, 100).await.unwrap();
    let restating = entry("restating").minor(101).on("2020-01-01").build();
    ledger.post(&acme(), std::slice::from_ref(&restating)).await.unwrap();
    post(&ledger, "of-another-currency", 5_000, &today).await;
    ledger.post(&acme(), &[entry("dollars").minor(9_000).currency("USD").build()]).await.unwrap();
    ledger.post(&acme(), &[entry("undone").reversing(&restating).build()]).await.unwrap();
    let told: Vec<_> = crossings(&read_all(&ledger, 100).await).iter().map(|(on, c)| (*on, c.balance)).collect();
    assert_eq!(told, [(true, 101)]);
    post(&ledger, "back", -4_900, &today).await;
    let told: Vec<_> = crossings(&read_all(&ledger, 100).await).iter().map(|(on, c)| (*on, c.balance)).collect();
    assert_eq!(told, [(true, 101), (false, 100)]);
}

/// What the feed has not come to yet counts in the balance that the alert begins with, and does not count again.
#[tokio::test]
async fn an_alert_set_while_the_feed_is_behind_counts_each_entry_once() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    for number in 0..6 {
        let batch: Vec<_> = (0..500).map(|n| entry(&format!("{number}-{n}")).minor(1).build()).collect();
        ledger.post(&acme(), &batch).await.unwrap();
    }
    let alert = ledger.set_alert(&acme(), &now(), Currency::BRL, AlertDirection::Above, 3_000).await.unwrap();
    assert_eq!((alert.balance, alert.is_triggered), (3_000, false));
    post(&ledger, "one-more", 1, "2026-11-22").await;
    let told = crossings(&read_all(&ledger, 500).await);
    let told: Vec<_> = told.iter().map(|(on, c)| (*on, c.balance, c.entry)).collect();
    assert_eq!(told, [(true, 3_001, Some(test_builders::id("one-more")))]);
    assert_eq!(ledger.alerts(&acme(), &now()).await.unwrap()[0].balance, 3_001);
}

#[tokio::test]
async fn a_merchant_has_so_many_alerts_at_most() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let codes =
        "AED AUD BGN BOB BRL CAD CHF CLP CNY COP CZK DKK EUR GBP HKD HUF INR JPY KRW MXN NOK NZD PEN PYG SEK USD";
    let mut currencies = codes.split(' ').map(|code| Currency::parse(code).unwrap());
    for number in 0..ALERTS_MAX / 2 {
        let currency = currencies.next().unwrap();
        for direction in [AlertDirection::Below, AlertDirection::Above] {
            ledger.set_alert(&acme(), &now(), currency, direction, i128::from(number)).await.unwrap();
        }
    }
    let next = currencies.next().unwrap();
    let refused = ledger.set_alert(&acme(), &now(), next, AlertDirection::Below, 1).await;
    assert!(matches!(refused, Err(AlertError::TooMany)), "{refused:?}");
    // One that is there takes another threshold.
    let known = ledger.alerts(&acme(), &now()).await.unwrap()[7];
    let changed = ledger.set_alert(&acme(), &now(), known.currency, known.direction, -5).await.unwrap();
    assert_eq!((changed.id, changed.threshold), (known.id, -5));
    assert!(ledger.remove_alert(&acme(), known.id).await.unwrap());
    ledger.set_alert(&acme(), &now(), next, AlertDirection::Below, 1).await.unwrap();
}
