//! What appending answers, on a real Kafka and on none.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::{Duration, Instant};

use entry_log::{
    APPEND_PATIENCE, AppendError, EntryLog, Headers, KafkaConfig, Message, Origin, RECORD_BYTES_MAX, Record, Security,
    Step, Topic, moved,
};
use futures::future::{join, join_all};
use jiff::Timestamp;
use rdkafka::{
    mocking::MockCluster,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use test_events::EmittedMetrics;
use test_kafka::{ForgetfulBroker, TestLog, within_a_minute};
use tokio::net::TcpListener;
use workflow::ErrorName;

fn message(bytes: usize) -> Message {
    Message { key: "acme".to_owned(), value: vec![b' '; bytes], headers: Headers::default() }
}

async fn log_at(brokers: String) -> EntryLog {
    EntryLog::new(&KafkaConfig { brokers, security: Security::Plaintext, topics: "test".parse().unwrap() })
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_acknowledged_is_in_the_topic_with_its_headers() {
    let log = TestLog::create(2).await;
    let headers = Headers { execution: Some("e".to_owned()), step: Some(Step::Record), ..Headers::default() };
    let message = Message { headers, ..message(3) };
    log.append(Topic::Entries, &message).await;
    let records = log.records(Topic::Entries).await;
    assert_eq!(records.iter().map(Record::to_message).collect::<Vec<_>>(), [message]);
}

/// The largest input of entries has 200 KiB.
#[tokio::test]
async fn a_record_that_is_too_large_is_refused_at_once_and_says_so() {
    let log = TestLog::create(1).await;
    log.append(Topic::Entries, &message(workflow::INPUT_BYTES_MAX)).await;
    log.append(Topic::Entries, &message(RECORD_BYTES_MAX - 1024)).await;
    let error = log.log.append(Topic::Entries, &message(RECORD_BYTES_MAX)).await.unwrap_err();
    assert!(!error.is_transient());
    let topic = log.kafka.topics.name(Topic::Entries);
    assert_eq!(error.to_string(), format!("a record of 1048576 bytes for {topic} was not sent, the limit is 1048576"));
    assert_eq!(log.records(Topic::Entries).await.len(), 2);
}

/// It would otherwise stop its partition for ever.
#[tokio::test]
async fn a_record_that_is_too_large_to_move_leaves_its_origin() {
    let log = TestLog::create(1).await;
    let record = Record {
        origin: Origin { topic: "test.entries".to_owned(), partition: 3, offset: 7 },
        appended_at: Timestamp::now(),
        key: "acme".to_owned(),
        value: vec![b' '; RECORD_BYTES_MAX],
        headers: Headers::default(),
    };
    let moved = moved(&record, Step::Record, ErrorName::NewerInput, Timestamp::now());
    let emitted = EmittedMetrics::default();
    log.log.move_on(&emitted.metrics(), vec![moved]).await.unwrap();
    let dead = log.records(Topic::Dead).await;
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].value.len(), dead[0].headers.origin.as_deref()), (0, Some("test.entries-3-7")));
    let counted = emitted.records();
    assert!(counted.iter().any(|line| line["Reason"] == "NewerInput"), "it counts as dead: {counted:?}");
}

/// A port that nobody listens on, and a broker that accepts connections and says nothing.
#[tokio::test]
async fn without_brokers_appending_fails_within_its_patience() {
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for brokers in ["127.0.0.1:9".to_owned(), hanging.local_addr().unwrap().to_string()] {
        let log = log_at(brokers).await;
        let begun = Instant::now();
        let error = log.append(Topic::Entries, &message(400)).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert!(begun.elapsed() < APPEND_PATIENCE + APPEND_PATIENCE / 10, "{:?}", begun.elapsed());
    }
}

/// 16 MiB and 20,000 records may wait.
#[tokio::test]
async fn without_brokers_what_waits_has_an_end() {
    let log = log_at("127.0.0.1:9".to_owned()).await;
    for (count, bytes, waiting) in [(21_000, 10, 20_000), (200, 100_000, 167)] {
        let message = message(bytes);
        let answers = join_all((0..count).map(|_| log.append(Topic::Entries, &message))).await;
        let refused = answers.iter().filter(|answer| matches!(answer, Err(AppendError::QueueFull { .. }))).count();
        assert!(answers.iter().all(Result::is_err));
        assert!(refused >= count - waiting - 1, "{refused} of {count}");
    }
}

/// A cluster that refuses the producer an id once: after that, this producer never sends anything. The cluster is librdkafka's own, since
/// no real one can be made to do it.
#[tokio::test]
async fn a_producer_that_has_failed_for_good_is_replaced() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("test.entries", 1, 1).unwrap();
    cluster.request_errors(
        RDKafkaApiKey::InitProducerId,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED],
    );
    let log = log_at(cluster.bootstrap_servers()).await;
    let error = log.append(Topic::Entries, &message(400)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    log.append(Topic::Entries, &message(400)).await.unwrap();
}

/// What is acknowledged is there. A broker that does not know a producer yet takes its second batch without the first (KAFKA-15591), and
/// librdkafka then takes the first for acknowledged.
#[tokio::test]
async fn a_record_whose_successor_was_taken_in_its_place_is_not_acknowledged() {
    let cluster = MockCluster::new(1).unwrap();
    for topic in ["test.entries", "test.totals"] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    let log = log_at(cluster.bootstrap_servers()).await;
    // It has its id, and knows the broker.
    log.append(Topic::Totals, &message(400)).await.unwrap();
    // Both are on their way before the first is refused: they are too large for one request.
    cluster.broker_round_trip_time(1, Duration::from_millis(500)).unwrap();
    cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION]);
    let large = message(RECORD_BYTES_MAX - 1024);
    let (first, second) = join(log.append(Topic::Entries, &large), log.append(Topic::Entries, &large)).await;
    second.unwrap();
    let error = first.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(
        error.to_string(),
        "a record for test.entries was acknowledged without a place there, so it may be missing"
    );
    log.append(Topic::Entries, &message(400)).await.unwrap();
}

/// It would never find them again by itself (issue 5301 of librdkafka).
#[tokio::test]
async fn a_producer_that_was_told_of_no_brokers_finds_those_that_come_back() {
    let mut broker = ForgetfulBroker::start("test.entries").await;
    let log = log_at(broker.address()).await;
    log.append(Topic::Entries, &message(400)).await.unwrap();
    broker.forget();
    log.append(Topic::Entries, &message(400)).await.unwrap_err();
    broker.stop().await;
    for _ in 0..2 {
        log.append(Topic::Entries, &message(400)).await.unwrap_err();
    }
    broker.start_again().await;
    within_a_minute(async { while log.append(Topic::Entries, &message(400)).await.is_err() {} }).await;
}
