//! Accepting under one key: two payloads and a repeat, Redis, the look into the ledger, executions, a restore of the ledger.
//!
//! One key, because nothing that happens under one key touches another. Every request can be sent at any moment, its function
//! can end after every step, and the steps of all requests and executions are mixed in every order.

use stateright::{Model, Property};

use crate::Trap;

/// What a payload is hashed to. Of the two payloads A and B on the first day 0 and 1; on the second day the same, unless a
/// date that nobody named is hashed as well.
type Fingerprint = u8;
const FINGERPRINTS: usize = 4;
const REQUESTS: usize = 3;
/// The payload of each request: A, B, and A once more.
const PAYLOADS: [u8; REQUESTS] = [0, 1, 0];

/// A mistake that is switched on, if any.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// Which.
    pub trap: Option<Trap>,
}

/// What Redis holds under the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestState {
    /// It lasts longer than any function works on a request, so it outlives these requests, one bit for each: all that were on
    /// their way when it was made or renewed.
    Reserved(u8),
    /// Its execution has started.
    Accepted,
    /// Its entry is posted.
    Posted,
}

type CachedRequest = Option<(Fingerprint, RequestState)>;

/// What a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// 202, for the first time.
    Accepted,
    /// 202, as it was answered before.
    Repeated,
    /// 422: another payload has the key.
    Refused,
}

/// How far a request has come: the step that it does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not sent yet.
    Unsent,
    /// Asks the ledger, after it met this in Redis.
    Lookup(CachedRequest),
    /// Writes what the ledger said.
    Settle,
    /// Reserves the key.
    Reserve,
    /// Renews the reservation of its own payload that it met, and reads it again: it may have ended just before.
    Renew,
    /// Starts the execution.
    Start,
    /// Writes that it was accepted, with this answer to give.
    Cache(Answer),
    /// Answers.
    Reply(Answer),
    /// Was answered.
    Done(Answer),
    /// Its function ended, or the client went away: nobody saw an answer.
    Dead,
}

/// A request of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Request {
    phase: Phase,
    generation: usize,
    fingerprint: Fingerprint,
}

impl Request {
    fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Done(_) | Phase::Dead)
    }
}

/// The execution of a payload in a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Execution {
    /// Step Functions knows its name.
    name: bool,
    running: bool,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    requests: [Request; REQUESTS],
    redis_is_up: bool,
    /// For each generation.
    cache: [CachedRequest; 2],
    /// How often the payload of each fingerprint was posted.
    posted: [u8; FINGERPRINTS],
    /// Which came under a used key and are kept where operators see them.
    conflicts: [bool; FINGERPRINTS],
    executions: [[Execution; FINGERPRINTS]; 2],
    generation: usize,
    day: u8,
    /// Whether an answer is not in the cache, or does not count any more: Redis was down or lost its keys, the ledger was restored,
    /// or a function ended after its start and before it cached its answer.
    answer_is_not_cached: bool,
    /// What may still go wrong.
    faults_left: u8,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The client sends a request; its function reads Redis.
    Send(usize),
    /// The ledger is asked and answers, or not in time.
    Lookup(usize, bool),
    /// The next step of a request.
    Next(usize),
    /// The function ends between two steps.
    Crash(usize),
    /// An execution posts, and its answer is lost: it will post again.
    PostWithoutAnswer(usize, usize),
    /// An execution posts and ends.
    Post(usize, usize),
    /// A reservation ends by itself.
    ExpireReservation,
    /// Redis loses its keys, or their day is over.
    Flush,
    /// Redis does not answer any more.
    RedisDown,
    /// Redis answers again.
    RedisUp,
    /// Step Functions knows the names of ended executions no more; with EXPRESS it never does.
    ForgetNames,
    /// The ledger is restored to a moment before the entry, and its generation raised.
    Restore,
    /// The next business day.
    Midnight,
}

/// The request that was made before under the same key.
enum PriorRequest {
    NotFound,
    Accepted,
    Posted,
    KeyReused,
}

impl Door {
    fn has(&self, trap: Trap) -> bool {
        self.trap == Some(trap)
    }

    /// As in crates/intake/src/prior_request.rs.
    fn prior_request(
        &self,
        fingerprint: Fingerprint,
        cached: CachedRequest,
        recorded: Option<Fingerprint>,
    ) -> PriorRequest {
        let same = |other: Fingerprint, prior| if other == fingerprint { prior } else { PriorRequest::KeyReused };
        match (cached, recorded) {
            (Some((other, RequestState::Posted)), _) => same(other, PriorRequest::Posted),
            (Some((other, RequestState::Accepted)), _) if self.has(Trap::CacheOverLedger) => {
                same(other, PriorRequest::Accepted)
            }
            (_, Some(other)) => same(other, PriorRequest::Posted),
            (Some((other, RequestState::Accepted)), None) => same(other, PriorRequest::Accepted),
            (Some((other, RequestState::Reserved(_))), None) if self.has(Trap::ReservationAnswers) => {
                same(other, PriorRequest::Accepted)
            }
            (Some((other, RequestState::Reserved(_))), None) => same(other, PriorRequest::NotFound),
            (None, None) => PriorRequest::NotFound,
        }
    }

    fn fingerprint(&self, payload: u8, day: u8) -> Fingerprint {
        if self.has(Trap::DateInFingerprint) { payload + 2 * day } else { payload }
    }

    /// Which of Redis' keys a request of this generation uses.
    fn key(&self, generation: usize) -> usize {
        if self.has(Trap::KeyWithoutGeneration) { 0 } else { generation }
    }

    /// Which execution a request starts.
    fn name(&self, generation: usize, fingerprint: Fingerprint) -> (usize, usize) {
        let generation = if self.has(Trap::NameWithoutGeneration) { 0 } else { generation };
        (generation, usize::from(fingerprint))
    }

    fn get(&self, state: &State, generation: usize) -> CachedRequest {
        if state.redis_is_up { state.cache[self.key(generation)] } else { None }
    }

    fn put(&self, state: &mut State, generation: usize, cached: CachedRequest) {
        if state.redis_is_up {
            state.cache[self.key(generation)] = cached;
        }
    }

    /// What follows from what a request has met, if it is not new.
    fn after(prior: PriorRequest) -> Option<Phase> {
        match prior {
            PriorRequest::NotFound => None,
            PriorRequest::Accepted => Some(Phase::Reply(Answer::Repeated)),
            PriorRequest::Posted => Some(Phase::Settle),
            PriorRequest::KeyReused => Some(Phase::Reply(Answer::Refused)),
        }
    }

    fn first_step_of_new(&self) -> Phase {
        if self.has(Trap::NoReservation) { self.first_effect() } else { Phase::Reserve }
    }

    fn first_effect(&self) -> Phase {
        if self.has(Trap::CachedBeforeEffect) { Phase::Cache(Answer::Accepted) } else { Phase::Start }
    }

    fn lookup(&self, state: &State, request: Request, cached: CachedRequest, answers: bool) -> Phase {
        let recorded = if answers && !self.has(Trap::OnlyCache) { state.recorded() } else { None };
        Self::after(self.prior_request(request.fingerprint, cached, recorded)).unwrap_or(self.first_step_of_new())
    }

    /// `SET NX GET`: reserves the key unless something is there, and answers that.
    fn reserve_free(&self, state: &mut State, generation: usize, fingerprint: Fingerprint) -> CachedRequest {
        let met = self.get(state, generation);
        if met.is_none() {
            self.put(state, generation, Some((fingerprint, RequestState::Reserved(state.on_their_way()))));
        }
        met
    }

    fn next(&self, state: &mut State, index: usize) {
        let Request { phase, generation, fingerprint } = state.requests[index];
        state.requests[index].phase = match phase {
            Phase::Settle => {
                self.put(state, generation, Some((fingerprint, RequestState::Posted)));
                Phase::Reply(Answer::Repeated)
            }
            Phase::Reserve => {
                let met = self.reserve_free(state, generation, fingerprint);
                match met {
                    Some((other, RequestState::Reserved(_)))
                        if other == fingerprint && !self.has(Trap::ReservationNotRenewed) =>
                    {
                        Phase::Renew
                    }
                    _ => Self::after(self.prior_request(fingerprint, met, None)).unwrap_or(self.first_effect()),
                }
            }
            Phase::Renew => {
                // Whosever it is by now: to renew another payload's does no harm.
                if let Some((other, RequestState::Reserved(by))) = self.get(state, generation) {
                    self.put(state, generation, Some((other, RequestState::Reserved(by | state.on_their_way()))));
                }
                let met = if self.has(Trap::RenewedNotReadAgain) {
                    Some((fingerprint, RequestState::Reserved(0)))
                } else {
                    self.reserve_free(state, generation, fingerprint)
                };
                Self::after(self.prior_request(fingerprint, met, None)).unwrap_or(self.first_effect())
            }
            Phase::Start => {
                let answer = self.start(state, generation, fingerprint);
                if self.has(Trap::CachedBeforeEffect) { Phase::Reply(answer) } else { Phase::Cache(answer) }
            }
            Phase::Cache(answer) => {
                self.put(state, generation, Some((fingerprint, RequestState::Accepted)));
                if self.has(Trap::CachedBeforeEffect) { Phase::Start } else { Phase::Reply(answer) }
            }
            Phase::Reply(answer) => Phase::Done(answer),
            Phase::Unsent | Phase::Lookup(_) | Phase::Done(_) | Phase::Dead => phase,
        };
    }

    fn start(&self, state: &mut State, generation: usize, fingerprint: Fingerprint) -> Answer {
        let (generation, named) = self.name(generation, fingerprint);
        // Without the payload in the name, that of any payload is taken.
        let hides = self.has(Trap::NameWithoutPayload);
        if state.executions[generation].iter().enumerate().any(|(other, known)| known.name && (hides || other == named))
        {
            return Answer::Repeated;
        }
        state.executions[generation][named] = Execution { name: true, running: true };
        Answer::Accepted
    }

    fn post(&self, state: &mut State, fingerprint: usize) {
        let stands = if self.has(Trap::IdOfTheExecution) { None } else { state.recorded() };
        match stands {
            None => state.posted[fingerprint] = state.posted[fingerprint].saturating_add(1).min(2),
            Some(other) if usize::from(other) == fingerprint => {}
            Some(_) => state.conflicts[fingerprint] = true,
        }
    }

    /// What a repeat is answered while the ledger answers and Redis holds this. `None`: it is accepted as new.
    fn answer_to_repeat(&self, state: &State, payload: u8, cached: CachedRequest) -> Option<Answer> {
        let fingerprint = self.fingerprint(payload, state.day);
        let recorded = if self.has(Trap::OnlyCache) { None } else { state.recorded() };
        match self.prior_request(fingerprint, cached, recorded) {
            PriorRequest::NotFound => None,
            PriorRequest::Accepted | PriorRequest::Posted => Some(Answer::Repeated),
            PriorRequest::KeyReused => Some(Answer::Refused),
        }
    }
}

impl State {
    /// What the ledger holds under the key.
    fn recorded(&self) -> Option<Fingerprint> {
        self.posted.iter().position(|count| *count > 0).map(|fingerprint| fingerprint as u8)
    }

    /// The requests whose functions run, one bit for each.
    fn on_their_way(&self) -> u8 {
        let running = (0..REQUESTS).filter(|index| {
            let request = self.requests[*index];
            request.phase != Phase::Unsent && !request.has_ended()
        });
        running.map(|index| 1 << index).sum()
    }

    /// Makes states equal that differ in what counts no more.
    fn forget_ended(&mut self) {
        let on_their_way = self.on_their_way();
        for cached in &mut self.cache {
            if let Some((_, RequestState::Reserved(by))) = cached {
                *by &= on_their_way;
            }
        }
        for request in &mut self.requests {
            if matches!(request.phase, Phase::Dead | Phase::Done(Answer::Refused)) {
                *request = Request { phase: request.phase, generation: 0, fingerprint: 0 };
            }
        }
    }

    fn some_answered(&self, expected: Answer) -> bool {
        self.requests.iter().any(|request| request.phase == Phase::Done(expected))
    }

    /// Nothing happens any more, unless a client sends another request.
    fn is_quiescent(&self) -> bool {
        let at_rest = |request: &Request| request.phase == Phase::Unsent || request.has_ended();
        self.requests.iter().all(at_rest) && !self.executions.iter().flatten().any(|execution| execution.running)
    }

    /// Requests of this generation that were answered 202.
    fn confirmed(&self, generation: usize) -> impl Iterator<Item = Fingerprint> {
        let is_confirmed = |phase| matches!(phase, Phase::Done(Answer::Accepted) | Phase::Done(Answer::Repeated));
        self.requests
            .iter()
            .filter(move |request| request.generation == generation && is_confirmed(request.phase))
            .map(|request| request.fingerprint)
    }
}

/// A promise of this model.
pub const AT_MOST_ONCE: &str = "under one key at most one entry is posted";
/// A promise of this model. What a restore has lost, the client repeats; so it is about the newest generation.
pub const AT_LEAST_ONCE: &str = "what was answered 202 is posted in the end, or kept as a conflict";
/// A promise of this model.
pub const ANSWERS_AGREE: &str =
    "in the end a repeat of what is posted gets the first answer, and another payload is refused";
/// A promise of this model.
pub const ONE_IS_CONFIRMED: &str =
    "while Redis holds every request that was cached, of two payloads one is answered 202";

impl Model for Door {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let unsent = Request { phase: Phase::Unsent, generation: 0, fingerprint: 0 };
        vec![State {
            requests: [unsent; REQUESTS],
            redis_is_up: true,
            cache: [None; 2],
            posted: [0; FINGERPRINTS],
            conflicts: [false; FINGERPRINTS],
            executions: [[Execution::default(); FINGERPRINTS]; 2],
            generation: 0,
            day: 0,
            answer_is_not_cached: false,
            faults_left: 2,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let may_fail = state.faults_left > 0;
        for (index, request) in state.requests.iter().enumerate() {
            match request.phase {
                // A repeat comes after what it repeats was sent.
                Phase::Unsent if index < 2 || state.requests[0].phase != Phase::Unsent => {
                    actions.push(Action::Send(index));
                }
                Phase::Lookup(_) => actions.extend([Action::Lookup(index, true), Action::Lookup(index, false)]),
                Phase::Settle | Phase::Reserve | Phase::Renew | Phase::Start | Phase::Cache(_) | Phase::Reply(_) => {
                    actions.push(Action::Next(index));
                    if may_fail {
                        actions.push(Action::Crash(index));
                    }
                }
                Phase::Unsent | Phase::Done(_) | Phase::Dead => {}
            }
        }
        for (generation, executions) in state.executions.iter().enumerate() {
            for (fingerprint, _) in executions.iter().enumerate().filter(|(_, execution)| execution.running) {
                actions.push(Action::PostWithoutAnswer(generation, fingerprint));
                actions.push(Action::Post(generation, fingerprint));
            }
        }
        actions.push(Action::ExpireReservation);
        if !state.redis_is_up {
            actions.push(Action::RedisUp);
        }
        // Without the mistake the day is a part of nothing: it would only double the states.
        if self.has(Trap::DateInFingerprint) && state.day == 0 {
            actions.push(Action::Midnight);
        }
        if may_fail {
            actions.extend([Action::Flush, Action::RedisDown, Action::ForgetNames, Action::Restore]);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        if let Action::Crash(_) | Action::Flush | Action::RedisDown | Action::ForgetNames | Action::Restore = action {
            state.faults_left -= 1;
        }
        match action {
            Action::Send(index) => {
                let fingerprint = self.fingerprint(PAYLOADS[index], state.day);
                let generation = state.generation;
                let met = self.get(&state, generation);
                let request = Request { phase: Phase::Lookup(met), generation, fingerprint };
                // What is cached as posted needs no ledger.
                let phase = match met {
                    Some((_, RequestState::Posted)) => self.lookup(&state, request, met, false),
                    _ => request.phase,
                };
                let phase = if phase == Phase::Settle { Phase::Reply(Answer::Repeated) } else { phase };
                state.requests[index] = Request { phase, ..request };
            }
            Action::Lookup(index, answers) => {
                let request = state.requests[index];
                let Phase::Lookup(met) = request.phase else { return None };
                state.requests[index].phase = self.lookup(&state, request, met, answers);
            }
            Action::Next(index) => self.next(&mut state, index),
            Action::Crash(index) => {
                state.answer_is_not_cached |= matches!(last.requests[index].phase, Phase::Cache(_));
                state.requests[index].phase = Phase::Dead;
            }
            Action::PostWithoutAnswer(_, fingerprint) => self.post(&mut state, fingerprint),
            Action::Post(generation, fingerprint) => {
                self.post(&mut state, fingerprint);
                state.executions[generation][fingerprint].running = false;
            }
            Action::ExpireReservation => {
                let early = self.has(Trap::ReservationEndsEarly);
                for cached in &mut state.cache {
                    if let Some((_, RequestState::Reserved(by))) = *cached
                        && (early || by == 0)
                    {
                        *cached = None;
                    }
                }
            }
            Action::Flush => {
                state.cache = [None; 2];
                state.answer_is_not_cached = true;
            }
            Action::RedisDown => {
                state.redis_is_up = false;
                state.answer_is_not_cached = true;
            }
            Action::RedisUp => state.redis_is_up = true,
            Action::ForgetNames => {
                for execution in state.executions.iter_mut().flatten().filter(|execution| !execution.running) {
                    *execution = Execution::default();
                }
            }
            Action::Restore if state.generation == 0 => {
                state.generation = 1;
                state.posted = [0; FINGERPRINTS];
                state.conflicts = [false; FINGERPRINTS];
                state.answer_is_not_cached = true;
            }
            Action::Restore => return None,
            Action::Midnight => state.day = 1,
        }
        state.forget_ended();
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Door>> {
        vec![
            Property::always(AT_MOST_ONCE, |_, state: &State| state.posted.iter().sum::<u8>() <= 1),
            Property::always(AT_LEAST_ONCE, |_, state: &State| {
                !state.is_quiescent()
                    || state.confirmed(state.generation).all(|fingerprint| {
                        let fingerprint = usize::from(fingerprint);
                        state.posted[fingerprint] > 0 || state.recorded().is_some() && state.conflicts[fingerprint]
                    })
            }),
            Property::always(ANSWERS_AGREE, |door: &Door, state: &State| {
                let Some(stands) = state.recorded().filter(|_| state.is_quiescent()) else { return true };
                [0, 1].into_iter().all(|payload| {
                    let expected = if payload == stands % 2 { Answer::Repeated } else { Answer::Refused };
                    let cached = state.cache[door.key(state.generation)];
                    [cached, None]
                        .into_iter()
                        .all(|cached| door.answer_to_repeat(state, payload, cached) == Some(expected))
                })
            }),
            Property::always(ONE_IS_CONFIRMED, |_, state: &State| {
                state.answer_is_not_cached
                    || [0, 1].into_iter().all(|generation| {
                        let mut confirmed = state.confirmed(generation);
                        let first = confirmed.next();
                        confirmed.all(|other| Some(other) == first)
                    })
            }),
            Property::sometimes("a request is accepted", |_, state: &State| state.some_answered(Answer::Accepted)),
            Property::sometimes("a request is answered as a repeat", |_, state: &State| {
                state.some_answered(Answer::Repeated)
            }),
            Property::sometimes("a request is refused", |_, state: &State| state.some_answered(Answer::Refused)),
            Property::sometimes("a payload is kept as a conflict", |_, state: &State| state.conflicts.contains(&true)),
            Property::sometimes("two payloads are confirmed while Redis fails", |_, state: &State| {
                state.confirmed(0).any(|one| one == 0) && state.confirmed(0).any(|other| other == 1)
            }),
            Property::sometimes("what a restore lost is posted again", |_, state: &State| {
                state.generation == 1 && state.is_quiescent() && state.recorded().is_some()
            }),
            Property::sometimes("a request dies and its repeat is answered", |_, state: &State| {
                state.requests[0].phase == Phase::Dead && matches!(state.requests[2].phase, Phase::Done(_))
            }),
        ]
    }
}
