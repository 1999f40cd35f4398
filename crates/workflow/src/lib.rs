//! What the state machine `record-entries` carries from state to state, and the errors its tasks can end with.
//!
//! The structures here are the JSON of the workflow and nothing else: each is converted to and from domain types at the
//! edge of a function. Each keeps the fields that it does not know, and none is worked on that has any. Amounts and totals are strings of
//! minor units, because JSON numbers lose digits past 2^53.

mod error;
mod execution;
mod input;
mod parked;
mod posting;
mod size;
mod task;
mod unknown;

pub use error::{ErrorName, TaskError};
pub use execution::{Generation, GenerationError, execution_name, listed_ids};
pub use input::{EntryInput, InputError, RecordEntries, Replay};
pub use parked::ParkedEntries;
pub use posting::{Consolidation, Outcomes, PeriodTotalsState, PostedEntries, TotalsError};
pub use size::{INPUT_BYTES_MAX, InputTooLarge, check_input_size};
pub use task::Task;
pub use unknown::UnknownFields;
