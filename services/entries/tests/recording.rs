//! What `entries record` makes of the records of the log, on a real Kafka and a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Entry, MerchantId};
use entries::record::{Recorder, Source};
use entry_log::{EntryLog, Handler, Headers, KafkaConfig, Message, NotHandled, Record, Security, Step, Topic};
use ledger::{Ledger, LedgerConfig};
use serde_json::{Value, json};
use telemetry::{Exposition, Metrics, Telemetry};
use test_builders::{EntryBuilder, acme, entry, merchant};
use test_events::EmittedMetrics;
use test_kafka::TestLog;
use test_stores::{Database, POST_NINE};
use workflow::{PostedEntries, RecordEntries};

/// A ledger, a log and what records the one in the other.
struct Recording {
    database: Database,
    ledger: Ledger,
    log: TestLog,
    emitted: EmittedMetrics,
}

impl Recording {
    async fn start() -> Recording {
        let database = Database::create().await;
        let ledger = Ledger::new(database.config());
        Recording { database, ledger, log: TestLog::create(1).await, emitted: EmittedMetrics::default() }
    }

    /// Appends the inputs, and records all that was appended.
    async fn record(&self, inputs: &[Value]) {
        for input in inputs {
            self.log.append(Topic::Entries, &message(input)).await;
        }
        self.handle(&self.log.records(Topic::Entries).await, 0).await.unwrap();
    }

    async fn handle(&self, records: &[Record], attempt: u32) -> Result<(), NotHandled> {
        self.handle_with(&self.ledger, &self.log.log, records, attempt).await
    }

    async fn handle_with(
        &self,
        ledger: &Ledger,
        log: &EntryLog,
        records: &[Record],
        attempt: u32,
    ) -> Result<(), NotHandled> {
        let telemetry = &Telemetry::new(self.emitted.metrics(), None);
        Recorder { ledger, log, telemetry, source: Source::Accepted }.handle(records, attempt).await
    }

    /// How many entries the ledger has.
    async fn posted(&self) -> i64 {
        self.database.owner().await.query_one("SELECT count(*) FROM entry", &[]).await.unwrap().get(0)
    }

    async fn totals(&self) -> Vec<PostedEntries> {
        let records = self.log.records(Topic::Totals).await;
        records.iter().map(|record| serde_json::from_slice(&record.value).unwrap()).collect()
    }

    /// Of what waits in a topic: the value, the step and the reason.
    async fn waiting(&self, topic: Topic) -> Vec<(Value, Option<Step>, Option<String>)> {
        let records = self.log.records(topic).await.into_iter();
        let read = |record: Record| {
            let value = serde_json::from_slice(&record.value).unwrap_or_default();
            (value, record.headers.step, record.headers.reason)
        };
        records.map(read).collect()
    }
}

fn message(input: &Value) -> Message {
    Message { key: "any".to_owned(), value: input.to_string().into_bytes(), headers: Headers::default() }
}

fn input_of(merchant: &MerchantId, entries: &[Entry]) -> Value {
    json!(RecordEntries::new(merchant, entries))
}

fn input(entries: impl IntoIterator<Item = EntryBuilder>) -> Value {
    input_of(&acme(), &entries.into_iter().map(EntryBuilder::build).collect::<Vec<_>>())
}

fn waits(value: &Value, reason: &str) -> (Value, Option<Step>, Option<String>) {
    (value.clone(), Some(Step::Record), Some(reason.to_owned()))
}

#[tokio::test]
async fn a_poll_is_posted_and_each_merchant_gets_its_totals_once() {
    let recording = Recording::start().await;
    let other = merchant("other");
    let of_other = input_of(&other, &[entry("a").of(&other).credit("5.00").build()]);
    let sales = ["a", "b", "c"].map(|key| input([entry(key).credit("1.00")]));
    recording.record(&[&sales[..], &[of_other]].concat()).await;
    assert_eq!(recording.posted().await, 4);
    let totals = recording.totals().await;
    let seen = |posted: &PostedEntries| {
        let day = posted.totals.iter().find(|totals| totals.period == "2026-11-22").unwrap();
        (posted.merchant_id.clone(), posted.outcomes.posted, day.entry_count, day.credits.clone())
    };
    let mut seen: Vec<_> = totals.iter().map(seen).collect();
    seen.sort();
    assert_eq!(seen, [("acme".to_owned(), 3, 3, "300".to_owned()), ("other".to_owned(), 1, 1, "500".to_owned())]);
    let first = &recording.log.records(Topic::Entries).await[0];
    assert!(totals.iter().all(|posted| posted.waiting_since >= Some(first.appended_at)));
}

/// The key of a record chooses its partition and nothing else.
#[tokio::test]
async fn the_merchant_is_that_of_the_value() {
    let recording = Recording::start().await;
    let forged = Message { key: "other".to_owned(), ..message(&input([entry("a")])) };
    recording.log.append(Topic::Entries, &forged).await;
    recording.record(&[]).await;
    let merchant: String =
        recording.database.owner().await.query_one("SELECT merchant_id FROM entry", &[]).await.unwrap().get(0);
    assert_eq!(merchant, "acme");
    assert_eq!(recording.log.records(Topic::Totals).await[0].key, "acme");
}

#[tokio::test]
async fn of_an_id_that_comes_twice_in_a_poll_the_first_stands() {
    let recording = Recording::start().await;
    let first = input([entry("a").credit("1.00"), entry("b")]);
    let another = input([entry("a").credit("2.00")]);
    recording.record(&[first.clone(), first, another]).await;
    let [totals] = &*recording.totals().await else { panic!("one message") };
    let outcomes = &totals.outcomes;
    assert_eq!((outcomes.posted, outcomes.duplicate, outcomes.conflict), (2, 2, 1));
    let amount = "SELECT amount_minor FROM entry WHERE id = $1";
    let id = *test_builders::id("a").as_uuid();
    let amount: i64 = recording.database.owner().await.query_one(amount, &[&id]).await.unwrap().get(0);
    assert_eq!(amount, 100);
}

#[tokio::test]
async fn a_reversal_directly_behind_its_original_is_posted() {
    let recording = Recording::start().await;
    let original = entry("a").build();
    let reversal = input([entry("r").reversing(&original)]);
    recording.record(&[input([entry("a")]), reversal, input([entry("b")])]).await;
    assert_eq!(recording.posted().await, 3);
    assert_eq!(recording.waiting(Topic::Retry1m).await, []);
}

#[tokio::test]
async fn a_reversal_before_its_original_waits_alone() {
    let recording = Recording::start().await;
    let original = entry("a").build();
    let reversal = input([entry("r").reversing(&original)]);
    recording.record(&[input([entry("b")]), reversal.clone(), input([entry("a")])]).await;
    assert_eq!(recording.posted().await, 2);
    assert_eq!(recording.waiting(Topic::Retry1m).await, [waits(&reversal, "OriginalNotPosted")]);
    let retried = recording.log.records(Topic::Retry1m).await;
    recording.handle(&retried, 0).await.unwrap();
    assert_eq!(recording.posted().await, 3);
    let totals = recording.totals().await;
    assert_eq!(totals.last().unwrap().waiting_since, retried[0].headers.first_failed_at);
}

#[tokio::test]
async fn a_poison_message_goes_to_the_dead_letters_alone() {
    let recording = Recording::start().await;
    let mut invalid = input([entry("x"), entry("y")]);
    invalid["entries"][1]["amount_minor"] = json!("0");
    let of_no_merchant = json!({"merchant_id": "", "entries": invalid["entries"]});
    let garbage = Message { value: b"\xff{".to_vec(), ..message(&Value::Null) };
    recording.log.append(Topic::Entries, &garbage).await;
    recording.record(&[input([entry("a")]), invalid.clone(), of_no_merchant.clone(), input([entry("b")])]).await;
    assert_eq!(recording.posted().await, 2);
    let dead = recording.waiting(Topic::Dead).await;
    let expected = [Value::Null, invalid, of_no_merchant].map(|value| waits(&value, "InvalidInput"));
    assert_eq!(dead, expected);
    let letters = recording.log.records(Topic::Dead).await;
    assert_eq!(letters[0].value, garbage.value);
    let origins: Vec<_> = letters.iter().map(|letter| letter.headers.origin.clone().unwrap()).collect();
    let topic = recording.log.kafka.topics.name(Topic::Entries);
    assert_eq!(origins, [0, 2, 3].map(|offset| format!("{topic}-0-{offset}")));
    assert!(!recording.emitted.text().contains("amount"), "no line says what is in an input");
}

#[tokio::test]
async fn what_the_ledger_refuses_of_a_group_is_dead_and_the_rest_is_posted() {
    let recording = Recording::start().await;
    let owner = recording.database.owner().await;
    owner.batch_execute("ALTER TABLE entry ADD CHECK (amount_minor <> 666)").await.unwrap();
    let refused = input([entry("c"), entry("x").minor(666)]);
    recording.record(&[input([entry("a")]), refused.clone(), input([entry("b")])]).await;
    assert_eq!(recording.posted().await, 2);
    assert_eq!(recording.waiting(Topic::Dead).await, [waits(&refused, "InvalidInput")]);
    let [totals] = &*recording.totals().await else { panic!("one message") };
    assert_eq!(totals.outcomes.posted, 2);
}

#[tokio::test]
async fn merchants_with_few_entries_share_a_transaction_and_nothing_else() {
    let recording = Recording::start().await;
    let owner = recording.database.owner().await;
    owner.batch_execute("ALTER TABLE entry ADD CHECK (amount_minor <> 666)").await.unwrap();
    let names = ["m1", "m2", "m3", "m4"].map(merchant);
    let of =
        |merchant: &MerchantId, key: &str, minor| input_of(merchant, &[entry(key).of(merchant).minor(minor).build()]);
    let first: Vec<Value> = names.iter().map(|merchant| of(merchant, "a", 100)).collect();
    recording.record(&first).await;
    let transactions = "SELECT count(DISTINCT xmin::text) FROM entry";
    let transactions: i64 = owner.query_one(transactions, &[]).await.unwrap().get(0);
    assert_eq!((recording.posted().await, transactions), (4, 1));
    for merchant in &names {
        let id = entry("a").of(merchant).build().id.to_string();
        assert!(recording.emitted.text().contains(&id), "an entry is found in the log by its id");
    }

    // One of the next is refused, one was posted before, and one used its key for something else: each finds its own answer.
    let [refused, repeat, other, new] =
        [of(&names[0], "b", 666), of(&names[1], "a", 100), of(&names[2], "a", 200), of(&names[3], "b", 100)];
    let before = recording.log.records(Topic::Entries).await.len();
    for input in [&refused, &repeat, &other, &new] {
        recording.log.append(Topic::Entries, &message(input)).await;
    }
    let records = recording.log.records(Topic::Entries).await.split_off(before);
    recording.handle(&records, 0).await.unwrap();
    assert_eq!(recording.posted().await, 5);
    assert_eq!(recording.waiting(Topic::Dead).await, [waits(&refused, "InvalidInput")]);
    let totals = recording.totals().await.split_off(4);
    let mut outcomes: Vec<_> = totals
        .iter()
        .map(|posted| {
            let outcomes = &posted.outcomes;
            (posted.merchant_id.as_str(), [outcomes.posted, outcomes.duplicate, outcomes.conflict])
        })
        .collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [("m2", [0, 1, 0]), ("m3", [0, 0, 1]), ("m4", [1, 0, 0])]);
}

#[tokio::test]
async fn what_a_newer_release_wrote_waits_for_it() {
    let recording = Recording::start().await;
    let mut newer = input([entry("x")]);
    newer["entries"][0]["tags"] = json!(["a"]);
    recording.record(&[newer.clone(), input([entry("a")])]).await;
    assert_eq!(recording.posted().await, 1);
    assert_eq!(recording.waiting(Topic::Retry15m).await, [waits(&newer, "NewerInput")]);
}

#[tokio::test]
async fn a_header_that_is_not_known_changes_nothing() {
    let recording = Recording::start().await;
    let others = vec![("newer".to_owned(), b"\xff".to_vec())];
    // A step in the topic of accepted entries is nothing that anybody passes over.
    let headers = Headers { others, step: Some(Step::Consolidate), ..Headers::default() };
    recording.log.append(Topic::Entries, &Message { headers, ..message(&input([entry("a")])) }).await;
    let record = &recording.log.records(Topic::Entries).await[0];
    let telemetry = &Telemetry::new(recording.emitted.metrics(), None);
    let recorder = Recorder { ledger: &recording.ledger, log: &recording.log.log, telemetry, source: Source::Accepted };
    assert!(recorder.concerns(record));
    recording.record(&[]).await;
    assert_eq!(recording.posted().await, 1);
}

#[tokio::test]
async fn while_the_ledger_is_down_or_misconfigured_nothing_moves() {
    let recording = Recording::start().await;
    recording.log.append(Topic::Entries, &message(&input([entry("a")]))).await;
    recording.log.append(Topic::Entries, &message(&json!("garbage"))).await;
    let records = recording.log.records(Topic::Entries).await;
    let down = LedgerConfig { port: 1, ..recording.database.config() };
    let empty = LedgerConfig { database: "postgres".to_owned(), ..recording.database.config() };
    for config in [down, empty] {
        let ledger = Ledger::new(config);
        for attempt in [0, 1_000] {
            recording.handle_with(&ledger, &recording.log.log, &records, attempt).await.unwrap_err();
        }
    }
    for topic in [Topic::Totals, Topic::Retry1m, Topic::Retry15m, Topic::Dead] {
        assert_eq!(recording.log.records(topic).await, [], "{topic:?}");
    }
    recording.handle(&records, 1_001).await.unwrap();
    assert_eq!((recording.posted().await, recording.totals().await.len()), (1, 1));
}

/// Somebody is posting one of its entries and does not come to an end. It takes the limit of the ledger's statements three times: with
/// the others, and twice by itself. Of the others, some come before it in the order in which merchants are posted, and some after it.
#[tokio::test]
async fn a_merchant_whose_entries_alone_cannot_be_posted_stops_no_other() {
    let recording = Recording::start().await;
    let locked = input([entry("a")]);
    recording.log.append(Topic::Entries, &message(&locked)).await;
    for other in ["a", "aa", "b", "other"].map(merchant) {
        let of_other = input_of(&other, &[entry("a").of(&other).build()]);
        recording.log.append(Topic::Entries, &message(&of_other)).await;
    }
    let records = recording.log.records(Topic::Entries).await;
    let owner = recording.database.owner().await;
    let posting = POST_NINE.replace("gen_random_uuid()", &format!("'{}'::uuid", test_builders::id("a")));
    owner.batch_execute(&format!("BEGIN; {posting}")).await.unwrap();
    recording.handle(&records, 0).await.unwrap_err();
    assert_eq!(recording.posted().await, 4);
    assert_eq!(recording.waiting(Topic::Retry1m).await, []);
    recording.handle(&records, 3).await.unwrap();
    assert_eq!(recording.waiting(Topic::Retry1m).await, [waits(&locked, "LedgerUnavailable")]);
    assert_eq!(recording.totals().await.len(), 4);
}

/// With few entries, a batch is often of one merchant.
#[tokio::test]
async fn a_merchant_that_is_alone_in_a_batch_stops_nobody_behind_it() {
    let recording = Recording::start().await;
    let locked = input([entry("a")]);
    recording.log.append(Topic::Entries, &message(&locked)).await;
    let records = recording.log.records(Topic::Entries).await;
    let owner = recording.database.owner().await;
    let posting = POST_NINE.replace("gen_random_uuid()", &format!("'{}'::uuid", test_builders::id("a")));
    owner.batch_execute(&format!("BEGIN; {posting}")).await.unwrap();
    recording.handle(&records, 2).await.unwrap_err();
    assert_eq!(recording.waiting(Topic::Retry1m).await, []);
    recording.handle(&records, 3).await.unwrap();
    assert_eq!(recording.waiting(Topic::Retry1m).await, [waits(&locked, "LedgerUnavailable")]);
}

/// As after a failover to a replica: then it is nothing of these merchants.
#[tokio::test]
async fn a_ledger_that_takes_no_writes_lets_everybody_wait() {
    let recording = Recording::start().await;
    recording.log.append(Topic::Entries, &message(&input([entry("a")]))).await;
    let records = recording.log.records(Topic::Entries).await;
    let owner = recording.database.owner().await;
    let name: String = owner.query_one("SELECT current_database()", &[]).await.unwrap().get(0);
    owner.batch_execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await.unwrap();
    recording.handle(&records, 3).await.unwrap_err();
    assert_eq!(recording.waiting(Topic::Retry1m).await, []);
    owner.batch_execute(&format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await.unwrap();
}

/// The consumer dies after it has posted and before the totals are appended: what comes then is handled again.
#[tokio::test]
async fn what_was_posted_and_not_appended_is_posted_once_and_appended() {
    let recording = Recording::start().await;
    recording.log.append(Topic::Entries, &message(&input([entry("a"), entry("b")]))).await;
    let records = recording.log.records(Topic::Entries).await;
    let nobody = KafkaConfig {
        brokers: "127.0.0.1:9".to_owned(),
        security: Security::Plaintext,
        topics: recording.log.kafka.topics.clone(),
    };
    let nobody = EntryLog::new(&nobody).await.unwrap();
    recording.handle_with(&recording.ledger, &nobody, &records, 0).await.unwrap_err();
    assert_eq!((recording.posted().await, recording.totals().await.len()), (2, 0));
    for _ in 0..2 {
        recording.handle(&records, 1).await.unwrap();
    }
    assert_eq!(recording.posted().await, 2);
    let totals = recording.totals().await;
    let counts: Vec<_> =
        totals.iter().map(|posted| (posted.outcomes.duplicate, posted.totals[0].entry_count)).collect();
    assert_eq!(counts, [(2, 2), (2, 2)]);
}

#[tokio::test]
async fn what_waits_is_measured_for_each_topic() {
    let recording = Recording::start().await;
    let exposition = Exposition::default();
    let telemetry = &Telemetry::new(Metrics::exposed(&exposition, std::io::sink()), None);
    let recorder = Recorder { ledger: &recording.ledger, log: &recording.log.log, telemetry, source: Source::Accepted };
    recorder.lag(Topic::Entries, 7);
    recorder.lag(Topic::Retry1m, 2);
    let shown = exposition.text();
    for line in ["fluxo_log_lag_records{topic=\"entries\"} 7", "fluxo_log_lag_records{topic=\"retry.1m\"} 2"] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
}
