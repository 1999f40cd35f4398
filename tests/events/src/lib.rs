//! The events in `events/` as requests for tests, answers in a form that is easy to compare, and what functions tell about
//! themselves: logs, metrics and traces.
//!
//! The files are what API Gateway and Step Functions send, so that a test meets the same shapes as the function.

mod log;
mod metrics;
mod xray;

use std::{fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use lambda_http::{Body, Request, Response, request};
use serde_json::{Value, json};

pub use log::Log;
pub use metrics::{EmittedMetrics, metric_names};
pub use xray::XrayDaemon;

/// The event in `events/{name}.json`.
pub fn event(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events").join(name).with_extension("json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The state that the state machine hands to a function in the event in `events/{name}.json`.
pub fn state(name: &str) -> Value {
    event(name)["state"].take()
}

/// An event of API Gateway, to be varied before it is sent.
#[derive(Debug, Clone)]
pub struct HttpEvent(Value);

impl HttpEvent {
    /// The event in `events/{name}.json`.
    pub fn load(name: &str) -> HttpEvent {
        HttpEvent(event(name))
    }

    /// With another path.
    pub fn path(mut self, path: &str) -> HttpEvent {
        self.0["rawPath"] = json!(path);
        self.0["requestContext"]["http"]["path"] = json!(path);
        self
    }

    /// With this value for a variable part of the path, as the gateway decodes it.
    pub fn path_part(mut self, name: &str, value: &str) -> HttpEvent {
        self.0["pathParameters"][name] = json!(value);
        self
    }

    /// With another query.
    pub fn query(mut self, query: &str) -> HttpEvent {
        self.0["rawQueryString"] = json!(query);
        let parameters = query.split('&').filter_map(|pair| pair.split_once('='));
        self.0["queryStringParameters"] = parameters.map(|(name, value)| (name.to_owned(), json!(value))).collect();
        self
    }

    /// With this text as body.
    pub fn body(mut self, body: impl Into<String>) -> HttpEvent {
        self.0["body"] = Value::String(body.into());
        self
    }

    /// With these bytes as body, as the gateway hands on what is no text.
    pub fn bytes(mut self, body: &[u8]) -> HttpEvent {
        self.0["body"] = json!(STANDARD.encode(body));
        self.0["isBase64Encoded"] = json!(true);
        self
    }

    /// With this value as JSON body.
    pub fn json(self, body: &Value) -> HttpEvent {
        self.body(body.to_string())
    }

    /// With this header.
    pub fn header(mut self, name: &str, value: &str) -> HttpEvent {
        self.0["headers"][name] = json!(value);
        self
    }

    /// Without this header.
    pub fn without_header(mut self, name: &str) -> HttpEvent {
        self.0["headers"].as_object_mut().expect("headers").remove(name);
        self
    }

    /// With this claim in the token.
    pub fn claim(mut self, name: &str, value: &str) -> HttpEvent {
        self.claims()[name] = json!(value);
        self
    }

    /// Without this claim in the token.
    pub fn without_claim(mut self, name: &str) -> HttpEvent {
        self.claims().as_object_mut().expect("claims").remove(name);
        self
    }

    /// The request as the function gets it.
    pub fn request(&self) -> Request {
        request::from_str(&self.0.to_string()).expect("an event of API Gateway")
    }

    fn claims(&mut self) -> &mut Value {
        &mut self.0["requestContext"]["authorizer"]["jwt"]["claims"]
    }
}

/// An answer with its body read.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The names and values of the headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The JSON body; null if there is none.
    pub body: Value,
}

impl Answer {
    /// Reads an answer.
    pub fn read(response: Response<Body>) -> Answer {
        let (parts, body) = response.into_parts();
        let headers = parts.headers.iter();
        Answer {
            status: parts.status.as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_str().expect("a textual header").to_owned()))
                .collect(),
            body: if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("a JSON body") },
        }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The `code` of a problem, or an empty text.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The single faults of a problem as `place: detail`, in order.
    pub fn faults(&self) -> Vec<String> {
        let faults = self.body["errors"].as_array().cloned().unwrap_or_default();
        faults
            .iter()
            .map(|fault| {
                let place = fault["pointer"].as_str().or(fault["parameter"].as_str()).unwrap_or_default();
                format!("{place}: {}", fault["detail"].as_str().unwrap_or_default())
            })
            .collect()
    }
}
