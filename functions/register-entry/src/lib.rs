//! `POST /entries` and `POST /entries/batch`: accepts entries and starts the state machine that records them.

use cashflow::{Date, EntryId, MerchantId};
use http_api::{
    Caller, Code, KeyLocation, NewEntry, Problem, accepted_batch_response, accepted_response, parse_batch, parse_entry,
};
use intake::{Intake, Recorder, RequestedEntry};
use jiff::{Timestamp, tz::TimeZone};
use lambda_http::{Body, Request, RequestExt, Response};

/// What the function works with, built once when it starts.
#[derive(Debug)]
pub struct RegisterEntry<R> {
    /// What accepts the entries.
    pub intake: Intake<R>,
    /// Where the business day begins and ends.
    pub business_time_zone: TimeZone,
}

impl<R: Recorder> RegisterEntry<R> {
    /// Answers one request that came in at `now`.
    pub async fn handle(&self, request: &Request, now: Timestamp) -> Response<Body> {
        self.answer(request, now).await.unwrap_or_else(Problem::into_response)
    }

    async fn answer(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Problem> {
        let caller = Caller::of(request)?;
        let merchant = caller.writing_merchant()?;
        let today = self.business_time_zone.to_datetime(now).date();
        let trace_header = request.lambda_context_ref().and_then(|context| context.xray_trace_id.clone());
        match request.uri().path() {
            "/entries" => {
                let requested = requested(merchant, KeyLocation::Header, parse_entry(request, today)?, today);
                let accepted = self.intake.accept(merchant, vec![requested], trace_header).await?;
                let [entry] = &accepted.entries[..] else { return Err(Problem::internal_error()) };
                Ok(accepted_response(entry, accepted.repeated))
            }
            "/entries/batch" => {
                let new_entries = parse_batch(request, today)?.into_iter().enumerate();
                let requested = new_entries
                    .map(|(index, entry)| requested(merchant, KeyLocation::Batch(index), entry, today))
                    .collect();
                let accepted = self.intake.accept(merchant, requested, trace_header).await?;
                Ok(accepted_batch_response(&accepted.entries, accepted.repeated))
            }
            _ => Err(Problem::new(Code::NotFound, "Entries are registered at /entries and /entries/batch.")),
        }
    }
}

fn requested(merchant: &MerchantId, key_location: KeyLocation, new_entry: NewEntry, today: Date) -> RequestedEntry {
    let id = EntryId::derive(merchant, &new_entry.key);
    let date_is_default = new_entry.request.date.is_none();
    RequestedEntry { key_location, entry: new_entry.request.into_entry(id, today), date_is_default }
}
