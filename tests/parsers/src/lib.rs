//! What must hold of every parser that faces the outside, whatever it is given: it ends, what it accepts satisfies the
//! documented limits and is read again as it is shown, and what it refuses is refused with a reason that can be acted on.
//!
//! Each check takes bytes and panics if something does not hold. `fuzz/` looks for bytes that make one panic; `tests/` gives
//! each check the inputs that are kept in `corpus/`, and in `findings/` those that once made it panic. Where a parser takes
//! several texts, each but the last is a line of its own, so that kept inputs can be read and written by hand.

mod caller;
mod entries;
mod events;
mod memory;
mod message;
mod query;
mod refusal;
mod request;
mod statement;
mod values;
mod workflow;

use cashflow::Date;

/// A check of one parser, or of several that read the same text.
pub type Check = fn(&[u8]);

/// Every check, by the name of its fuzz target and of its folders.
pub const CHECKS: [(&str, Check); 17] = [
    ("alert", events::alert),
    ("amount", values::amount),
    ("balance_token", query::balance_token),
    ("batch", entries::batch),
    ("caller", caller::caller),
    ("cursor", statement::cursor),
    ("date", values::date),
    ("entry", entries::entry),
    ("feed", events::feed),
    ("idempotency_key", values::idempotency_key),
    ("identity", values::identity),
    ("parked_message", message::parked_message),
    ("posted_entries", workflow::posted_entries),
    ("query", query::query),
    ("record_entries", workflow::record_entries),
    ("remembered", memory::remembered),
    ("reversal", entries::reversal),
];

/// Runs the check of this name.
///
/// # Panics
/// If something does not hold, or there is no such check.
pub fn check(name: &str, data: &[u8]) {
    let (_, check) = CHECKS.iter().find(|(known, _)| *known == name).expect("a name in CHECKS");
    check(data);
}

/// The day on which all requests come in.
const TODAY: Date = Date::constant(2026, 11, 22);

/// The first line, and all that follows it.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, b""),
    }
}

/// The first line of a text, and all that follows it.
fn text_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}
