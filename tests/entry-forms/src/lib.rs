//! Checks that every field of an entry reaches each form that an entry has; see `tests/`.
