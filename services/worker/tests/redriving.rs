//! What `worker redrive` does with dead letters, on a real Kafka.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use entry_log::{Headers, Message, Record, Step, Topic, moved};
use jiff::Timestamp;
use test_events::EmittedMetrics;
use test_kafka::TestLog;
use worker::redrive::{Redriven, redrive};
use workflow::ErrorName;

fn message(value: &str, step: Option<Step>) -> Message {
    let headers = Headers { step, execution: Some("e".to_owned()), ..Headers::default() };
    Message { key: "acme".to_owned(), value: value.as_bytes().to_vec(), headers }
}

#[tokio::test]
async fn each_dead_letter_is_brought_back_once_to_the_step_that_it_failed_at() {
    let log = TestLog::create(2).await;
    let metrics = EmittedMetrics::default().metrics();
    for (value, step) in [("a", Step::Record), ("b", Step::Consolidate)] {
        log.append(Topic::Retry15m, &message(value, Some(step))).await;
    }
    let failed = log.records(Topic::Retry15m).await;
    let now = Timestamp::now();
    let dead = failed.iter().map(|record| moved(record, record.headers.step, ErrorName::InvalidInput, now));
    log.log.move_on(&metrics, dead.collect()).await.unwrap();
    log.append(Topic::Dead, &message("of no step", None)).await;
    let of_newer = Headers { others: vec![("step".to_owned(), b"audit".to_vec())], ..Headers::default() };
    let of_newer = Message { headers: of_newer, ..message("of a newer release", None) };
    log.append(Topic::Dead, &of_newer).await;

    let redriven = redrive(&log.kafka, &log.log, &metrics).await.unwrap();
    assert_eq!(redriven, Redriven { brought_back: 2, left: 2 });
    let mut back: Vec<Message> = log.records(Topic::Retry1m).await.iter().map(Record::to_message).collect();
    back.sort_by(|one, other| one.value.cmp(&other.value));
    assert_eq!(back, [message("a", Some(Step::Record)), message("b", Some(Step::Consolidate))]);

    // What this release knows no step of is found again, by one that may.
    assert_eq!(redrive(&log.kafka, &log.log, &metrics).await.unwrap(), Redriven { brought_back: 0, left: 2 });
    assert_eq!(log.records(Topic::Retry1m).await.len(), 2);
    let dead = log.records(Topic::Dead).await;
    assert_eq!(dead.iter().filter(|letter| letter.to_message() == of_newer).count(), 3);
}
