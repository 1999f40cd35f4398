//! What the feed tells, and to whom.

use std::collections::HashSet;

use cashflow::{
    Currency, EndpointDisabled, EntryId, Event, EventContent, EventId, EventType, FeedCursor, KeyConflict, Totals,
    TotalsVersion,
};
use jiff::{SignedDuration, Timestamp};
use ledger::{FeedError, Ledger, Outcome, Sealing};
use test_builders::{TODAY, acme, entry, merchant};
use test_stores::Database;
use uuid::Uuid;

use crate::reader::{now, of_type, page, post_nine_in, posted, read_after, read_all};

fn types(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.content.event_type().as_str()).collect()
}

#[tokio::test]
async fn everything_is_told_once_and_is_the_same_whenever_it_is_read() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let sale = entry("sale").credit("10.00").described("card sale").build();
    ledger.post(&acme(), std::slice::from_ref(&sale)).await.unwrap();
    let other = entry("sale").credit("11.00").build();
    assert_eq!(ledger.post(&acme(), std::slice::from_ref(&other)).await.unwrap().outcomes, [Outcome::Conflict]);
    // The same once more is no other event.
    assert_eq!(ledger.post(&acme(), std::slice::from_ref(&other)).await.unwrap().outcomes, [Outcome::Conflict]);
    ledger.post(&acme(), &[entry("refund").reversing(&sale).build()]).await.unwrap();
    let late = entry("refund-2").reversing(&sale).build();
    assert_eq!(ledger.post(&acme(), std::slice::from_ref(&late)).await.unwrap().outcomes, [Outcome::AlreadyReversed]);
    let Ok(Sealing::Sealed(seal)) = ledger.seal(&acme(), Currency::BRL, TODAY).await else { panic!("not sealed") };
    let first = read_all(&ledger, 100).await;
    assert_eq!(
        types(&first),
        [
            "entry.posted",
            "entry.conflicted",
            "entry.posted",
            "entry.reversal_overtaken",
            "day.sealed",
            "day.balance_changed"
        ]
    );
    let restating = entry("late").credit("1.00").build();
    ledger.post(&acme(), std::slice::from_ref(&restating)).await.unwrap();
    let disabled =
        EndpointDisabled { endpoint_id: Uuid::from_u128(7), url: "https://example.com/".into(), reason: "gone".into() };
    for _ in 0..2 {
        ledger.append_event(&acme(), Uuid::from_u128(8), &disabled).await.unwrap();
    }
    let all = read_all(&ledger, 100).await;
    assert_eq!(all[..6], first);
    assert_eq!(types(&all[6..]), ["entry.posted", "webhook_endpoint.disabled", "day.restated", "day.balance_changed"]);

    let EventContent::EntryPosted(told) = &all[0].content else { panic!("{:?}", all[0]) };
    assert_eq!((told, all[0].content.subject()), (&sale, format!("entries/{}", sale.id)));
    let EventContent::EntryConflicted(KeyConflict { entry: told, .. }) = &all[1].content else {
        panic!("{:?}", all[1])
    };
    assert_eq!(*told, other);
    let EventContent::ReversalOvertaken(KeyConflict { entry: told, .. }) = &all[3].content else {
        panic!("{:?}", all[3])
    };
    assert_eq!(*told, late);
    assert_eq!(all[4].content, EventContent::DaySealed(seal));
    let EventContent::DayBalanceChanged(changed) = all[5].content else { panic!("{:?}", all[5]) };
    assert_eq!(changed.totals, Totals { credits: 1_000, debits: 1_000, entry_count: 2 });
    assert_eq!(changed.version, TotalsVersion { epoch: 1, entry_count: 2 });
    assert_eq!(all[7].content, EventContent::EndpointDisabled(disabled));
    let EventContent::DayRestated(restated) = all[8].content else { panic!("{:?}", all[8]) };
    assert_eq!((restated.entry, restated.seal, restated.date), (restating.id, 1, TODAY));

    // The names that the database gave are those of the domain.
    let fingerprint: String = other.fingerprint.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let named = [
        (0, EventType::EntryPosted, sale.id.to_string()),
        (1, EventType::EntryConflicted, format!("{} {fingerprint}", other.id)),
        (4, EventType::DaySealed, "BRL 2026-11-22 1".to_owned()),
        (5, EventType::DayBalanceChanged, "BRL 2026-11-22 1 2".to_owned()),
        (7, EventType::EndpointDisabled, Uuid::from_u128(8).to_string()),
        (8, EventType::DayRestated, restating.id.to_string()),
    ];
    for (number, event_type, about) in named {
        assert_eq!(all[number].id, EventId::derive(&acme(), event_type, &about), "{event_type:?}");
    }
    for limit in [1, 2, 3, 10] {
        assert_eq!(read_all(&ledger, limit).await, all, "{limit}");
    }
}

#[tokio::test]
async fn events_of_some_types_are_found_among_many_others() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    for number in 0..7 {
        let batch: Vec<_> = (0..500).map(|n| entry(&format!("{number}-{n}")).on("2026-11-21").build()).collect();
        ledger.post(&acme(), &batch).await.unwrap();
    }
    ledger.seal(&acme(), Currency::BRL, TODAY.yesterday().unwrap()).await.unwrap();
    let only = async |types: &[EventType], limit| {
        let (mut found, mut after) = (Vec::new(), FeedCursor::START);
        loop {
            let page = ledger.events(&acme(), &now(), Some(&after), Some(types), limit).await.unwrap();
            found.extend(page.events);
            after = page.next;
            if !page.has_more {
                return (found, after);
            }
        }
    };
    let (sealed, end) = only(&[EventType::DaySealed], 10).await;
    assert_eq!(types(&sealed), ["day.sealed"]);
    assert_eq!(only(&[EventType::EntryConflicted], 10).await, (Vec::new(), end));
    let all = read_all(&ledger, 500).await;
    let (entries, _) = only(&[EventType::EntryPosted], 400).await;
    assert_eq!((entries.len(), &entries), (3_500, &of_type(&all, EventType::EntryPosted)));
    let (both, _) = only(&[EventType::EntryPosted, EventType::DaySealed], 500).await;
    assert_eq!(both.len(), 3_501);
}

/// However far behind the feed is.
#[tokio::test]
async fn who_begins_at_the_end_gets_what_happens_from_then_on() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    for number in 0..5 {
        let batch: Vec<_> = (0..500).map(|n| entry(&format!("{number}-{n}")).on("2026-11-21").build()).collect();
        ledger.post(&acme(), &batch).await.unwrap();
    }
    ledger.seal(&acme(), Currency::BRL, TODAY.yesterday().unwrap()).await.unwrap();
    let end = ledger.feed_end(&acme()).await.unwrap();
    assert_eq!(page(&ledger, &end, 100).await.events, []);
    let next = entry("next").build();
    ledger.post(&acme(), std::slice::from_ref(&next)).await.unwrap();
    let (events, after) = read_after(&ledger, &acme(), end, 100).await;
    assert_eq!((types(&events), posted(&events)), (vec!["entry.posted", "day.balance_changed"], vec![next.id]));
    // Also if others have read meanwhile.
    assert_eq!(read_all(&ledger, 500).await.len(), 2_504);
    assert_eq!(read_after(&ledger, &acme(), end, 1).await, (events, after));
    assert_eq!(page(&ledger, &after, 1).await.events, []);
}

#[tokio::test]
async fn a_cursor_that_is_ahead_of_the_ledger_is_refused() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    ledger.post(&acme(), &[entry("sale").build()]).await.unwrap();
    let (_, end) = read_after(&ledger, &acme(), FeedCursor::START, 10).await;
    let mut positions = [0; 8];
    positions[3] = 1_000;
    let ahead = [
        FeedCursor { sequence: end.sequence + 1, ..end },
        FeedCursor { sequence: u64::MAX, ..end },
        FeedCursor { noted: 1, ..end },
        FeedCursor { positions: cashflow::Positions::new(positions), ..end },
    ];
    for cursor in ahead {
        let refused = ledger.events(&acme(), &now(), Some(&cursor), None, 10).await;
        assert!(matches!(refused, Err(FeedError::CursorAhead)), "{cursor:?}: {refused:?}");
    }
    assert_eq!(page(&ledger, &end, 10).await.events, []);
    let owner = database.owner().await;
    let key = ledger.feed_key(&acme()).await.unwrap();
    owner.execute("UPDATE ledger_epoch SET epoch = 2", &[]).await.unwrap();
    assert_ne!(ledger.feed_key(&acme()).await.unwrap(), key);
}

#[tokio::test]
async fn the_sweep_finds_whom_anything_happened_to() {
    let database = Database::create().await;
    let (ledger, sweep) = (Ledger::new(database.config()), Ledger::new(database.maintenance_config()));
    let owner = database.owner().await;
    let [a, b, c] = ["a", "b", "c"].map(merchant);
    for merchant in [&a, &b] {
        ledger.post(merchant, &[entry("sale").of(merchant).build()]).await.unwrap();
    }
    ledger.seal(&c, Currency::BRL, TODAY).await.unwrap();
    let hour = SignedDuration::from_hours(1);
    let found = async |since: Timestamp, after, limit| {
        sweep.merchants_with_events_since(since, &now(), after, limit).await.unwrap()
    };
    let page = found(Timestamp::now() - hour, None, 2).await;
    assert_eq!((&page.merchants, page.is_last), (&vec![a.clone(), b.clone()], false));
    let page = found(Timestamp::now() - hour, Some(&b), 2).await;
    assert_eq!((&page.merchants, page.is_last), (&vec![c], true));
    // As if all of that had been some minutes ago; then a day ends for the alerts of one of them.
    let earlier = "SET session_replication_role = replica;
        UPDATE entry SET recorded_at = recorded_at - INTERVAL '5 minutes';
        UPDATE feed_event SET recorded_at = recorded_at - INTERVAL '5 minutes';
        SET session_replication_role = DEFAULT";
    owner.batch_execute(earlier).await.unwrap();
    assert_eq!(found(page.until, None, 10).await.merchants, []);
    ledger.set_alert(&b, &now(), Currency::BRL, cashflow::AlertDirection::Below, 0).await.unwrap();
    // That has cut the feed, which is news as well.
    assert_eq!(found(page.until, None, 10).await.merchants, std::slice::from_ref(&b));
    owner.batch_execute(earlier).await.unwrap();
    assert_eq!(found(page.until, None, 10).await.merchants, []);
    let mut tomorrow = now();
    tomorrow.date = tomorrow.date.tomorrow().unwrap();
    let page = sweep.merchants_with_events_since(page.until, &tomorrow, None, 10).await.unwrap();
    assert_eq!(page.merchants, [b]);
}

#[tokio::test]
async fn two_may_wait_for_a_merchants_events_at_a_time() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let claim = async || ledger.claim_wait(&acme(), 20, 50).await.unwrap();
    let (first, second) = (claim().await.unwrap(), claim().await.unwrap());
    assert_eq!(claim().await, None);
    // Three wait then, of whichever merchants.
    assert!(ledger.claim_wait(&merchant("emca"), 20, 2).await.unwrap().is_none());
    assert!(ledger.claim_wait(&merchant("emca"), 20, 3).await.unwrap().is_some());
    assert!(ledger.claim_wait(&merchant("emca"), 20, 3).await.unwrap().is_none());
    ledger.release_wait(&acme(), first).await.unwrap();
    let third = claim().await.unwrap();
    // Of a turn that was given back already.
    ledger.release_wait(&acme(), first).await.unwrap();
    assert_eq!(claim().await, None);
    let owner = database.owner().await;
    owner.execute("UPDATE feed_wait SET ends_at = now() - INTERVAL '1 second'", &[]).await.unwrap();
    let late = [claim().await, claim().await, claim().await];
    assert_eq!(late.map(|claim| claim.is_some()), [true, true, false]);
    for expired in [second, third] {
        ledger.release_wait(&acme(), expired).await.unwrap();
    }
    assert_eq!(claim().await, None);
}

#[tokio::test]
async fn a_feed_shows_nothing_of_another_merchant() {
    let database = Database::create().await;
    let (ledger, emca) = (Ledger::new(database.config()), merchant("emca"));
    let session = ledger::connect(&database.config()).await.unwrap();
    for slot in 0..8 {
        post_nine_in(&session, slot).await;
    }
    ledger.seal(&acme(), Currency::BRL, TODAY).await.unwrap();
    let alert = ledger.set_alert(&acme(), &now(), Currency::BRL, cashflow::AlertDirection::Above, 80).await.unwrap();
    let (of_acme, end) = read_after(&ledger, &acme(), FeedCursor::START, 3).await;
    assert_eq!(read_after(&ledger, &emca, FeedCursor::START, 3).await, (Vec::new(), FeedCursor::START));
    assert_eq!(ledger.alerts(&emca, &now()).await.unwrap(), []);
    assert!(!ledger.remove_alert(&emca, alert.id).await.unwrap());
    let own = entry("own").of(&emca).build();
    ledger.post(&emca, std::slice::from_ref(&own)).await.unwrap();
    let (of_emca, _) = read_after(&ledger, &emca, FeedCursor::START, 3).await;
    assert_eq!(posted(&of_emca), [own.id]);
    assert_eq!(read_after(&ledger, &acme(), FeedCursor::START, 3).await, (of_acme.clone(), end));
    let ids: HashSet<EventId> = of_acme.iter().chain(&of_emca).map(|event| event.id).collect();
    assert_eq!(ids.len(), of_acme.len() + of_emca.len());
    let of_another = ledger.events(&emca, &now(), Some(&end), None, 3).await;
    assert!(matches!(of_another, Err(FeedError::CursorAhead)), "{of_another:?}");
    let unique: HashSet<EntryId> = posted(&of_acme).into_iter().collect();
    assert_eq!(unique.len(), 8);
}
