//! How counts are told.

/// A number of rows as one says it.
pub fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}
