//! Killed between any two of its steps, `deliver-events` loses nothing, and repeats at most what it had sent and not stored.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod world;

use std::collections::BTreeSet;

use webhooks::DeliveryStatus;
use world::{Answer, World, status};

/// As many requests are under way at once at most.
const AT_ONCE: usize = 8;

/// A lease has run out after so many seconds.
const LEASE_S: i64 = 91;

/// Nothing is due later than after so many.
const YEAR_S: i64 = 365 * 24 * 60 * 60;

/// The sweep has woken it so often at most when nothing is due any more.
const ROUNDS_MAX: usize = 30;

/// Kills the function at its step of this number, then has the subscriber woken by the sweep until nothing is due. False if there
/// is no such step.
async fn kill_at(
    step: usize,
    is_done: bool,
    events: usize,
    answer: impl Fn(usize, &str) -> Answer + Send + Sync + 'static,
    check: impl AsyncFn(&World, &str),
) -> bool {
    let world = World::new(answer).await;
    world.add(events);
    world.gate.stop_at(step, is_done);
    let was_killed = tokio::select! {
        () = world.gate.stopped() => true,
        () = world.deliver_at(0) => false,
    };
    world.gate.open();
    let context = format!("killed at step {step}, {}", if is_done { "which was done" } else { "which was not done" });
    if step == 1 {
        // It had not even the lease: the queue delivers its message again.
        world.deliver_at(LEASE_S).await;
    }
    // Nobody wakes it any more but the sweep, which looks at what is due.
    for _ in 0..ROUNDS_MAX {
        let due = world.table.due_subscribers(world.at(YEAR_S)).await.unwrap();
        let Some(first) = due.into_iter().next() else { break };
        let seconds = first.due_at.duration_since(world.now).as_secs() + 1;
        world.handle_at(&first.wake, seconds).await;
    }
    check(&world, &context).await;
    was_killed
}

#[tokio::test]
async fn nothing_is_lost_at_any_step_and_little_repeated() {
    for is_done in [false, true] {
        let mut steps = 1;
        let everything = async |world: &World, context: &str| {
            let received = world.received_ids();
            let distinct: BTreeSet<String> = received.iter().cloned().collect();
            assert_eq!(distinct, world.feed_ids(), "{context}");
            assert!(received.len() - distinct.len() <= AT_ONCE, "{context}: {} requests", received.len());
            assert_eq!(world.count(DeliveryStatus::Delivered).await, 10, "{context}");
        };
        while kill_at(steps, is_done, 10, status(200), everything).await {
            steps += 1;
        }
        // Lease, keys, page, ten requests, ten deliveries, lease.
        assert_eq!(steps, 25, "the steps of a run that is not killed");
    }
}

/// One event is refused twice: it waits in the table meanwhile, and what waits there is lost as little.
#[tokio::test]
async fn what_is_tried_again_is_lost_at_no_step_either() {
    for is_done in [false, true] {
        let mut steps = 1;
        let refuses_twice = |number: usize, _: &str| (if number < 2 { 500 } else { 204 }, Vec::new());
        let everything = async |world: &World, context: &str| {
            let received: BTreeSet<String> = world.received_ids().into_iter().collect();
            assert_eq!(received, world.feed_ids(), "{context}");
            assert_eq!(world.count(DeliveryStatus::Delivered).await, 3, "{context}");
        };
        while kill_at(steps, is_done, 3, refuses_twice, everything).await {
            steps += 1;
        }
        // Also the index, which says when the first of them is due, and the message that waits for it.
        assert!(steps > 12, "{steps}");
    }
}

/// That the endpoint is switched off is in the feed once, whenever the function is killed.
#[tokio::test]
async fn an_endpoint_that_is_gone_is_announced_once_at_any_step() {
    for is_done in [false, true] {
        let mut steps = 1;
        let once = async |world: &World, context: &str| {
            let feed = world.aws.feed();
            let announced = feed.iter().filter(|event| event["type"] == "webhook_endpoint.disabled");
            assert_eq!(announced.count(), 1, "{context}");
            assert!(world.table.due_subscribers(world.at(1_000_000)).await.unwrap().is_empty(), "{context}");
        };
        while kill_at(steps, is_done, 3, status(410), once).await {
            steps += 1;
        }
        assert!(steps > 10, "{steps}");
    }
}
