use std::{error::Error, fmt};

use lambda_runtime::Diagnostic;
use telemetry::Causes;

/// The stable names by which the state machine's `Retry` and `Catch` know a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorName {
    /// The input can never be processed: a defect. Not retried.
    InvalidInput,
    /// The input has a field, a type or a currency that this release does not know: a newer one wrote it. Not retried, because
    /// it takes a deployment to mend that, but parked, and run again until this release is the newer one, too.
    NewerInput,
    /// PostgreSQL did not answer, or refused for a transient reason. Retried.
    LedgerUnavailable,
    /// The entry that a reversal undoes is not in the ledger, yet. Retried.
    OriginalNotPosted,
    /// PostgreSQL answers, but its tables, rights or settings are not those that the ledger needs; totals could become wrong. Not
    /// retried.
    LedgerMisconfigured,
    /// DynamoDB did not answer, or refused for a transient reason. Retried.
    BalancesUnavailable,
}

impl ErrorName {
    /// Every name, for the checks that compare them with the state machine.
    pub const ALL: [ErrorName; 6] = [
        ErrorName::InvalidInput,
        ErrorName::NewerInput,
        ErrorName::LedgerUnavailable,
        ErrorName::OriginalNotPosted,
        ErrorName::LedgerMisconfigured,
        ErrorName::BalancesUnavailable,
    ];

    /// The name as the state machine writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorName::InvalidInput => "InvalidInput",
            ErrorName::NewerInput => "NewerInput",
            ErrorName::LedgerUnavailable => "LedgerUnavailable",
            ErrorName::OriginalNotPosted => "OriginalNotPosted",
            ErrorName::LedgerMisconfigured => "LedgerMisconfigured",
            ErrorName::BalancesUnavailable => "BalancesUnavailable",
        }
    }
}

/// How a task of the state machine fails: a stable name to match on, and a message for people.
#[derive(Debug)]
pub struct TaskError {
    name: ErrorName,
    message: String,
}

impl TaskError {
    /// A failure with this name, explained by an error and its causes.
    pub fn new(name: ErrorName, cause: &(dyn Error + 'static)) -> TaskError {
        TaskError { name, message: Causes(cause).to_string() }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name.as_str(), self.message)
    }
}

impl Error for TaskError {}

impl From<TaskError> for Diagnostic {
    fn from(error: TaskError) -> Diagnostic {
        Diagnostic { error_type: error.name.as_str().to_owned(), error_message: error.message }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_failed_task_tells_its_name_apart_from_its_message() {
        let error = || TaskError::new(ErrorName::LedgerUnavailable, &io::Error::other("no answer"));
        assert_eq!(error().to_string(), "LedgerUnavailable: no answer");
        let diagnostic = Diagnostic::from(error());
        assert_eq!([diagnostic.error_type, diagnostic.error_message], ["LedgerUnavailable", "no answer"]);
    }

    /// The state machine's `Retry` and `Catch` have the same texts.
    #[test]
    fn every_name_is_that_of_its_variant() {
        for name in ErrorName::ALL {
            assert_eq!(name.as_str(), format!("{name:?}"));
        }
    }
}
