//! `GET /events`: what happened to a merchant, page by page, from the ledger.

use std::time::Duration;

use cashflow::{EventPage, MerchantId};
use http_api::{Caller, FeedQuery, Problem, feed_response, feed_was_set_back, parse_feed_query};
use jiff::{Timestamp, tz::TimeZone};
use lambda_http::{Body, Request, Response};
use ledger::{BusinessDay, FeedError, Ledger, LedgerError};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

/// How often who waits for an event looks for one.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many requests of one process may wait at once, whoever they are from: a service has other things to do. In Lambda, a process
/// has one request at a time.
const WAITING_MAX: usize = 32;

/// How many calls of the function may run at once, unless the account's limit is its only one.
const CALLS_MAX: u16 = 50;

/// What answers requests for events.
pub struct ListEvents {
    /// Where the events are.
    pub ledger: Ledger,
    /// Where a business day begins.
    pub business_time_zone: TimeZone,
    /// How many requests may wait at once in the whole system.
    pub waiting_max: u16,
    waiting: Semaphore,
}

impl ListEvents {
    /// Reads this ledger.
    pub fn new(ledger: Ledger, business_time_zone: TimeZone, waiting_max: u16) -> ListEvents {
        ListEvents { ledger, business_time_zone, waiting_max, waiting: Semaphore::new(WAITING_MAX) }
    }

    /// How many may wait of so many calls of the function at once, 0 being as many as the account has: half of them, so that whoever
    /// does not wait is answered.
    pub fn waiting_of(calls_max: u16) -> u16 {
        if calls_max == 0 { CALLS_MAX / 2 } else { calls_max / 2 }
    }

    /// Answers one request.
    pub async fn handle(&self, request: &Request, now: Timestamp) -> Response<Body> {
        self.answer(request, now).await.unwrap_or_else(Problem::into_response)
    }

    async fn answer(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Problem> {
        let caller = Caller::of(request)?;
        let merchant = caller.merchant();
        let query = parse_feed_query(request)?;
        let key = self.ledger.feed_key(merchant).await.map_err(|error| not_answered(merchant, &error))?;
        let after = query.after(merchant, &key)?;

        let today = BusinessDay::at(now, &self.business_time_zone);
        let types = query.types.as_deref();
        let first = self.ledger.events(merchant, &today, after.as_ref(), types, query.limit).await;
        let page = first.map_err(|error| problem(merchant, error))?;
        let page = if page.events.is_empty() && !page.has_more && query.wait_s > 0 {
            self.wait(merchant, &query, now, page).await?
        } else {
            page
        };
        Ok(feed_response(&page, merchant, &key))
    }

    /// The first events that come within the time that the request may wait, or the empty page. Who gets no turn to wait is answered
    /// at once.
    async fn wait(
        &self,
        merchant: &MerchantId,
        query: &FeedQuery,
        now: Timestamp,
        empty: EventPage,
    ) -> Result<EventPage, Problem> {
        let Ok(_waiting) = self.waiting.try_acquire() else { return Ok(empty) };
        let claim = self.ledger.claim_wait(merchant, query.wait_s, self.waiting_max).await;
        let Some(claim) = claim.map_err(|error| not_answered(merchant, &error))? else { return Ok(empty) };
        let found = self.look_until(merchant, query, now, empty).await;
        // Who does not give the turn back loses it when its time is over.
        let released = self.ledger.release_wait(merchant, claim).await;
        found.and_then(|page| released.map(|()| page).map_err(|error| not_answered(merchant, &error)))
    }

    async fn look_until(
        &self,
        merchant: &MerchantId,
        query: &FeedQuery,
        now: Timestamp,
        empty: EventPage,
    ) -> Result<EventPage, Problem> {
        let began = Instant::now();
        let patience = Duration::from_secs(query.wait_s.into());
        let mut page = empty;
        while page.events.is_empty() && began.elapsed() < patience {
            sleep(LOOK_EVERY.min(patience.saturating_sub(began.elapsed()))).await;
            let today = BusinessDay::at(now + began.elapsed(), &self.business_time_zone);
            let types = query.types.as_deref();
            let found = self.ledger.events(merchant, &today, Some(&page.next), types, query.limit).await;
            page = found.map_err(|error| problem(merchant, error))?;
        }
        Ok(page)
    }
}

fn problem(merchant: &MerchantId, error: FeedError) -> Problem {
    match error {
        FeedError::Ledger(error) => not_answered(merchant, &error),
        FeedError::CursorAhead => feed_was_set_back(),
    }
}

fn not_answered(merchant: &MerchantId, error: &LedgerError) -> Problem {
    Problem::of_store(merchant, error, error.is_transient())
}
