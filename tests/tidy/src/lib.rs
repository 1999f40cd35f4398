//! Checks that code, template, state machine, events and docs agree.
