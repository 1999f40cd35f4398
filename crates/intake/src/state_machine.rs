use aws_sdk_sfn::{
    Client,
    error::SdkError,
    operation::{describe_execution::DescribeExecutionError, start_execution::StartExecutionError},
};

/// The state machine `record-entries`.
#[derive(Debug)]
pub struct StateMachine {
    client: Client,
    arn: String,
}

/// Whether an execution of this name had been started before. Either way the entries are safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Started,
    StartedBefore,
}

/// Step Functions did not answer, or refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateMachineError {
    #[error("the execution could not be started")]
    Start(#[source] Box<SdkError<StartExecutionError>>),
    #[error("the execution could not be looked up")]
    Describe(#[source] Box<SdkError<DescribeExecutionError>>),
}

impl StateMachine {
    /// The state machine with this ARN, reached through this client.
    pub fn new(client: Client, arn: impl Into<String>) -> StateMachine {
        StateMachine { client, arn: arn.into() }
    }

    /// Starts an execution. A name that exists already counts as started: the name stands for this very payload.
    pub(crate) async fn start(
        &self,
        name: &str,
        input: String,
        trace_header: Option<String>,
    ) -> Result<Start, StateMachineError> {
        let start = self
            .client
            .start_execution()
            .state_machine_arn(&self.arn)
            .name(name)
            .input(input)
            .set_trace_header(trace_header);
        match start.send().await {
            Ok(_) => Ok(Start::Started),
            Err(error) if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) => {
                Ok(Start::StartedBefore)
            }
            Err(error) => Err(StateMachineError::Start(Box::new(error))),
        }
    }

    /// The input of the execution of this name, if it is still known.
    pub(crate) async fn input_of(&self, name: &str) -> Result<Option<String>, StateMachineError> {
        let arn = format!("{}:{name}", self.arn.replacen(":stateMachine:", ":execution:", 1));
        match self.client.describe_execution().execution_arn(arn).send().await {
            Ok(execution) => Ok(execution.input),
            Err(error) if error.as_service_error().is_some_and(DescribeExecutionError::is_execution_does_not_exist) => {
                Ok(None)
            }
            Err(error) => Err(StateMachineError::Describe(Box::new(error))),
        }
    }
}
