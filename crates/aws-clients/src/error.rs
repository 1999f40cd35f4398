use std::{
    error::Error,
    fmt::{self, Debug, Display, Write},
};

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The codes of refusals whose message may quote the request, as in "Value '…' at 'input' failed to satisfy constraint".
const QUOTING: [&str; 5] = [
    "InvalidExecutionInput",
    "InvalidMessageContents",
    "InvalidParameterValue",
    "SerializationException",
    "ValidationException",
];

/// Why an operation of AWS failed, as far as it says nothing of what was sent: a service's code and message, or the code alone
/// where the message may quote the request; of what never came to an answer, what happened on the way.
///
/// Logs, executions and queues keep what an error says, and the SDK's own errors hold whole answers. They are reduced here, and
/// the original is not kept.
pub struct AwsError(String);

impl AwsError {
    /// Reads an error of an operation and its causes.
    pub fn new<E, R>(error: &SdkError<E, R>) -> AwsError
    where
        E: Error + ProvideErrorMetadata + 'static,
        R: Debug,
    {
        match error.as_service_error() {
            Some(refusal) => AwsError(shown(refusal.code(), refusal.message())),
            None => AwsError(with_causes(error)),
        }
    }
}

fn shown(code: Option<&str>, message: Option<&str>) -> String {
    let code = code.unwrap_or("a refusal without a code");
    match message {
        Some(message) if !QUOTING.contains(&code) => format!("{code}: {message}"),
        Some(_) | None => code.to_owned(),
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        next = error.source();
    }
    text
}

impl Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Debug for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwsError({})", self.0)
    }
}

impl Error for AwsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_shown_without_what_may_quote_the_request() {
        let denied =
            shown(Some("AccessDeniedException"), Some("User r is not authorized to perform: states:StartExecution"));
        assert_eq!(denied, "AccessDeniedException: User r is not authorized to perform: states:StartExecution");
        let quoted = "1 validation error detected: Value 'rent of flat 7' at 'input' failed to satisfy constraint";
        assert_eq!(shown(Some("ValidationException"), Some(quoted)), "ValidationException");
        assert_eq!(shown(None, None), "a refusal without a code");
    }
}
