//! `entries record` and `entries sweep` as they run, on a real Kafka and a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeMap;

use cashflow::MerchantId;
use entries::{
    record::{self, RECORD_GROUP},
    sweep::{SweepError, Swept, sweep},
};
use entry_log::{EntryLog, Headers, KafkaConfig, Members, Message, Topic};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use ledger::{Ledger, LedgerConfig};
use serde_json::json;
use telemetry::Telemetry;
use test_builders::{entry, merchant};
use test_events::EmittedMetrics;
use test_kafka::{TestLog, within_a_minute};
use test_stores::Database;
use tokio::{
    sync::watch,
    task::{JoinHandle, LocalSet, spawn_local},
};
use workflow::{PostedEntries, RecordEntries};

const MERCHANTS: usize = 20;

fn merchant_number(number: usize) -> MerchantId {
    merchant(&format!("merchant-{}", number % MERCHANTS))
}

/// A sale of 0.01, of twenty merchants in turn.
fn message(number: usize) -> Message {
    let merchant = merchant_number(number);
    let sale = entry(&format!("sale-{number}")).of(&merchant).minor(1).build();
    let value = json!(RecordEntries::new(&merchant, &[sale])).to_string().into_bytes();
    Message { key: merchant.to_string(), value, headers: Headers::default() }
}

async fn append(log: &TestLog, numbers: std::ops::Range<usize>) {
    let messages: Vec<Message> = numbers.map(message).collect();
    join_all(messages.iter().map(|message| log.append(Topic::Entries, message))).await;
}

/// A recorder in the background, as a process of its own would be.
struct Running {
    shutdown: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(kafka: &KafkaConfig, ledger: LedgerConfig) -> Running {
        let (shutdown, ended) = watch::channel(false);
        let kafka = kafka.clone();
        let task = spawn_local(async move {
            let log = entry_log::EntryLog::new(&kafka).await.unwrap();
            let telemetry = Telemetry::new(EmittedMetrics::default().metrics(), None);
            record::run(&kafka, &Ledger::new(ledger), &log, &telemetry, &Members::of(3), &ended).await.unwrap();
        });
        Running { shutdown, task }
    }

    async fn end(self) {
        self.shutdown.send(true).unwrap();
        self.task.await.unwrap();
    }

    /// Whatever it works on is dropped, and nothing of it is committed.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn posted(database: &Database) -> i64 {
    database.owner().await.query_one("SELECT count(*) FROM entry", &[]).await.unwrap().get(0)
}

/// Waits until the ledger has so many entries.
async fn wait_for(database: &Database, count: i64) {
    within_a_minute(async { while posted(database).await < count {} }).await;
}

/// Consumers come and go under load: one begins, a second joins, the first is killed, a third joins.
#[tokio::test]
async fn consumers_that_come_and_go_post_every_entry_once() {
    let test = async {
        let log = TestLog::create(6).await;
        let database = Database::create().await;
        let first = Running::start(&log.kafka, database.config()).await;
        append(&log, 0..1_000).await;
        let second = Running::start(&log.kafka, database.config()).await;
        append(&log, 1_000..2_000).await;
        wait_for(&database, 500).await;
        first.kill().await;
        append(&log, 2_000..3_000).await;
        let third = Running::start(&log.kafka, database.config()).await;
        append(&log, 3_000..4_000).await;
        wait_for(&database, 4_000).await;
        second.end().await;
        third.end().await;
        assert_eq!(posted(&database).await, 4_000);
        assert_eq!(log.unhandled(Topic::Entries, RECORD_GROUP).await, 0);
        let mut newest: BTreeMap<String, u64> = BTreeMap::new();
        for record in log.records(Topic::Totals).await {
            let posted: PostedEntries = serde_json::from_slice(&record.value).unwrap();
            let day = posted.totals.iter().find(|totals| totals.period == "2026-11-22").unwrap();
            let held = newest.entry(posted.merchant_id).or_default();
            *held = day.entry_count.max(*held);
        }
        let expected = (0..MERCHANTS).map(|number| (merchant_number(number).to_string(), 200));
        assert_eq!(newest, expected.collect(), "the totals of all entries were appended");
    };
    LocalSet::new().run_until(test).await;
}

/// Run again it would not find that any more, and nobody would be told.
#[tokio::test]
async fn a_sweep_that_fails_tells_what_it_has_found_before() {
    let log = TestLog::create(1).await;
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let telemetry = Telemetry::new(EmittedMetrics::default().metrics(), None);
    append(&log, 0..3).await;
    log.pass_over(Topic::Entries, RECORD_GROUP).await;
    let nobody = KafkaConfig { brokers: "127.0.0.1:9".to_owned(), ..log.kafka.clone() };
    let nobody = EntryLog::new(&nobody).await.unwrap();
    let (now, hour) = (Timestamp::now(), SignedDuration::from_hours(1));
    let mut swept = Swept::default();
    let ended = sweep(&log.kafka, &ledger, &nobody, &telemetry, (now - hour, now + hour), &mut swept).await;
    assert!(matches!(ended, Err(SweepError::Append(_))), "{ended:?}");
    assert!(swept.entries_posted > 0, "{swept:?}");
}

/// Of what the recorder has handled; the rest is its own business.
#[tokio::test]
async fn a_sweep_posts_and_counts_what_is_missing_in_the_ledger() {
    let log = TestLog::create(3).await;
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let emitted = EmittedMetrics::default();
    let telemetry = Telemetry::new(emitted.metrics(), None);
    append(&log, 0..30).await;
    let garbage = Message { key: "a".to_owned(), value: b"{}".to_vec(), headers: Headers::default() };
    log.append(Topic::Entries, &garbage).await;
    log.pass_over(Topic::Entries, RECORD_GROUP).await;
    append(&log, 30..40).await;
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    let part = (now - hour, now + hour);
    let sweep = async |part| {
        let mut swept = Swept::default();
        sweep(&log.kafka, &ledger, &log.log, &telemetry, part, &mut swept).await.unwrap();
        swept
    };

    assert_eq!(sweep((now - hour - hour, now - hour)).await, Swept { is_whole: true, ..Swept::default() });
    // The recorder is not that far: the rest of this part is for another sweep.
    let found = Swept { records: 31, entries_posted: 30, records_unposted: 1, is_whole: false };
    assert_eq!(sweep(part).await, found);
    assert_eq!(posted(&database).await, 30);
    assert_eq!(sweep(part).await, Swept { entries_posted: 0, ..found });
    log.pass_over(Topic::Entries, RECORD_GROUP).await;
    assert_eq!(sweep(part).await, Swept { records: 41, entries_posted: 10, records_unposted: 1, is_whole: true });
    assert_eq!(emitted.sum("EntriesSwept"), 40);
    let totals = log.records(Topic::Totals).await;
    assert!(totals.len() >= MERCHANTS, "they were appended for the read model");
    assert_eq!(log.records(Topic::Dead).await, [], "the recorder did that");
}
