/// A mistake that can be switched on in a model. Each that does not say otherwise is a row of the table of traps in ARCHITECTURE.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trap {
    /// Redis holds "accepted" before the execution has started.
    CachedBeforeEffect,
    /// No key is reserved before an execution starts.
    NoReservation,
    /// A reservation of the same payload is answered like an accepted request.
    ReservationAnswers,
    /// What Redis remembers as accepted is answered without asking the ledger.
    CacheOverLedger,
    /// The ledger is never asked: what Redis has forgotten is new.
    OnlyCache,
    /// The keys in Redis do not name the ledger's generation.
    KeyWithoutGeneration,
    /// The names of executions do not depend on the ledger's generation.
    NameWithoutGeneration,
    /// A request that names no date gets the day's date into its fingerprint.
    DateInFingerprint,
    /// The name of an execution is made of the key alone.
    NameWithoutPayload,
    /// An execution whose entries were posted before writes no balance.
    DuplicatesNotConsolidated,
    /// The totals are read by the transaction that posts.
    TotalsInsideTransaction,
    /// A repeat writes the balance of the date that it has itself, not of the stored one.
    OwnDateConsolidated,
    /// A token counts as reached once the day contains its entry, though the month does not.
    TokenLooksAtDay,
    /// A parked input runs again under the name that it had.
    ReplayUnderOldName,
    /// A repair replaces whatever is there by then.
    RepairUnconditional,
    /// A repair deletes totals that a restored ledger does not know.
    RepairDeletes,
    /// A cursor remembers the last line and no snapshot.
    CursorIsPlace,
    /// An entry is late if it began after the seal.
    LateByTime,
    /// A writer takes its position before it waits for the lock of its slot.
    PositionBeforeLock,
    /// A second reversal of an entry aborts the transaction of its batch.
    SecondReversalAborts,
    /// A reversal that comes before its original is dead-lettered.
    EarlyReversalDeadLettered,
    /// The key of an overtaken reversal is free for another payload.
    OvertakenKeyIsFree,
    /// A request that meets a reservation of its own payload goes on under it and does not renew it.
    ReservationNotRenewed,
    /// It renews it and does not look whether it was still there.
    RenewedNotReadAgain,
    /// A reservation can end while the request that made it still runs. Not a row: a number, 30 s against a function's timeout.
    ReservationEndsEarly,
    /// Each execution has an id of its own. Not a row: the first invariant.
    IdOfTheExecution,
    /// A seal takes the next number without having seen the seal before it. Not a row: an invariant of seals.
    SealNumberUnseen,
    /// No unique index on what a reversal undoes. Not a row: an invariant.
    ReversalsNotUnique,
    /// An overtaken reversal counts as final, though a transaction that runs may still post another payload under its key.
    OvertakenIsFinal,
    /// A balance as of a moment is answered while a transaction that began before it is still writing.
    AsOfWhileWriting,
    /// A balance is answered as of a moment that has only just come, or is still to come. Not a row of its own.
    MomentOfJustNow,
    /// Who asks for a moment adds up first and looks for running transactions then. Not a row of its own.
    SummedBeforeLook,
    /// Balances show a seal before they show what it covers. Not a row: an invariant.
    SealMarkBeforeTotals,
    /// The totals that are to cover a seal are read before it is made. Not a row: the same invariant.
    TotalsReadBeforeSeal,
    /// The mark of a seal replaces whatever is there. Not a row: an invariant of seals.
    SealMarkUnconditional,
}
