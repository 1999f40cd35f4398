//! `POST /entries` and `POST /entries/batch`: accepts entries and starts the state machine that records them.
//!
//! Neither PostgreSQL nor DynamoDB is on this path. An entry is safe once its execution has started; only then is it
//! remembered in Redis and answered. Whatever is lost before that, the client repeats under the same key.

mod state_machine;

use cashflow::{Date, Entry, EntryId, MerchantId};
use http_api::{
    AcceptedEntry, Caller, Code, NewEntry, Place, Problem, accepted_batch_response, accepted_response, parse_batch,
    parse_entry, reused_keys,
};
use jiff::{Timestamp, tz::TimeZone};
use lambda_http::{Body, Request, RequestExt, Response};
use request_memory::{Remembered, RequestMemory};
use state_machine::Start;
pub use state_machine::StateMachine;
use workflow::{INPUT_BYTES_MAX, RecordEntries, execution_name};

/// What the function works with, built once when it starts.
#[derive(Debug)]
pub struct RegisterEntry {
    /// Which requests were accepted before.
    pub memory: RequestMemory,
    /// What records the entries.
    pub state_machine: StateMachine,
    /// Where the business day begins and ends.
    pub business_time_zone: TimeZone,
}

impl RegisterEntry {
    /// Answers one request that came in at `now`.
    pub async fn handle(&self, request: &Request, now: Timestamp) -> Response<Body> {
        self.answer(request, now).await.unwrap_or_else(Problem::into_response)
    }

    async fn answer(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Problem> {
        let caller = Caller::of(request)?;
        let merchant = caller.writing_merchant()?;
        let today = self.business_time_zone.to_datetime(now).date();
        let trace = request.lambda_context_ref().and_then(|context| context.xray_trace_id.clone());
        match request.uri().path() {
            "/entries" => {
                let new_entry = parse_entry(request, today)?;
                let accepted = self.register(merchant, vec![(Place::Header, new_entry)], today, trace).await?;
                let [entry] = &accepted.entries[..] else { return Err(Problem::internal_error()) };
                Ok(accepted_response(entry, accepted.replayed))
            }
            "/entries/batch" => {
                let new_entries = parse_batch(request, today)?.into_iter().enumerate();
                let new_entries = new_entries.map(|(index, entry)| (Place::Batch(index), entry)).collect();
                let accepted = self.register(merchant, new_entries, today, trace).await?;
                Ok(accepted_batch_response(&accepted.entries, accepted.replayed))
            }
            _ => Err(Problem::new(Code::NotFound, "Entries are registered at /entries and /entries/batch.")),
        }
    }

    async fn register(
        &self,
        merchant: &MerchantId,
        new_entries: Vec<(Place, NewEntry)>,
        today: Date,
        trace: Option<String>,
    ) -> Result<Accepted, Problem> {
        let requested: Vec<Requested> =
            new_entries.into_iter().map(|(place, entry)| Requested::new(merchant, place, entry, today)).collect();

        let ids: Vec<EntryId> = requested.iter().map(|requested| requested.entry.id).collect();
        let remembered = self.memory.recall(&ids).await;
        refuse_reused_keys(&requested, &remembered)?;
        let mut answers: Vec<Option<AcceptedEntry>> = remembered.into_iter().map(remembered_answer).collect();

        let fresh: Vec<&Requested> = requested
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.is_none())
            .map(|(requested, _)| requested)
            .collect();
        let mut replayed = true;
        if !fresh.is_empty() {
            let (entries, started_before) = self.start(merchant, &fresh, trace).await?;
            replayed = started_before;
            let accepted: Vec<AcceptedEntry> =
                entries.iter().map(|entry| AcceptedEntry::new(merchant, entry)).collect();
            self.remember(&entries, &accepted).await;
            let mut accepted = accepted.into_iter();
            for answer in answers.iter_mut().filter(|answer| answer.is_none()) {
                *answer = accepted.next();
            }
        }
        let entries = answers.into_iter().collect::<Option<Vec<_>>>().ok_or_else(Problem::internal_error)?;
        Ok(Accepted { entries, replayed })
    }

    /// Starts the execution that records these entries, and answers them as they will be posted. If it was started before,
    /// they are those of that time: an entry that named no date has the date of its first request.
    async fn start(
        &self,
        merchant: &MerchantId,
        fresh: &[&Requested],
        trace: Option<String>,
    ) -> Result<(Vec<Entry>, bool), Problem> {
        let entries: Vec<Entry> = fresh.iter().map(|requested| requested.entry.clone()).collect();
        let name = execution_name(&entries);
        let input = workflow_input(merchant, &entries)?;
        let started_before = match self.state_machine.start(&name, input, trace).await.map_err(unavailable)? {
            Start::Started => false,
            Start::StartedBefore => true,
        };
        tracing::info!(%merchant, execution = name, entries = entries.len(), started_before, "entries accepted");
        if started_before && fresh.iter().any(|requested| requested.date_is_default) {
            let first = self.state_machine.input_of(&name).await.map_err(unavailable)?;
            return Ok((first_entries(first, &entries).unwrap_or(entries), true));
        }
        Ok((entries, started_before))
    }

    async fn remember(&self, entries: &[Entry], accepted: &[AcceptedEntry]) {
        let requests: Vec<(EntryId, Remembered)> = entries
            .iter()
            .zip(accepted)
            .filter_map(|(entry, accepted)| {
                let response = serde_json::to_string(accepted).ok()?;
                Some((entry.id, Remembered { fingerprint: entry.fingerprint, response }))
            })
            .collect();
        self.memory.remember(&requests).await;
    }
}

/// The entries as they are answered, in request order.
struct Accepted {
    entries: Vec<AcceptedEntry>,
    /// Whether every one of them had been accepted before.
    replayed: bool,
}

/// One entry of a request, and what is needed to answer it.
struct Requested {
    place: Place,
    entry: Entry,
    date_is_default: bool,
}

impl Requested {
    fn new(merchant: &MerchantId, place: Place, new_entry: NewEntry, today: Date) -> Requested {
        let id = EntryId::derive(merchant, &new_entry.key);
        let date_is_default = new_entry.request.date.is_none();
        Requested { place, entry: new_entry.request.into_entry(id, today), date_is_default }
    }
}

/// The input of the state machine, if Step Functions can carry it.
fn workflow_input(merchant: &MerchantId, entries: &[Entry]) -> Result<String, Problem> {
    let input = serde_json::to_string(&RecordEntries::new(merchant, entries)).map_err(|error| {
        tracing::error!(%error, "workflow input not written");
        Problem::internal_error()
    })?;
    if input.len() > INPUT_BYTES_MAX {
        let detail = format!(
            "The batch takes {} bytes of workflow state, the limit is {INPUT_BYTES_MAX}. Send it as several batches.",
            input.len()
        );
        return Err(Problem::new(Code::BatchTooLarge, detail));
    }
    Ok(input)
}

fn refuse_reused_keys(requested: &[Requested], remembered: &[Option<Remembered>]) -> Result<(), Problem> {
    let reused: Vec<Place> = requested
        .iter()
        .zip(remembered)
        .filter(|(requested, remembered)| {
            remembered.as_ref().is_some_and(|remembered| remembered.fingerprint != requested.entry.fingerprint)
        })
        .map(|(requested, _)| requested.place)
        .collect();
    if reused.is_empty() { Ok(()) } else { Err(reused_keys(&reused)) }
}

/// What cannot be read any more counts as forgotten.
fn remembered_answer(remembered: Option<Remembered>) -> Option<AcceptedEntry> {
    serde_json::from_str(&remembered?.response).ok()
}

/// The entries of an earlier execution of the same name: the same requests, with the dates of that time.
fn first_entries(input: Option<String>, entries: &[Entry]) -> Option<Vec<Entry>> {
    let input: RecordEntries = serde_json::from_str(&input?).ok()?;
    let (_, first) = input.parse().ok()?;
    let same = first.len() == entries.len() && first.iter().zip(entries).all(|(a, b)| a.id == b.id);
    same.then_some(first)
}

fn unavailable(error: state_machine::StateMachineError) -> Problem {
    tracing::error!(error = &error as &dyn std::error::Error, "state machine not reached");
    Problem::temporarily_unavailable()
}
