//! What `consolidation consume` and `worker` write of the totals of the log, on a real Kafka and a real DynamoDB engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::Duration;

use aws_sdk_dynamodb::{operation::update_item::UpdateItemInput, types::AttributeValue};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeSerializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use balances::{BalanceTable, Consistency};
use cashflow::{Currency, MerchantId};
use consolidation::consume::{self, Consolidator, Source};
use entry_log::{Consumption, Handler, Headers, Members, Message, NotHandled, Record, Step, Topic};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use telemetry::Telemetry;
use test_builders::{acme, date, merchant};
use test_events::EmittedMetrics;
use test_kafka::{TestLog, within_a_minute};
use test_stores::{DynamoDb, aws_at};
use tokio::sync::watch;

struct Consuming {
    store: DynamoDb,
    log: TestLog,
    emitted: EmittedMetrics,
}

impl Consuming {
    async fn start() -> Consuming {
        Consuming { store: DynamoDb::start().await, log: TestLog::create(1).await, emitted: EmittedMetrics::default() }
    }

    fn table(&self) -> BalanceTable {
        BalanceTable::new(self.store.client.clone(), &self.store.table_name)
    }

    async fn handle(&self, table: &BalanceTable, source: Source, records: &[Record]) -> Result<(), NotHandled> {
        self.handle_again(table, source, records, 0).await
    }

    async fn handle_again(
        &self,
        table: &BalanceTable,
        source: Source,
        records: &[Record],
        attempt: u32,
    ) -> Result<(), NotHandled> {
        let telemetry = &Telemetry::new(self.emitted.metrics(), None);
        Consolidator { table, log: &self.log.log, telemetry, source }.handle(records, attempt).await
    }

    async fn append(&self, topic: Topic, value: &Value, headers: &Headers) {
        let value = value.to_string().into_bytes();
        self.log.append(topic, &Message { key: "any".to_owned(), value, headers: headers.clone() }).await;
    }

    /// Appends totals and consumes them.
    async fn consume(&self, all: &[Value]) {
        for value in all {
            self.append(Topic::Totals, value, &Headers::default()).await;
        }
        self.handle(&self.table(), Source::Posted, &self.log.records(Topic::Totals).await).await.unwrap();
    }

    async fn closing(&self, merchant: &MerchantId) -> i128 {
        let day = date("2026-11-22");
        let balances = self.table().daily_balances(merchant, Currency::BRL, day, day, Consistency::Strong).await;
        balances.unwrap()[0].balance.closing
    }

    async fn waiting(&self, topic: Topic) -> Vec<(Value, Option<Step>, Option<String>)> {
        let records = self.log.records(topic).await.into_iter();
        let read = |record: Record| {
            let value = serde_json::from_slice(&record.value).unwrap_or_default();
            (value, record.headers.step, record.headers.reason)
        };
        records.map(read).collect()
    }
}

fn totals(merchant: &str, epoch: u32, credits: &str, entry_count: u64) -> Value {
    json!({
        "merchant_id": merchant,
        "outcomes": {"applied": 1, "duplicate": 0, "conflict": 0, "already_reversed": 0},
        "epoch": epoch,
        "totals_at": "2026-11-22T15:04:06Z",
        "waiting_since": Timestamp::now() - SignedDuration::from_secs(2),
        "totals": [{
            "period": "2026-11-22", "currency": "BRL", "credits": credits, "debits": "0", "entry_count": entry_count,
        }],
    })
}

fn waits(value: &Value, reason: &str) -> (Value, Option<Step>, Option<String>) {
    (value.clone(), Some(Step::Consolidate), Some(reason.to_owned()))
}

#[tokio::test]
async fn of_each_period_the_newest_totals_are_written_and_no_other() {
    let consuming = Consuming::start().await;
    let all = [
        totals("acme", 1, "100", 1),
        totals("acme", 1, "300", 3),
        totals("other", 1, "900", 9),
        totals("acme", 1, "200", 2),
        totals("other", 2, "400", 4),
    ];
    consuming.consume(&all).await;
    assert_eq!((consuming.closing(&acme()).await, consuming.closing(&merchant("other")).await), (300, 400));
    assert_eq!(consuming.emitted.sum("BalancesWritten"), 2);
    let lag = consuming.emitted.sum("ConsolidationLag");
    assert!((2_000..60_000).contains(&lag), "{lag}");
    consuming.consume(&[]).await;
    assert_eq!(consuming.emitted.sum("BalancesUpToDate"), 2);
}

#[tokio::test]
async fn totals_that_cannot_be_read_wait_or_are_dead_alone() {
    let consuming = Consuming::start().await;
    let mut newer = totals("acme", 1, "100", 1);
    newer["totals"][0]["fees"] = json!("1");
    let invalid = totals("acme", 1, "-1", 1);
    consuming.consume(&[newer.clone(), invalid.clone(), totals("acme", 1, "300", 3)]).await;
    assert_eq!(consuming.closing(&acme()).await, 300);
    assert_eq!(consuming.waiting(Topic::Retry15m).await, [waits(&newer, "NewerInput")]);
    assert_eq!(consuming.waiting(Topic::Dead).await, [waits(&invalid, "InvalidInput")]);
}

#[tokio::test]
async fn while_the_read_model_is_down_nothing_moves() {
    let consuming = Consuming::start().await;
    let nobody = aws_sdk_dynamodb::Client::new(&aws_at("http://127.0.0.1:9").await);
    let down = BalanceTable::new(nobody, "balances");
    consuming.append(Topic::Totals, &totals("acme", 1, "300", 3), &Headers::default()).await;
    consuming.append(Topic::Totals, &json!("garbage"), &Headers::default()).await;
    let records = consuming.log.records(Topic::Totals).await;
    for attempt in [0, 10] {
        consuming.handle_again(&down, Source::Posted, &records, attempt).await.unwrap_err();
    }
    for topic in [Topic::Retry1m, Topic::Retry15m, Topic::Dead] {
        assert_eq!(consuming.log.records(topic).await, [], "{topic:?}");
    }
    consuming.handle(&consuming.table(), Source::Posted, &records).await.unwrap();
    assert_eq!(consuming.closing(&acme()).await, 300);
}

/// Refuses to write anything of acme's, as DynamoDB may do with one partition.
#[derive(Debug)]
struct WithoutAcme;

impl Intercept for WithoutAcme {
    fn name(&self) -> &'static str {
        "without acme"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let update = context.input().downcast_ref::<UpdateItemInput>();
        let key = update.and_then(UpdateItemInput::key).and_then(|key| key.get("pk"));
        if key == Some(&AttributeValue::S("acme#BRL".to_owned())) { Err("throttled".into()) } else { Ok(()) }
    }
}

fn table_without_acme(consuming: &Consuming) -> BalanceTable {
    let config = consuming.store.client.config().to_builder().interceptor(WithoutAcme).build();
    BalanceTable::new(aws_sdk_dynamodb::Client::from_conf(config), &consuming.store.table_name)
}

#[tokio::test]
async fn totals_that_alone_cannot_be_written_wait_and_the_others_are_written() {
    let consuming = Consuming::start().await;
    let both = [totals("acme", 1, "300", 3), totals("other", 1, "900", 9)];
    let mut shared = both[0].clone();
    shared["totals"].as_array_mut().unwrap().push(both[0]["totals"][0].clone());
    shared["totals"][1]["period"] = json!("2026-11");
    for value in [&shared, &both[1]] {
        consuming.append(Topic::Totals, value, &Headers::default()).await;
    }
    let records = consuming.log.records(Topic::Totals).await;
    consuming.handle(&table_without_acme(&consuming), Source::Posted, &records).await.unwrap();
    assert_eq!((consuming.closing(&acme()).await, consuming.closing(&merchant("other")).await), (0, 900));
    let waiting = consuming.waiting(Topic::Retry1m).await;
    let mut expected = [both[0].clone(), both[0].clone()];
    expected[1]["totals"][0]["period"] = json!("2026-11");
    for one in &mut expected {
        one["outcomes"] = json!({"applied": 0, "duplicate": 0, "conflict": 0, "already_reversed": 0});
    }
    assert_eq!(waiting.len(), 2);
    for one in &expected {
        assert!(waiting.contains(&waits(one, "BalancesUnavailable")), "{waiting:?}");
    }
    consuming.handle(&consuming.table(), Source::Retries, &consuming.log.records(Topic::Retry1m).await).await.unwrap();
    assert_eq!(consuming.closing(&acme()).await, 300);
}

/// It may be the only one there, and others come after it.
#[tokio::test]
async fn totals_of_one_merchant_that_cannot_be_written_hold_up_nobody() {
    let consuming = Consuming::start().await;
    let value = totals("acme", 1, "300", 3);
    consuming.append(Topic::Totals, &value, &Headers::default()).await;
    let (table, records) = (table_without_acme(&consuming), consuming.log.records(Topic::Totals).await);
    for attempt in 0..3 {
        consuming.handle_again(&table, Source::Posted, &records, attempt).await.unwrap_err();
        assert_eq!(consuming.waiting(Topic::Retry1m).await, []);
    }
    consuming.handle_again(&table, Source::Posted, &records, 3).await.unwrap();
    let waiting = consuming.waiting(Topic::Retry1m).await;
    assert_eq!((waiting.len(), &waiting[0].0["totals"]), (1, &value["totals"]));
}

/// The topics of retries as the worker consumes them, but for the delay. What the recorder has to try again is passed over.
#[tokio::test]
async fn the_worker_writes_what_could_not_be_written_at_first() {
    let consuming = Consuming::start().await;
    let step = |step| Headers { step, ..Headers::default() };
    consuming.append(Topic::Retry1m, &json!("entries"), &step(Some(Step::Record))).await;
    consuming.append(Topic::Retry1m, &totals("acme", 1, "300", 3), &step(Some(Step::Consolidate))).await;
    let unknown = Headers { others: vec![("step".to_owned(), b"audit".to_vec())], ..Headers::default() };
    consuming.append(Topic::Retry1m, &json!("of a newer release"), &unknown).await;
    let consumptions = consume::of_retries().into_iter();
    let delay = Duration::from_secs(3_600);
    let consumptions = consumptions.map(|(source, consumption)| match consumption.topic == Topic::Retry1m {
        true => (source, Consumption { delay: Duration::ZERO, ..consumption }),
        false => (source, Consumption { delay, ..consumption }),
    });
    let (shutdown, ended) = watch::channel(false);
    let telemetry = Telemetry::new(consuming.emitted.metrics(), None);
    let table = consuming.table();
    let kafka = &consuming.log.kafka;
    let members = Members::of(2);
    let run = consume::run(kafka, &table, &consuming.log.log, &telemetry, consumptions.collect(), &members, &ended);
    let look = async {
        within_a_minute(async { while consuming.closing(&acme()).await != 300 {} }).await;
        within_a_minute(async { while consuming.waiting(Topic::Retry15m).await.is_empty() {} }).await;
        assert!(members.have_joined());
        shutdown.send(true).unwrap();
    };
    tokio::join!(async { run.await.unwrap() }, look);
    assert_eq!(consuming.log.unhandled(Topic::Retry1m, consume::RETRY_GROUP).await, 0);
    let waiting = &consuming.log.records(Topic::Retry15m).await;
    assert_eq!(waiting.len(), 1, "the record of a step that this release does not know");
    assert_eq!(waiting[0].headers.others, unknown.others, "its step is still that of the newer release");
    assert_eq!(waiting[0].headers.step, None);
}

#[tokio::test]
async fn what_could_not_be_written_for_seven_days_is_dead() {
    let consuming = Consuming::start().await;
    let days = |days: i64| Headers {
        step: Some(Step::Consolidate),
        first_failed_at: Some(Timestamp::now() - SignedDuration::from_hours(24 * days)),
        ..Headers::default()
    };
    consuming.append(Topic::Retry15m, &totals("acme", 1, "300", 3), &days(8)).await;
    consuming.append(Topic::Retry15m, &totals("other", 1, "900", 9), &days(8)).await;
    let records = consuming.log.records(Topic::Retry15m).await;
    consuming.handle(&table_without_acme(&consuming), Source::Retries, &records).await.unwrap();
    assert_eq!(consuming.closing(&merchant("other")).await, 900);
    let dead = consuming.waiting(Topic::Dead).await;
    assert_eq!(dead.len(), 1);
    assert_eq!((&dead[0].0["merchant_id"], dead[0].2.as_deref()), (&json!("acme"), Some("BalancesUnavailable")));
    assert_eq!(consuming.emitted.records().iter().filter(|line| line["Reason"] == "BalancesUnavailable").count(), 1);
}
