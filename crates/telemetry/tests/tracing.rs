//! What the X-Ray daemon gets, from a real socket.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::net::UdpSocket;

use serde_json::{Value, json};
use telemetry::{Daemon, Invocation, Store, Telemetry, call};
use test_events::{EmittedMetrics, XrayDaemon};

const SAMPLED: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

async fn follow(daemon: &XrayDaemon, trace_header: Option<&str>, work: impl Future<Output = ()>) {
    let telemetry = Telemetry::new(EmittedMetrics::default().metrics(), Some(daemon.client()));
    telemetry.observe(Invocation::new("1", trace_header), work).await;
}

async fn called(store: Store, answer: Result<(), ()>) {
    let _ = call(store, async { answer }).await;
}

#[tokio::test]
async fn each_call_is_a_subsegment_of_the_invocation() {
    let daemon = XrayDaemon::start();
    let calls = async {
        called(Store::Ledger, Ok(())).await;
        called(Store::IdempotencyCache, Ok(())).await;
        called(Store::Balances("UpdateItem"), Ok(())).await;
        called(Store::StateMachine("StartExecution"), Ok(())).await;
    };
    follow(&daemon, Some(SAMPLED), calls).await;

    let subsegments = daemon.received();
    let remote = |name: &str| json!({ "name": name, "namespace": "remote" });
    let aws =
        |name: &str, operation: &str| json!({ "name": name, "namespace": "aws", "aws": { "operation": operation } });
    let of_every_one = json!({
        "type": "subsegment",
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "parent_id": "53995c3f42cd8ad8",
    });
    let expected =
        [remote("PostgreSQL"), remote("Redis"), aws("DynamoDB", "UpdateItem"), aws("StepFunctions", "StartExecution")];
    assert_eq!(subsegments.len(), expected.len(), "{subsegments:?}");
    for (subsegment, mut expected) in subsegments.iter().zip(expected) {
        expected.as_object_mut().unwrap().extend(of_every_one.as_object().unwrap().clone());
        let mut seen = subsegment.clone();
        for own in ["id", "start_time", "end_time"] {
            assert!(seen.as_object_mut().unwrap().remove(own).is_some(), "{own}: {subsegment}");
        }
        assert_eq!(seen, expected);
        assert_eq!(subsegment["id"].as_str().unwrap().len(), 16);
    }
}

#[tokio::test]
async fn ids_are_unique_and_times_are_seconds_of_this_age() {
    let daemon = XrayDaemon::start();
    let calls = async {
        called(Store::Ledger, Ok(())).await;
        called(Store::Ledger, Ok(())).await;
    };
    follow(&daemon, Some(SAMPLED), calls).await;
    let [first, second] = &daemon.received()[..] else { panic!("two subsegments") };
    assert_ne!(first["id"], second["id"]);
    let micros = |time: &Value| {
        let text = time.to_string();
        let (seconds, micros) = text.split_once('.').expect("a decimal");
        seconds.parse::<u64>().unwrap() * 1_000_000 + format!("{micros:0<6}").parse::<u64>().unwrap()
    };
    let times = [&first["start_time"], &first["end_time"], &second["start_time"], &second["end_time"]].map(micros);
    assert!(times[0] <= times[1] && times[2] <= times[3], "{times:?}");
    // Later than this line was written, and not in milliseconds.
    assert!((1_760_000_000_000_000..10_000_000_000_000_000).contains(&times[0]), "{times:?}");
}

#[tokio::test]
async fn a_call_that_fails_is_a_fault() {
    let daemon = XrayDaemon::start();
    follow(&daemon, Some(SAMPLED), called(Store::Ledger, Err(()))).await;
    let [subsegment] = &daemon.received()[..] else { panic!("one subsegment") };
    assert_eq!(subsegment["fault"], true);
}

#[tokio::test]
async fn nothing_is_sent_of_what_is_not_sampled() {
    let daemon = XrayDaemon::start();
    let unsampled = SAMPLED.replace("Sampled=1", "Sampled=0");
    for header in [None, Some(unsampled.as_str()), Some("Root=1-5759e988-bd862e3fe1be46a994272793"), Some("")] {
        follow(&daemon, header, called(Store::Ledger, Ok(()))).await;
    }
    assert_eq!(daemon.received(), [] as [Value; 0]);
}

#[tokio::test]
async fn of_very_many_calls_a_hundred_are_sent() {
    let daemon = XrayDaemon::start();
    let calls = async {
        for _ in 0..1_000 {
            called(Store::Balances("UpdateItem"), Ok(())).await;
        }
    };
    follow(&daemon, Some(SAMPLED), calls).await;
    // Fewer, if the daemon was slower than the calls; never more.
    let sent = daemon.received().len();
    assert!((1..=100).contains(&sent), "{sent}");
}

#[tokio::test]
async fn a_daemon_that_is_gone_changes_nothing() {
    let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let telemetry = Telemetry::new(EmittedMetrics::default().metrics(), Some(Daemon::at(address).unwrap()));
    // The first packet is refused, the second is told so.
    for answer in [1, 2, 3] {
        let work = call(Store::Ledger, async { Ok::<_, ()>(answer) });
        assert_eq!(telemetry.observe(Invocation::new("1", Some(SAMPLED)), work).await, Ok(answer));
    }
}
