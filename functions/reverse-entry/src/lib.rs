//! `POST /entries/{id}/reversal`: accepts an entry that undoes another one, and starts the state machine that records it.
//!
//! What can be reversed, the ledger tells; that it happens once, the ledger holds: of two reversals that are accepted at the
//! same time, one is posted.

use std::sync::Arc;

use cashflow::{Date, EntryId, Fingerprint, MerchantId, PostedEntry};
use http_api::{
    AcceptedEntry, Caller, Code, Fault, FaultCode, Flaw, KeyLocation, NewReversal, Problem, accepted_response,
    entry_not_found, parse_reversal, reused_keys,
};
use intake::{Intake, Recorder, RequestedEntry};
use jiff::{Timestamp, tz::TimeZone};
use lambda_http::{Body, Request, RequestExt, Response};
use ledger::{Ledger, LedgerError};

/// What the function works with, built once when it starts.
#[derive(Debug)]
pub struct ReverseEntry<R> {
    /// What is posted.
    pub ledger: Arc<Ledger>,
    /// What accepts the reversal.
    pub intake: Intake<R>,
    /// Where the business day begins and ends.
    pub business_time_zone: TimeZone,
}

impl<R: Recorder> ReverseEntry<R> {
    /// Answers one request that came in at `now`.
    pub async fn handle(&self, request: &Request, now: Timestamp) -> Response<Body> {
        self.answer(request, now).await.unwrap_or_else(Problem::into_response)
    }

    async fn answer(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Problem> {
        let caller = Caller::of(request)?;
        let merchant = caller.writing_merchant()?;
        let today = self.business_time_zone.to_datetime(now).date();
        let NewReversal { key, request: reversal } = parse_reversal(request, today)?;
        let id = EntryId::derive(merchant, &key);
        let fingerprint = Fingerprint::of_reversal(&reversal);

        if let Some(answer) = self.intake.prior_answer(merchant, KeyLocation::Header, id, fingerprint).await? {
            return Ok(accepted_response(&answer, true));
        }
        let failed = |error: LedgerError| Problem::of_store(merchant, &error, error.is_transient());
        let posted = self.ledger.posted(merchant, &[reversal.original]).await.map_err(failed)?;
        let Some(original) = posted.first() else {
            return Err(self.not_posted(merchant, reversal.original).await);
        };
        if let Err(irreversible) = refuse_irreversible(original) {
            // Perhaps by this very request: the look before accepting may have timed out.
            let recorded = self.ledger.recorded(merchant, &[id]).await.map_err(failed)?;
            return match recorded.first() {
                None => Err(irreversible),
                Some(recorded) if recorded.entry.fingerprint != fingerprint => Err(reused_keys(&[KeyLocation::Header])),
                Some(recorded) => Ok(accepted_response(&AcceptedEntry::new(merchant, &recorded.entry), true)),
            };
        }
        refuse_date_before(original.entry.date, reversal.date)?;

        let date_is_default = reversal.date.is_none();
        // An entry of a day to come is undone on that day, and not before.
        let entry = reversal.into_entry(id, &original.entry, today.max(original.entry.date));
        let requested = RequestedEntry { key_location: KeyLocation::Header, entry, date_is_default };
        let trace_header = request.lambda_context_ref().and_then(|context| context.xray_trace_id.clone());
        let accepted = self.intake.start(merchant, requested, trace_header).await?;
        let [entry] = &accepted.entries[..] else { return Err(Problem::internal_error()) };
        Ok(accepted_response(entry, accepted.repeated))
    }

    /// Why an entry that the ledger does not know cannot be reversed.
    async fn not_posted(&self, merchant: &MerchantId, original: EntryId) -> Problem {
        let cached = self.intake.cache.get(&[original]).await.pop().flatten();
        match cached.and_then(|cached| AcceptedEntry::from_cached(cached.answer()?, merchant)) {
            Some(_) => Problem::not_yet_posted(),
            None => entry_not_found(),
        }
    }
}

/// What is true of a posted entry stays true, but for one thing: a reversal may come between this look and the posting.
/// The ledger then shows this one as already reversed.
fn refuse_irreversible(original: &PostedEntry) -> Result<(), Problem> {
    if original.entry.reverses.is_some() {
        let detail = "The entry undoes another one. Register a new entry instead.";
        return Err(Problem::new(Code::ReversalOfReversal, detail));
    }
    match original.reversed_by {
        Some(reversal) => {
            Err(Problem::new(Code::AlreadyReversed, format!("The entry is reversed by /entries/{reversal}.")))
        }
        None => Ok(()),
    }
}

/// A correction of something that had not happened yet would make the balances of the days between wrong.
fn refuse_date_before(original: Date, reversal: Option<Date>) -> Result<(), Problem> {
    if reversal.is_some_and(|date| date < original) {
        let detail = format!("must not be before {original}, the date of the entry that it undoes");
        let fault = Fault::at("/date", Flaw::new(FaultCode::TooEarly, detail).beyond(original));
        return Err(Problem::with_faults(Code::ValidationFailed, vec![fault]));
    }
    Ok(())
}
