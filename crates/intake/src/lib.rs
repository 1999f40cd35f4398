//! Accepting entries: what is known is answered as it was the first time; what is new starts the state machine, and only
//! then is it remembered.
//!
//! Neither PostgreSQL nor DynamoDB is on this path. An entry is safe once its execution has started. Whatever is lost before
//! that, the client repeats under the same key.

use cashflow::{Entry, EntryId, Fingerprint, MerchantId};
use executions::{Start, StateMachine, StateMachineError};
use http_api::{AcceptedEntry, Code, Place, Problem, reused_keys};
use request_memory::{Remembered, RequestMemory};
use settings::SettingError;
use telemetry::{Causes, IntakeMetrics, Metrics, StoreMetrics};
use workflow::{INPUT_BYTES_MAX, RecordEntries, execution_name, listed_ids};

/// What accepts entries, built once when a function starts.
#[derive(Debug)]
pub struct Intake {
    /// Which requests were accepted before.
    pub memory: RequestMemory,
    /// What records the entries.
    pub state_machine: StateMachine,
    /// Where the metrics go.
    pub metrics: Metrics,
}

/// One entry that a request asks for.
#[derive(Debug, Clone)]
pub struct RequestedEntry {
    /// Where its key stands in the request.
    pub place: Place,
    /// The entry.
    pub entry: Entry,
    /// Whether the request named no date, so that the entry has that of the day it came in.
    pub date_is_default: bool,
}

/// Entries as they are answered, in request order.
#[derive(Debug)]
pub struct Accepted {
    /// The answers.
    pub entries: Vec<AcceptedEntry>,
    /// Whether every one of them had been accepted before.
    pub replayed: bool,
}

impl Intake {
    /// From `REDIS_URL` and `STATE_MACHINE_ARN`.
    pub async fn from_env(metrics: Metrics) -> Result<Intake, SettingError> {
        Ok(Intake { memory: RequestMemory::from_env()?, state_machine: StateMachine::from_env().await?, metrics })
    }

    /// Accepts entries: the known ones are answered as replays, only the new ones start an execution.
    pub async fn accept(
        &self,
        merchant: &MerchantId,
        requested: Vec<RequestedEntry>,
        trace_header: Option<String>,
    ) -> Result<Accepted, Problem> {
        let names: Vec<_> = requested
            .iter()
            .map(|requested| (requested.place, requested.entry.id, requested.entry.fingerprint))
            .collect();
        let mut answers = self.recall(merchant, &names).await?;
        let fresh: Vec<RequestedEntry> = requested
            .into_iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.is_none())
            .map(|(requested, _)| requested)
            .collect();
        let known = answers.iter().flatten().count();
        let mut started_before = true;
        if !fresh.is_empty() {
            let started = self.begin(merchant, fresh, trace_header).await?;
            started_before = started.replayed;
            let mut started = started.entries.into_iter();
            for answer in answers.iter_mut().filter(|answer| answer.is_none()) {
                *answer = started.next();
            }
        }
        let entries = answers.into_iter().collect::<Option<Vec<_>>>().ok_or_else(Problem::internal_error)?;
        let replayed = if started_before { entries.len() } else { known };
        self.record(entries.len() - replayed, replayed);
        Ok(Accepted { entries, replayed: started_before })
    }

    /// What was answered to this request before, if it is remembered. A key that was used with another payload refuses it.
    pub async fn replay(
        &self,
        merchant: &MerchantId,
        place: Place,
        id: EntryId,
        fingerprint: Fingerprint,
    ) -> Result<Option<AcceptedEntry>, Problem> {
        let replay = self.recall(merchant, &[(place, id, fingerprint)]).await?.pop().flatten();
        if replay.is_some() {
            self.record(0, 1);
        }
        Ok(replay)
    }

    /// Starts the execution that records this entry, remembers it, and answers it as it will be posted.
    pub async fn start(
        &self,
        merchant: &MerchantId,
        requested: RequestedEntry,
        trace_header: Option<String>,
    ) -> Result<Accepted, Problem> {
        let accepted = self.begin(merchant, vec![requested], trace_header).await?;
        let replayed = if accepted.replayed { accepted.entries.len() } else { 0 };
        self.record(accepted.entries.len() - replayed, replayed);
        Ok(accepted)
    }

    /// What was answered to these requests before, as far as it is remembered. One key that was used with another payload
    /// refuses them all.
    async fn recall(
        &self,
        merchant: &MerchantId,
        requests: &[(Place, EntryId, Fingerprint)],
    ) -> Result<Vec<Option<AcceptedEntry>>, Problem> {
        let ids: Vec<EntryId> = requests.iter().map(|(_, id, _)| *id).collect();
        let remembered = self.memory.recall(&ids).await;
        let reused: Vec<Place> = requests
            .iter()
            .zip(&remembered)
            .filter(|((_, _, fingerprint), remembered)| {
                remembered.as_ref().is_some_and(|remembered| remembered.fingerprint != *fingerprint)
            })
            .map(|((place, _, _), _)| *place)
            .collect();
        if !reused.is_empty() {
            return Err(reused_keys(&reused));
        }
        Ok(remembered
            .into_iter()
            .map(|remembered| AcceptedEntry::from_memory(&remembered?.response, merchant))
            .collect())
    }

    /// Starts the execution of these entries and remembers them. If it was started before, the answers are those of that
    /// time: an entry that named no date has the date of its first request.
    async fn begin(
        &self,
        merchant: &MerchantId,
        fresh: Vec<RequestedEntry>,
        trace_header: Option<String>,
    ) -> Result<Accepted, Problem> {
        let a_date_is_default = fresh.iter().any(|requested| requested.date_is_default);
        let mut entries: Vec<Entry> = fresh.into_iter().map(|requested| requested.entry).collect();
        let name = execution_name(&entries);
        let input = workflow_input(merchant, &entries)?;
        // From here on every line of this request is found from its execution, and the other way round.
        tracing::Span::current().record("execution", &name);
        let replayed = match self.state_machine.start(&name, input, trace_header).await.map_err(unavailable)? {
            Start::Started => false,
            Start::StartedBefore => true,
        };
        tracing::info!(%merchant, entries = entries.len(), ids = listed_ids(&entries), replayed, "entries accepted");
        if replayed && a_date_is_default {
            let first = self.state_machine.input_of(&name).await.map_err(unavailable)?;
            entries = first_entries(first, &entries).unwrap_or(entries);
        }
        let accepted: Vec<AcceptedEntry> = entries.iter().map(|entry| AcceptedEntry::new(merchant, entry)).collect();
        self.remember(&entries, &accepted).await;
        Ok(Accepted { entries: accepted, replayed })
    }

    async fn remember(&self, entries: &[Entry], accepted: &[AcceptedEntry]) {
        let requests: Vec<(EntryId, Remembered)> = entries
            .iter()
            .zip(accepted)
            .filter_map(|(entry, accepted)| {
                Some((entry.id, Remembered { fingerprint: entry.fingerprint, response: accepted.to_memory()? }))
            })
            .collect();
        self.memory.remember(&requests).await;
    }

    fn record(&self, accepted: usize, replayed: usize) {
        self.metrics.emit(IntakeMetrics {
            entries_accepted: accepted as u64,
            entries_replayed: replayed as u64,
            request_memory_breaker_open: u64::from(self.memory.is_kept_away()),
            stores: StoreMetrics::take(),
        });
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

/// The entries of an earlier execution of the same name: the same requests, with the dates of that time.
fn first_entries(input: Option<String>, entries: &[Entry]) -> Option<Vec<Entry>> {
    let input: RecordEntries = serde_json::from_str(&input?).ok()?;
    let (_, first) = input.parse().ok()?;
    let same = first.len() == entries.len() && first.iter().zip(entries).all(|(a, b)| a.id == b.id);
    same.then_some(first)
}

fn unavailable(error: StateMachineError) -> Problem {
    tracing::error!(error = %Causes(&error), "state machine not reached");
    Problem::temporarily_unavailable()
}
