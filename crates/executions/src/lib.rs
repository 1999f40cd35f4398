//! Starting executions of the state machine `record-entries`: for entries that a request asks for, and for parked ones.

use std::{
    str::FromStr,
    time::{Duration, SystemTime},
};

use aws_clients::{AwsError, AwsLimits};
use aws_sdk_sfn::{
    Client,
    operation::{describe_execution::DescribeExecutionError, start_execution::StartExecutionError},
    primitives::DateTime,
};
use settings::SettingError;
use telemetry::Store;

/// Starting an execution is safe to repeat: its name stands for the payload. All attempts fit the functions' timeouts.
const STEP_FUNCTIONS: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(3), operation_timeout: Duration::from_secs(8), attempts: 3 };

/// How far the clocks of Step Functions and of a function may be apart without a new execution passing for an earlier one.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(1);

/// The state machine `record-entries`.
#[derive(Debug)]
pub struct StateMachine {
    client: Client,
    arn: String,
    workflow_type: WorkflowType,
}

/// How a state machine runs its executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkflowType {
    /// Step Functions keeps what each execution was given and did.
    Standard,
    /// Step Functions keeps neither.
    Express,
}

/// The text is not a type of a state machine.
#[derive(Debug, thiserror::Error)]
#[error("the type of a state machine must be STANDARD or EXPRESS")]
pub struct UnknownWorkflowType;

impl FromStr for WorkflowType {
    type Err = UnknownWorkflowType;

    /// Reads a type as Step Functions calls it.
    fn from_str(text: &str) -> Result<WorkflowType, UnknownWorkflowType> {
        match text {
            "STANDARD" => Ok(WorkflowType::Standard),
            "EXPRESS" => Ok(WorkflowType::Express),
            _ => Err(UnknownWorkflowType),
        }
    }
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
    #[error("StartExecution failed")]
    Start(#[source] AwsError),
    /// An execution could not be looked up.
    #[error("DescribeExecution failed")]
    Describe(#[source] AwsError),
}

impl StateMachine {
    /// The STANDARD state machine with this ARN, reached through this client.
    pub fn new(client: Client, arn: impl Into<String>) -> StateMachine {
        StateMachine { client, arn: arn.into(), workflow_type: WorkflowType::Standard }
    }

    /// The state machine as one of this type.
    #[must_use]
    pub fn of_type(self, workflow_type: WorkflowType) -> StateMachine {
        StateMachine { workflow_type, ..self }
    }

    /// The state machine at `STATE_MACHINE_ARN`, of the type `WORKFLOW_TYPE`.
    pub async fn from_env() -> Result<StateMachine, SettingError> {
        let arn = settings::required("STATE_MACHINE_ARN")?;
        let workflow_type = settings::required_as("WORKFLOW_TYPE", "STANDARD or EXPRESS")?;
        let aws = STEP_FUNCTIONS.load_config().await?;
        Ok(StateMachine::new(Client::new(&aws), arn).of_type(workflow_type))
    }

    /// Whether the log of the function that starts an input is its only copy. After a restore, and for an
    /// execution that ended without parking its input, it is started again from there (docs/operating.md).
    pub fn keeps_no_inputs(&self) -> bool {
        self.workflow_type == WorkflowType::Express
    }

    /// Starts an execution. A name that exists already counts as started: the name stands for this very payload.
    ///
    /// If an execution of this name has ended, Step Functions refuses another one for 90 days. If it is still running with this
    /// input, Step Functions answers as it answered the first time, with the first `startDate` (StartExecution, "StartExecution
    /// is idempotent for STANDARD workflows", Step Functions API Reference). EXPRESS remembers no names.
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
        let begun = SystemTime::now();
        let started = async {
            match start.send().await {
                Ok(started) if is_before(started.start_date(), begun) => Ok(Start::StartedBefore),
                Ok(_) => Ok(Start::Started),
                Err(error)
                    if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) =>
                {
                    Ok(Start::StartedBefore)
                }
                Err(error) => Err(StateMachineError::Start(AwsError::new(&error))),
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
                Err(error) => Err(StateMachineError::Describe(AwsError::new(&error))),
            }
        };
        telemetry::call(Store::StateMachine("DescribeExecution"), input).await
    }
}

/// Whether an execution had started before the call that asked for it.
fn is_before(start_date: &DateTime, begun: SystemTime) -> bool {
    let start_date = SystemTime::try_from(*start_date);
    start_date.is_ok_and(|start_date| start_date + CLOCK_TOLERANCE < begun)
}
