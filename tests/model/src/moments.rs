//! Balances as of a moment: two writers whose entries get their times before others can see them, and one who asks.
//!
//! Here time counts, so there is a clock, of few ticks, and one of them is how far a moment has to lie back.

use stateright::{Model, Property};

use crate::Trap;

const WRITERS: usize = 2;
/// The moment that is asked for.
const MOMENT: u8 = 1;
const CLOCK_MAX: u8 = 4;

/// A set of entries, one bit for each writer's.
type Entries = u8;

/// A mistake that is switched on, if any.
#[derive(Debug, Clone, Copy)]
pub struct Moments {
    /// Which.
    pub trap: Option<Trap>,
}

/// How far a writer is, with the time at which its transaction began, and then with that of its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// Has not begun.
    Idle,
    /// Has begun, and has no lock on the table yet: nobody knows of it.
    Begun(u8),
    /// Holds the lock, and its entry has no time yet.
    Locked(u8),
    /// Its entry has its time.
    Stamped {
        /// When its transaction began.
        begun: u8,
        /// The time of its entry.
        time: u8,
    },
    /// Its entry can be seen.
    Committed(u8),
    /// Rolled back.
    Aborted,
}

/// How far who asks is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asker {
    /// Has not asked.
    Idle,
    /// Has looked whether a transaction runs, and is allowed to add up.
    Looked,
    /// Has added up before it looked: only by mistake.
    Summed(Entries),
    /// Was answered.
    Answered(Entries),
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    clock: u8,
    writers: [Writer; WRITERS],
    asker: Asker,
    was_not_settled: bool,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Time passes.
    Tick,
    /// A transaction begins.
    Begin(usize),
    /// It locks the table, as every writer does.
    Lock(usize),
    /// Its entry gets its time.
    Stamp(usize),
    /// It commits.
    Commit(usize),
    /// It is rolled back.
    Abort(usize),
    /// Who asks looks at the clock and at the transactions that hold the lock.
    Look,
    /// The entries up to the moment are added up.
    Sum,
}

impl Moments {
    fn has(&self, trap: Trap) -> bool {
        self.trap == Some(trap)
    }

    /// As in crates/ledger/src/sql/settled.sql.
    fn is_settled(&self, state: &State) -> bool {
        let lies_back = self.has(Trap::MomentOfJustNow) || state.clock > MOMENT;
        let runs_since = |writer: &Writer| match writer {
            Writer::Locked(begun) | Writer::Stamped { begun, .. } => *begun <= MOMENT,
            Writer::Idle | Writer::Begun(_) | Writer::Committed(_) | Writer::Aborted => false,
        };
        lies_back && (self.has(Trap::AsOfWhileWriting) || !state.writers.iter().any(runs_since))
    }
}

impl State {
    /// The entries up to the moment that can be seen.
    fn known(&self) -> Entries {
        let is_known = |writer: &Writer| matches!(writer, Writer::Committed(time) if *time <= MOMENT);
        self.writers.iter().enumerate().filter(|(_, writer)| is_known(writer)).map(|(index, _)| 1 << index).sum()
    }

    fn answer(&self) -> Option<Entries> {
        match self.asker {
            Asker::Answered(entries) => Some(entries),
            Asker::Idle | Asker::Looked | Asker::Summed(_) => None,
        }
    }
}

/// A promise of this model.
pub const ANSWER_STANDS: &str = "what was answered about a moment is what anybody is answered later";

impl Model for Moments {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { clock: 0, writers: [Writer::Idle; WRITERS], asker: Asker::Idle, was_not_settled: false }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.clock < CLOCK_MAX {
            actions.push(Action::Tick);
        }
        for (index, writer) in state.writers.iter().enumerate() {
            match writer {
                Writer::Idle => actions.push(Action::Begin(index)),
                Writer::Begun(_) => actions.push(Action::Lock(index)),
                Writer::Locked(_) => actions.push(Action::Stamp(index)),
                Writer::Stamped { .. } => actions.extend([Action::Commit(index), Action::Abort(index)]),
                Writer::Committed(_) | Writer::Aborted => {}
            }
        }
        match state.asker {
            Asker::Idle if self.has(Trap::SummedBeforeLook) => actions.push(Action::Sum),
            Asker::Idle | Asker::Summed(_) => actions.push(Action::Look),
            Asker::Looked => actions.push(Action::Sum),
            Asker::Answered(_) => {}
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => state.clock += 1,
            Action::Begin(index) => state.writers[index] = Writer::Begun(last.clock),
            Action::Lock(index) => {
                let Writer::Begun(begun) = last.writers[index] else { return None };
                state.writers[index] = Writer::Locked(begun);
            }
            Action::Stamp(index) => {
                let Writer::Locked(begun) = last.writers[index] else { return None };
                state.writers[index] = Writer::Stamped { begun, time: last.clock };
            }
            Action::Commit(index) => {
                let Writer::Stamped { time, .. } = last.writers[index] else { return None };
                state.writers[index] = Writer::Committed(time);
            }
            Action::Abort(index) => state.writers[index] = Writer::Aborted,
            Action::Look => {
                let is_settled = self.is_settled(last);
                state.was_not_settled |= !is_settled && last.clock > MOMENT;
                state.asker = match last.asker {
                    _ if !is_settled => Asker::Idle,
                    Asker::Summed(entries) => Asker::Answered(entries),
                    Asker::Idle | Asker::Looked | Asker::Answered(_) => Asker::Looked,
                };
            }
            Action::Sum if last.asker == Asker::Idle => state.asker = Asker::Summed(last.known()),
            Action::Sum => state.asker = Asker::Answered(last.known()),
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Moments>> {
        vec![
            Property::always(ANSWER_STANDS, |_, state: &State| {
                state.answer().is_none_or(|entries| entries == state.known())
            }),
            Property::sometimes(
                "an answer has one entry, and another one comes after the moment",
                |_, state: &State| {
                    let is_later = |writer: &Writer| matches!(writer, Writer::Committed(time) if *time > MOMENT);
                    state.answer().is_some_and(|entries| entries.count_ones() == 1)
                        && state.writers.iter().any(is_later)
                },
            ),
            Property::sometimes("an answer has to wait for a transaction, and has its entry", |_, state: &State| {
                state.was_not_settled && state.answer() == Some(0b11)
            }),
            Property::sometimes("an entry has its time long before it can be seen", |_, state: &State| {
                let is_old = |writer: &Writer| matches!(writer, Writer::Stamped { time, .. } if time + 2 < state.clock);
                state.writers.iter().any(is_old)
            }),
        ]
    }
}
