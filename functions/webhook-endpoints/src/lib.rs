//! The routes of webhook endpoints and of what was delivered to them.

mod shown;

use cashflow::{EventType, MerchantId};
use http_api::{
    Caller, FaultCode, Flaw, Problem, ShownSecret, deliveries_response, delivery_not_found, empty_response,
    endpoint_created_response, endpoint_disabled, endpoint_not_found, endpoint_response, endpoints_response,
    parse_deliveries_query, parse_delivery_id, parse_endpoint_id, parse_endpoint_request, secret_rotated_response,
    too_many_endpoints,
};
use jiff::Timestamp;
use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{Method, StatusCode},
};
use shown::{shown_delivery, shown_endpoint};
use telemetry::Causes;
use webhooks::{
    Creation, DeliveryFilter, DeliveryId, DeliveryStatus, ENDPOINTS_MAX, Endpoint, EndpointId, EndpointUrl,
    EndpointUrlError, Feed, FeedError, KeyService, KeyServiceError, Loopback, NewEndpoint, PREVIOUS_MAX,
    REDELIVERIES_PER_MINUTE_MAX, Redelivery, Rotation, SigningKeys, SigningKeysError, StoreError, Subscriber,
    URL_CHARACTERS_MAX, Wake, Wakes, WebhookTable,
};

/// What the function works with, built once when it starts.
#[derive(Debug)]
pub struct WebhookEndpoints {
    /// The endpoints, and what became of deliveries.
    pub table: WebhookTable,
    /// Where a merchant's feed ends.
    pub feed: Feed,
    /// What encrypts signing keys.
    pub keys: KeyService,
    /// How an endpoint is given events.
    pub wakes: Wakes,
    /// Whether receivers on this machine are admitted.
    pub loopback: Loopback,
}

/// A part of the system failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    KeyService(#[from] KeyServiceError),
    #[error(transparent)]
    Keys(#[from] SigningKeysError),
}

/// Why a request is not answered as it asks.
enum Refusal {
    Problem(Problem),
    Failure(Failure),
}

impl<E: Into<Failure>> From<E> for Refusal {
    fn from(error: E) -> Refusal {
        Refusal::Failure(error.into())
    }
}

fn refused<T>(problem: Problem) -> Result<T, Refusal> {
    Err(Refusal::Problem(problem))
}

impl WebhookEndpoints {
    /// Answers one request that came in at `now`.
    pub async fn handle(&self, request: &Request, now: Timestamp) -> Response<Body> {
        let caller = match Caller::of(request) {
            Ok(caller) => caller,
            Err(problem) => return problem.into_response(),
        };
        match self.answer(&caller, request, now).await {
            Ok(response) => response,
            Err(Refusal::Problem(problem)) => problem.into_response(),
            Err(Refusal::Failure(failure)) => {
                let is_transient = match &failure {
                    Failure::Store(error) => error.is_transient(),
                    Failure::Feed(error) => matches!(error, FeedError::Unavailable(_) | FeedError::Failed),
                    Failure::KeyService(error) => matches!(error, KeyServiceError::Unavailable(..)),
                    Failure::Keys(_) => false,
                };
                Problem::of_store(caller.merchant(), &failure, is_transient).into_response()
            }
        }
    }

    async fn answer(&self, caller: &Caller, request: &Request, now: Timestamp) -> Result<Response<Body>, Refusal> {
        let writing = || caller.writing_merchant().map_err(Refusal::Problem);
        let path = request.uri().path();
        // Behind the id of the endpoint; the gateway knows the routes. An id of bytes that no path can hold is a parameter all the same.
        let part = path.split('/').filter(|part| !part.is_empty()).nth(2);
        let has_id = request.path_parameters_ref().is_some_and(|parts| parts.first("id").is_some());
        match (request.method(), has_id, part) {
            (&Method::POST, false, None) => self.create(writing()?, request, now).await,
            (&Method::GET, false, None) => self.list(caller.merchant(), now).await,
            (&Method::GET, true, None) => self.show(caller.merchant(), request, now).await,
            (&Method::DELETE, true, None) => self.delete(writing()?, request).await,
            (&Method::POST, true, Some("rotate-secret")) => self.rotate(writing()?, request, now).await,
            (&Method::POST, true, Some("enable")) => self.enable(writing()?, request, now).await,
            (&Method::GET, true, Some("deliveries")) => self.deliveries(caller.merchant(), request).await,
            (&Method::POST, true, Some("deliveries")) => self.redeliver(writing()?, request, now).await,
            _ => refused(endpoint_not_found()),
        }
    }

    /// An endpoint begins behind the last event before it.
    async fn create(
        &self,
        merchant: &MerchantId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, Refusal> {
        let admit = |url: &str| EndpointUrl::parse(url, self.loopback).map_err(flaw);
        let asked = parse_endpoint_request(request, admit).map_err(Refusal::Problem)?;
        let id = EndpointId::generate();
        let keys = SigningKeys::generate()?;
        let public_key = keys.public_key()?;
        let types =
            asked.types.map(|types| types.iter().map(|event_type| EventType::as_str(*event_type).to_owned()).collect());
        let new = NewEndpoint {
            merchant: merchant.clone(),
            id,
            url: asked.url.to_string(),
            types,
            public_key: public_key.clone(),
            keys: self.keys.seal(merchant, id, &keys).await?,
            cursor: self.feed.end(merchant).await?,
        };
        match self.table.create_endpoint(&new, now).await? {
            Creation::Created => {
                let secret = ShownSecret { secret: keys.secret(), public_key };
                Ok(endpoint_created_response(&shown_endpoint(&new.endpoint(now), now), &secret))
            }
            Creation::TooMany => refused(too_many_endpoints(ENDPOINTS_MAX)),
        }
    }

    async fn list(&self, merchant: &MerchantId, now: Timestamp) -> Result<Response<Body>, Refusal> {
        let endpoints = self.table.endpoints(merchant).await?;
        Ok(endpoints_response(&endpoints.iter().map(|endpoint| shown_endpoint(endpoint, now)).collect::<Vec<_>>()))
    }

    async fn show(&self, merchant: &MerchantId, request: &Request, now: Timestamp) -> Result<Response<Body>, Refusal> {
        let endpoint = self.endpoint(merchant, request).await?;
        Ok(endpoint_response(&shown_endpoint(&endpoint, now)))
    }

    async fn delete(&self, merchant: &MerchantId, request: &Request) -> Result<Response<Body>, Refusal> {
        let id = parse_endpoint_id(request, EndpointId::parse).map_err(Refusal::Problem)?;
        if self.table.delete_endpoint(merchant, id).await? {
            Ok(empty_response(StatusCode::NO_CONTENT))
        } else {
            refused(endpoint_not_found())
        }
    }

    async fn rotate(
        &self,
        merchant: &MerchantId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, Refusal> {
        let mut endpoint = self.endpoint(merchant, request).await?;
        let keys = SigningKeys::generate()?;
        let (sealed, public_key) = (self.keys.seal(merchant, endpoint.id, &keys).await?, keys.public_key()?);
        // Each rotation at the same moment makes this one look again, and there may be few of them.
        for _ in 0..=PREVIOUS_MAX {
            match self.table.rotate_keys(&endpoint, &sealed, &public_key, now).await? {
                Rotation::Rotated { previous_valid_until, .. } => {
                    let secret = ShownSecret { secret: keys.secret(), public_key };
                    return Ok(secret_rotated_response(&secret, previous_valid_until));
                }
                Rotation::TooMany { again_at } => {
                    let seconds = u64::try_from(again_at.duration_since(now).as_secs()).unwrap_or_default() + 1;
                    return refused(Problem::too_many_rotations(PREVIOUS_MAX, seconds));
                }
                Rotation::Changed => endpoint = self.endpoint(merchant, request).await?,
            }
        }
        refused(Problem::temporarily_unavailable())
    }

    async fn enable(
        &self,
        merchant: &MerchantId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, Refusal> {
        let id = parse_endpoint_id(request, EndpointId::parse).map_err(Refusal::Problem)?;
        if !self.table.enable(merchant, id, now).await? {
            return refused(endpoint_not_found());
        }
        self.wake(merchant, id).await;
        match self.table.endpoint(merchant, id).await? {
            Some(endpoint) => Ok(endpoint_response(&shown_endpoint(&endpoint, now))),
            None => refused(endpoint_not_found()),
        }
    }

    async fn deliveries(&self, merchant: &MerchantId, request: &Request) -> Result<Response<Body>, Refusal> {
        let query = parse_deliveries_query(request, EndpointId::parse, DeliveryStatus::parse, DeliveryId::parse);
        let query = query.map_err(Refusal::Problem)?;
        // Deliveries are the endpoint's; whose it is, only its item says.
        if self.table.endpoint(merchant, query.endpoint).await?.is_none() {
            return refused(endpoint_not_found());
        }
        let filter = DeliveryFilter { status: query.status, limit: query.limit, before: query.cursor };
        let page = self.table.deliveries(query.endpoint, filter).await?;
        let deliveries: Vec<_> = page.deliveries.iter().map(shown_delivery).collect();
        Ok(deliveries_response(&deliveries, page.next.map(|next| next.to_string())))
    }

    async fn redeliver(
        &self,
        merchant: &MerchantId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, Refusal> {
        let (id, delivery) =
            parse_delivery_id(request, EndpointId::parse, DeliveryId::parse).map_err(Refusal::Problem)?;
        let Some(endpoint) = self.table.endpoint(merchant, id).await? else { return refused(delivery_not_found()) };
        match self.table.redeliver(&endpoint, delivery, now).await? {
            Redelivery::Accepted => {
                self.wake(merchant, id).await;
                Ok(empty_response(StatusCode::ACCEPTED))
            }
            Redelivery::NotFound => refused(delivery_not_found()),
            Redelivery::Disabled => refused(endpoint_disabled()),
            Redelivery::TooMany => {
                // Until the next minute.
                let seconds = 60 - u64::try_from(now.as_second().rem_euclid(60)).unwrap_or_default();
                refused(Problem::too_many_redeliveries(REDELIVERIES_PER_MINUTE_MAX, seconds))
            }
        }
    }

    async fn endpoint(&self, merchant: &MerchantId, request: &Request) -> Result<Endpoint, Refusal> {
        let id = parse_endpoint_id(request, EndpointId::parse).map_err(Refusal::Problem)?;
        self.table.endpoint(merchant, id).await?.ok_or_else(|| Refusal::Problem(endpoint_not_found()))
    }

    /// Has the endpoint given its events at once. It is due in the table, so without this the sweep does it within a minute.
    async fn wake(&self, merchant: &MerchantId, id: EndpointId) {
        let wake = Wake { merchant: merchant.clone(), subscriber: Subscriber::Endpoint(id) };
        if let Err(error) = self.wakes.send(&wake, std::time::Duration::ZERO).await {
            tracing::warn!(%merchant, endpoint = %id, error = %Causes(&error), "endpoint not woken, left to the sweep");
        }
    }
}

fn flaw(error: EndpointUrlError) -> Flaw {
    match error {
        EndpointUrlError::TooLong => Flaw::new(FaultCode::TooLong, error).beyond(URL_CHARACTERS_MAX),
        EndpointUrlError::Malformed => Flaw::new(FaultCode::InvalidFormat, error),
        EndpointUrlError::NotHttps
        | EndpointUrlError::Credentials
        | EndpointUrlError::Fragment
        | EndpointUrlError::NotPublic
        | EndpointUrlError::Port => Flaw::new(FaultCode::NotAdmitted, error),
    }
}
