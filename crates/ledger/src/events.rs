//! The feed: everything that happened to a merchant, in one order for all readers. See docs/adr/0032.

use std::time::Duration;

use cashflow::{Date, EndpointDisabled, Event, EventPage, EventType, FeedCursor, MerchantId};
use futures::future::try_join;
use jiff::{Timestamp, tz::TimeZone};
use tokio::time::{Instant, sleep};
use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{
    Ledger, LedgerError,
    event_rows::read_event,
    rows::{positions_parameter, read_key, read_positions, read_time, valid},
    session::STATEMENTS_TIMEOUT,
};

/// How many entries further the feed is cut at once. It takes some hundredths of a second.
const CUT_ENTRIES_MAX: i32 = 1_000;

/// How many events are looked at for those of some types.
const SCANNED_MAX: i64 = 2_000;

/// How long one call goes on while it finds nothing and there is more. The last step begins before.
const SEARCH_TIME: Duration = Duration::from_secs(1);

/// How long to wait while another session cuts the feed.
const CUT_PAUSE: Duration = Duration::from_millis(20);

/// The business day of a moment.
#[derive(Debug, Clone)]
pub struct BusinessDay {
    /// The day.
    pub date: Date,
    /// Where it is that day.
    pub time_zone: TimeZone,
}

impl BusinessDay {
    /// The day that it is at a moment there.
    pub fn at(now: Timestamp, time_zone: &TimeZone) -> BusinessDay {
        BusinessDay { date: time_zone.to_datetime(now).date(), time_zone: time_zone.clone() }
    }

    /// The name by which PostgreSQL knows the zone.
    fn zone_name(&self) -> &str {
        self.time_zone.iana_name().unwrap_or("UTC")
    }
}

/// Why there are no events.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The ledger gave no answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The cursor is of a ledger that was set back since: begin again without one.
    #[error("the cursor is ahead of the ledger, which was set back since")]
    CursorAhead,
}

/// Some merchants to whom something happened, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveMerchants {
    /// The merchants.
    pub merchants: Vec<MerchantId>,
    /// Up to when that is so. That of the first page is where the next window begins.
    pub until: Timestamp,
    /// Whether the list ends here; otherwise the next page begins after the last one.
    pub is_last: bool,
}

/// A turn to wait for events, until it is given back or its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitClaim(Uuid);

impl Ledger {
    /// The events after a cursor, or the oldest; of all types, or of these. At most `limit`.
    ///
    /// First it puts in order what has come since somebody last read, a bounded number of entries. While it finds nothing and there
    /// is more, it goes on, for a second at most.
    pub async fn events(
        &self,
        merchant: &MerchantId,
        today: &BusinessDay,
        after: Option<&FeedCursor>,
        types: Option<&[EventType]>,
        limit: u16,
    ) -> Result<EventPage, FeedError> {
        let mut after = *after.unwrap_or(&FeedCursor::START);
        let started = Instant::now();
        self.run(STATEMENTS_TIMEOUT, async |client| {
            loop {
                let page = page(client, merchant, today, &after, types, limit).await?;
                if !page.events.is_empty() || !page.has_more || started.elapsed() >= SEARCH_TIME {
                    return Ok(page);
                }
                if page.next == after {
                    sleep(CUT_PAUSE).await;
                }
                after = page.next;
            }
        })
        .await
    }

    /// After everything that has happened by now.
    pub async fn feed_end(&self, merchant: &MerchantId) -> Result<FeedCursor, LedgerError> {
        let merchant_id = merchant.as_str();
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let of_merchant: [(&(dyn ToSql + Sync), Type); 1] = [(&merchant_id, Type::TEXT)];
            let row = client.query_typed_one("SELECT * FROM ledger.feed_end($1)", &of_merchant).await?;
            Ok(FeedCursor {
                sequence: read_number(&row, "sequence")?,
                positions: read_positions(&row, "positions")?,
                noted: read_number(&row, "noted")?,
            })
        })
        .await
    }

    /// The key that the merchant's feed cursors are made with, which changes with the ledger's epoch.
    pub async fn feed_key(&self, merchant: &MerchantId) -> Result<[u8; 64], LedgerError> {
        let merchant_id = merchant.as_str();
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let of_merchant: [(&(dyn ToSql + Sync), Type); 1] = [(&merchant_id, Type::TEXT)];
            read_key(&client.query_typed_one("SELECT * FROM ledger.feed_key($1)", &of_merchant).await?)
        })
        .await
    }

    /// Notes that a webhook endpoint was switched off. `about` tells one such event of the endpoint from another: with the same one
    /// again, nothing changes.
    pub async fn append_event(
        &self,
        merchant: &MerchantId,
        about: Uuid,
        event: &EndpointDisabled,
    ) -> Result<(), LedgerError> {
        let merchant_id = merchant.as_str();
        let EndpointDisabled { endpoint_id, url, reason } = event;
        let parameters: [(&(dyn ToSql + Sync), Type); 5] = [
            (&merchant_id, Type::TEXT),
            (&about, Type::UUID),
            (endpoint_id, Type::UUID),
            (url, Type::TEXT),
            (reason, Type::TEXT),
        ];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            client.query_typed("SELECT ledger.append_event($1, $2, $3, $4, $5)", &parameters).await?;
            Ok(())
        })
        .await
    }

    /// The merchants to whom something happened since a moment, or whose alerts have not seen today, from the one after `after`.
    /// For members of `ledger_maintainer`.
    pub async fn merchants_with_events_since(
        &self,
        since: Timestamp,
        today: &BusinessDay,
        after: Option<&MerchantId>,
        limit: u16,
    ) -> Result<ActiveMerchants, LedgerError> {
        let (since, date) = (since.to_string(), today.date.to_string());
        let after = after.map_or("", MerchantId::as_str);
        let rows_max = i64::from(limit);
        let parameters: [(&(dyn ToSql + Sync), Type); 4] =
            [(&since, Type::TEXT), (&date, Type::TEXT), (&after, Type::TEXT), (&rows_max, Type::INT8)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let list = "SELECT * FROM ledger_maintenance.merchants_with_events_since($1, $2, $3, $4)";
            let rows = client.query_typed(list, &parameters).await?;
            let first =
                rows.first().ok_or(LedgerError::Inconsistent("the time of a look at the merchants is missing"))?;
            let names = rows.iter().filter_map(|row| row.get::<_, Option<&str>>("merchant_id"));
            let merchants = names.map(|name| valid(MerchantId::parse(name), "the name of a merchant is not valid"));
            let merchants = merchants.collect::<Result<Vec<_>, _>>()?;
            let is_last = merchants.len() < usize::from(limit);
            Ok(ActiveMerchants { merchants, until: read_time(first, "until_us")?, is_last })
        })
        .await
    }

    /// A turn to wait for a merchant's events, for so many seconds; none if as many wait as may, which are two of a merchant and
    /// `waiting_max` of all.
    pub async fn claim_wait(
        &self,
        merchant: &MerchantId,
        seconds: u16,
        waiting_max: u16,
    ) -> Result<Option<WaitClaim>, LedgerError> {
        let (merchant_id, seconds, waiting_max) = (merchant.as_str(), i32::from(seconds), i32::from(waiting_max));
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&merchant_id, Type::TEXT), (&seconds, Type::INT4), (&waiting_max, Type::INT4)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let row = client.query_typed_opt("SELECT * FROM ledger.claim_wait($1, $2, $3)", &parameters).await?;
            Ok(row.map(|row| WaitClaim(row.get("holder"))))
        })
        .await
    }

    /// Gives a turn back.
    pub async fn release_wait(&self, merchant: &MerchantId, claim: WaitClaim) -> Result<(), LedgerError> {
        let merchant_id = merchant.as_str();
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&merchant_id, Type::TEXT), (&claim.0, Type::UUID)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            client.query_typed("SELECT ledger.release_wait($1, $2)", &parameters).await?;
            Ok(())
        })
        .await
    }
}

/// Cuts the feed off behind what is visible, at most [`CUT_ENTRIES_MAX`] entries further, and derives events from what lies between.
/// Answers whether there is more, or somebody else is at it.
pub(crate) async fn advance(
    client: &Client,
    merchant: &MerchantId,
    today: &BusinessDay,
) -> Result<bool, tokio_postgres::Error> {
    let (merchant_id, date, zone) = (merchant.as_str(), today.date.to_string(), today.zone_name());
    let parameters: [(&(dyn ToSql + Sync), Type); 4] =
        [(&merchant_id, Type::TEXT), (&date, Type::TEXT), (&zone, Type::TEXT), (&CUT_ENTRIES_MAX, Type::INT4)];
    let row = client.query_typed_opt("SELECT * FROM ledger.advance_feed($1, $2, $3, $4)", &parameters).await?;
    Ok(row.is_some_and(|row| row.get("is_behind")))
}

/// Both statements are sent together and answered in one round trip. The second sees what the first has committed.
async fn page(
    client: &Client,
    merchant: &MerchantId,
    today: &BusinessDay,
    after: &FeedCursor,
    types: Option<&[EventType]>,
    limit: u16,
) -> Result<EventPage, FeedError> {
    let merchant_id = merchant.as_str();
    // What is beyond PostgreSQL's numbers is ahead of the ledger.
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let (sequence, noted, rows_max) = (number(after.sequence), number(after.noted), i64::from(limit));
    let positions = positions_parameter(&after.positions);
    let names: Option<Vec<&str>> = types.map(|types| types.iter().map(|wanted| wanted.as_str()).collect());
    let scanned_max = if names.is_some() { SCANNED_MAX } else { rows_max };
    let parameters: [(&(dyn ToSql + Sync), Type); 7] = [
        (&merchant_id, Type::TEXT),
        (&sequence, Type::INT8),
        (&positions, Type::INT8_ARRAY),
        (&noted, Type::INT8),
        (&names, Type::TEXT_ARRAY),
        (&scanned_max, Type::INT8),
        (&rows_max, Type::INT8),
    ];
    let read = "SELECT * FROM ledger.feed_page($1, $2, $3, $4, $5, $6, $7)";
    let (is_behind, rows) = try_join(advance(client, merchant, today), client.query_typed(read, &parameters))
        .await
        .map_err(LedgerError::from)?;
    let (header, rows) = rows.split_first().ok_or(LedgerError::Inconsistent("a page of the feed has no header"))?;
    if header.get("is_ahead") {
        return Err(FeedError::CursorAhead);
    }
    read_page(merchant, header, rows, after, is_behind, limit)
}

fn read_page(
    merchant: &MerchantId,
    header: &Row,
    rows: &[Row],
    after: &FeedCursor,
    is_behind: bool,
    limit: u16,
) -> Result<EventPage, FeedError> {
    let events: Vec<Option<Event>> = rows.iter().map(|row| read_event(merchant, row)).collect::<Result<_, _>>()?;
    let sequence = match rows.last() {
        Some(last) if rows.len() >= usize::from(limit) => read_number(last, "sequence")?,
        Some(_) | None => read_number(header, "scanned_until")?,
    };
    let has_more = is_behind || sequence < read_number(header, "newest")?;
    Ok(EventPage { events: events.into_iter().flatten().collect(), next: FeedCursor { sequence, ..*after }, has_more })
}

fn read_number(row: &Row, column: &str) -> Result<u64, LedgerError> {
    valid(u64::try_from(row.get::<_, i64>(column)), "a number of the feed is negative")
}
