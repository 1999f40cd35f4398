//! Requests as a function gets them.

use std::collections::HashMap;

use lambda_http::{
    Body, Request, RequestExt,
    http::{Uri, header::HeaderValue},
};

/// A request with this body in JSON, under this key.
pub(crate) fn post(key: HeaderValue, body: &[u8]) -> Request {
    let mut request = Request::new(Body::Binary(body.to_vec()));
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    request.headers_mut().insert("idempotency-key", key);
    request
}

/// A request with this value for each variable part of a path and this query, if it can be a query.
pub(crate) fn get(path_part: &str, query: &str) -> Option<Request> {
    let uri: Uri = format!("/?{query}").parse().ok()?;
    let mut request = with_path_part(Request::new(Body::Empty), path_part);
    *request.uri_mut() = uri;
    Some(request)
}

/// The request with this value for each variable part of a path.
pub(crate) fn with_path_part(request: Request, value: &str) -> Request {
    let parts = ["date", "id", "instant"].map(|name| (name.to_owned(), value.to_owned()));
    request.with_path_parameters(HashMap::from(parts))
}
