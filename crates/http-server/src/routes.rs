use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Instant};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{RawPathParams, rejection::RawPathParamsRejection},
    http::{HeaderValue, Method, Request, Response, StatusCode, header::AUTHORIZATION},
    routing::any,
};
use http_api::{Answering, BODY_BYTES_MAX, Code, EdgeKey, Problem};
use http_body_util::{BodyExt, Limited};
use telemetry::{AnswerMetrics, RequestMetrics, Telemetry};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tower::ServiceExt;

use crate::{
    HttpConfig, Patience, Refusal, Tokens, answers, claims,
    request::{self, GIVEN_REQUEST_ID, Known, REQUEST_ID},
};

/// What API Gateway takes of a body, in bytes ("Quotas for configuring and running an HTTP API", API Gateway Developer Guide).
const GATEWAY_BODY_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// A route of the contract: its name as API Gateway has it, such as `POST /entries`, and the handler of the function behind it.
pub struct Route<S: 'static> {
    /// Method and path.
    pub name: &'static str,
    /// Which part of the requests in work it belongs to.
    pub part: Part,
    /// Answers a request, with what the service works with.
    pub handle: for<'a> fn(&'a S, &'a lambda_http::Request) -> Answering<'a>,
}

/// Which part of the requests in work a route belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It may take every place.
    Any,
    /// It waits for the log, and may take three quarters of the places: while the log hangs, the rest is for those who need none.
    Most,
    /// It waits for a store, and may take one half of the places: while the store hangs, the other half is for the rest.
    Half,
    /// It waits for both, and counts among those of either.
    Both,
    /// It waits for a store, and its answer is megabytes in memory: a few at once, so that all of them fit into what the process may have.
    Few,
}

/// How many requests with answers of megabytes are in work at once.
const FEW: usize = 4;

/// What every route works with.
pub struct Door {
    /// Whose requests are let in.
    pub tokens: Tokens,
    /// What tells requests that came through the console's distribution, if there is one.
    pub edge: Option<EdgeKey>,
    /// Where logs and metrics go.
    pub telemetry: Telemetry,
    patience: Patience,
    places: Arc<Semaphore>,
    most: Arc<Semaphore>,
    half: Arc<Semaphore>,
    few: Arc<Semaphore>,
}

/// A place among the requests in work: what it holds of everything that is limited.
type Place = Vec<OwnedSemaphorePermit>;

impl Door {
    /// A door with these limits.
    pub fn new(config: &HttpConfig, tokens: Tokens, edge: Option<EdgeKey>, telemetry: Telemetry) -> Door {
        let places = Arc::new(Semaphore::new(config.concurrency));
        let most = Arc::new(Semaphore::new(config.concurrency * 3 / 4));
        let half = Arc::new(Semaphore::new(config.concurrency / 2));
        let few = Arc::new(Semaphore::new(FEW));
        Door { tokens, edge, telemetry, patience: config.patience, places, most, half, few }
    }

    /// A place among the requests in work. None is waited for.
    fn place(&self, part: Part) -> Option<Place> {
        let limits: &[&Arc<Semaphore>] = match part {
            Part::Any => &[&self.places],
            Part::Most => &[&self.most, &self.places],
            Part::Half => &[&self.half, &self.places],
            Part::Both => &[&self.most, &self.half, &self.places],
            Part::Few => &[&self.few, &self.half, &self.places],
        };
        limits.iter().map(|limit| Arc::clone(limit).try_acquire_owned().ok()).collect()
    }
}

/// All routes of a service. A path that has no route of this method is answered with 404, as the gateway does it, and so `HEAD` is.
#[derive(Clone)]
pub struct Routes {
    door: Arc<Door>,
    by_method: HashMap<Method, Router>,
}

impl Routes {
    /// These routes, which work with this. Each method has paths of its own: `GET /entries/batch` is one of `GET /entries/{id}`.
    pub fn new<S: Send + Sync + 'static>(routes: &'static [Route<S>], state: S, door: Door) -> Routes {
        let (state, door) = (Arc::new(state), Arc::new(door));
        let mut by_method: HashMap<Method, Router> = HashMap::new();
        for route in routes {
            let (method, path) = route.name.split_once(' ').unwrap_or_default();
            let Ok(method) = method.parse() else { continue };
            let (state, door) = (Arc::clone(&state), Arc::clone(&door));
            let answer =
                any(move |parts, request| answer(route, Arc::clone(&state), Arc::clone(&door), parts, request));
            let router = by_method.remove(&method).unwrap_or_default();
            by_method.insert(method, router.route(path, answer).fallback(async || answers::not_found()));
        }
        Routes { door, by_method }
    }

    /// Answers a request.
    pub(crate) async fn respond(&self, request: Request<Body>) -> Response<Body> {
        let request_id = request::request_id(request.headers());
        let is_numbered = request.headers().contains_key(GIVEN_REQUEST_ID);
        let mut response = match self.by_method.get(request.method()) {
            Some(router) => {
                let mut request = request;
                request.extensions_mut().insert(RequestId(request_id.clone()));
                let answered: Result<_, Infallible> = router.clone().oneshot(request).await;
                answered.unwrap_or_else(|never| match never {})
            }
            None => answers::not_found(),
        };
        if let (false, Ok(id)) = (is_numbered, HeaderValue::try_from(request_id)) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        self.door.telemetry.metrics.measure(AnswerMetrics { status: class_of(response.status()) });
        response
    }
}

#[derive(Clone)]
struct RequestId(String);

/// One of few, so that the metric has few series.
fn class_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "401",
        StatusCode::TOO_MANY_REQUESTS => "429",
        StatusCode::SERVICE_UNAVAILABLE => "503",
        status if status.is_success() => "2xx",
        status if status.is_server_error() => "5xx",
        _ => "4xx",
    }
}

async fn answer<S: Send + Sync + 'static>(
    route: &'static Route<S>,
    state: Arc<S>,
    door: Arc<Door>,
    path_parts: Result<RawPathParams, RawPathParamsRejection>,
    request: Request<Body>,
) -> Response<Body> {
    let begun = Instant::now();
    let response = let_in(route, state, &door, path_parts, request).await.unwrap_or_else(|refused| refused);
    door.telemetry.metrics.measure(RequestMetrics { route: route.name, took: begun.elapsed() });
    response
}

/// In the order of the gateway: the path, then the token, then the limits, and then the body.
async fn let_in<S: Send + Sync + 'static>(
    route: &'static Route<S>,
    state: Arc<S>,
    door: &Arc<Door>,
    path_parts: Result<RawPathParams, RawPathParamsRejection>,
    request: Request<Body>,
) -> Result<Response<Body>, Response<Body>> {
    let path_parts = path_parts.map_err(|_| answers::bad_request())?;
    let path_parts = path_parts.iter().map(|(name, part)| (name.to_owned(), part.to_owned())).collect();
    let claims = match request::text(request.headers(), AUTHORIZATION.as_str()) {
        Some(authorization) => door.tokens.claims(&authorization).await,
        None => Err(Refusal::Unauthorized),
    };
    let claims = claims.map_err(|refusal| match refusal {
        Refusal::Unauthorized => answers::unauthorized(),
        Refusal::NoKeys => answers::unavailable(),
    })?;
    let place = door.place(route.part).ok_or_else(answers::unavailable)?;
    let (parts, body) = request.into_parts();
    let RequestId(request_id) = parts.extensions.get().cloned().ok_or_else(answers::internal_error)?;
    let body = read_body(&parts.headers, body, door.patience).await?;
    let is_too_long = body.is_none();
    let known = Known { request_id, claims: claims::as_gateway(&claims), path_parts };
    let request = request::as_gateway(parts, body.unwrap_or_default(), known);
    let at_work = work(route, state, Arc::clone(door), request, is_too_long, place);
    let response = at_work.await?;
    Ok(if is_too_long { answers::closing(response) } else { response })
}

/// The body, or nothing if it is longer than a handler takes: then the rest of it is not read.
async fn read_body(
    headers: &axum::http::HeaderMap,
    body: Body,
    patience: Patience,
) -> Result<Option<Vec<u8>>, Response<Body>> {
    let length = request::text(headers, "content-length").and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > GATEWAY_BODY_BYTES_MAX) {
        return Err(answers::too_large());
    }
    if length.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        return Ok(None);
    }
    match timeout(patience.body, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Err(_) => Err(answers::too_slow()),
        Ok(Ok(body)) => Ok(Some(body.to_bytes().into())),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Ok(None),
        Ok(Err(_)) => Err(answers::closing(answers::bad_request())),
    }
}

/// Has the handler answer, in a task of its own: it comes to its end even if the client has gone, and so does what it asked of
/// the stores. It ends with its patience, and with it its place.
async fn work<S: Send + Sync + 'static>(
    route: &'static Route<S>,
    state: Arc<S>,
    door: Arc<Door>,
    request: lambda_http::Request,
    is_too_long: bool,
    place: Place,
) -> Result<Response<Body>, Response<Body>> {
    let task = tokio::spawn(async move {
        let answering = async {
            if is_too_long {
                let detail = format!("The body must be at most {BODY_BYTES_MAX} bytes.");
                return Problem::new(Code::BodyTooLarge, detail).into_response();
            }
            (route.handle)(&state, &request).await
        };
        let answered = http_api::serve(&door.telemetry, door.edge.as_ref(), &request, answering);
        (timeout(door.patience.answer, answered).await.ok(), place)
    });
    match task.await {
        Ok((Some(response), place)) if route.part == Part::Few => Ok(response.map(|body| held_until_sent(body, place))),
        Ok((Some(response), _)) => Ok(response.map(into_body)),
        Ok((None, _)) => {
            tracing::error!(route = route.name, "request not answered in time");
            Err(answers::unavailable())
        }
        Err(error) => {
            tracing::error!(route = route.name, %error, "request not answered: its handler panicked");
            Err(answers::internal_error())
        }
    }
}

/// A body that takes a place for as long as it is in memory: until the client has read it.
fn held_until_sent(body: lambda_http::Body, place: Place) -> Body {
    struct Held(Vec<u8>, #[expect(dead_code, reason = "it is given back with the bytes")] Place);

    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    match body {
        lambda_http::Body::Text(text) => Body::from(Bytes::from_owner(Held(text.into_bytes(), place))),
        lambda_http::Body::Binary(bytes) => Body::from(Bytes::from_owner(Held(bytes, place))),
        body => into_body(body),
    }
}

fn into_body(body: lambda_http::Body) -> Body {
    match body {
        lambda_http::Body::Text(text) => Body::from(text),
        lambda_http::Body::Binary(bytes) => Body::from(bytes),
        _ => Body::empty(),
    }
}
