//! A receiver's first step: who sent this, and has it been changed on the way? With the crates standardwebhooks, http and serde_json.

use http::{HeaderMap, StatusCode};
use serde_json::Value;
use standardwebhooks::{Webhook, WebhookError};

/// The status to answer, and the event if it is one of ours. `body` is what came, to the byte.
pub fn receive(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<(StatusCode, Option<Value>), WebhookError> {
    let is_ours = Webhook::new(secret)?.verify(body, headers).is_ok();
    let event = if is_ours { serde_json::from_slice(body).ok() } else { None };
    Ok((if event.is_some() { StatusCode::NO_CONTENT } else { StatusCode::UNAUTHORIZED }, event))
}
