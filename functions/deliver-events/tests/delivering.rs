//! What receivers get, and what becomes of those that fail.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod world;

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use serde_json::{Value, json};
use test_builders::acme;
use webhooks::{DeliveryStatus, SigningKeys, Subscriber, Wake};
use world::{World, event, header, status};

#[tokio::test]
async fn the_published_library_verifies_every_delivery() {
    let world = World::new(status(200)).await;
    world.add(40);
    world.deliver_at(0).await;
    assert_eq!(world.received_ids().len(), 40);
    world.verify_all();
    let received = world.received.lock().unwrap().clone();
    let first = &received[0];
    assert_eq!(header(first, "content-type"), "application/json");
    assert_eq!(header(first, "user-agent"), "Fluxo-Webhooks/1");
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(body["id"], header(first, "webhook-id"));
    // What is sent is what the feed says, to the byte.
    assert!(world.aws.feed().iter().any(|event| event.to_string().as_bytes() == first.body));
}

#[tokio::test]
async fn after_a_rotation_both_secrets_verify_and_a_day_later_one() {
    let world = World::new(status(200)).await;
    let endpoint = world.table.endpoint(&acme(), world.endpoint).await.unwrap().unwrap();
    let keys = SigningKeys::generate().unwrap();
    let sealed = world.function.keys.seal(&acme(), world.endpoint, &keys).await.unwrap();
    world.table.rotate_keys(&endpoint, &sealed, &keys.public_key().unwrap(), world.now).await.unwrap();
    world.add(1);
    world.deliver_at(0).await;
    let asked = world.received.lock().unwrap()[0].clone();
    assert_eq!(header(&asked, "webhook-signature").split(' ').count(), 4);
    for secret in [world.keys.secret(), keys.secret()] {
        standardwebhooks::Webhook::new(&secret).unwrap().verify(&asked.body, &asked.headers).unwrap();
    }
    world.add(1);
    world.deliver_at(25 * 60 * 60).await;
    let asked = world.received.lock().unwrap()[1].clone();
    assert_eq!(header(&asked, "webhook-signature").split(' ').count(), 2);
}

#[tokio::test]
async fn an_endpoint_gets_only_the_types_that_it_asked_for() {
    let world = World::of_types(Some(vec!["day.sealed".to_owned()]), status(200)).await;
    world.add(5);
    world.aws.add(event("day.sealed", world.now, 9));
    world.deliver_at(0).await;
    assert_eq!(world.received_ids().len(), 1);
}

#[tokio::test]
async fn an_event_that_is_refused_delays_no_other_and_comes_again() {
    let world = World::new(|number, _| (if number == 0 { 500 } else { 200 }, Vec::new())).await;
    world.add(10);
    world.deliver_at(0).await;
    assert_eq!((world.count(DeliveryStatus::Delivered).await, world.count(DeliveryStatus::Pending).await), (9, 1));
    // A message waits for the time of the next attempt.
    let delays: Vec<i64> =
        world.aws.take_messages().iter().map(|message| message["DelaySeconds"].as_i64().unwrap()).collect();
    assert!(matches!(delays[..], [5..=6]), "{delays:?}");
    world.deliver_at(1).await;
    assert_eq!(world.received_ids().len(), 10);
    world.deliver_at(7).await;
    assert_eq!(world.received_ids().len(), 11);
    assert_eq!(world.count(DeliveryStatus::Delivered).await, 10);
    let again = world.deliveries().await.into_iter().find(|delivery| delivery.attempt_count == 2).unwrap();
    assert_eq!(world.received_ids().iter().filter(|id| **id == again.event_id()).count(), 2);
}

#[tokio::test]
async fn a_status_of_the_senders_fault_is_final() {
    let world = World::new(|number, _| (if number == 0 { 404 } else { 200 }, Vec::new())).await;
    world.add(3);
    world.deliver_at(0).await;
    assert_eq!((world.count(DeliveryStatus::Delivered).await, world.count(DeliveryStatus::Failed).await), (2, 1));
    world.deliver_at(100_000).await;
    assert_eq!(world.received_ids().len(), 3);
}

/// What a receiver says is nobody's to read.
#[tokio::test]
async fn nothing_of_an_answer_is_stored_but_its_status() {
    let world = World::new(status(500)).await;
    world.add(1);
    world.deliver_at(0).await;
    let delivery = world.deliveries().await.remove(0);
    let attempt = delivery.last_attempt.clone().unwrap();
    assert_eq!((attempt.response_status, attempt.error), (Some(500), None));
    assert!(!format!("{delivery:?}").contains("internal secret"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = World::new(status(200)).await;
    let target = elsewhere.table.endpoint(&acme(), elsewhere.endpoint).await.unwrap().unwrap().url;
    let world = World::new(move |_, _| (307, vec![("location", target.clone())])).await;
    world.add(1);
    world.deliver_at(0).await;
    assert_eq!((world.received_ids().len(), elsewhere.received_ids().len()), (1, 0));
    assert_eq!(world.count(DeliveryStatus::Pending).await, 1);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_sent_nothing_more_until_it_is_enabled() {
    let answers = Arc::new(AtomicU16::new(410));
    let world = World::new({
        let answers = Arc::clone(&answers);
        move |_, _| (answers.load(Ordering::SeqCst), Vec::new())
    })
    .await;
    world.add(30);
    world.deliver_at(0).await;
    assert_eq!(world.take_received(), 8);
    let announced = world.aws.feed().into_iter().find(|event| event["type"] == "webhook_endpoint.disabled").unwrap();
    assert_eq!(announced["data"]["reason"], "gone");
    assert_eq!(announced["data"]["endpoint_id"], world.endpoint.to_string());
    world.add(5);
    world.deliver_at(1_000).await;
    assert_eq!(world.take_received(), 0);

    answers.store(200, Ordering::SeqCst);
    assert!(world.table.enable(&acme(), world.endpoint, world.at(2_000)).await.unwrap());
    world.deliver_at(2_000).await;
    // Those that met the 410 as well.
    assert_eq!(world.count(DeliveryStatus::Delivered).await, 36);
}

/// While it is probed, too: nothing else is tried in the place of what it did not take.
#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_nothing_else_meanwhile() {
    let world = World::new(|_, _| (429, vec![("retry-after", "20".to_owned())])).await;
    world.add(10);
    world.deliver_at(0).await;
    assert_eq!(world.take_received(), 8);
    world.deliver_at(30).await;
    assert_eq!(world.take_received(), 1);
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_is_given_it() {
    let world = World::new(
        |number, _| if number < 8 { (429, vec![("retry-after", "120".to_owned())]) } else { (200, Vec::new()) },
    )
    .await;
    world.add(10);
    world.deliver_at(0).await;
    assert_eq!(world.take_received(), 8);
    for seconds in [5, 60, 115] {
        world.deliver_at(seconds).await;
        assert_eq!(world.take_received(), 0, "{seconds}");
    }
    world.received.lock().unwrap().clear();
    let world = world;
    world.deliver_at(125).await;
    assert!(world.take_received() >= 1);
}

/// A dead receiver costs a probe now and then, and its events wait in the feed.
#[tokio::test]
async fn a_dead_receiver_costs_little_and_loses_nothing() {
    let answers = Arc::new(AtomicU16::new(500));
    let world = World::new({
        let answers = Arc::clone(&answers);
        move |_, _| (answers.load(Ordering::SeqCst), Vec::new())
    })
    .await;
    world.add(400);
    let mut requests = 0;
    for seconds in (0..3_600).step_by(30) {
        world.deliver_at(seconds).await;
        requests += world.take_received();
    }
    assert!((10..60).contains(&requests), "{requests} requests in an hour");
    assert!(world.deliveries().await.len() < 60, "what waits in the table is bounded");

    answers.store(200, Ordering::SeqCst);
    for seconds in (7_200..20_000).step_by(600) {
        world.deliver_at(seconds).await;
    }
    assert_eq!(world.count(DeliveryStatus::Delivered).await, 400);
}

#[tokio::test]
async fn an_endpoint_that_fails_for_five_days_is_switched_off() {
    let world = World::new(status(503)).await;
    let hour = 60 * 60;
    let mut disabled_after = None;
    for hours in 0..7 * 24 {
        world.add(1);
        world.deliver_at(hours * hour).await;
        if world.aws.feed().iter().any(|event| event["type"] == "webhook_endpoint.disabled") {
            disabled_after = Some(hours);
            break;
        }
    }
    assert!(matches!(disabled_after, Some(120..=122)), "{disabled_after:?}");
    let reason = world.aws.feed().last().unwrap()["data"]["reason"].clone();
    assert_eq!(reason, "failing");
}

#[tokio::test]
async fn a_wake_that_meets_a_lease_is_not_lost() {
    let world = World::new(status(200)).await;
    world.add(1);
    // The holder of the lease is about to give it back when another event comes, and its wake meets the lease.
    world.gate.stop_at(6, false);
    tokio::select! {
        () = world.gate.stopped() => {}
        () = world.deliver_at(0) => panic!("it was to be stopped"),
    }
    world.gate.open();
    world.add(1);
    world.deliver_at(1).await;
    assert_eq!(world.received_ids().len(), 1, "somebody else has the lease");
    // The lease runs out; what is due says so.
    assert!(world.table.due_subscribers(world.at(80)).await.unwrap().is_empty());
    let due = world.table.due_subscribers(world.at(95)).await.unwrap();
    assert_eq!(due.len(), 1);
    world.handle_at(&due[0].wake, 95).await;
    assert_eq!(world.count(DeliveryStatus::Delivered).await, 2);
}

/// Two invocations at once: one works, and has read the feed already; the other's wake has it look again.
#[tokio::test]
async fn whoever_holds_the_lease_looks_again_after_a_wake() {
    let world = World::new(status(200)).await;
    world.add(1);
    // Lease, keys, page; the request waits.
    world.gate.stop_at(4, false);
    let late = async {
        world.gate.stopped().await;
        world.gate.open();
        world.add(3);
        world.deliver_at(0).await;
        assert_eq!(world.received_ids().len(), 0, "the other has the lease");
        world.gate.resume();
    };
    tokio::join!(world.deliver_at(0), late);
    assert_eq!(world.received_ids().len(), 4);
    assert_eq!(world.count(DeliveryStatus::Delivered).await, 4);
    assert!(world.table.due_subscribers(world.at(1_000)).await.unwrap().is_empty());
}

#[tokio::test]
async fn after_a_restore_what_was_had_is_not_sent_again() {
    let world = World::new(status(200)).await;
    world.add(20);
    world.deliver_at(0).await;
    world.aws.restore();
    world.aws.add(event("entry.posted", world.at(1), 21));
    world.deliver_at(1).await;
    assert_eq!(world.received_ids().len(), 21);
    assert_eq!(world.count(DeliveryStatus::Delivered).await, 21);
}

fn bus() -> Wake {
    Wake { merchant: acme(), subscriber: Subscriber::Bus }
}

#[tokio::test]
async fn the_bus_gets_every_event_once_and_what_it_refuses_again() {
    let world = World::new(status(200)).await;
    world.add(25);
    // Two of the first ten are refused for the moment, then one of those two.
    world.aws.refuse(&[&[None, Some("ThrottlingException"), Some("InternalFailure")], &[Some("ThrottlingException")]]);
    world.handle_at(&bus(), 0).await;
    let published = world.aws.published();
    assert_eq!(published.len(), 25);
    let entry = &published[0];
    assert_eq!(
        (&entry["Source"], &entry["DetailType"], &entry["EventBusName"]),
        (&json!("fluxo"), &json!("entry.posted"), &json!("bus"))
    );
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert!(world.feed_ids().contains(detail["id"].as_str().unwrap()));
    world.add(1);
    world.handle_at(&bus(), 1).await;
    assert_eq!(world.aws.published().len(), 26);
}

#[tokio::test]
async fn what_the_bus_can_never_take_is_kept_in_a_queue() {
    let world = World::new(status(200)).await;
    world.add(3);
    world.aws.refuse(&[&[None, Some("MalformedDetail")]]);
    world.handle_at(&bus(), 0).await;
    assert_eq!(world.aws.published().len(), 2);
    let messages = world.aws.take_messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["QueueUrl"], "http://queue/undeliverable");
    assert_eq!(messages[0]["MessageAttributes"]["UndeliverableReason"]["StringValue"], "MalformedDetail");
    assert_eq!(world.aws.feed()[1].to_string(), messages[0]["MessageBody"].as_str().unwrap());
}

#[tokio::test]
async fn a_bus_that_refuses_is_paused_and_loses_nothing() {
    let world = World::new(status(200)).await;
    world.add(3);
    let refused: &[Option<&str>] = &[Some("NotAuthorizedForSourceException"); 3];
    world.aws.refuse(&[refused; 3]);
    world.handle_at(&bus(), 0).await;
    assert!(world.aws.published().is_empty());
    world.handle_at(&bus(), 1).await;
    assert!(world.aws.published().is_empty(), "it is paused");
    let due = world.table.due_subscribers(world.at(60)).await.unwrap();
    assert_eq!(due.iter().map(|due| due.wake.clone()).collect::<Vec<_>>(), [bus()]);
    world.handle_at(&bus(), 60).await;
    assert_eq!(world.aws.published().len(), 3);
}
