use http_api::{ShownAttempt, ShownDelivery, ShownDisabling, ShownEndpoint};
use jiff::Timestamp;
use webhooks::{Delivery, Endpoint, EndpointStatus, LastAttempt};

/// An endpoint without what verifies its deliveries.
pub(crate) fn shown_endpoint(endpoint: &Endpoint, now: Timestamp) -> ShownEndpoint {
    let is_disabled = endpoint.status == EndpointStatus::Disabled;
    let disabled = endpoint.disabled.as_ref().filter(|_| is_disabled);
    ShownEndpoint {
        id: endpoint.id.to_string(),
        url: endpoint.url.clone(),
        types: endpoint.types.clone().unwrap_or_default(),
        status: if is_disabled { "disabled" } else { "enabled" },
        created_at: endpoint.created_at,
        previous_valid_until: endpoint.previous_keys.last().map(|(_, until)| *until).filter(|until| *until > now),
        disabled: disabled.map(|(reason, at)| ShownDisabling { reason: reason.clone(), at: *at }),
    }
}

/// A delivery without what is sent.
pub(crate) fn shown_delivery(delivery: &Delivery) -> ShownDelivery {
    let attempt = |attempt: &LastAttempt| ShownAttempt {
        at: attempt.at,
        response_status: attempt.response_status,
        error: attempt.error.clone(),
        duration_ms: attempt.duration_ms,
    };
    ShownDelivery {
        id: delivery.id.to_string(),
        event_id: delivery.event_id(),
        event_type: delivery.event_type.clone(),
        status: delivery.status.as_str(),
        attempt_count: delivery.attempt_count,
        last_attempt: delivery.last_attempt.as_ref().map(attempt),
        next_attempt_at: delivery.next_attempt_at,
        created_at: delivery.created_at,
    }
}
