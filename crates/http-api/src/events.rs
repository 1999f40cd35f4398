//! The feed of a merchant's events: which are asked for, and the page that is answered.

use std::ops::RangeInclusive;

use cashflow::{EventPage, EventType, FeedCursor, MerchantId};
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde::Serialize;

use crate::{
    Code, Fault, FaultCode, Flaw, Problem, opaque, query::Query, response::respond_json, shown_event::ShownEvent,
};

/// The most events of a page.
const LIMIT_MAX: u16 = 500;

/// The events of a page that asks for no number of them.
const LIMIT_DEFAULT: u16 = 100;

/// How many seconds a request may wait for an event: API Gateway gives up after 30.
const WAIT_S: RangeInclusive<u16> = 0..=20;

/// How long every cursor of a feed is.
pub const FEED_CURSOR_LENGTH: usize = opaque::length(FeedCursor::BYTES);

/// Which events are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedQuery {
    /// Only of these types; none for all.
    pub types: Option<Vec<EventType>>,
    /// The most events of the page.
    pub limit: u16,
    /// For how many seconds to wait for an event, if there is none.
    pub wait_s: u16,
    after: Option<String>,
}

/// Reads `GET /events?after=&types=&limit=&wait=`.
pub fn parse_feed_query(request: &Request) -> Result<FeedQuery, Problem> {
    let mut query = Query::read(request, &["after", "types", "limit", "wait"]);
    let after = query.optional("after");
    let types = query.optional("types").map(|text| query.check("types", parse_event_types(text.split(','))));
    let limit = query.limit(LIMIT_MAX, LIMIT_DEFAULT);
    let wait_s = query.whole_number("wait", WAIT_S, 0);
    query.none_or_problem()?;
    let (Some(limit), Some(wait_s)) = (limit, wait_s) else { return Err(Problem::internal_error()) };
    Ok(FeedQuery { types: types.flatten(), limit, wait_s, after })
}

/// Reads the names of types of events, each once.
pub fn parse_event_types<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<EventType>, Flaw> {
    let mut types = Vec::new();
    for name in names {
        let event_type = EventType::parse(name).ok_or_else(|| {
            let known = EventType::ALL.map(EventType::as_str).join(", ");
            Flaw::new(FaultCode::UnknownValue, format!("must be one or more of {known}"))
        })?;
        if types.contains(&event_type) {
            return Err(Flaw::new(FaultCode::Duplicate, format!("names {name} more than once")));
        }
        types.push(event_type);
    }
    Ok(types)
}

impl FeedQuery {
    /// Behind what the page begins: none for the oldest event. A cursor counts only for the merchant it was given out for.
    pub fn after(&self, merchant: &MerchantId, key: &[u8; 64]) -> Result<Option<FeedCursor>, Problem> {
        let Some(text) = &self.after else { return Ok(None) };
        let cursor = read_feed_cursor(text, merchant, key);
        cursor.map(Some).ok_or_else(|| refused_cursor("is not a cursor that a feed of the merchant was answered with"))
    }
}

/// The refusal of a cursor of a ledger that was set back since.
pub fn feed_was_set_back() -> Problem {
    refused_cursor("is of a ledger that was set back since: begin without it")
}

fn refused_cursor(detail: &str) -> Problem {
    let fault = Fault::parameter("after", Flaw::new(FaultCode::InvalidCursor, detail));
    Problem::with_faults(Code::ParameterInvalid, vec![fault])
}

/// Writes a cursor: [`FEED_CURSOR_LENGTH`] characters, which only this merchant's key reads again.
pub fn write_feed_cursor(cursor: FeedCursor, merchant: &MerchantId, key: &[u8; 64]) -> String {
    opaque::write(key, &context(merchant), &cursor.to_bytes())
}

/// Reads what [`write_feed_cursor`] wrote, and nothing else.
pub fn read_feed_cursor(text: &str, merchant: &MerchantId, key: &[u8; 64]) -> Option<FeedCursor> {
    let bytes = opaque::read::<{ FeedCursor::BYTES }>(key, &context(merchant), text)?;
    FeedCursor::from_bytes(&bytes).ok()
}

fn context(merchant: &MerchantId) -> String {
    format!("feed/1\n{merchant}\n")
}

/// Some events as they are given out, in the order of the feed.
#[derive(Debug, Serialize)]
pub struct ShownPage {
    events: Vec<ShownEvent>,
    next: String,
    has_more: bool,
}

impl ShownPage {
    /// The page of a merchant's feed.
    pub fn new(page: &EventPage, merchant: &MerchantId, key: &[u8; 64]) -> ShownPage {
        ShownPage {
            events: page.events.iter().map(|event| ShownEvent::new(event, merchant)).collect(),
            next: write_feed_cursor(page.next, merchant, key),
            has_more: page.has_more,
        }
    }
}

/// The answer to `GET /events`.
pub fn feed_response(page: &EventPage, merchant: &MerchantId, key: &[u8; 64]) -> Response<Body> {
    respond_json(StatusCode::OK, &ShownPage::new(page, merchant, key))
}

#[cfg(test)]
mod tests {
    use cashflow::{Positions, SLOTS};
    use test_builders::{acme, merchant};

    use super::*;

    fn cursor() -> FeedCursor {
        FeedCursor { sequence: 7, positions: Positions::new([3; SLOTS]), noted: 2 }
    }

    #[test]
    fn a_cursor_is_read_by_its_merchant_with_its_key_and_by_nobody_else() {
        let text = write_feed_cursor(cursor(), &acme(), &[1; 64]);
        assert_eq!(text.len(), FEED_CURSOR_LENGTH);
        assert_eq!(read_feed_cursor(&text, &acme(), &[1; 64]), Some(cursor()));
        assert_eq!(read_feed_cursor(&text, &merchant("emca"), &[1; 64]), None);
        assert_eq!(read_feed_cursor(&text, &acme(), &[2; 64]), None);
        assert_eq!(read_feed_cursor(&text[1..], &acme(), &[1; 64]), None);
    }

    #[test]
    fn a_type_is_named_once_and_known() {
        let parse =
            |text: &str| parse_event_types(text.split(',')).map_err(|flaw| Fault::parameter("types", flaw).code);
        assert_eq!(parse("day.sealed,entry.posted"), Ok(vec![EventType::DaySealed, EventType::EntryPosted]));
        for unknown in ["", "entry", "entry.posted,", "Entry.posted", "entry.posted, day.sealed"] {
            assert_eq!(parse(unknown), Err(FaultCode::UnknownValue), "{unknown:?}");
        }
        assert_eq!(parse("entry.posted,entry.posted"), Err(FaultCode::Duplicate));
    }
}
