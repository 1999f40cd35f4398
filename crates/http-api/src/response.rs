use lambda_http::{
    Body, Response,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE},
    },
};
use serde::Serialize;

use crate::csv::Csv;

/// An answer in JSON.
pub(crate) fn respond_json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    respond(status, "application/json", body)
}

/// An answer without a body.
pub(crate) fn respond_no_content() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer in CSV, which a browser saves under this name.
pub(crate) fn respond_csv<const COLUMNS: usize>(csv: Csv<COLUMNS>, file_name: &str) -> Response<Body> {
    let mut response = Response::new(Body::Text(csv.into_text()));
    mark(&mut response, "text/csv; charset=utf-8");
    if let Ok(disposition) = HeaderValue::try_from(format!("attachment; filename=\"{file_name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// An answer in some kind of JSON.
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
    mark(&mut response, content_type);
    response
}

/// Balances and entries change and belong to one merchant: no cache may keep them.
fn mark(response: &mut Response<Body>, content_type: &'static str) {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
