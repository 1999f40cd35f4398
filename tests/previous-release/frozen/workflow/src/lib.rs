//! What the state machine `record-entries` carries from state to state, and the errors its tasks can end with.
//!
//! The structures here are the JSON of the workflow and nothing else: each is converted to and from domain types at the
//! edge of a function. Amounts and totals are strings of minor units, because JSON numbers lose digits past 2^53.

mod error;
mod execution;
mod input;
mod parked;
mod posting;
mod task;

pub use error::{ErrorName, TaskError};
pub use execution::{Generation, GenerationError, execution_name, listed_ids, replay_name};
pub use input::{EntryInput, INPUT_BYTES_MAX, InvalidInput, RecordEntries, Replay};
pub use parked::ParkedEntries;
pub use posting::{Consolidation, InvalidTotals, Outcomes, PeriodTotalsState, PostedEntries};
pub use task::Task;
