//! Reversals: an original, two reversals of it under keys of their own, and another payload under the key of the second.
//!
//! Each input runs as an execution of its own, in any order, also before the original, which can be on its way still: parked,
//! or lost by a restore and started again. The batch of the second reversal has another entry beside it. That a reversal is overtaken
//! is kept after the transaction that found it so, and another payload under its key can be posted by a transaction that runs at
//! that moment: then a look at the id finds what is posted, and the reversal among its conflicts.

use stateright::{Model, Property};

use crate::Trap;

/// What is on its way to the ledger.
const ORIGINAL: usize = 0;
const FIRST: usize = 1;
const SECOND: usize = 2;
/// Another payload under the key of the second reversal.
const OTHER: usize = 3;
const INPUTS: usize = 4;

/// The id of each input: the last two share one.
const ID: [u8; INPUTS] = [0, 1, 2, 2];

/// A mistake that is switched on, if any.
#[derive(Debug, Clone, Copy)]
pub struct Reversals {
    /// Which.
    pub trap: Option<Trap>,
}

/// How far an input has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not accepted yet.
    Idle,
    /// Answered 202, and its execution runs.
    Runs,
    /// Its transaction has inserted its entry, and is not committed.
    Inserted,
    /// Its transaction has ended, and it is kept as overtaken only now.
    FoundOvertaken,
    /// In the park queue, from where it runs again.
    Parked,
    /// Its execution ended well.
    Done,
    /// In the dead-letter queue, where somebody has to look at it.
    DeadLettered,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    phases: [Phase; INPUTS],
    posted: [bool; INPUTS],
    /// Kept as overtaken by another reversal.
    overtaken: [bool; INPUTS],
    /// Kept as a conflict under a used key.
    conflicts: [bool; INPUTS],
    /// Which input of the shared id Redis has as settled.
    settled: Option<usize>,
    /// Which input of the shared id somebody was told it names, while nothing was being posted under it.
    told: Option<usize>,
    /// Whether the other entry of the second reversal's batch is posted.
    companion_is_posted: bool,
    was_parked: bool,
    faults_left: u8,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An input is accepted.
    Accept(usize),
    /// An execution posts its input, in one transaction; that of the other payload only inserts it.
    Post(usize),
    /// It posts, and its answer is lost: the task is tried again. That of the other payload is rolled back.
    PostWithoutAnswer(usize),
    /// The transaction of the other payload commits.
    Commit,
    /// It commits, and its answer is lost.
    CommitWithoutAnswer,
    /// It keeps a reversal as overtaken that it found to be so.
    KeepOvertaken(usize),
    /// A repeat under the shared id asks the ledger, and what is final becomes settled.
    Ask,
    /// The ledger does not answer until the retries are used up.
    Park(usize),
    /// A parked input runs again.
    Replay(usize),
}

impl Reversals {
    fn has(&self, trap: Trap) -> bool {
        self.trap == Some(trap)
    }

    /// The transaction that posts an input; what becomes of its execution.
    fn post(&self, state: &mut State, input: usize) -> Phase {
        let same_id = |other: &usize| ID[*other] == ID[input] && *other != input;
        let is_reversal = input == FIRST || input == SECOND;
        let is_reversed = state.posted[FIRST] || state.posted[SECOND];
        if state.posted[input] || state.overtaken[input] {
            // The same request was recorded before, and with it the rest of its batch.
            return Phase::Done;
        }
        let key_is_used = (0..INPUTS)
            .filter(same_id)
            .any(|other| state.posted[other] || state.overtaken[other] && !self.has(Trap::OvertakenKeyIsFree));
        if is_reversal && !key_is_used && !state.posted[ORIGINAL] {
            return if self.has(Trap::EarlyReversalDeadLettered) { Phase::DeadLettered } else { Phase::Parked };
        }
        if is_reversal && !key_is_used && is_reversed && self.has(Trap::SecondReversalAborts) {
            return Phase::DeadLettered;
        }
        if input == SECOND {
            state.companion_is_posted = true;
        }
        if key_is_used {
            state.conflicts[input] = true;
        } else if is_reversal && is_reversed && !self.has(Trap::ReversalsNotUnique) {
            return Phase::FoundOvertaken;
        } else if input == OTHER {
            return Phase::Inserted;
        } else {
            state.posted[input] = true;
        }
        Phase::Done
    }

    /// What a repeat is told that asks the ledger.
    fn ask(&self, state: &mut State) {
        let Some(found) = state.found(ID[SECOND]) else { return };
        // Another payload may be posted under an overtaken reversal's id by a transaction that runs now.
        if state.posted[found] || self.has(Trap::OvertakenIsFinal) {
            state.settled = state.settled.or(Some(found));
        }
        if !state.phases.contains(&Phase::Inserted) && !state.phases.contains(&Phase::FoundOvertaken) {
            state.told = state.told.or(Some(found));
        }
    }
}

impl State {
    fn is_quiescent(&self) -> bool {
        (0..INPUTS).all(|input| match self.phases[input] {
            Phase::Idle | Phase::Done | Phase::DeadLettered => true,
            // It waits for its original, which nobody has sent yet.
            Phase::Parked => self.phases[ORIGINAL] == Phase::Idle && input != OTHER,
            Phase::Runs | Phase::Inserted | Phase::FoundOvertaken => false,
        })
    }

    /// What a look at this id finds: the input that was posted, or else the one that was overtaken.
    fn found(&self, id: u8) -> Option<usize> {
        let of_id = |kept: &[bool; INPUTS]| (0..INPUTS).find(|input| ID[*input] == id && kept[*input]);
        of_id(&self.posted).or(of_id(&self.overtaken))
    }
}

/// A promise of this model.
pub const REVERSED_ONCE: &str = "an entry is reversed at most once";
/// A promise of this model.
pub const RECORDED: &str = "what was answered 202 is posted in the end, or can be seen as overtaken or as a conflict";
/// A promise of this model.
pub const BATCH_IS_POSTED: &str = "the other entries of a reversal's batch are posted";
/// A promise of this model.
pub const NOT_DEAD_LETTERED: &str = "no input is dead-lettered";
/// A promise of this model.
pub const NAME_STAYS: &str = "what an id names while nothing is being posted under it, it names for ever";
/// A promise of this model.
pub const SETTLED_IS_FINAL: &str = "in the end what is settled is what the ledger has";

impl Model for Reversals {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            phases: [Phase::Idle; INPUTS],
            posted: [false; INPUTS],
            overtaken: [false; INPUTS],
            conflicts: [false; INPUTS],
            settled: None,
            told: None,
            companion_is_posted: false,
            was_parked: false,
            faults_left: 3,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (input, phase) in state.phases.iter().enumerate() {
            let may_fail = state.faults_left > 0;
            match phase {
                Phase::Idle => actions.push(Action::Accept(input)),
                // The same id is inserted once at a time: by the primary key.
                Phase::Runs if input == SECOND && state.phases[OTHER] == Phase::Inserted => {}
                Phase::Runs => {
                    actions.push(Action::Post(input));
                    if may_fail {
                        actions.extend([Action::PostWithoutAnswer(input), Action::Park(input)]);
                    }
                }
                Phase::Inserted => {
                    actions.push(Action::Commit);
                    if may_fail {
                        actions.extend([Action::CommitWithoutAnswer, Action::Park(input)]);
                    }
                }
                Phase::FoundOvertaken => {
                    actions.push(Action::KeepOvertaken(input));
                    if may_fail {
                        actions.push(Action::Park(input));
                    }
                }
                Phase::Parked => actions.push(Action::Replay(input)),
                Phase::Done | Phase::DeadLettered => {}
            }
        }
        actions.push(Action::Ask);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Accept(input) | Action::Replay(input) => state.phases[input] = Phase::Runs,
            Action::Post(input) => state.phases[input] = self.post(&mut state, input),
            Action::PostWithoutAnswer(input) => {
                self.post(&mut state, input);
                state.faults_left -= 1;
            }
            Action::Commit => {
                state.posted[OTHER] = true;
                state.phases[OTHER] = Phase::Done;
            }
            Action::CommitWithoutAnswer => {
                state.posted[OTHER] = true;
                state.phases[OTHER] = Phase::Runs;
                state.faults_left -= 1;
            }
            Action::Ask => self.ask(&mut state),
            Action::KeepOvertaken(input) => {
                state.overtaken[input] = true;
                state.phases[input] = Phase::Done;
            }
            Action::Park(input) => {
                state.phases[input] = Phase::Parked;
                state.faults_left -= 1;
            }
        }
        state.was_parked |= state.phases.contains(&Phase::Parked);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Reversals>> {
        vec![
            Property::always(REVERSED_ONCE, |_, state: &State| !(state.posted[FIRST] && state.posted[SECOND])),
            Property::always(RECORDED, |_, state: &State| {
                !state.is_quiescent()
                    || (0..INPUTS).all(|input| {
                        let is_recorded = state.posted[input] || state.overtaken[input] || state.conflicts[input];
                        matches!(state.phases[input], Phase::Idle | Phase::Parked) || is_recorded
                    })
            }),
            Property::always(BATCH_IS_POSTED, |_, state: &State| {
                !matches!(state.phases[SECOND], Phase::Done | Phase::DeadLettered) || state.companion_is_posted
            }),
            Property::always(NOT_DEAD_LETTERED, |_, state: &State| !state.phases.contains(&Phase::DeadLettered)),
            Property::always(NAME_STAYS, |_, state: &State| {
                state.told.is_none_or(|told| state.found(ID[SECOND]) == Some(told))
            }),
            Property::always(SETTLED_IS_FINAL, |_, state: &State| {
                !state.is_quiescent() || state.settled.is_none_or(|settled| state.found(ID[SECOND]) == Some(settled))
            }),
            Property::sometimes(
                "a reversal is overtaken while another payload is posted under its key",
                |_, state: &State| state.overtaken[SECOND] && state.posted[OTHER],
            ),
            Property::sometimes("a reversal is overtaken", |_, state: &State| state.overtaken[SECOND]),
            Property::sometimes(
                "the key of an overtaken reversal is refused to another payload",
                |_, state: &State| state.overtaken[SECOND] && state.conflicts[OTHER],
            ),
            Property::sometimes("a reversal comes before its original, waits, and is posted", |_, state: &State| {
                state.was_parked && state.posted[FIRST] && state.faults_left == 3
            }),
            Property::sometimes("a reversal's key was used before", |_, state: &State| state.conflicts[SECOND]),
        ]
    }
}
