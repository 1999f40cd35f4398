use axum::{
    body::Body,
    http::{
        HeaderValue, Response, StatusCode,
        header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};

/// After how many seconds a request is worth repeating that found the service at its limit.
const RETRY_AFTER_S: u64 = 1;

/// What API Gateway answers by itself has this form, so that clients see no difference (`GatewayMessage` in `openapi.yaml`).
fn gateway(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{{\"message\":\"{message}\"}}")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn unauthorized() -> Response<Body> {
    let mut response = gateway(StatusCode::UNAUTHORIZED, "Unauthorized");
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

pub(crate) fn not_found() -> Response<Body> {
    gateway(StatusCode::NOT_FOUND, "Not Found")
}

pub(crate) fn bad_request() -> Response<Body> {
    gateway(StatusCode::BAD_REQUEST, "Bad Request")
}

/// The rest of the body is not read, so the connection is of no more use.
pub(crate) fn too_large() -> Response<Body> {
    closing(gateway(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"))
}

pub(crate) fn too_slow() -> Response<Body> {
    closing(gateway(StatusCode::REQUEST_TIMEOUT, "Request Timeout"))
}

/// What cannot be answered now and may be a moment later.
pub(crate) fn unavailable() -> Response<Body> {
    let mut response = gateway(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    response
}

pub(crate) fn internal_error() -> Response<Body> {
    gateway(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

pub(crate) fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
