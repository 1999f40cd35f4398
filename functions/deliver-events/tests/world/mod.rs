//! `deliver-events` between a feed, a table and a receiver of its own.

#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_dynamodb::Client;
use deliver_events::{Bus, DeliverEvents, Undeliverable};
use http_body_util::Full;
use hyper::{Response, body::Bytes};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use test_builders::acme;
use test_events::EmittedMetrics;
use test_stores::{Asked, DynamoDb, EventsAws, Gate, HttpServer, aws_at};
use uuid::Uuid;
use webhooks::{
    Delivery, DeliveryFilter, EndpointId, Feed, Internet, Jitter, KeyService, Loopback, NewEndpoint, Sender,
    SigningKeys, Subscriber, Wake, Wakes, WebhookTable,
};

/// What a receiver answers to a request: its status and headers.
pub type Answer = (u16, Vec<(&'static str, String)>);

type Answers = dyn Fn(usize, &str) -> Answer + Send + Sync;

pub struct World {
    pub gate: Gate,
    pub aws: EventsAws,
    pub table: WebhookTable,
    pub function: DeliverEvents,
    pub metrics: EmittedMetrics,
    pub endpoint: EndpointId,
    pub keys: SigningKeys,
    pub received: Arc<Mutex<Vec<Asked>>>,
    pub now: Timestamp,
    _database: DynamoDb,
    _proxy: HttpServer,
    _receiver: HttpServer,
}

/// Answers everything with this status.
pub fn status(status: u16) -> impl Fn(usize, &str) -> Answer + Send + Sync + 'static {
    move |_, _| (status, Vec::new())
}

impl World {
    /// An endpoint whose receiver answers the request of this number, from 0, for the event of this id.
    pub async fn new(answer: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> World {
        World::of_types(None, answer).await
    }

    pub async fn of_types(
        types: Option<Vec<String>>,
        answer: impl Fn(usize, &str) -> Answer + Send + Sync + 'static,
    ) -> World {
        let gate = Gate::default();
        let aws = EventsAws::start(&gate).await;
        let database = DynamoDb::start_webhooks().await;
        let proxy = HttpServer::before(&gate, &database.url).await;
        let table = WebhookTable::new(Client::new(&aws_at(&proxy.url).await), &database.table_name);
        let received: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let receiver = receiver(&gate, &received, Arc::new(answer)).await;
        let metrics = EmittedMetrics::default();
        let sqs = aws_sdk_sqs::Client::new(&aws.config);
        let function = DeliverEvents {
            table: table.clone(),
            feed: feed(&aws),
            keys: key_service(&aws),
            sender: Sender::through(Arc::new(Internet), rustls_roots(), Loopback::Admitted, Duration::from_secs(2)),
            wakes: Wakes::new(sqs.clone(), "http://queue/wakes"),
            bus: Some(Bus::new(
                aws_sdk_eventbridge::Client::new(&aws.config),
                "bus",
                Undeliverable::new(sqs, "http://queue/undeliverable"),
            )),
            jitter: || Jitter::NONE,
            works_for: Duration::from_secs(20),
            metrics: metrics.metrics(),
        };
        let (endpoint, keys, now) = (EndpointId::generate(), SigningKeys::generate().unwrap(), Timestamp::now());
        let new = NewEndpoint {
            merchant: acme(),
            id: endpoint,
            url: receiver.url.clone(),
            types,
            public_key: keys.public_key().unwrap(),
            keys: function.keys.seal(&acme(), endpoint, &keys).await.unwrap(),
            cursor: function.feed.end(&acme()).await.unwrap(),
        };
        table.create_endpoint(&new, now).await.unwrap();
        let (_database, _proxy, _receiver) = (database, proxy, receiver);
        World { gate, aws, table, function, metrics, endpoint, keys, received, now, _database, _proxy, _receiver }
    }

    /// Adds this many events to the feed.
    pub fn add(&self, count: usize) {
        for number in 0..count {
            self.aws.add(event("entry.posted", self.now, number));
        }
    }

    pub fn wake(&self) -> Wake {
        Wake { merchant: acme(), subscriber: Subscriber::Endpoint(self.endpoint) }
    }

    /// Wakes the endpoint so many seconds after the beginning.
    pub async fn deliver_at(&self, seconds: i64) {
        let response = self.handle_at(&self.wake(), seconds).await;
        assert!(response.batch_item_failures.is_empty(), "{response:?}");
    }

    pub async fn handle_at(&self, wake: &Wake, seconds: i64) -> SqsBatchResponse {
        let mut message = SqsMessage::default();
        message.message_id = Some("1".to_owned());
        message.body = Some(wake.to_json());
        let mut event = SqsEvent::default();
        event.records = vec![message];
        self.function.handle(event, self.at(seconds)).await
    }

    pub fn at(&self, seconds: i64) -> Timestamp {
        self.now.checked_add(seconds.seconds()).unwrap()
    }

    /// The ids of the requests, in their order.
    pub fn received_ids(&self) -> Vec<String> {
        self.received.lock().unwrap().iter().map(|asked| header(asked, "webhook-id").to_owned()).collect()
    }

    /// The ids of the feed's events.
    pub fn feed_ids(&self) -> BTreeSet<String> {
        self.aws.feed().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }

    /// How many requests came since this was asked for last.
    pub fn take_received(&self) -> usize {
        std::mem::take(&mut *self.received.lock().unwrap()).len()
    }

    pub async fn deliveries(&self) -> Vec<Delivery> {
        let filter = DeliveryFilter { status: None, limit: 1_000, before: None };
        self.table.deliveries(self.endpoint, filter).await.unwrap().deliveries
    }

    /// How many deliveries have this status.
    pub async fn count(&self, status: webhooks::DeliveryStatus) -> usize {
        self.deliveries().await.iter().filter(|delivery| delivery.status == status).count()
    }

    /// Checks each request as a receiver does that uses the published library.
    pub fn verify_all(&self) {
        let verifier = Webhook::new(&self.keys.secret()).unwrap();
        for asked in self.received.lock().unwrap().iter() {
            verifier.verify(&asked.body, &asked.headers).unwrap();
        }
    }
}

pub fn header<'a>(asked: &'a Asked, name: &str) -> &'a str {
    asked.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

pub fn event(event_type: &str, now: Timestamp, number: usize) -> Value {
    let time = now.checked_add(i64::try_from(number).unwrap().microseconds()).unwrap();
    json!({"specversion": "1.0", "id": Uuid::new_v4().to_string(), "source": "/merchants/acme", "type": event_type,
           "time": time.to_string(), "data": {"number": number}})
}

pub fn feed(aws: &EventsAws) -> Feed {
    Feed::new(aws_sdk_lambda::Client::new(&aws.config), "read-events")
}

pub fn key_service(aws: &EventsAws) -> KeyService {
    KeyService::new(aws_sdk_kms::Client::new(&aws.config), "key")
}

fn rustls_roots() -> rustls::RootCertStore {
    rustls::RootCertStore::empty()
}

pub async fn receiver(gate: &Gate, received: &Arc<Mutex<Vec<Asked>>>, answer: Arc<Answers>) -> HttpServer {
    let received = Arc::clone(received);
    HttpServer::start(gate, move |asked: Asked| {
        let (status, headers) = {
            let mut received = received.lock().unwrap();
            received.push(asked.clone());
            answer(received.len() - 1, header(&asked, "webhook-id"))
        };
        async move {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Full::new(Bytes::from_static(b"internal secret of the receiver"))).unwrap()
        }
    })
    .await
}
