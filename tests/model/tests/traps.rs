//! Each row of the table of traps in ARCHITECTURE.md is either a mistake that a model knows, or named here with why it is none.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::BTreeSet, fs, path::Path};

use model::Trap;

/// By how a row begins, the mistakes that a model knows for it.
const OF_THE_PROTOCOL: &[(&str, &[Trap])] = &[
    ("two payloads under one key at the same moment", &[Trap::NoReservation]),
    ("a reservation taken for an answer", &[Trap::ReservationAnswers]),
    ("a reservation that ends", &[Trap::ReservationEndsEarly, Trap::ReservationNotRenewed, Trap::RenewedNotReadAgain]),
    ("a cached answer taken for what the ledger did", &[Trap::CacheOverLedger]),
    ("a key that is free again when the cache loses it", &[Trap::OnlyCache]),
    ("a cached answer of another ledger", &[Trap::KeyWithoutGeneration, Trap::NameWithoutGeneration]),
    ("a cached answer before its effect", &[Trap::CachedBeforeEffect]),
    ("no consolidation for duplicates", &[Trap::DuplicatesNotConsolidated]),
    ("totals read inside the writing transaction", &[Trap::TotalsInsideTransaction]),
    ("a repeat after midnight taken for another payload", &[Trap::DateInFingerprint]),
    ("a repeat that consolidates its own date", &[Trap::OwnDateConsolidated]),
    ("an execution name that hides another payload", &[Trap::NameWithoutPayload]),
    ("a cursor that holds a position", &[Trap::CursorIsPlace]),
    ("lateness by time", &[Trap::LateByTime]),
    ("a second reversal that aborts its batch", &[Trap::SecondReversalAborts]),
    ("a balance with a token read before the month", &[Trap::TokenLooksAtDay]),
    ("a finished execution name taken for a success", &[Trap::ReplayUnderOldName]),
    ("a repair that overwrites", &[Trap::RepairUnconditional]),
    ("deleted totals that a delayed write", &[Trap::RepairDeletes]),
    // The last are no rows, or not yet.
    ("a reversal before its original", &[Trap::EarlyReversalDeadLettered]),
    ("the key of an overtaken reversal", &[Trap::OvertakenKeyIsFree, Trap::OvertakenIsFinal]),
    ("an answer as of a moment", &[Trap::AsOfWhileWriting, Trap::MomentOfJustNow, Trap::SummedBeforeLook]),
    ("positions given out before the lock", &[Trap::PositionBeforeLock]),
    (
        "an invariant and no trap",
        &[
            Trap::IdOfTheExecution,
            Trap::SealNumberUnseen,
            Trap::ReversalsNotUnique,
            Trap::SealMarkBeforeTotals,
            Trap::TotalsReadBeforeSeal,
            Trap::SealMarkUnconditional,
        ],
    ),
];

/// By how a row begins, why no model knows it.
const NOT_OF_THE_PROTOCOL: &[(&str, &str)] = &[
    ("a probe on the way of a request", "it delays requests, and answers none of them otherwise"),
    ("a connection that is lost with each question that is given up", "it costs time; the answer is lost either way"),
    ("a breaker that stays open through a silence", "to the models that is a ledger that does not answer a look"),
    (
        "a running execution's answer taken for a new one's",
        "it changes a header and a metric; the execution is the same",
    ),
    ("unsorted upserts", "locks inside PostgreSQL: a deadlock ends as an answer that is lost, which the models know"),
    ("totals in 64 bits", "arithmetic"),
    ("what was visible told by numbers", "the models have one cluster; crates/ledger/tests/moving.rs has two"),
    ("entries that change sides of a seal when they are numbered", "a migration, which runs once"),
    ("a message that nobody can handle", "to the models that is an input that was never accepted"),
    ("offsets that are committed before", "the models lose any answer, and none of them knows of offsets"),
    ("a store that is down and empties a topic", "it delays entries until somebody brings them back"),
    ("a consumer that waits for a store", "the models post in any order and as often as they like"),
    ("a header, or the key of a record", "the models have no headers"),
    ("a cost that grows", "costs"),
    (
        "a reader of the feed who never sees an entry",
        "the vectors of positions that cut the feed are those of statements.rs; one statement reads each",
    ),
    ("a crossing of a threshold that is told twice", "one lock for all that cut a feed: nothing of it happens at once"),
    ("an event with other content", "what is derived is stored, and what is stored is only appended to"),
    ("a key in an order that an update", "collations of the operating system"),
    (
        "a function of the database that is missing",
        "a deployment; a call that fails meanwhile is an answer that is lost",
    ),
    ("a job that begins a window anew", "how long a job takes"),
    ("a user of the cache who lacks a right", "rights; to the models that is a Redis that is down"),
    ("two headers of one name", "how a request is read"),
    ("a text that is stored with replacement characters", "how a request is read"),
    ("a reversal that undoes what has not happened yet", "a rule about dates, checked before the protocol begins"),
    ("one tenant's failure", "the models have one merchant"),
    ("an outage taken for thousands of failures", "how long a job takes"),
    ("a state machine that is replaced", "a deployment"),
    ("a token that anybody can make up", "who may ask, and cryptography"),
    ("a formula in the middle of a text", "what spreadsheets make of a text"),
    ("a password sent to whoever answers", "TLS"),
    ("a statement that pins a connection", "RDS Proxy's connections"),
    ("a stack that a failed creation", "CloudFormation"),
    ("a parameter whose change replaces", "CloudFormation"),
    ("a secret whose new value reaches", "CloudFormation"),
    ("a deployment that waits", "CloudFormation"),
    ("a rollback that fails at a migration", "a deployment"),
    ("an owner who may sign in", "who signs in to the database"),
    ("a password that was just changed", "who signs in to the database"),
    ("a parked message that is hidden", "whoever looks at it is outside of the protocol; SQS delivers it again"),
    ("a log line that Lambda takes", "logs"),
    ("a log made leaner by the only copy", "logs"),
    ("log levels at which libraries log", "logs"),
    ("an error that quotes", "logs"),
    ("an answer in a new form for a function of an earlier deployment", "the form of a message, not its order"),
    ("a new field that an older reader ignores", "the models have one release; tests/previous-release has two"),
    ("a new field that the release before cannot read", "as above"),
    ("a writer that is deployed before its reader", "the order in which the template is deployed; tests/deploy"),
    ("a state that is larger than Step Functions carries", "limits of AWS; tests/workflow"),
    ("error names in the state machine", "names that two files share; tests/tidy compares them"),
];

/// The first cells of the table of traps.
fn rows() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ARCHITECTURE.md");
    let architecture = fs::read_to_string(path).unwrap();
    let (_, after) = architecture.split_once("\n| trap | test |\n|---|---|\n").expect("the table of traps");
    let table = after.lines().take_while(|line| line.starts_with('|'));
    table.map(|line| line.trim_start_matches("| ").split(" | ").next().unwrap().to_owned()).collect()
}

#[test]
fn every_trap_is_in_a_model_or_said_not_to_be_of_the_protocol() {
    let rows = rows();
    assert!(rows.len() > 20, "{rows:?}");
    for row in &rows {
        let modelled = OF_THE_PROTOCOL.iter().filter(|(beginning, _)| row.starts_with(beginning)).count();
        let left_out = NOT_OF_THE_PROTOCOL.iter().filter(|(beginning, _)| row.starts_with(beginning)).count();
        assert_eq!(
            modelled + left_out,
            1,
            "`{row}`: add it to OF_THE_PROTOCOL with a Trap that breaks a promise, or to NOT_OF_THE_PROTOCOL with the reason"
        );
    }
}

#[test]
fn no_row_is_left_out_that_the_table_does_not_have() {
    let rows = rows();
    for (beginning, _) in NOT_OF_THE_PROTOCOL {
        assert!(rows.iter().any(|row| row.starts_with(beginning)), "no row begins with `{beginning}`");
    }
}

#[test]
fn every_trap_belongs_to_one_row_and_is_switched_on_in_a_test() {
    let tests = include_str!("model.rs");
    let traps: Vec<Trap> = OF_THE_PROTOCOL.iter().flat_map(|(_, traps)| traps.iter().copied()).collect();
    assert_eq!(traps.iter().collect::<BTreeSet<_>>().len(), traps.len(), "a trap belongs to two rows: {traps:?}");
    let definition = include_str!("../src/trap.rs");
    let (_, variants) = definition.split_once("pub enum Trap {").unwrap();
    let variants = variants
        .lines()
        .map(|line| line.trim().trim_end_matches(','))
        .filter(|line| line.chars().next().is_some_and(char::is_uppercase));
    for variant in variants {
        assert!(traps.iter().any(|trap| format!("{trap:?}") == variant), "{variant} belongs to no row");
        assert!(tests.contains(&format!("(Trap::{variant},")), "{variant} is never switched on");
    }
}
