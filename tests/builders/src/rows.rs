//! Rows of statements.

use csv::ByteRecord;
use statement_file::{Judged, Keys, Movement, Row, Survey, Traits, prepare};

use crate::{TODAY, entry};

/// A row that says a debit of 1.50 BRL on [`TODAY`], with the number of its line as the bank's id.
#[must_use]
pub fn row(line: u64, description: &str) -> Row {
    let request = entry("any").debit("1.5").on("2026-11-22").described(description).request();
    let movement = Movement {
        request,
        date: TODAY,
        account: None,
        id: Some(line.to_string()),
        ignored_id: None,
        entry_id: None,
        misread: None,
    };
    Row { line, cells: ByteRecord::new(), content: Ok(movement), traits: Traits::default() }
}

/// What is to be done with a row of a statement in which no other row matters to it.
pub fn judged(row: Row, keys: &mut Keys) -> Judged {
    prepare(0, row, &Survey::default(), keys)
}
