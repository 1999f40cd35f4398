use std::error::Error;

use cashflow::MerchantId;
use executions::{Start, StateMachine, StateMachineError};

/// What records accepted entries: the state machine, or the log of entries in Kafka.
pub trait Recorder: Send + Sync {
    /// It gave no answer, or refused. The entries may be safe all the same; starting them again is.
    type Error: Error + Send + Sync + 'static;

    /// Starts recording an input under this name. Once it answers, the entries in it are safe. The name stands for the input, so
    /// starting twice is starting once.
    fn start(
        &self,
        merchant: &MerchantId,
        name: &str,
        input: String,
        trace_header: Option<String>,
    ) -> impl Future<Output = Result<Start, Self::Error>> + Send;

    /// The input that was started under this name, if that is still known.
    fn input_of(&self, name: &str) -> impl Future<Output = Result<Option<String>, Self::Error>> + Send;

    /// Whether the log line of who starts an input is its only copy.
    fn keeps_no_inputs(&self) -> bool;

    /// Whether an operator can look at what was started, by its name.
    fn shows_executions(&self) -> bool;
}

impl Recorder for StateMachine {
    type Error = StateMachineError;

    fn start(
        &self,
        _: &MerchantId,
        name: &str,
        input: String,
        trace_header: Option<String>,
    ) -> impl Future<Output = Result<Start, StateMachineError>> + Send {
        StateMachine::start(self, name, input, trace_header)
    }

    fn input_of(&self, name: &str) -> impl Future<Output = Result<Option<String>, StateMachineError>> + Send {
        StateMachine::input_of(self, name)
    }

    fn keeps_no_inputs(&self) -> bool {
        StateMachine::keeps_no_inputs(self)
    }

    /// Of an EXPRESS execution nothing can be shown.
    fn shows_executions(&self) -> bool {
        !self.keeps_no_inputs()
    }
}
