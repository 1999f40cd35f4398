//! The seal of a day as balances show it: two entries, two who seal the day at the same time, totals and mark in the read model,
//! a repair, a restore of the ledger.
//!
//! Entries of a day are only ever added, so a number of them says which they are: here a day is how many entries it has.

use stateright::{Model, Property};

use crate::Trap;

const ENTRIES: u8 = 2;
const SEALERS: usize = 2;

/// A mistake that is switched on, if any.
#[derive(Debug, Clone, Copy)]
pub struct Marks {
    /// Which.
    pub trap: Option<Trap>,
}

/// Totals of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Totals {
    epoch: u8,
    count: u8,
}

/// The mark of a seal, or a seal in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    epoch: u8,
    number: u8,
    /// How many entries it covers.
    count: u8,
}

/// How far one who seals is: the step that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sealer {
    /// Has not begun, or ended.
    Idle,
    /// Seals, with the totals that it has read before: only by mistake.
    Seals(Totals),
    /// Reads the totals; this is the seal.
    ReadsTotals(Mark),
    /// Writes the totals, then the mark.
    WritesTotals(Mark, Totals),
    /// Writes the mark; by mistake, the totals after it.
    WritesMark(Mark, Option<Totals>),
    /// Writes the totals after the mark: only by mistake.
    WritesTotalsLast(Totals),
}

/// A repair of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repair {
    /// None runs.
    Idle,
    /// Has read the item.
    Saw(Option<Totals>, Option<Mark>),
    /// Writes the mark; has read the item, then the ledger, and written the totals. The last says what the ledger has.
    WritesMark(Option<Mark>, Option<Mark>),
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    epoch: u8,
    /// How many entries the ledger has.
    posted: u8,
    /// The seals of the ledger, the oldest first.
    seals: Vec<Mark>,
    /// The totals that an execution has read and not written yet.
    on_its_way: Option<Totals>,
    totals: Option<Totals>,
    mark: Option<Mark>,
    sealers: [Sealer; SEALERS],
    seals_left: u8,
    repair: Repair,
    repairs_left: u8,
    /// Whether something happened that only a repair mends, and none has begun since.
    needs_repair: bool,
    /// A mark was replaced by an older one of its epoch.
    went_back: bool,
    was_taken_back: bool,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An execution posts an entry and reads the totals.
    Post,
    /// It writes them.
    Consolidate,
    /// The execution is gone before it could.
    LoseExecution,
    /// Somebody seals the day: in the ledger first.
    Seal(usize),
    /// The next step of who seals.
    Next(usize),
    /// Its function ends between two steps.
    Crash(usize),
    /// A repair reads the item.
    LookAtItem,
    /// The next step of a repair.
    Repair,
    /// The ledger is restored to when it had this many entries and this many seals, with a higher epoch.
    Restore(u8, usize),
}

impl Marks {
    fn has(&self, trap: Trap) -> bool {
        self.trap == Some(trap)
    }

    /// Seals the day, unless the newest seal covers it as it is.
    fn seal(state: &mut State) -> Mark {
        if let Some(newest) = state.newest_seal().filter(|newest| newest.count == state.posted) {
            return newest;
        }
        let number = state.newest_seal().map_or(1, |newest| newest.number + 1);
        let seal = Mark { epoch: state.epoch, number, count: state.posted };
        state.seals.push(seal);
        seal
    }

    fn begin_to_seal(&self, state: &mut State) -> Sealer {
        if self.has(Trap::TotalsReadBeforeSeal) {
            return Sealer::Seals(state.ledger_totals());
        }
        Sealer::ReadsTotals(Self::seal(state))
    }

    fn next(&self, state: &mut State, sealer: Sealer) -> Sealer {
        match sealer {
            Sealer::Idle => Sealer::Idle,
            Sealer::Seals(totals) => Sealer::WritesTotals(Self::seal(state), totals),
            Sealer::ReadsTotals(mark) if self.has(Trap::SealMarkBeforeTotals) => {
                Sealer::WritesMark(mark, Some(state.ledger_totals()))
            }
            Sealer::ReadsTotals(mark) => Sealer::WritesTotals(mark, state.ledger_totals()),
            Sealer::WritesTotals(mark, totals) => {
                state.write_totals(totals);
                Sealer::WritesMark(mark, None)
            }
            Sealer::WritesMark(mark, totals) => {
                self.write_mark(state, mark);
                totals.map_or(Sealer::Idle, Sealer::WritesTotalsLast)
            }
            Sealer::WritesTotalsLast(totals) => {
                state.write_totals(totals);
                Sealer::Idle
            }
        }
    }

    fn write_mark(&self, state: &mut State, mark: Mark) {
        let is_newer = state.mark.is_none_or(|held| held.version() < mark.version());
        if is_newer || self.has(Trap::SealMarkUnconditional) {
            // Perhaps of a seal that a restore has lost.
            state.needs_repair |= mark.epoch < state.epoch;
            state.put_mark(mark);
        }
    }

    /// As functions/reconcile-balances does: the item is read before the ledger, the totals are written before the mark.
    fn repair(&self, state: &mut State) -> Repair {
        match state.repair {
            Repair::Idle => Repair::Idle,
            Repair::Saw(totals, mark) => {
                let known = state.ledger_totals();
                match totals {
                    None if known.count == 0 => {}
                    // Ahead of what the ledger knows: replaced, if it still is what was seen.
                    Some(seen) if known.version() < seen.version() => {
                        if state.totals == totals {
                            state.totals = Some(known);
                        }
                    }
                    _ => state.write_totals(known),
                }
                Repair::WritesMark(mark, state.newest_seal())
            }
            Repair::WritesMark(seen, expected) => {
                match (seen, expected) {
                    (None, None) => {}
                    (Some(seen), Some(expected)) if seen == expected => {}
                    (None, Some(expected)) => self.write_mark(state, expected),
                    (Some(seen), Some(expected)) if seen.version() < expected.version() => {
                        self.write_mark(state, expected);
                    }
                    // Of a seal that the ledger does not have: replaced or removed, if it still is what was seen.
                    (Some(_), expected) if state.mark == seen => {
                        state.mark = expected;
                        state.was_taken_back = true;
                    }
                    (Some(_), _) => state.needs_repair = true,
                }
                Repair::Idle
            }
        }
    }
}

impl Totals {
    fn version(self) -> (u8, u8) {
        (self.epoch, self.count)
    }
}

impl Mark {
    fn version(self) -> (u8, u8) {
        (self.epoch, self.number)
    }
}

impl State {
    fn ledger_totals(&self) -> Totals {
        Totals { epoch: self.epoch, count: self.posted }
    }

    fn newest_seal(&self) -> Option<Mark> {
        self.seals.last().copied()
    }

    fn write_totals(&mut self, totals: Totals) {
        if totals.count > 0 && self.totals.is_none_or(|held| held.version() < totals.version()) {
            self.totals = Some(totals);
        }
    }

    fn put_mark(&mut self, mark: Mark) {
        self.went_back |= self.mark.is_some_and(|held| held.epoch == mark.epoch && mark.number < held.number);
        self.mark = Some(mark);
    }

    fn is_quiescent(&self) -> bool {
        self.on_its_way.is_none() && self.repair == Repair::Idle && self.sealers == [Sealer::Idle; SEALERS]
    }
}

/// A promise of this model.
pub const SEAL_IS_COVERED: &str = "a balance never shows fewer entries than its seal, if the ledger has that seal";
/// A promise of this model.
pub const MARK_NEVER_BACK: &str = "no mark is replaced by that of an older seal";
/// A promise of this model.
pub const MARK_CONVERGES: &str = "in the end the mark is that of the newest seal";

impl Model for Marks {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            epoch: 1,
            posted: 0,
            seals: Vec::new(),
            on_its_way: None,
            totals: None,
            mark: None,
            sealers: [Sealer::Idle; SEALERS],
            seals_left: 3,
            repair: Repair::Idle,
            repairs_left: 1,
            needs_repair: false,
            went_back: false,
            was_taken_back: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        match state.on_its_way {
            None if state.posted < ENTRIES => actions.push(Action::Post),
            None => {}
            Some(_) => actions.extend([Action::Consolidate, Action::LoseExecution]),
        }
        for (index, sealer) in state.sealers.iter().enumerate() {
            match sealer {
                // A day without entries is not sealed here: its seal covers nothing.
                Sealer::Idle if state.seals_left > 0 && state.posted > 0 => actions.push(Action::Seal(index)),
                Sealer::Idle => {}
                _ => actions.extend([Action::Next(index), Action::Crash(index)]),
            }
        }
        match state.repair {
            Repair::Idle if state.repairs_left > 0 => actions.push(Action::LookAtItem),
            Repair::Idle => {}
            Repair::Saw(..) | Repair::WritesMark(..) => actions.push(Action::Repair),
        }
        if state.epoch == 1 {
            for posted in 0..=state.posted {
                actions.extend((0..=state.seals.len()).map(|seals| Action::Restore(posted, seals)));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Post => {
                state.posted += 1;
                state.on_its_way = Some(state.ledger_totals());
            }
            Action::Consolidate => {
                let totals = state.on_its_way.take()?;
                state.write_totals(totals);
            }
            Action::LoseExecution => state.on_its_way = None,
            Action::Seal(index) => {
                state.seals_left -= 1;
                state.sealers[index] = self.begin_to_seal(&mut state);
            }
            Action::Next(index) => state.sealers[index] = self.next(&mut state, last.sealers[index]),
            Action::Crash(index) => {
                state.sealers[index] = Sealer::Idle;
                state.needs_repair = true;
            }
            Action::LookAtItem => {
                state.repairs_left -= 1;
                state.needs_repair = false;
                state.repair = Repair::Saw(state.totals, state.mark);
            }
            Action::Repair => state.repair = self.repair(&mut state),
            Action::Restore(posted, seals) => {
                state.seals.truncate(seals);
                if state.newest_seal().is_some_and(|newest| posted < newest.count) {
                    return None;
                }
                state.epoch += 1;
                state.posted = posted;
                state.needs_repair = true;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Marks>> {
        vec![
            Property::always(SEAL_IS_COVERED, |_, state: &State| {
                let is_covered = |mark: Mark| state.totals.is_some_and(|totals| mark.count <= totals.count);
                state.mark.is_none_or(|mark| !state.seals.contains(&mark) || is_covered(mark))
            }),
            Property::always(MARK_NEVER_BACK, |_, state: &State| !state.went_back),
            Property::always(MARK_CONVERGES, |_, state: &State| {
                !state.is_quiescent() || state.needs_repair || state.mark == state.newest_seal()
            }),
            Property::sometimes("a day is sealed", |_, state: &State| {
                state.mark.zip(state.totals).is_some_and(|(mark, totals)| mark.count == totals.count)
            }),
            Property::sometimes("a sealed day is restated", |_, state: &State| {
                let is_restated =
                    |(mark, totals): (Mark, Totals)| mark.epoch == totals.epoch && mark.count < totals.count;
                state.mark.zip(state.totals).is_some_and(is_restated)
            }),
            Property::sometimes("what a restored ledger does not know is taken back", |_, state: &State| {
                state.was_taken_back && !state.needs_repair && state.epoch == 2
            }),
            Property::sometimes("a day is sealed again after a restore", |_, state: &State| {
                state.mark.is_some_and(|mark| mark.epoch == 2)
            }),
            Property::sometimes("two seal at once, and one number is older", |_, state: &State| {
                let number = |sealer: &Sealer| match sealer {
                    Sealer::ReadsTotals(mark) | Sealer::WritesTotals(mark, _) | Sealer::WritesMark(mark, _) => {
                        Some(mark.number)
                    }
                    Sealer::Idle | Sealer::Seals(_) | Sealer::WritesTotalsLast(_) => None,
                };
                let [one, other] = [number(&state.sealers[0]), number(&state.sealers[1])];
                one.zip(other).is_some_and(|(one, other)| one != other)
            }),
        ]
    }
}
