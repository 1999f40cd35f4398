use std::collections::HashMap;

use aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerJwtDescription, ApiGatewayV2httpRequestContext,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use lambda_http::{Context, Request, RequestExt, request::RequestContext};

/// The header in which API Gateway tells clients its id of a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// The header in which it tells the service, as `services/template.yaml` maps it: none of its own can be set there.
pub(crate) const GIVEN_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over, in characters.
const REQUEST_ID_MAX: usize = 128;

/// The longest trace header that is taken over, in characters: AWS's own have about a hundred. It travels with what the request has done.
const TRACE_HEADER_MAX: usize = 256;

/// What is known of a request beside what it says itself.
pub(crate) struct Known {
    /// API Gateway's id of it, or one of ours.
    pub(crate) request_id: String,
    /// The claims of its token, as API Gateway shows them.
    pub(crate) claims: HashMap<String, String>,
    /// The variable parts of its path, decoded.
    pub(crate) path_parts: HashMap<String, String>,
}

/// The request as `lambda_http` makes it from an event of API Gateway.
pub(crate) fn as_gateway(parts: Parts, body: Vec<u8>, known: Known) -> Request {
    let headers = joined(&parts.headers);
    let mut context = Context::default();
    context.xray_trace_id = text(&headers, "x-amzn-trace-id").filter(|header| header.len() <= TRACE_HEADER_MAX);
    context.request_id = known.request_id.clone();
    let mut jwt = ApiGatewayRequestAuthorizerJwtDescription::default();
    jwt.claims = known.claims;
    let mut authorizer = ApiGatewayRequestAuthorizer::default();
    authorizer.jwt = Some(jwt);
    let mut gateway = ApiGatewayV2httpRequestContext::default();
    gateway.request_id = Some(known.request_id);
    gateway.authorizer = Some(authorizer);
    let mut request = Request::new(body.into());
    *request.method_mut() = parts.method;
    *request.uri_mut() = parts.uri;
    *request.headers_mut() = headers;
    request
        .with_path_parameters(known.path_parts)
        .with_request_context(RequestContext::ApiGatewayV2(gateway))
        .with_lambda_context(context)
}

/// API Gateway joins headers of one name with a comma ("Duplicate headers are combined with commas", API Gateway Developer Guide), and what
/// handlers say of two keys or two types rests on that.
fn joined(headers: &HeaderMap) -> HeaderMap {
    let mut joined = HeaderMap::with_capacity(headers.keys_len());
    for name in headers.keys() {
        let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(value) = HeaderValue::from_bytes(&values.join(&b',')) {
            joined.insert(name, value);
        }
    }
    joined
}

/// The value of a header that is given once, if it is text.
pub(crate) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::to_owned),
        _ => None,
    }
}

/// API Gateway's id of a request, or a new one for a request that has not come through it. It only finds log lines.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let given = text(headers, GIVEN_REQUEST_ID.as_str());
    let is_id = |id: &String| {
        (1..=REQUEST_ID_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')
    };
    given.filter(is_id).unwrap_or_else(|| format!("{:032x}", fastrand::u128(..)))
}
