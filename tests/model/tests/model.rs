//! Without a mistake every promise holds in every state; with each mistake one does not.

use std::{fmt::Debug, hash::Hash};

use model::{
    Trap,
    balances::{self, Balances},
    door::{self, Door},
    explore::{counterexample, explore},
    marks::{self, Marks},
    moments::{self, Moments},
    reversals::{self, Reversals},
    statements::{self, Statements},
};
use stateright::Model;

/// More would take longer than it is worth.
const STATES_MAX: usize = 800_000;

fn holds<M>(model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let found = explore(model);
    println!("{} states", found.states);
    assert!(found.broken.is_empty(), "{:#?}", found.broken);
    assert!(found.never_seen.is_empty(), "never seen: {:?}", found.never_seen);
    assert!(found.states <= STATES_MAX, "{} states", found.states);
}

fn breaks<M>(trap: Trap, model: M, promise: &'static str)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let steps = counterexample(model, promise);
    println!("{trap:?} breaks `{promise}`: {steps:#?}");
    assert!(steps.is_some(), "{trap:?} does not break `{promise}`");
}

#[test]
fn the_door_keeps_its_promises() {
    holds(Door { trap: None });
}

#[test]
fn the_door_with_a_mistake_breaks_a_promise() {
    for (trap, promise) in [
        (Trap::CachedBeforeEffect, door::AT_LEAST_ONCE),
        (Trap::NoReservation, door::ONE_IS_CONFIRMED),
        (Trap::ReservationAnswers, door::AT_LEAST_ONCE),
        (Trap::CacheOverLedger, door::ANSWERS_AGREE),
        (Trap::OnlyCache, door::ANSWERS_AGREE),
        (Trap::KeyWithoutGeneration, door::AT_LEAST_ONCE),
        (Trap::NameWithoutGeneration, door::AT_LEAST_ONCE),
        (Trap::DateInFingerprint, door::ANSWERS_AGREE),
        (Trap::NameWithoutPayload, door::AT_LEAST_ONCE),
        (Trap::ReservationEndsEarly, door::ONE_IS_CONFIRMED),
        (Trap::ReservationNotRenewed, door::ONE_IS_CONFIRMED),
        (Trap::RenewedNotReadAgain, door::ONE_IS_CONFIRMED),
        (Trap::IdOfTheExecution, door::AT_MOST_ONCE),
    ] {
        breaks(trap, Door { trap: Some(trap) }, promise);
    }
}

#[test]
fn balances_keep_their_promises() {
    holds(Balances { trap: None });
}

#[test]
fn balances_with_a_mistake_break_a_promise() {
    for (trap, promise) in [
        (Trap::DuplicatesNotConsolidated, balances::CONVERGES),
        (Trap::TotalsInsideTransaction, balances::CONVERGES),
        (Trap::OwnDateConsolidated, balances::CONVERGES),
        (Trap::TokenLooksAtDay, balances::TOKEN_SHOWS),
        (Trap::ReplayUnderOldName, balances::POSTED),
        (Trap::RepairUnconditional, balances::NEVER_BACK),
        (Trap::RepairDeletes, balances::CONVERGES),
    ] {
        breaks(trap, Balances { trap: Some(trap) }, promise);
    }
}

#[test]
fn statements_keep_their_promises() {
    holds(Statements { trap: None });
}

#[test]
fn statements_with_a_mistake_break_a_promise() {
    for (trap, promise) in [
        (Trap::CursorIsPlace, statements::PAGES_ARE_THE_SNAPSHOT),
        (Trap::LateByTime, statements::LATE_IS_NOT_SEALED),
        (Trap::PositionBeforeLock, statements::PAGES_ARE_THE_SNAPSHOT),
        (Trap::PositionBeforeLock, statements::LATE_IS_NOT_SEALED),
        (Trap::SealNumberUnseen, statements::SEALS_GROW),
    ] {
        breaks(trap, Statements { trap: Some(trap) }, promise);
    }
}

#[test]
fn reversals_keep_their_promises() {
    holds(Reversals { trap: None });
}

#[test]
fn reversals_with_a_mistake_break_a_promise() {
    for (trap, promise) in [
        (Trap::ReversalsNotUnique, reversals::REVERSED_ONCE),
        (Trap::SecondReversalAborts, reversals::BATCH_IS_POSTED),
        (Trap::EarlyReversalDeadLettered, reversals::NOT_DEAD_LETTERED),
        (Trap::EarlyReversalDeadLettered, reversals::RECORDED),
        (Trap::OvertakenKeyIsFree, reversals::NAME_STAYS),
        (Trap::OvertakenIsFinal, reversals::SETTLED_IS_FINAL),
    ] {
        breaks(trap, Reversals { trap: Some(trap) }, promise);
    }
}

#[test]
fn balances_as_of_a_moment_keep_their_promises() {
    holds(Moments { trap: None });
}

#[test]
fn balances_as_of_a_moment_with_a_mistake_break_a_promise() {
    for (trap, promise) in [
        (Trap::AsOfWhileWriting, moments::ANSWER_STANDS),
        (Trap::MomentOfJustNow, moments::ANSWER_STANDS),
        (Trap::SummedBeforeLook, moments::ANSWER_STANDS),
    ] {
        breaks(trap, Moments { trap: Some(trap) }, promise);
    }
}

#[test]
fn marks_of_seals_keep_their_promises() {
    holds(Marks { trap: None });
}

#[test]
fn marks_of_seals_with_a_mistake_break_a_promise() {
    for (trap, promise) in [
        (Trap::SealMarkBeforeTotals, marks::SEAL_IS_COVERED),
        (Trap::TotalsReadBeforeSeal, marks::SEAL_IS_COVERED),
        (Trap::SealMarkUnconditional, marks::MARK_NEVER_BACK),
    ] {
        breaks(trap, Marks { trap: Some(trap) }, promise);
    }
}
