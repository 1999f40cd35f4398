//! Who is woken, on a real table.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use aws_sdk_dynamodb::Client;
use jiff::{Timestamp, ToSpan};
use relay_events::RelayEvents;
use serde_json::{Value, json};
use test_builders::acme;
use test_events::{EmittedMetrics, event};
use test_stores::{DynamoDb, EventsAws, Gate};
use webhooks::{EndpointId, Feed, KeyService, NewEndpoint, SigningKeys, Subscriber, Wakes, WebhookTable};

struct World {
    function: RelayEvents,
    table: WebhookTable,
    aws: EventsAws,
    metrics: EmittedMetrics,
    now: Timestamp,
    _database: DynamoDb,
}

impl World {
    async fn new(has_bus: bool) -> World {
        let aws = EventsAws::start(&Gate::default()).await;
        let database = DynamoDb::start_webhooks().await;
        let table = WebhookTable::new(Client::clone(&database.client), &database.table_name);
        let metrics = EmittedMetrics::default();
        let function = RelayEvents {
            table: table.clone(),
            feed: Feed::new(aws_sdk_lambda::Client::new(&aws.config), "read-events"),
            wakes: Wakes::new(aws_sdk_sqs::Client::new(&aws.config), "http://queue/wakes"),
            has_bus,
            metrics: metrics.metrics(),
        };
        World { function, table, aws, metrics, now: "2026-11-22T18:00:00Z".parse().unwrap(), _database: database }
    }

    async fn endpoint(&self) -> EndpointId {
        let (id, keys) = (EndpointId::generate(), SigningKeys::generate().unwrap());
        let service = KeyService::new(aws_sdk_kms::Client::new(&self.aws.config), "key");
        let new = NewEndpoint {
            merchant: acme(),
            id,
            url: "https://acme.example.com/".to_owned(),
            types: None,
            public_key: keys.public_key().unwrap(),
            keys: service.seal(&acme(), id, &keys).await.unwrap(),
            cursor: self.function.feed.end(&acme()).await.unwrap(),
        };
        self.table.create_endpoint(&new, self.now).await.unwrap();
        id
    }

    async fn handle(&self, case: &str, now: Timestamp) -> Vec<String> {
        let notice = serde_json::from_value(event(&format!("relay-events/{case}"))).unwrap();
        self.function.handle(&notice, now).await.unwrap();
        self.woken()
    }

    /// Who was woken since this was asked for last.
    fn woken(&self) -> Vec<String> {
        let body = |message: &Value| serde_json::from_str::<Value>(message["MessageBody"].as_str().unwrap()).unwrap();
        let mut woken: Vec<String> = self
            .aws
            .take_messages()
            .iter()
            .map(|message| body(message)["subscriber"].as_str().unwrap().to_owned())
            .collect();
        woken.sort();
        woken
    }

    fn add(&self) {
        let event =
            json!({"id": uuid::Uuid::new_v4().to_string(), "type": "entry.posted", "time": "2026-11-22T18:00:00Z"});
        self.aws.add(event);
    }
}

#[tokio::test]
async fn a_change_of_balances_wakes_each_endpoint_of_the_merchant_once() {
    let world = World::new(false).await;
    assert_eq!(world.handle("balances-changed", world.now).await, [""; 0]);
    let mut ids = vec![world.endpoint().await.to_string(), world.endpoint().await.to_string()];
    ids.sort();
    assert_eq!(world.handle("balances-changed", world.now).await, ids);
}

#[tokio::test]
async fn nobody_asks_the_ledger_where_nobody_follows() {
    let world = World::new(false).await;
    world.handle("sweep", world.now).await;
    assert!(world.aws.asked().is_empty());
    let id = world.endpoint().await;
    world.add();
    assert_eq!(world.handle("sweep", world.now).await, [id.to_string()]);
    assert!(world.table.delete_endpoint(&acme(), id).await.unwrap());
    let asked = world.aws.asked().len();
    world.handle("sweep", world.now).await;
    assert_eq!(world.aws.asked().len(), asked);
}

#[tokio::test]
async fn the_sweep_wakes_whom_a_lease_was_left_behind_for() {
    let world = World::new(false).await;
    let id = world.endpoint().await;
    world.table.acquire(&acme(), Subscriber::Endpoint(id), world.now).await.unwrap();
    assert_eq!(world.handle("sweep", world.now.checked_add(80.seconds()).unwrap()).await, [""; 0]);
    let late = world.now.checked_add(10.minutes()).unwrap();
    assert_eq!(world.handle("sweep", late).await, [id.to_string()]);
    assert!(world.metrics.records().iter().any(|line| line["SubscribersOverdue"] == 1));
}

#[tokio::test]
async fn who_looks_again_later_in_any_case_is_not_woken() {
    let world = World::new(false).await;
    let id = world.endpoint().await;
    world.table.acquire(&acme(), Subscriber::Endpoint(id), world.now).await.unwrap();
    // The first wake meets the lease and marks it; from then on its holder looks again.
    assert_eq!(world.handle("balances-changed", world.now).await, [id.to_string()]);
    world.table.acquire(&acme(), Subscriber::Endpoint(id), world.now).await.unwrap();
    assert_eq!(world.handle("balances-changed", world.now).await, [""; 0]);
}

/// Who was there before the bus begins with what comes next; who is new, with the first event.
#[tokio::test]
async fn the_bus_begins_with_what_comes_next() {
    let world = World::new(true).await;
    world.add();
    assert_eq!(world.handle("balances-changed", world.now).await, [""; 0], "nothing before it knows who was there");
    world.handle("sweep", world.now).await;
    let woken = world.handle("balances-changed", world.now).await;
    // Of two merchants in the change, one was there before.
    assert_eq!(woken, ["bus", "bus"]);
    let webhooks::Acquired::Held { waiting, .. } =
        world.table.acquire(&acme(), Subscriber::Bus, world.now).await.unwrap()
    else {
        panic!("nobody has the lease")
    };
    assert_eq!(waiting.progress.cursor, Some(world.function.feed.end(&acme()).await.unwrap()));
    let new = test_builders::merchant("padaria");
    let webhooks::Acquired::Held { waiting, .. } = world.table.acquire(&new, Subscriber::Bus, world.now).await.unwrap()
    else {
        panic!("nobody has the lease")
    };
    assert_eq!(waiting.progress.cursor, None);
}
