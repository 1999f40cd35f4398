use std::{
    error::Error,
    fmt::{self, Display, Write},
};

use tokio_postgres::error::{DbError, SqlState};

/// What PostgreSQL or the connection to it said, as far as it says nothing of the data.
///
/// PostgreSQL tells what it refuses: the `DETAIL` of a check that failed is the whole row, `CONTEXT` and `HINT` quote too, and
/// so does the message itself when a value cannot be read (class 22, data exceptions). Logs, executions and queues keep what an
/// error says, so it is reduced here, where it enters the program, to SQLSTATE and message, or to SQLSTATE alone for class 22.
/// The original is not kept, not even for `Debug`.
pub struct PostgresError {
    code: Option<SqlState>,
    text: String,
}

impl PostgresError {
    /// Reads an error and its causes.
    pub(crate) fn new(error: &(dyn Error + 'static)) -> PostgresError {
        let mut reduced = PostgresError { code: None, text: String::new() };
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(refusal) = error.downcast_ref::<DbError>() {
                reduced.code = Some(refusal.code().clone());
                reduced.add(shown(refusal));
            } else {
                reduced.add(error);
            }
            next = error.source();
        }
        reduced
    }

    /// As if the server had refused with this code.
    #[cfg(test)]
    pub(crate) fn of_code(code: SqlState) -> PostgresError {
        PostgresError { text: format!("SQLSTATE {}", code.code()), code: Some(code) }
    }

    /// The SQLSTATE, if it was the server that said no.
    pub fn code(&self) -> Option<&SqlState> {
        self.code.as_ref()
    }

    fn add(&mut self, part: impl Display) {
        let separator = if self.text.is_empty() { "" } else { ": " };
        // Writing to a string does not fail.
        let _ = write!(self.text, "{separator}{part}");
    }
}

fn shown(refusal: &DbError) -> String {
    let code = refusal.code().code();
    if code.starts_with("22") { format!("SQLSTATE {code}") } else { format!("SQLSTATE {code}: {}", refusal.message()) }
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> PostgresError {
        PostgresError::new(&error)
    }
}

impl Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresError({})", self.text)
    }
}

impl Error for PostgresError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("writing failed")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn an_error_says_its_causes_and_has_a_code_only_from_the_server() {
        let error = PostgresError::new(&Outer(std::io::Error::other("cut off")));
        assert_eq!(error.to_string(), "writing failed: cut off");
        assert_eq!(format!("{error:?}"), "PostgresError(writing failed: cut off)");
        assert_eq!(error.code(), None);
        let refusal = PostgresError::of_code(SqlState::ADMIN_SHUTDOWN);
        assert_eq!(refusal.code(), Some(&SqlState::ADMIN_SHUTDOWN));
    }
}
