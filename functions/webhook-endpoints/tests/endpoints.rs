//! The routes of webhook endpoints, on a real table.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use futures::future::join_all;
use jiff::{Timestamp, ToSpan};
use lambda_http::{Body, Response};
use serde_json::{Value, json};
use test_builders::acme;
use test_events::{Answer, HttpEvent};
use test_stores::{DynamoDb, EventsAws, Gate};
use webhook_endpoints::WebhookEndpoints;
use webhooks::{
    Attempt, Delivery, DeliveryStatus, EndpointId, Feed, FeedEvent, Jitter, KeyService, Loopback, SealedKeys, Wakes,
    WebhookTable,
};

/// An answer, of which some have no body.
fn read(response: Response<Body>) -> Answer {
    let is_empty = response.body().is_empty();
    if !is_empty {
        return Answer::read(response);
    }
    Answer { status: response.status().as_u16(), headers: Vec::new(), body: Value::Null }
}

struct World {
    function: WebhookEndpoints,
    table: WebhookTable,
    aws: EventsAws,
    now: Timestamp,
    _database: DynamoDb,
}

impl World {
    async fn new() -> World {
        let aws = EventsAws::start(&Gate::default()).await;
        let database = DynamoDb::start_webhooks().await;
        let table = WebhookTable::new(Client::clone(&database.client), &database.table_name);
        let function = WebhookEndpoints {
            table: table.clone(),
            feed: Feed::new(aws_sdk_lambda::Client::new(&aws.config), "read-events"),
            keys: KeyService::new(aws_sdk_kms::Client::new(&aws.config), "key"),
            wakes: Wakes::new(aws_sdk_sqs::Client::new(&aws.config), "http://queue/wakes"),
            loopback: Loopback::Refused,
        };
        World { function, table, aws, now: "2026-11-22T18:00:00Z".parse().unwrap(), _database: database }
    }

    async fn ask(&self, event: HttpEvent) -> Answer {
        read(self.function.handle(&event.request(), self.now).await)
    }

    async fn add(&self, body: &Value) -> Answer {
        self.ask(HttpEvent::load("webhook-endpoints/add").json(body)).await
    }

    /// An event of this case for this endpoint.
    fn of(case: &str, id: &str) -> HttpEvent {
        let event = HttpEvent::load(&format!("webhook-endpoints/{case}")).path_part("id", id);
        let path = match case {
            "show" | "remove" => format!("/webhook-endpoints/{id}"),
            "redeliver" => return event,
            other => format!("/webhook-endpoints/{id}/{other}"),
        };
        event.path(&path)
    }

    async fn added(&self) -> Value {
        let answer = self.add(&json!({"url": "https://acme.example.com/fluxo"})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body
    }

    /// A delivery to this endpoint that was answered with this status.
    async fn delivered(&self, id: &str, status: u16, second: i64) -> Delivery {
        let event = FeedEvent {
            id: uuid::Uuid::new_v4(),
            event_type: "entry.posted".to_owned(),
            time: self.now.checked_add(second.seconds()).unwrap(),
            body: "{}".to_owned(),
        };
        let mut delivery = Delivery::new(&acme(), EndpointId::parse(id).unwrap(), &event, self.now);
        let attempt = Attempt { answer: Ok(status), retry_after: None, took: std::time::Duration::from_millis(7) };
        delivery.record(&attempt, self.now, self.now, Jitter::NONE);
        self.table.put_delivery(&delivery).await.unwrap();
        delivery
    }
}

#[tokio::test]
async fn an_endpoint_is_made_with_a_secret_that_is_shown_once() {
    let world = World::new().await;
    let answer =
        world.add(&json!({"url": "https://acme.example.com/fluxo", "types": ["entry.posted", "day.sealed"]})).await;
    assert_eq!(answer.status, 201);
    let made = answer.body.clone();
    let id = made["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(&*format!("/webhook-endpoints/{id}")));
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert!(made["public_key"].as_str().unwrap().starts_with("whpk_"));
    assert_eq!((&made["status"], &made["types"]), (&json!("enabled"), &json!(["entry.posted", "day.sealed"])));

    let shown = world.ask(World::of("show", id)).await.body;
    let list = world.ask(HttpEvent::load("webhook-endpoints/list")).await.body;
    assert_eq!(list["endpoints"], json!([shown]));
    let text = list.to_string();
    assert!(!text.contains("whsec_") && !text.contains("secret"), "{text}");
    assert_eq!(shown["created_at"], "2026-11-22T18:00:00Z");
}

#[tokio::test]
async fn a_url_that_leads_into_a_private_network_is_refused() {
    let world = World::new().await;
    for url in [
        "http://acme.example.com/",
        "https://127.0.0.1/",
        "https://169.254.169.254/",
        "https://localhost/",
        "http://127.0.0.1:8080/",
    ] {
        let answer = world.add(&json!({"url": url})).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["code"]), (400, &json!("not_admitted")), "{url}");
    }
    assert_eq!(world.ask(HttpEvent::load("webhook-endpoints/list")).await.body, json!({"endpoints": []}));
}

#[tokio::test]
async fn requests_at_once_do_not_make_more_endpoints_than_there_may_be() {
    let world = World::new().await;
    let body = json!({"url": "https://acme.example.com/"});
    let answers = join_all((0..12).map(|_| world.add(&body))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 5);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert!([409, 503].contains(&answer.status), "{answer:?}");
    }
    assert_eq!(
        world.add(&json!({"url": "https://acme.example.com/"})).await.body["code"],
        "too_many_webhook_endpoints"
    );
    let first = world.ask(HttpEvent::load("webhook-endpoints/list")).await.body["endpoints"][0]["id"].clone();
    assert_eq!(world.ask(World::of("remove", first.as_str().unwrap())).await.status, 204);
    assert_eq!(world.ask(World::of("remove", first.as_str().unwrap())).await.status, 404);
    assert_eq!(world.add(&json!({"url": "https://acme.example.com/"})).await.status, 201);
}

#[tokio::test]
async fn what_is_no_id_is_refused_and_never_taken_for_the_list() {
    let world = World::new().await;
    world.added().await;
    for id in ["", " ", "\0", "x", "..", "é", "00000000-0000-0000-0000-00000000000"] {
        for case in ["show", "remove"] {
            let answer = world.ask(World::of(case, id)).await;
            assert_eq!((answer.status, &answer.body["code"]), (400, &json!("parameter_invalid")), "{case} {id:?}");
        }
    }
}

#[tokio::test]
async fn another_merchant_sees_and_changes_nothing() {
    let world = World::new().await;
    let made = world.added().await;
    let id = made["id"].as_str().unwrap();
    let delivery = world.delivered(id, 500, 0).await;
    for case in ["show", "remove", "rotate-secret", "enable", "deliveries", "redeliver"] {
        let event = World::of(case, id).claim("custom:merchant_id", "emca");
        let event = event.path_part("delivery_id", &delivery.id.to_string());
        assert_eq!(world.ask(event).await.status, 404, "{case}");
    }
    let list = HttpEvent::load("webhook-endpoints/list").claim("custom:merchant_id", "emca");
    assert_eq!(world.ask(list).await.body, json!({"endpoints": []}));
}

#[tokio::test]
async fn only_clerks_write() {
    let world = World::new().await;
    let made = world.added().await;
    let id = made["id"].as_str().unwrap();
    for case in ["add", "remove", "rotate-secret", "enable", "redeliver"] {
        let event = if case == "add" { HttpEvent::load("webhook-endpoints/add") } else { World::of(case, id) };
        let answer = world.ask(event.claim("cognito:groups", "[viewer]")).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("clerk_required")), "{case}");
    }
    for case in ["show", "deliveries"] {
        assert_eq!(world.ask(World::of(case, id).claim("cognito:groups", "[viewer]")).await.status, 200, "{case}");
    }
}

#[tokio::test]
async fn a_rotation_shows_a_new_secret_and_keeps_the_one_before_for_a_day() {
    let world = World::new().await;
    let made = world.added().await;
    let id = made["id"].as_str().unwrap();
    let rotated = world.ask(World::of("rotate-secret", id)).await.body;
    assert_ne!(rotated["secret"], made["secret"]);
    assert_eq!(rotated["previous_valid_until"], "2026-11-23T18:00:00Z");
    let endpoint = world.table.endpoint(&acme(), EndpointId::parse(id).unwrap()).await.unwrap().unwrap();
    let mut secrets = BTreeSet::new();
    for sealed in endpoint.signing_keys(world.now) {
        secrets.insert(world.function.keys.open(&acme(), endpoint.id, sealed).await.unwrap().secret());
    }
    let expected = [&made, &rotated].map(|answer| answer["secret"].as_str().unwrap().to_owned());
    assert_eq!(secrets, BTreeSet::from(expected));
}

/// The answer to one of two may have been lost, so each keeps what was before it.
#[tokio::test]
async fn rotations_at_once_end_no_secret_early_and_a_third_is_refused() {
    let world = World::new().await;
    let made = world.added().await;
    let id = made["id"].as_str().unwrap();
    let (one, other) =
        tokio::join!(world.ask(World::of("rotate-secret", id)), world.ask(World::of("rotate-secret", id)));
    assert_eq!((one.status, other.status), (200, 200));
    let endpoint = world.table.endpoint(&acme(), EndpointId::parse(id).unwrap()).await.unwrap().unwrap();
    let mut secrets = BTreeSet::new();
    for sealed in endpoint.signing_keys(world.now) {
        secrets.insert(world.function.keys.open(&acme(), endpoint.id, sealed).await.unwrap().secret());
    }
    let expected = [&made, &one.body, &other.body].map(|answer| answer["secret"].as_str().unwrap().to_owned());
    assert_eq!(secrets, BTreeSet::from(expected));
    let third = world.ask(World::of("rotate-secret", id)).await;
    assert_eq!((third.status, &third.body["code"]), (429, &json!("too_many_rotations")));
}

/// Encrypted for one endpoint, nothing can be read as another's.
#[tokio::test]
async fn keys_are_opened_as_those_of_their_endpoint_only() {
    let world = World::new().await;
    let made = world.added().await;
    let id = EndpointId::parse(made["id"].as_str().unwrap()).unwrap();
    let sealed: SealedKeys = world.table.endpoint(&acme(), id).await.unwrap().unwrap().keys;
    assert!(world.function.keys.open(&acme(), EndpointId::generate(), &sealed).await.is_err());
    assert!(world.function.keys.open(&test_builders::merchant("emca"), id, &sealed).await.is_err());
    assert!(world.function.keys.open(&acme(), id, &sealed).await.is_ok());
}

#[tokio::test]
async fn deliveries_are_listed_newest_first_page_by_page() {
    let world = World::new().await;
    let made = world.added().await;
    let id = made["id"].as_str().unwrap();
    let mut expected = Vec::new();
    for second in 0..5 {
        expected.insert(0, world.delivered(id, if second % 2 == 0 { 200 } else { 404 }, second).await.id.to_string());
    }
    let mut listed = Vec::new();
    let mut query = "limit=2".to_owned();
    for _ in 0..3 {
        let page = world.ask(World::of("deliveries", id).query(&query)).await.body;
        for delivery in page["deliveries"].as_array().unwrap() {
            listed.push(delivery["id"].as_str().unwrap().to_owned());
            assert!(delivery.get("body").is_none());
        }
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("limit=2&cursor={cursor}");
    }
    assert_eq!(listed, expected);
    let failed = world.ask(World::of("deliveries", id).query("status=failed")).await.body;
    assert_eq!(failed["deliveries"].as_array().unwrap().len(), 2);
    assert_eq!(failed["deliveries"][0]["last_attempt"]["response_status"], 404);
    for query in ["status=lost", "limit=0", "limit=101", "cursor=x", "page=2"] {
        assert_eq!(world.ask(World::of("deliveries", id).query(query)).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_delivery_is_asked_for_again_and_not_too_often() {
    let world = World::new().await;
    let made = world.added().await;
    let id = made["id"].as_str().unwrap();
    let delivery = world.delivered(id, 404, 0).await;
    let again = || World::of("redeliver", id).path_part("delivery_id", &delivery.id.to_string());
    let event = again().path(&format!("/webhook-endpoints/{id}/deliveries/{}/redeliver", delivery.id));
    assert_eq!(world.ask(event.clone()).await.status, 202);
    assert_eq!(world.aws.take_messages().len(), 1);
    let due = world.table.due_deliveries(delivery.endpoint, world.now, 10).await.unwrap();
    assert_eq!(
        due.iter().map(|due| (due.id, due.status)).collect::<Vec<_>>(),
        [(delivery.id, DeliveryStatus::Pending)]
    );
    assert_eq!(world.table.due_subscribers(world.now).await.unwrap().len(), 1, "also if the message is lost");

    for _ in 1..60 {
        assert_eq!(world.ask(event.clone()).await.status, 202);
    }
    let answer = world.ask(event.clone()).await;
    assert_eq!((answer.status, &answer.body["code"]), (429, &json!("too_many_redeliveries")));
    let unknown = format!("{}-{}", "0".repeat(16), uuid::Uuid::nil());
    let later = World { now: world.now.checked_add(1.minute()).unwrap(), ..world };
    assert_eq!(later.ask(event.clone().path_part("delivery_id", &unknown)).await.status, 404);
    assert_eq!(later.ask(event).await.status, 202);
}
