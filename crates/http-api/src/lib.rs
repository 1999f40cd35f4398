//! The HTTP contract: what requests mean, what answers look like, and which failure has which status.
//!
//! Functions hand a request over and get domain types back, or a [`Problem`] that says everything that is wrong with it.

mod accepted;
mod alerts;
mod as_of;
mod balances;
mod body;
mod caller;
mod csv;
mod edge;
mod entries;
mod events;
mod fault;
mod json;
mod opaque;
mod problem;
mod query;
mod response;
mod reversal;
mod seals;
mod serve;
mod shown_entry;
mod shown_event;
mod shown_webhook;
mod statement;
mod token;
mod webhooks;

pub use accepted::{AcceptedEntry, accepted_batch_response, accepted_response, cached_execution};
pub use alerts::{
    NewAlert, alert_not_found, alert_removed_response, alert_response, alerts_response, parse_alert, parse_alert_list,
    parse_alert_removal, too_many_alerts,
};
pub use as_of::{AsOfQuery, balance_as_of_response, parse_as_of_query};
pub use balances::{
    BalanceQuery, balance_response, balances_csv_response, balances_response, parse_day_query, parse_range_query,
};
pub use body::BODY_BYTES_MAX;
pub use caller::Caller;
pub use edge::{EdgeKey, KeyTooShort};
pub use entries::{BATCH_ENTRIES_MAX, KeyLocation, NewEntry, parse_batch, parse_entry, reused_keys};
pub use events::{
    FEED_CURSOR_LENGTH, FeedQuery, ShownPage, feed_response, feed_was_set_back, parse_event_types, parse_feed_query,
    read_feed_cursor, write_feed_cursor,
};
pub use fault::{Fault, FaultCode, Flaw};
pub use problem::{Code, Problem};
pub use query::RANGE_DAYS_MAX;
pub use reversal::{NewReversal, parse_reversal};
pub use seals::{
    SNAPSHOT_LENGTH, SealQuery, SealsQuery, parse_seal_query, parse_seals_query, seal_response, seals_response,
};
pub use serve::{Answering, run, serve};
pub use shown_entry::{entry_not_found, parse_entry_lookup, pending_entry_response, recorded_entry_response};
pub use shown_webhook::{
    ShownAttempt, ShownDelivery, ShownDisabling, ShownEndpoint, ShownSecret, deliveries_response, delivery_not_found,
    empty_response, endpoint_created_response, endpoint_disabled, endpoint_not_found, endpoint_response,
    endpoints_response, secret_rotated_response, too_many_endpoints,
};
pub use statement::{
    CURSOR_LENGTH, EntryCsv, StatementQuery, parse_export_query, parse_statement_query, statement_response,
};
pub use token::{GivenToken, SecretTooShort, TokenKey};
pub use webhooks::{
    DeliveriesQuery, EndpointRequest, parse_deliveries_query, parse_delivery_id, parse_endpoint_id,
    parse_endpoint_request,
};
