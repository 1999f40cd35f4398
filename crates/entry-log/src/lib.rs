//! The log of entries in Kafka, between the services: the only place that knows the Kafka client
//! ([ADR 30](../../../docs/adr/0030-kafka-client.md)).
//!
//! [`EntryLog::append`] answers when all in-sync replicas have the record. [`consume()`] hands records to a handler and goes on from
//! where it was when they are handled: each record at least once, those of a partition in order. [`moved`] says where a record
//! goes that could not be handled, [`Reader`] reads a part of a topic once.

mod append;
mod batch;
mod config;
mod consume;
mod context;
mod iam_token;
mod member;
mod members;
mod message;
mod range;
mod retry;
mod topic;

pub use append::{APPEND_PATIENCE, AppendError, EntryLog, RECORD_BYTES_MAX};
pub use config::{KafkaConfig, Security};
pub use consume::{ConsumeError, Consumption, Handler, NotHandled, consume};
pub use iam_token::iam_token;
pub use members::Members;
pub use message::{Headers, Message, Origin, Record, Step};
pub use range::{Part, ReadError, Reader};
pub use retry::{Moved, RETRY_FOR, begin_counting_moved, moved};
pub use topic::{Topic, Topics};
