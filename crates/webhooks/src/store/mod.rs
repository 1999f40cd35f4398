//! The table `Webhooks`: who subscribes to a merchant's events, how far each has come, and what became of each delivery.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | an endpoint | `M#{merchant}` | `E#{endpoint}` |
//! | the bus, for a merchant | `M#{merchant}` | `BUS` |
//! | how many endpoints a merchant has | `M#{merchant}` | `COUNT` |
//! | a delivery | `E#{endpoint}` | `D#{time of the event, µs}#{event}` |
//! | how far the sweep has come | `SWEEP` | `SWEEP`, `BUS` |
//!
//! The index `Due` has what waits for a time: subscribers in some partitions `DUE#{n}`, and the pending deliveries of each endpoint
//! in `P#{endpoint}`. It holds keys only.

mod attributes;
mod deliveries;
mod delivery;
mod endpoint;
mod endpoints;
mod expression;
mod lease;
mod progress;
mod sweep;

use std::{collections::HashMap, error::Error, fmt, fmt::Debug};

use aws_clients::AwsError;
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeValue,
};
use telemetry::Store;

pub use deliveries::{DeliveryFilter, KEYS_MAX, PageOfDeliveries};
pub use delivery::{Delivery, DeliveryId, DeliveryStatus, LastAttempt};
pub use endpoint::{
    Creation, ENDPOINTS_MAX, Endpoint, EndpointStatus, NewEndpoint, PREVIOUS_MAX, REDELIVERIES_PER_MINUTE_MAX,
    Redelivery, Rotation, SealedKeys,
};
pub use lease::{Acquired, LEASE, Lease, Release};
pub use progress::{Announcement, Progress, Waiting};
pub use sweep::{BusBirth, DueSubscriber, SubscriberState, SweepState};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The table, reached through a client.
#[derive(Clone)]
pub struct WebhookTable {
    client: Client,
    table_name: String,
}

/// The table did not answer, or it holds something malformed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer.
    #[error("{0} on the table of webhooks failed")]
    Unavailable(&'static str, #[source] AwsError),
    /// Others were always faster.
    #[error("gave up after {0} conflicts with concurrent holders of a lease")]
    Contended(usize),
    /// An item lacks an attribute, or holds another type.
    #[error("an item of the table of webhooks is malformed")]
    Malformed,
}

impl StoreError {
    /// Whether the same may succeed later without anybody mending anything.
    pub fn is_transient(&self) -> bool {
        match self {
            StoreError::Unavailable(..) | StoreError::Contended(_) => true,
            StoreError::Malformed => false,
        }
    }
}

impl WebhookTable {
    /// The table of this name.
    pub fn new(client: Client, table_name: impl Into<String>) -> WebhookTable {
        WebhookTable { client, table_name: table_name.into() }
    }
}

impl Debug for WebhookTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookTable({})", self.table_name)
    }
}

/// Makes a call, measured.
async fn call<T, E>(
    operation: &'static str,
    call: impl Future<Output = Result<T, SdkError<E>>>,
) -> Result<T, StoreError>
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let answer = async { call.await.map_err(|error| StoreError::Unavailable(operation, AwsError::new(&error))) };
    telemetry::call(Store::Webhooks(operation), answer).await
}
