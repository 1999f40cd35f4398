use lambda_http::{
    Body, Response,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
};
use serde::Serialize;

/// An answer with a JSON body. Balances and entries change and belong to one merchant: no cache may keep them.
pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Response<Body> {
    let mut response = match serde_json::to_string(body) {
        Ok(text) => {
            let mut response = Response::new(Body::Text(text));
            *response.status_mut() = status;
            response
        }
        // The bodies are plain structures of strings and numbers, which always serialise; if one did not, say so.
        Err(_) => {
            let mut response = Response::new(Body::Empty);
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
