//! Statements, seals and lateness: three writers in two slots, two who seal, a reader of pages.
//!
//! A writer takes its position while it holds the lock of its slot, so positions of a slot are committed in order and what is
//! visible at a moment is one number for each slot: a vector. Cursors and seals carry it.

use stateright::{Model, Property};

use crate::Trap;

const WRITERS: usize = 3;
const SLOTS: usize = 2;
/// The slot of each writer: two share one.
const SLOT: [usize; WRITERS] = [0, 0, 1];
const SEALS: usize = 2;

/// A set of entries, one bit for each writer's. In a statement they stand in the order of their writers, as if by date.
type Entries = u8;
type Vector = [u8; SLOTS];

/// A mistake that is switched on, if any.
#[derive(Debug, Clone, Copy)]
pub struct Statements {
    /// Which.
    pub trap: Option<Trap>,
}

/// How far a writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// Has not begun.
    Idle,
    /// Has begun, and waits for the lock of its slot.
    Begun,
    /// Has its position, but not the lock: only by mistake.
    HasPosition(u8),
    /// Holds the lock and has written its entry.
    Holds(u8),
    /// Its entry can be seen.
    Committed(u8),
    /// Rolled back.
    Aborted,
}

/// A seal of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seal {
    /// What it hashed.
    content: Entries,
    vector: Vector,
    /// Whose entries had begun: all that a time can tell.
    begun: Entries,
}

/// How far one who seals is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sealer {
    /// Has not begun.
    Idle,
    /// Has read all of it in one snapshot, with the number of the newest seal, and not inserted yet.
    HasRead(Seal, usize),
}

/// Who reads a statement, page by page with one line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reader {
    vector: Vector,
    /// What the snapshot of the first page saw.
    expected: Entries,
    shown: Entries,
    /// The next line is at this place or after it.
    place: usize,
    is_done: bool,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    writers: [Writer; WRITERS],
    /// The counter of each slot, as it is committed.
    counters: Vector,
    /// Numbers that were given out without a lock.
    given: Vector,
    sealers: [Sealer; 2],
    seals: Vec<Seal>,
    reader: Option<Reader>,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A transaction begins.
    Begin(usize),
    /// A writer gets a number before it has the lock.
    TakePosition(usize),
    /// A writer gets the lock of its slot, its position, and writes its entry.
    Lock(usize),
    /// Its transaction is committed.
    Commit(usize),
    /// Its transaction is rolled back.
    Abort(usize),
    /// The day is read to be sealed.
    ReadToSeal(usize),
    /// The seal is inserted.
    InsertSeal(usize),
    /// The first page of a statement.
    FirstPage,
    /// A further page.
    NextPage,
}

impl Statements {
    fn has(&self, trap: Trap) -> bool {
        self.trap == Some(trap)
    }

    /// Whether an entry is late, as the ledger says it.
    fn is_out_of_time(&self, state: &State, writer: usize) -> bool {
        let Writer::Committed(position) = state.writers[writer] else { return false };
        let covers = |seal: &Seal| {
            if self.has(Trap::LateByTime) {
                seal.begun & 1 << writer != 0
            } else {
                position <= seal.vector[SLOT[writer]]
            }
        };
        !state.seals.is_empty() && !state.seals.iter().any(covers)
    }

    /// The line at or after this place, and where the next one is looked for.
    fn page(&self, state: &State, mut reader: Reader) -> Reader {
        let is_seen = |writer: usize| match state.writers[writer] {
            Writer::Committed(position) => self.has(Trap::CursorIsPlace) || position <= reader.vector[SLOT[writer]],
            _ => false,
        };
        match (reader.place..WRITERS).find(|writer| is_seen(*writer)) {
            Some(writer) => {
                reader.shown |= 1 << writer;
                reader.place = writer + 1;
            }
            None => reader.is_done = true,
        }
        reader
    }
}

impl State {
    fn committed(&self) -> Entries {
        self.entries(|writer| matches!(writer, Writer::Committed(_)))
    }

    fn entries(&self, which: impl Fn(Writer) -> bool) -> Entries {
        self.writers.iter().enumerate().filter(|(_, writer)| which(**writer)).map(|(index, _)| 1 << index).sum()
    }

    /// What is visible now.
    fn vector(&self) -> Vector {
        self.counters
    }

    fn is_locked(&self, slot: usize) -> bool {
        (0..WRITERS).any(|index| SLOT[index] == slot && matches!(self.writers[index], Writer::Holds(_)))
    }

    fn some_late(&self, model: &Statements) -> bool {
        (0..WRITERS).any(|writer| model.is_out_of_time(self, writer))
    }
}

/// A promise of this model.
pub const PAGES_ARE_THE_SNAPSHOT: &str = "the pages of a statement show the entries of its snapshot, and no other";
/// A promise of this model.
pub const LATE_IS_NOT_SEALED: &str = "an entry is late exactly if the day has seals and no seal's content has it";
/// A promise of this model.
pub const SEALS_GROW: &str = "a seal covers what the seal before it covered";

impl Model for Statements {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            writers: [Writer::Idle; WRITERS],
            counters: [0; SLOTS],
            given: [0; SLOTS],
            sealers: [Sealer::Idle; 2],
            seals: Vec::new(),
            reader: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, writer) in state.writers.iter().enumerate() {
            let without_lock = self.has(Trap::PositionBeforeLock);
            match writer {
                Writer::Idle => actions.push(Action::Begin(index)),
                Writer::Begun if without_lock => actions.push(Action::TakePosition(index)),
                // What is written without the lock of the slot does not wait for it either.
                Writer::Begun | Writer::HasPosition(_) if without_lock || !state.is_locked(SLOT[index]) => {
                    actions.push(Action::Lock(index));
                }
                Writer::Holds(_) => actions.extend([Action::Commit(index), Action::Abort(index)]),
                Writer::Begun | Writer::HasPosition(_) | Writer::Committed(_) | Writer::Aborted => {}
            }
        }
        for (index, sealer) in state.sealers.iter().enumerate() {
            match sealer {
                Sealer::Idle if state.seals.len() < SEALS => actions.push(Action::ReadToSeal(index)),
                Sealer::HasRead(..) => actions.push(Action::InsertSeal(index)),
                Sealer::Idle => {}
            }
        }
        match state.reader {
            None => actions.push(Action::FirstPage),
            Some(reader) if !reader.is_done => actions.push(Action::NextPage),
            Some(_) => {}
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Begin(index) => state.writers[index] = Writer::Begun,
            Action::TakePosition(index) => {
                state.given[SLOT[index]] += 1;
                state.writers[index] = Writer::HasPosition(state.given[SLOT[index]]);
            }
            Action::Lock(index) => {
                state.writers[index] = match last.writers[index] {
                    Writer::HasPosition(position) => Writer::Holds(position),
                    _ => Writer::Holds(last.counters[SLOT[index]] + 1),
                };
            }
            Action::Commit(index) => {
                let Writer::Holds(position) = last.writers[index] else { return None };
                state.writers[index] = Writer::Committed(position);
                let counter = &mut state.counters[SLOT[index]];
                *counter = position.max(*counter);
            }
            Action::Abort(index) => state.writers[index] = Writer::Aborted,
            Action::ReadToSeal(index) => {
                let seal = Seal {
                    content: state.committed(),
                    vector: state.vector(),
                    begun: state.entries(|writer| writer != Writer::Idle),
                };
                // An unchanged day gets no new seal.
                if state.seals.last().is_some_and(|newest| newest.content == seal.content) {
                    return None;
                }
                state.sealers[index] = Sealer::HasRead(seal, state.seals.len());
            }
            Action::InsertSeal(index) => {
                let Sealer::HasRead(seal, newest) = last.sealers[index] else { return None };
                state.sealers[index] = Sealer::Idle;
                // The primary key refuses a number that another took meanwhile.
                if newest == last.seals.len() || self.has(Trap::SealNumberUnseen) {
                    state.seals.push(seal);
                }
            }
            Action::FirstPage => {
                let expected = state.committed();
                let reader = Reader { vector: state.vector(), expected, shown: 0, place: 0, is_done: false };
                state.reader = Some(self.page(&state, reader));
            }
            Action::NextPage => state.reader = last.reader.map(|reader| self.page(last, reader)),
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Statements>> {
        vec![
            Property::always(PAGES_ARE_THE_SNAPSHOT, |_, state: &State| {
                state.reader.is_none_or(|reader| !reader.is_done || reader.shown == reader.expected)
            }),
            Property::always(LATE_IS_NOT_SEALED, |model: &Statements, state: &State| {
                (0..WRITERS).all(|writer| {
                    let is_committed = matches!(state.writers[writer], Writer::Committed(_));
                    let is_sealed = state.seals.iter().any(|seal| seal.content & 1 << writer != 0);
                    let expected = is_committed && !state.seals.is_empty() && !is_sealed;
                    model.is_out_of_time(state, writer) == expected
                })
            }),
            Property::always(SEALS_GROW, |_, state: &State| {
                state.seals.windows(2).all(|pair| {
                    let vectors = pair[0].vector.iter().zip(pair[1].vector);
                    pair[0].content & !pair[1].content == 0 && vectors.into_iter().all(|(older, newer)| *older <= newer)
                })
            }),
            Property::sometimes("an entry is late", |model: &Statements, state: &State| state.some_late(model)),
            Property::sometimes("a late entry is sealed by the next seal", |_, state: &State| {
                state.seals.len() == SEALS && state.seals[1].content != state.seals[0].content
            }),
            Property::sometimes(
                "an entry is committed while a statement is read, and not in it",
                |_, state: &State| {
                    state.reader.is_some_and(|reader| reader.is_done && reader.expected != state.committed())
                },
            ),
            Property::sometimes("a statement of all entries", |_, state: &State| {
                state.reader.is_some_and(|reader| reader.is_done && reader.shown == (1 << WRITERS) - 1)
            }),
            Property::sometimes("two seal at once and one number is taken", |_, state: &State| {
                state
                    .sealers
                    .iter()
                    .any(|sealer| matches!(sealer, Sealer::HasRead(_, seen) if *seen < state.seals.len()))
            }),
            Property::sometimes("a writer waits for another's lock", |_, state: &State| {
                state.is_locked(0) && state.writers[..2].contains(&Writer::Begun)
            }),
        ]
    }
}
