//! What the tests read the feed with.

use cashflow::{EntryId, Event, EventContent, EventPage, EventType, FeedCursor, MerchantId};
use jiff::{Timestamp, tz::TimeZone};
use ledger::{BusinessDay, Connection, Ledger};
use test_builders::acme;
use test_stores::POST_NINE;
use uuid::Uuid;

/// The day on which the tests' entries are recorded.
pub(crate) fn now() -> BusinessDay {
    BusinessDay::at(Timestamp::now(), &TimeZone::UTC)
}

pub(crate) async fn page(ledger: &Ledger, after: &FeedCursor, limit: u16) -> EventPage {
    ledger.events(&acme(), &now(), Some(after), None, limit).await.unwrap()
}

/// Page by page to the end, from a cursor.
pub(crate) async fn read_after(
    ledger: &Ledger,
    merchant: &MerchantId,
    after: FeedCursor,
    limit: u16,
) -> (Vec<Event>, FeedCursor) {
    let (mut all, mut after) = (Vec::new(), after);
    loop {
        let page = ledger.events(merchant, &now(), Some(&after), None, limit).await.unwrap();
        assert!(page.events.len() <= usize::from(limit));
        all.extend(page.events);
        after = page.next;
        if !page.has_more {
            return (all, after);
        }
    }
}

pub(crate) async fn read_all(ledger: &Ledger, limit: u16) -> Vec<Event> {
    read_after(ledger, &acme(), FeedCursor::START, limit).await.0
}

/// The entries that were posted, in the feed's order.
pub(crate) fn posted(events: &[Event]) -> Vec<EntryId> {
    let entry = |event: &Event| match &event.content {
        EventContent::EntryPosted(entry) => Some(entry.id),
        _ => None,
    };
    events.iter().filter_map(entry).collect()
}

pub(crate) fn of_type(events: &[Event], event_type: EventType) -> Vec<Event> {
    events.iter().filter(|event| event.content.event_type() == event_type).cloned().collect()
}

/// Posts a credit of nine minor units to acme's 22 November, in this slot, and answers its id.
pub(crate) async fn post_nine_in(session: &Connection, slot: u8) -> EntryId {
    let post = POST_NINE.replace("NULL\n    )", &format!("{slot}::smallint\n    )"));
    let row = session.query_one(&post, &[]).await.unwrap();
    EntryId::from_uuid(row.get::<_, Uuid>(0))
}

/// Cuts the feed once, at most so many entries further; whether there is more.
pub(crate) async fn cut(session: &Connection, entries_max: i32) -> bool {
    let advance = "SELECT is_behind FROM ledger.advance_feed('acme', '2000-01-01', 'UTC', $1)";
    session.query_one(advance, &[&entries_max]).await.unwrap().get(0)
}
