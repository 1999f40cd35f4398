//! Starting executions of the state machine `record-entries`: for entries that a request asks for, and for parked ones.

use std::time::Duration;

use aws_clients::AwsLimits;
use aws_sdk_sfn::{
    Client,
    error::SdkError,
    operation::{describe_execution::DescribeExecutionError, start_execution::StartExecutionError},
};
use settings::SettingError;
use telemetry::Store;

/// Starting an execution is safe to repeat: its name stands for the payload. All attempts fit the functions' timeouts.
const STEP_FUNCTIONS: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(3), operation_timeout: Duration::from_secs(8), attempts: 3 };

/// The state machine `record-entries`.
#[derive(Debug)]
pub struct StateMachine {
    client: Client,
    arn: String,
}

/// Whether an execution of this name had been started before. Either way the entries are safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It was started now.
    Started,
    /// It had been started before.
    StartedBefore,
}

/// Step Functions did not answer, or refused.
#[derive(Debug, thiserror::Error)]
pub enum StateMachineError {
    /// An execution could not be started.
    #[error("the execution could not be started")]
    Start(#[source] Box<SdkError<StartExecutionError>>),
    /// An execution could not be looked up.
    #[error("the execution could not be looked up")]
    Describe(#[source] Box<SdkError<DescribeExecutionError>>),
}

impl StateMachine {
    /// The state machine with this ARN, reached through this client.
    pub fn new(client: Client, arn: impl Into<String>) -> StateMachine {
        StateMachine { client, arn: arn.into() }
    }

    /// The state machine at `STATE_MACHINE_ARN`.
    pub async fn from_env() -> Result<StateMachine, SettingError> {
        let arn = settings::required("STATE_MACHINE_ARN")?;
        let aws = STEP_FUNCTIONS.load_config().await?;
        Ok(StateMachine::new(Client::new(&aws), arn))
    }

    /// Starts an execution. A name that exists already counts as started: the name stands for this very payload.
    pub async fn start(
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
        let started = async {
            match start.send().await {
                Ok(_) => Ok(Start::Started),
                Err(error)
                    if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) =>
                {
                    Ok(Start::StartedBefore)
                }
                Err(error) => Err(StateMachineError::Start(Box::new(error))),
            }
        };
        telemetry::call(Store::StateMachine("StartExecution"), started).await
    }

    /// The input of the execution of this name, if it is still known.
    pub async fn input_of(&self, name: &str) -> Result<Option<String>, StateMachineError> {
        self.input_at(&format!("{}:{name}", self.arn.replacen(":stateMachine:", ":execution:", 1))).await
    }

    /// The input of an execution, perhaps of another state machine, if it is still known.
    pub async fn input_at(&self, arn: &str) -> Result<Option<String>, StateMachineError> {
        let input = async {
            match self.client.describe_execution().execution_arn(arn).send().await {
                Ok(execution) => Ok(execution.input),
                Err(error)
                    if error.as_service_error().is_some_and(DescribeExecutionError::is_execution_does_not_exist) =>
                {
                    Ok(None)
                }
                Err(error) => Err(StateMachineError::Describe(Box::new(error))),
            }
        };
        telemetry::call(Store::StateMachine("DescribeExecution"), input).await
    }
}
