//! Balances: two entries of one day, a repeat of the first under another date, the totals of day and month in the read model,
//! repairs, a restore of the ledger.

use stateright::{Model, Property};

use crate::Trap;

/// A set of entries, one bit each.
type Entries = u8;
const BOTH: Entries = 0b11;
/// The entry of each execution: the first, the second, and a repeat of the first with another default date.
const ENTRY: [Entries; 3] = [0b01, 0b10, 0b01];
const REPEAT: usize = 2;
const DAY: usize = 0;
const MONTH: usize = 1;

/// A mistake that is switched on, if any.
#[derive(Debug, Clone, Copy)]
pub struct Balances {
    /// Which.
    pub trap: Option<Trap>,
}

/// The totals of a period: their version, and which entries they add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Totals {
    epoch: u8,
    count: u8,
    /// `None`: sums that no entries have, from somebody's hand.
    of: Option<Entries>,
}

/// Totals in the read model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    /// Never written.
    Missing,
    /// Written.
    Holds(Totals),
    /// Removed: only by mistake.
    Deleted,
}

/// How far an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Has not started.
    Idle,
    /// Runs ApplyToLedger.
    Runs,
    /// Its transaction sees these entries.
    Began(Entries),
    /// Its transaction is committed; these entries it saw itself.
    Committed(Entries),
    /// Runs ConsolidateDay with these totals, and has written those of the day, of the month.
    Writes(Totals, [bool; 2]),
    /// Parked.
    Parked,
    /// Ended well.
    Done,
    /// Not a part of this scene.
    Absent,
    /// Gone without a trace, as an EXPRESS execution whose queue did not answer.
    Lost,
}

/// A repair of one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repair {
    /// None runs.
    Idle,
    /// Has read the item.
    Saw(usize, Item),
    /// Has read the ledger after it.
    Compared(usize, Item, Totals),
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    epoch: u8,
    ledger: Entries,
    executions: [Phase; 3],
    items: [Item; 2],
    /// For each entry, how many entries the day and the month have that its token asks for.
    tokens: [Option<u8>; 2],
    repair: Repair,
    repairs_left: u8,
    /// Whether something happened that only a repair mends, and none has begun since.
    needs_repair: [bool; 2],
    /// An item that was right was replaced by an older version.
    went_back: bool,
    was_parked: bool,
    was_refused: bool,
    was_repaired: bool,
    faults_left: u8,
    /// In one scene the read model is damaged and repaired and the ledger restored, in the other executions are repeated.
    may_be_repaired: bool,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The client's request is accepted.
    Start(usize),
    /// The transaction begins.
    Begin(usize),
    /// It commits.
    Commit(usize),
    /// The totals are read in a fresh snapshot and answered.
    ReadTotals(usize),
    /// The totals of a period are written, unless the same or newer ones are there.
    Write(usize, usize),
    /// The answer of ApplyToLedger is lost: it runs again.
    LoseAnswer(usize),
    /// The retries are used up.
    Park(usize),
    /// The parked input runs again.
    Replay(usize),
    /// The execution is gone.
    LoseExecution(usize),
    /// A repair reads an item.
    LookAtItem(usize),
    /// Then the ledger.
    LookAtLedger,
    /// Then it writes what differs.
    Repair,
    /// Somebody writes sums under a version that the ledger may or may not have.
    Damage(usize, u8),
    /// The ledger is restored to when it held these entries, with a higher epoch.
    Restore(Entries),
}

impl Balances {
    fn has(&self, trap: Trap) -> bool {
        self.trap == Some(trap)
    }

    /// Where an execution goes that has committed and knows the totals.
    fn with_totals(&self, state: &State, execution: usize, of: Entries) -> Phase {
        // The repeat's own date is another day of the same month: the stored entry's day is not written.
        let is_written = [execution == REPEAT && self.has(Trap::OwnDateConsolidated), false];
        Phase::Writes(Totals::new(state.epoch, of), is_written)
    }

    fn commit(&self, state: &mut State, execution: usize, seen: Entries) {
        let entry = ENTRY[execution];
        let is_duplicate = state.ledger & entry != 0;
        state.ledger |= entry;
        state.executions[execution] = if is_duplicate && self.has(Trap::DuplicatesNotConsolidated) {
            Phase::Done
        } else {
            // Nobody else looks at that: it would only make more states.
            Phase::Committed(if self.has(Trap::TotalsInsideTransaction) { seen | entry } else { 0 })
        };
        // What a repair has compared by now may be behind; those to come look at the month again, because of this entry.
        if let Repair::Compared(period, ..) = state.repair {
            state.needs_repair[period] = true;
        }
    }

    fn write(state: &mut State, period: usize, totals: Totals) {
        let is_newer = match state.items[period] {
            Item::Missing | Item::Deleted => true,
            Item::Holds(held) => held.version() < totals.version(),
        };
        if state.items[period] == Item::Missing && totals.epoch < state.epoch {
            // A repair could not leave a mark where there was nothing: the next one finds it.
            state.needs_repair[period] = true;
        }
        if is_newer {
            state.put(period, totals);
        } else {
            state.was_refused = true;
        }
    }

    /// As functions/reconcile-balances does.
    fn repair(&self, state: &mut State) {
        let Repair::Compared(period, seen, expected) = state.repair else { return };
        state.repair = Repair::Idle;
        let is_as_seen = state.items[period] == seen;
        match seen {
            Item::Missing | Item::Deleted if expected.count == 0 => {}
            Item::Missing | Item::Deleted => Self::write(state, period, expected),
            Item::Holds(held) if held == expected => {}
            Item::Holds(_) if self.has(Trap::RepairDeletes) && expected.count == 0 => {
                state.items[period] = Item::Deleted;
            }
            Item::Holds(held) if held.version() < expected.version() => Self::write(state, period, expected),
            // Wrong or ahead: replaced, if it still is what was seen.
            Item::Holds(_) if is_as_seen || self.has(Trap::RepairUnconditional) => {
                state.put(period, expected);
                state.was_repaired = true;
            }
            // Something newer came in between; the next run looks again.
            Item::Holds(_) => state.needs_repair[period] = true,
        }
    }
}

impl Totals {
    fn new(epoch: u8, of: Entries) -> Totals {
        Totals { epoch, count: of.count_ones() as u8, of: Some(of) }
    }

    fn version(self) -> (u8, u8) {
        (self.epoch, self.count)
    }
}

impl Item {
    fn totals(self) -> Option<Totals> {
        match self {
            Item::Holds(totals) => Some(totals),
            Item::Missing | Item::Deleted => None,
        }
    }

    fn is_damaged(self) -> bool {
        self.totals().is_some_and(|totals| totals.of.is_none())
    }
}

impl State {
    fn put(&mut self, period: usize, totals: Totals) {
        if let Item::Holds(held) = self.items[period] {
            self.went_back |= held.of.is_some() && totals.version() < held.version();
        }
        self.items[period] = Item::Holds(totals);
    }

    fn is_quiescent(&self) -> bool {
        let at_rest = |phase: &Phase| matches!(phase, Phase::Idle | Phase::Done | Phase::Lost | Phase::Absent);
        self.repair == Repair::Idle && self.executions.iter().all(at_rest)
    }

    /// The entries of which an execution has ended well.
    fn recorded(&self) -> Entries {
        let done = self.executions.iter().zip(ENTRY).filter(|(phase, _)| **phase == Phase::Done);
        done.fold(0, |entries, (_, entry)| entries | entry)
    }
}

/// A promise of this model.
pub const NEVER_BACK: &str = "no total is replaced by an older one of its epoch";
/// A promise of this model.
pub const CONVERGES: &str = "in the end the balance adds up what the ledger holds";
/// A promise of this model.
pub const POSTED: &str = "in the end what an execution recorded is in the ledger";
/// A promise of this model.
pub const TOKEN_SHOWS: &str = "a balance that reached a token contains its entry, whatever it adds up";

impl Model for Balances {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let repeats = State {
            epoch: 1,
            ledger: 0,
            executions: [Phase::Idle; 3],
            items: [Item::Missing; 2],
            tokens: [None; 2],
            repair: Repair::Idle,
            repairs_left: 0,
            needs_repair: [false; 2],
            went_back: false,
            was_parked: false,
            was_refused: false,
            was_repaired: false,
            faults_left: 2,
            may_be_repaired: false,
        };
        // A repair does not care by whom an entry was posted.
        let repairs = State {
            executions: [Phase::Idle, Phase::Idle, Phase::Absent],
            repairs_left: 2,
            faults_left: 1,
            may_be_repaired: true,
            ..repeats.clone()
        };
        vec![repeats, repairs]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let may_fail = state.faults_left > 0;
        for (index, phase) in state.executions.iter().enumerate() {
            match phase {
                // The client repeats what it has sent.
                Phase::Idle if index != REPEAT || state.executions[0] != Phase::Idle => {
                    actions.push(Action::Start(index));
                }
                Phase::Runs => actions.push(Action::Begin(index)),
                Phase::Began(_) => actions.push(Action::Commit(index)),
                Phase::Committed(_) => actions.push(Action::ReadTotals(index)),
                Phase::Writes(_, written) => {
                    let open = [DAY, MONTH].into_iter().filter(|period| !written[*period]);
                    actions.extend(open.map(|period| Action::Write(index, period)));
                }
                Phase::Parked => actions.push(Action::Replay(index)),
                Phase::Idle | Phase::Done | Phase::Lost | Phase::Absent => {}
            }
            if may_fail && matches!(phase, Phase::Runs | Phase::Committed(_) | Phase::Writes(..)) {
                actions.extend([Action::Park(index), Action::LoseExecution(index)]);
            }
            if may_fail && matches!(phase, Phase::Committed(_)) {
                actions.push(Action::LoseAnswer(index));
            }
        }
        match state.repair {
            Repair::Idle if state.repairs_left > 0 => {
                actions.extend([Action::LookAtItem(DAY), Action::LookAtItem(MONTH)]);
            }
            Repair::Idle => {}
            Repair::Saw(..) => actions.push(Action::LookAtLedger),
            Repair::Compared(..) => actions.push(Action::Repair),
        }
        if may_fail && state.may_be_repaired {
            for period in [DAY, MONTH] {
                actions.extend((1..=3).map(|count| Action::Damage(period, count)));
            }
            actions.extend((0..=BOTH).map(Action::Restore));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        if let Action::LoseAnswer(_) | Action::Park(_) | Action::LoseExecution(_) = action {
            state.faults_left -= 1;
        }
        match action {
            Action::Start(index) => state.executions[index] = Phase::Runs,
            Action::Begin(index) => {
                let seen = if self.has(Trap::TotalsInsideTransaction) { last.ledger } else { 0 };
                state.executions[index] = Phase::Began(seen);
            }
            Action::Commit(index) => {
                let Phase::Began(seen) = last.executions[index] else { return None };
                self.commit(&mut state, index, seen);
            }
            Action::ReadTotals(index) => {
                let Phase::Committed(seen) = last.executions[index] else { return None };
                let of = if self.has(Trap::TotalsInsideTransaction) { seen } else { last.ledger };
                state.executions[index] = self.with_totals(last, index, of);
                let token = &mut state.tokens[usize::from(ENTRY[index] == 0b10)];
                *token = token.or(Some(of.count_ones() as u8));
            }
            Action::Write(index, period) => {
                let Phase::Writes(totals, mut written) = last.executions[index] else { return None };
                Self::write(&mut state, period, totals);
                written[period] = true;
                let is_done = written == [true; 2];
                state.executions[index] = if is_done { Phase::Done } else { Phase::Writes(totals, written) };
            }
            Action::LoseAnswer(index) => state.executions[index] = Phase::Runs,
            Action::Park(index) => {
                state.executions[index] = Phase::Parked;
                state.was_parked = true;
            }
            Action::Replay(index) => {
                // Step Functions knows the old name: nothing starts, and that is no success.
                let by_mistake = self.has(Trap::ReplayUnderOldName);
                state.executions[index] = if by_mistake { Phase::Done } else { Phase::Runs };
            }
            Action::LoseExecution(index) => state.executions[index] = Phase::Lost,
            Action::LookAtItem(period) => {
                state.repair = Repair::Saw(period, last.items[period]);
                state.repairs_left -= 1;
                state.needs_repair[period] = false;
            }
            Action::LookAtLedger => {
                let Repair::Saw(period, seen) = last.repair else { return None };
                state.repair = Repair::Compared(period, seen, Totals::new(last.epoch, last.ledger));
            }
            Action::Repair => self.repair(&mut state),
            Action::Damage(period, count) => {
                state.faults_left -= 1;
                state.items[period] = Item::Holds(Totals { epoch: last.epoch, count, of: None });
                state.needs_repair[period] = true;
            }
            Action::Restore(kept) => {
                if kept & !last.ledger != 0 {
                    return None;
                }
                state.faults_left -= 1;
                state.epoch += 1;
                state.ledger = kept;
                state.needs_repair = [true; 2];
                for phase in &mut state.executions {
                    match *phase {
                        // Its transaction ended with its server.
                        Phase::Began(_) => *phase = Phase::Runs,
                        // What was read before the restore has the epoch of that time.
                        Phase::Committed(_) => *phase = Phase::Writes(Totals::new(last.epoch, last.ledger), [false; 2]),
                        _ => {}
                    }
                }
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Balances>> {
        vec![
            Property::always(NEVER_BACK, |_, state: &State| !state.went_back),
            Property::always(CONVERGES, |_, state: &State| {
                // What was posted by an execution that is lost shows with the next one.
                let is_complete = state.ledger & !state.recorded() == 0;
                !state.is_quiescent()
                    || !is_complete
                    || state.items.iter().zip(state.needs_repair).all(|(item, needs_repair)| {
                        let shown = item.totals().map_or(Some(0), |totals| totals.of);
                        needs_repair || shown == Some(state.ledger)
                    })
            }),
            Property::always(POSTED, |_, state: &State| state.epoch > 1 || state.recorded() & !state.ledger == 0),
            Property::always(TOKEN_SHOWS, |model: &Balances, state: &State| {
                if state.epoch > 1 || state.items.iter().any(|item| item.is_damaged()) {
                    return true;
                }
                let [day, month] = state.items.map(Item::totals);
                state.tokens.iter().enumerate().all(|(entry, token)| {
                    let contains = |totals: Option<Totals>| {
                        totals.is_some_and(|totals| totals.of.is_some_and(|of| of & 1 << entry != 0))
                    };
                    let reached = |totals: Option<Totals>| totals.map(|totals| totals.count) >= *token;
                    let is_reached = reached(day) && (model.has(Trap::TokenLooksAtDay) || reached(month));
                    // Balances of this month add up days, those of later months the month.
                    token.is_none() || !is_reached || contains(day) && contains(month)
                })
            }),
            Property::sometimes("an input is parked and recorded", |_, state: &State| {
                state.was_parked && state.executions[0] == Phase::Done && state.ledger & 1 != 0
            }),
            Property::sometimes("a write comes late and is refused", |_, state: &State| state.was_refused),
            Property::sometimes("a repair replaces what is wrong", |_, state: &State| state.was_repaired),
            Property::sometimes("the day shows both entries", |_, state: &State| {
                state.items.iter().all(|item| item.totals().is_some_and(|totals| totals.of == Some(BOTH)))
            }),
            Property::sometimes("a day that a restored ledger does not know is shown as zero", |_, state: &State| {
                state.items[DAY] == Item::Holds(Totals::new(2, 0))
            }),
            Property::sometimes("what a restore lost is posted again", |_, state: &State| {
                state.epoch == 2 && state.items[DAY] == Item::Holds(Totals::new(2, BOTH))
            }),
        ]
    }
}
