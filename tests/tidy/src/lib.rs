//! Checks that code, state machine, template, events and documents agree; see `tests/`.
