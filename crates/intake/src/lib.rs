//! Accepting entries: a repeated request is answered as it was the first time; a new one starts what records it (a
//! [`Recorder`]), and only then is it cached as accepted.
//!
//! What a key was used for is read from the idempotency cache, or else from the ledger. Accepting depends on neither: an entry
//! is safe once its execution has started, and whatever is lost before that, the client repeats under the same key. While one
//! of the two is down, another payload under a used key can be accepted; the ledger then posts the first that comes to it, and a moment
//! later every repeat is answered as the ledger has it. See docs/adr/0021.

mod lookup;
mod lookup_together;
mod prior_request;
mod recorder;

use std::{collections::HashMap, error::Error, sync::Arc};

use cashflow::{Entry, EntryId, Fingerprint, MerchantId};
pub use executions::{Start, StateMachine};
use http_api::{AcceptedEntry, Code, KeyLocation, Problem, cached_execution, reused_keys};
use idempotency_cache::{CachedRequest, IdempotencyCache, RequestState};
use ledger::{Ledger, Recorded};
pub use lookup::{LOOKUP_BUDGET, LOOKUP_PAUSE, RequestLookup};
use prior_request::PriorRequest;
pub use recorder::Recorder;
use settings::SettingError;
use telemetry::{Causes, IntakeMetrics, Line, Metrics, StoreMetrics, correlate_with_execution};
use workflow::{Generation, RecordEntries, check_input_size, execution_name, listed_ids};

/// What accepts entries, built once when a function starts.
#[derive(Debug)]
pub struct Intake<R> {
    /// Which requests were accepted before, if Redis has it.
    pub cache: IdempotencyCache,
    /// What the ledger holds of them.
    pub lookup: RequestLookup,
    /// What records the entries.
    pub recorder: R,
    /// The generation of the ledger that they are recorded in.
    pub generation: Generation,
    /// Where the metrics go.
    pub metrics: Metrics,
}

/// One entry that a request asks for.
#[derive(Debug, Clone)]
pub struct RequestedEntry {
    /// Where its key stands in the request.
    pub key_location: KeyLocation,
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
    pub repeated: bool,
}

/// An entry that a request asks for, and the answer that it got before, if it did.
struct Asked {
    requested: RequestedEntry,
    answer: Option<AcceptedEntry>,
}

impl Intake<StateMachine> {
    /// With the state machine at `STATE_MACHINE_ARN`, of the type `WORKFLOW_TYPE`.
    pub async fn from_env(ledger: Arc<Ledger>, metrics: Metrics) -> Result<Intake<StateMachine>, SettingError> {
        Intake::from_env_with(StateMachine::from_env().await?, ledger, metrics)
    }
}

impl<R: Recorder> Intake<R> {
    /// From `REDIS_…` and `LEDGER_GENERATION`; what is recorded is looked up in this ledger.
    pub fn from_env_with(recorder: R, ledger: Arc<Ledger>, metrics: Metrics) -> Result<Intake<R>, SettingError> {
        Ok(Intake {
            cache: IdempotencyCache::from_env()?,
            lookup: RequestLookup::new(ledger, LOOKUP_BUDGET, LOOKUP_PAUSE),
            recorder,
            generation: settings::required_as("LEDGER_GENERATION", "1 to 32 letters, digits and hyphens")?,
            metrics,
        })
    }

    /// The same for a process that accepts many requests at once.
    #[must_use]
    pub fn shared(self) -> Intake<R> {
        Intake { cache: self.cache.shared(), lookup: self.lookup.shared(), ..self }
    }

    /// Accepts entries: the repeated ones are answered as before, only the new ones start an execution.
    pub async fn accept(
        &self,
        merchant: &MerchantId,
        requested: Vec<RequestedEntry>,
        trace_header: Option<String>,
    ) -> Result<Accepted, Problem> {
        let names: Vec<_> = requested
            .iter()
            .map(|requested| (requested.key_location, requested.entry.id, requested.entry.fingerprint))
            .collect();
        let answers = self.prior_answers(merchant, &names).await?;
        let asked = requested.into_iter().zip(answers).map(|(requested, answer)| Asked { requested, answer }).collect();
        self.complete(merchant, asked, trace_header).await
    }

    /// The answer that this request got before, if cache or ledger know it. A key that was used with another payload refuses it.
    pub async fn prior_answer(
        &self,
        merchant: &MerchantId,
        key_location: KeyLocation,
        id: EntryId,
        fingerprint: Fingerprint,
    ) -> Result<Option<AcceptedEntry>, Problem> {
        let answer = self.prior_answers(merchant, &[(key_location, id, fingerprint)]).await?.pop().flatten();
        if answer.is_some() {
            self.record(Line::new("entries repeated").text("merchant", merchant), 0, 1);
        }
        Ok(answer)
    }

    /// Starts the execution that records this entry, for which no prior answer is known, and answers it as it will be posted.
    pub async fn start(
        &self,
        merchant: &MerchantId,
        requested: RequestedEntry,
        trace_header: Option<String>,
    ) -> Result<Accepted, Problem> {
        self.complete(merchant, vec![Asked { requested, answer: None }], trace_header).await
    }

    /// The answers that these requests got before, as far as cache and ledger know them. One key that was used with another
    /// payload refuses them all.
    async fn prior_answers(
        &self,
        merchant: &MerchantId,
        requests: &[(KeyLocation, EntryId, Fingerprint)],
    ) -> Result<Vec<Option<AcceptedEntry>>, Problem> {
        let ids: Vec<EntryId> = requests.iter().map(|(_, id, _)| *id).collect();
        let cached = self.cache.get(&ids).await;
        let open: Vec<EntryId> =
            ids.iter().zip(&cached).filter(|(_, cached)| !is_posted(cached)).map(|(id, _)| *id).collect();
        let recorded =
            if open.is_empty() { None } else { self.lookup.recorded(merchant, &open).await }.unwrap_or_default();
        let mut by_id: HashMap<EntryId, Vec<&Recorded>> = HashMap::new();
        for recorded in &recorded {
            by_id.entry(recorded.entry.id).or_default().push(recorded);
        }
        let mut answers = Vec::with_capacity(requests.len());
        let (mut reused, mut newly_posted) = (Vec::new(), Vec::new());
        for ((key_location, id, fingerprint), cached) in requests.iter().zip(&cached) {
            let of_id = by_id.get(id).map_or(&[][..], Vec::as_slice);
            answers.push(match PriorRequest::of(merchant, *fingerprint, cached.as_ref(), of_id) {
                PriorRequest::NotFound => None,
                PriorRequest::Accepted(answer) => Some(answer),
                PriorRequest::Posted(answer) => {
                    if !is_posted(cached) {
                        let of_this = cached.as_ref().filter(|cached| cached.fingerprint == *fingerprint);
                        let execution = of_this.and_then(|cached| cached_execution(cached.answer()?));
                        let answered = (&answer, execution.as_deref());
                        newly_posted.extend(cached_as(*id, *fingerprint, answered, RequestState::Posted));
                    }
                    Some(answer)
                }
                PriorRequest::KeyReused => {
                    reused.push(*key_location);
                    None
                }
            });
        }
        self.cache.put(&newly_posted).await;
        if reused.is_empty() { Ok(answers) } else { Err(reused_keys(&reused)) }
    }

    /// Starts what is not answered yet. Its keys are reserved first, so that of two payloads under one key at the same moment
    /// only one starts; not sooner, because a request that is refused must leave nothing behind.
    async fn complete(
        &self,
        merchant: &MerchantId,
        mut asked: Vec<Asked>,
        trace_header: Option<String>,
    ) -> Result<Accepted, Problem> {
        if asked.len() > 1 {
            check_size(merchant, &asked)?;
        }
        self.reserve(merchant, &mut asked).await?;
        let fresh: Vec<RequestedEntry> =
            asked.iter().filter(|asked| asked.answer.is_none()).map(|asked| asked.requested.clone()).collect();
        let repeated_before = asked.len() - fresh.len();
        let mut started_before = true;
        let mut line = Line::new("entries repeated");
        if !fresh.is_empty() {
            let (started, started_line) = self.begin(merchant, fresh, trace_header).await?;
            started_before = started.repeated;
            line = started_line;
            let mut started = started.entries.into_iter();
            for asked in asked.iter_mut().filter(|asked| asked.answer.is_none()) {
                asked.answer = started.next();
            }
        }
        let entries: Option<Vec<_>> = asked.into_iter().map(|asked| asked.answer).collect();
        let entries = entries.ok_or_else(Problem::internal_error)?;
        let repeated = if started_before { entries.len() } else { repeated_before };
        self.record(line.text("merchant", merchant), entries.len() - repeated, repeated);
        Ok(Accepted { entries, repeated: started_before })
    }

    /// Reserves the keys of what is not answered yet. What was accepted since it was looked for is answered now.
    async fn reserve(&self, merchant: &MerchantId, asked: &mut [Asked]) -> Result<(), Problem> {
        let fresh: Vec<&mut Asked> = asked.iter_mut().filter(|asked| asked.answer.is_none()).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let names: Vec<_> =
            fresh.iter().map(|asked| (asked.requested.entry.id, asked.requested.entry.fingerprint)).collect();
        let met = self.cache.reserve(&names).await;
        let mut reused = Vec::new();
        for (asked, met) in fresh.into_iter().zip(met) {
            match PriorRequest::of(merchant, asked.requested.entry.fingerprint, met.as_ref(), &[]) {
                PriorRequest::NotFound => {}
                PriorRequest::Accepted(answer) | PriorRequest::Posted(answer) => asked.answer = Some(answer),
                PriorRequest::KeyReused => reused.push(asked.requested.key_location),
            }
        }
        if reused.is_empty() { Ok(()) } else { Err(reused_keys(&reused)) }
    }

    /// Starts the execution of these entries and caches them as accepted; answers them and their log line. If it was started
    /// before, the answers are those of that time: an entry that named no date has the date of its first request.
    async fn begin(
        &self,
        merchant: &MerchantId,
        fresh: Vec<RequestedEntry>,
        trace_header: Option<String>,
    ) -> Result<(Accepted, Line), Problem> {
        let a_date_is_default = fresh.iter().any(|requested| requested.date_is_default);
        let mut entries: Vec<Entry> = fresh.into_iter().map(|requested| requested.entry).collect();
        let name = execution_name(&self.generation, &entries);
        let input = workflow_input(merchant, &entries)?;
        // From here on every line of this request is found from its execution, and the other way round.
        correlate_with_execution(&name);
        let line = self.line_of(&entries, &input);
        let repeated = match self.recorder.start(merchant, &name, input, trace_header).await.map_err(unavailable)? {
            Start::Started => false,
            Start::StartedBefore => true,
        };
        if repeated && a_date_is_default {
            let first = self.recorder.input_of(&name).await.map_err(unavailable)?;
            entries = first_entries(first, &entries).unwrap_or(entries);
        }
        let accepted: Vec<AcceptedEntry> = entries.iter().map(|entry| AcceptedEntry::new(merchant, entry)).collect();
        let execution = Some(name.as_str()).filter(|_| self.recorder.shows_executions());
        let requests: Vec<_> = entries
            .iter()
            .zip(&accepted)
            .filter_map(|(entry, accepted)| {
                cached_as(entry.id, entry.fingerprint, (accepted, execution), RequestState::Accepted)
            })
            .collect();
        self.cache.put(&requests).await;
        Ok((Accepted { entries: accepted, repeated }, line))
    }

    /// The line of entries that are accepted with this input. Each of them is found in it by its id, which stands in the name of
    /// the execution, in the input, or in a list.
    fn line_of(&self, entries: &[Entry], input: &str) -> Line {
        let line = Line::new("entries accepted");
        match entries {
            _ if self.recorder.keeps_no_inputs() => line.json("input", input),
            [_] => line,
            entries => line.text("ids", listed_ids(entries)),
        }
    }

    fn record(&self, line: Line, accepted: usize, repeated: usize) {
        let metrics = IntakeMetrics {
            entries_accepted: accepted as u64,
            entries_repeated: repeated as u64,
            idempotency_cache_breaker_open: u64::from(self.cache.is_circuit_open()),
            request_lookup_breaker_open: u64::from(self.lookup.is_circuit_open()),
            stores: StoreMetrics::take(),
        };
        self.metrics.emit(&line, metrics);
    }
}

fn is_posted(cached: &Option<CachedRequest>) -> bool {
    cached.as_ref().is_some_and(|cached| matches!(cached.state, RequestState::Posted(_)))
}

/// The request in the form in which it is cached, with this answer and the name of its execution.
fn cached_as(
    id: EntryId,
    fingerprint: Fingerprint,
    (answer, execution): (&AcceptedEntry, Option<&str>),
    state: fn(String) -> RequestState,
) -> Option<(EntryId, CachedRequest)> {
    Some((id, CachedRequest { fingerprint, state: state(answer.to_cached(execution)?) }))
}

/// Refuses what Step Functions cannot carry, while nothing has been done yet.
fn check_size(merchant: &MerchantId, asked: &[Asked]) -> Result<(), Problem> {
    let entries: Vec<Entry> =
        asked.iter().filter(|asked| asked.answer.is_none()).map(|asked| asked.requested.entry.clone()).collect();
    workflow_input(merchant, &entries).map(|_| ())
}

/// The input of the state machine, if Step Functions can carry it.
fn workflow_input(merchant: &MerchantId, entries: &[Entry]) -> Result<String, Problem> {
    let input = serde_json::to_string(&RecordEntries::new(merchant, entries)).map_err(|error| {
        tracing::error!(%error, "workflow input not serialised");
        Problem::internal_error()
    })?;
    check_input_size(&input).map_err(|error| {
        Problem::new(Code::BatchTooLarge, format!("The batch {error}. Send it as several batches."))
    })?;
    Ok(input)
}

/// The entries of an earlier execution of the same name: the same requests, with the dates of that time.
fn first_entries(input: Option<String>, entries: &[Entry]) -> Option<Vec<Entry>> {
    let input: RecordEntries = serde_json::from_str(&input?).ok()?;
    let (_, first) = input.parse().ok()?;
    let same = first.len() == entries.len() && first.iter().zip(entries).all(|(a, b)| a.id == b.id);
    same.then_some(first)
}

fn unavailable(error: impl Error + 'static) -> Problem {
    tracing::error!(error = %Causes(&error), "entries not accepted: what records them did not answer");
    Problem::temporarily_unavailable()
}
