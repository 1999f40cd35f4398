//! Webhook endpoints and their deliveries as they are shown, and the answers that have them.

use jiff::Timestamp;
use lambda_http::{
    Body, Response,
    http::{HeaderValue, StatusCode, header::LOCATION},
};
use serde::Serialize;

use crate::{Code, Problem, response::respond_json};

/// An endpoint as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct ShownEndpoint {
    /// Its id.
    pub id: String,
    /// Where events are sent.
    pub url: String,
    /// Which; empty for all.
    pub types: Vec<String>,
    /// Whether they are sent.
    pub status: &'static str,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when the secret before signs, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_valid_until: Option<Timestamp>,
    /// Why and since when nothing is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<ShownDisabling>,
}

/// Why and since when nothing is sent to an endpoint.
#[derive(Debug, Clone, Serialize)]
pub struct ShownDisabling {
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// What verifies deliveries: shown once.
#[derive(Serialize)]
pub struct ShownSecret {
    /// The secret.
    pub secret: String,
    /// The public key.
    pub public_key: String,
}

/// A delivery as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct ShownDelivery {
    /// Its id.
    pub id: String,
    /// The event's.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// What became of it.
    pub status: &'static str,
    /// How often it was tried.
    pub attempt_count: u32,
    /// The last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempt: Option<ShownAttempt>,
    /// The next time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// When it was taken out of the feed.
    pub created_at: Timestamp,
}

/// An attempt as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct ShownAttempt {
    /// When it began.
    pub at: Timestamp,
    /// What the receiver answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_status: Option<u16>,
    /// The kind of failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it took.
    pub duration_ms: u64,
}

/// The answer to `POST /webhook-endpoints`.
pub fn endpoint_created_response(endpoint: &ShownEndpoint, secret: &ShownSecret) -> Response<Body> {
    #[derive(Serialize)]
    struct Created<'a> {
        #[serde(flatten)]
        endpoint: &'a ShownEndpoint,
        #[serde(flatten)]
        secret: &'a ShownSecret,
    }
    let mut response = respond_json(StatusCode::CREATED, &Created { endpoint, secret });
    if let Ok(location) = HeaderValue::try_from(format!("/webhook-endpoints/{}", endpoint.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// The answer to `GET /webhook-endpoints`.
pub fn endpoints_response(endpoints: &[ShownEndpoint]) -> Response<Body> {
    #[derive(Serialize)]
    struct Endpoints<'a> {
        endpoints: &'a [ShownEndpoint],
    }
    respond_json(StatusCode::OK, &Endpoints { endpoints })
}

/// The answer to `GET /webhook-endpoints/{id}`.
pub fn endpoint_response(endpoint: &ShownEndpoint) -> Response<Body> {
    respond_json(StatusCode::OK, endpoint)
}

/// The answer to `POST /webhook-endpoints/{id}/rotate-secret`.
pub fn secret_rotated_response(secret: &ShownSecret, previous_valid_until: Timestamp) -> Response<Body> {
    #[derive(Serialize)]
    struct Rotated<'a> {
        #[serde(flatten)]
        secret: &'a ShownSecret,
        previous_valid_until: Timestamp,
    }
    respond_json(StatusCode::OK, &Rotated { secret, previous_valid_until })
}

/// The answer to `GET /webhook-endpoints/{id}/deliveries`; `next_cursor` is null on the last page.
pub fn deliveries_response(deliveries: &[ShownDelivery], next_cursor: Option<String>) -> Response<Body> {
    #[derive(Serialize)]
    struct Deliveries<'a> {
        deliveries: &'a [ShownDelivery],
        next_cursor: Option<String>,
    }
    respond_json(StatusCode::OK, &Deliveries { deliveries, next_cursor })
}

/// The answer to what leaves nothing to be shown: 204 after a removal, 202 where something begins.
pub fn empty_response(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// There is no such endpoint of the merchant.
pub fn endpoint_not_found() -> Problem {
    Problem::new(Code::NotFound, "The merchant has no webhook endpoint with this id.")
}

/// There is no such delivery of the endpoint.
pub fn delivery_not_found() -> Problem {
    Problem::new(Code::NotFound, "The merchant's endpoint has no delivery with this id.")
}

/// The merchant has as many endpoints as it may.
pub fn too_many_endpoints(endpoints_max: u32) -> Problem {
    let detail = format!("The merchant has {endpoints_max} webhook endpoints. Remove one first.");
    Problem::new(Code::TooManyWebhookEndpoints, detail)
}

/// Nothing can be sent again to an endpoint that is switched off.
pub fn endpoint_disabled() -> Problem {
    Problem::new(Code::WebhookEndpointDisabled, "The endpoint is switched off. Enable it first.")
}
