//! Webhooks: who is sent which events of a merchant, how they are signed and sent, and what became of it.
//!
//! The ledger's feed is what is delivered, in its order, from a cursor that each subscriber has. This crate knows the parts: where a
//! webhook may be sent to ([`EndpointUrl`], [`Sender`]), how it is signed ([`SigningKeys`]), when it is sent again ([`Health`]), and
//! what is stored ([`WebhookTable`]). `functions/deliver-events` puts them in their order (docs/adr/0033).

mod address;
mod endpoint_url;
mod feed;
mod keys;
mod network;
mod schedule;
mod sender;
mod signing;
mod store;
mod subscriber;
mod wakes;

pub use address::is_global;
pub use endpoint_url::{EndpointUrl, EndpointUrlError, Loopback, URL_CHARACTERS_MAX};
pub use feed::{ActiveMerchants, Feed, FeedError, FeedEvent, FeedPage};
pub use keys::{KeyService, KeyServiceError};
pub use network::{Internet, Network, Waiting as WaitingFor};
pub use schedule::{Health, Jitter, Tally};
pub use sender::{ATTEMPT_TIMEOUT, Attempt, NoAnswer, Outcome, Sender};
pub use signing::{SignedHeaders, SigningKeys, SigningKeysError};
pub use store::{
    Acquired, Announcement, BusBirth, Creation, Delivery, DeliveryFilter, DeliveryId, DeliveryStatus, DueSubscriber,
    ENDPOINTS_MAX, Endpoint, EndpointStatus, KEYS_MAX, LEASE, LastAttempt, Lease, NewEndpoint, PREVIOUS_MAX,
    PageOfDeliveries, Progress, REDELIVERIES_PER_MINUTE_MAX, Redelivery, Release, Rotation, SealedKeys, StoreError,
    SubscriberState, SweepState, Waiting, WebhookTable,
};
pub use subscriber::{EndpointId, Subscriber, UnknownSubscriber, UnreadableWake, Wake};
pub use wakes::{DELAY_MAX, WakeError, Wakes};
