//! What a consumer hands to its handler, on a real Kafka.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    future::pending,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use entry_log::{
    Consumption, Handler, Headers, KafkaConfig, Members, Message, NotHandled, Record, Step, Topic, consume,
};
use futures::future::{join_all, try_join};
use jiff::Timestamp;
use test_kafka::{TestLog, within_a_minute};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::sleep,
};

const GROUP: &str = "test";

/// A handler that does what a test says.
struct Doing<F>(F);

impl<F: AsyncFn(&[Record], u32) -> Result<(), NotHandled>> Handler for Doing<F> {
    fn concerns(&self, record: &Record) -> bool {
        record.headers.step != Some(Step::Consolidate)
    }

    async fn handle(&self, records: &[Record], attempt: u32) -> Result<(), NotHandled> {
        (self.0)(records, attempt).await
    }

    fn lag(&self, _: Topic, _: u64) {}

    fn late(&self, _: Topic, _: Duration) {}
}

/// A handler that never ends its work, and tells how many records wait, or how late it is.
struct Waiting {
    lag: mpsc::UnboundedSender<(Topic, u64)>,
    late: mpsc::UnboundedSender<(Topic, Duration)>,
}

impl Handler for Waiting {
    fn concerns(&self, _: &Record) -> bool {
        true
    }

    async fn handle(&self, _: &[Record], _: u32) -> Result<(), NotHandled> {
        pending().await
    }

    fn lag(&self, topic: Topic, records: u64) {
        // The test may have ended.
        let _ = self.lag.send((topic, records));
    }

    fn late(&self, topic: Topic, by: Duration) {
        let _ = self.late.send((topic, by));
    }
}

/// A consumer in the background.
struct Running {
    shutdown: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    async fn end(self) {
        self.shutdown.send(true).unwrap();
        self.task.await.unwrap();
    }
}

/// What a consumer was given, and how it ended that.
type Given = mpsc::UnboundedReceiver<Vec<Record>>;

/// Starts a consumer that tells what it was given, then lets `work` decide.
fn start<F>(kafka: &KafkaConfig, delay: Duration, work: F) -> (Running, Given)
where
    F: AsyncFn(&[Record], u32) -> Result<(), NotHandled> + 'static,
{
    let consumption = Consumption { group: GROUP, topic: Topic::Entries, delay };
    let (kafka, (tell, given)) = (kafka.clone(), mpsc::unbounded_channel());
    let (shutdown, mut ended) = watch::channel(false);
    let task = tokio::task::spawn_local(async move {
        let handler = Doing(async |records: &[Record], attempt| {
            // The test may have ended.
            let _ = tell.send(records.to_vec());
            work(records, attempt).await
        });
        let ended = async { drop(ended.wait_for(|ends| *ends).await) };
        consume(&kafka, &consumption, &handler, &Members::of(1), ended).await.unwrap();
    });
    (Running { shutdown, task }, given)
}

async fn fine(_: &[Record], _: u32) -> Result<(), NotHandled> {
    Ok(())
}

fn cut_off() -> NotHandled {
    NotHandled("cut off".into())
}

fn message(key: &str, value: usize) -> Message {
    Message { key: key.to_owned(), value: value.to_string().into_bytes(), headers: Headers::default() }
}

/// Appends so many records, of ten keys in turn.
async fn append(log: &TestLog, numbers: std::ops::Range<usize>) {
    let messages: Vec<Message> = numbers.map(|number| message(&format!("key-{}", number % 10), number)).collect();
    join_all(messages.iter().map(|message| log.append(Topic::Entries, message))).await;
}

fn number(record: &Record) -> usize {
    str::from_utf8(&record.value).unwrap().parse().unwrap()
}

/// Waits until so many records were given, and answers all.
async fn take(given: &mut Given, count: usize) -> Vec<Record> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(within_a_minute(given.recv()).await.unwrap());
    }
    all
}

fn numbers(records: &[Record]) -> Vec<usize> {
    let mut numbers: Vec<usize> = records.iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// Runs a test whose futures need not be sent between threads.
async fn locally<T>(test: impl Future<Output = T>) -> T {
    tokio::task::LocalSet::new().run_until(test).await
}

#[tokio::test]
async fn every_record_is_given_once_and_those_of_a_partition_in_order() {
    locally(async {
        let log = TestLog::create(3).await;
        append(&log, 0..1_200).await;
        let (consumer, mut given) = start(&log.kafka, Duration::ZERO, fine);
        let mut offsets: BTreeMap<i32, i64> = BTreeMap::new();
        let mut all = Vec::new();
        while all.len() < 1_200 {
            all.extend(take(&mut given, 1).await);
        }
        for record in &all {
            let expected = offsets.entry(record.origin.partition).or_default();
            assert_eq!(record.origin.offset, *expected);
            *expected += 1;
        }
        assert_eq!(numbers(&all), (0..1_200).collect::<Vec<_>>());
        consumer.end().await;
    })
    .await;
}

/// The pauses of six attempts are longer than what a consumer goes without polling: its partitions are paused then, with what was
/// read ahead thrown away.
#[tokio::test]
async fn what_cannot_be_handled_now_is_given_again_and_the_rest_waits() {
    locally(async {
        let log = TestLog::create(2).await;
        append(&log, 0..700).await;
        let failures = Cell::new(0);
        let (consumer, mut given) = start(&log.kafka, Duration::ZERO, async move |_: &[Record], _| {
            failures.set(failures.get() + 1);
            if failures.get() < 7 { Err(cut_off()) } else { Ok(()) }
        });
        let first = take(&mut given, 1).await;
        append(&log, 700..800).await;
        let mut handled = Vec::new();
        let mut attempts = 1;
        while handled.len() < 800 {
            let records = take(&mut given, 1).await;
            if attempts < 6 {
                assert_eq!(numbers(&records), numbers(&first));
                attempts += 1;
            } else {
                handled.extend(records);
            }
        }
        assert_eq!(numbers(&handled), (0..800).collect::<Vec<_>>(), "each was handled once");
        consumer.end().await;
    })
    .await;
}

#[tokio::test]
async fn what_a_consumer_has_not_finished_its_successor_is_given() {
    locally(async {
        let log = TestLog::create(2).await;
        append(&log, 0..50).await;
        let (killed, mut given) = start(&log.kafka, Duration::ZERO, async |_: &[Record], _| pending().await);
        take(&mut given, 1).await;
        killed.task.abort();
        let _ = killed.task.await;
        let (consumer, mut given) = start(&log.kafka, Duration::ZERO, fine);
        assert_eq!(numbers(&take(&mut given, 50).await), (0..50).collect::<Vec<_>>());
        consumer.end().await;
    })
    .await;
}

#[tokio::test]
async fn what_a_consumer_has_finished_nobody_is_given_again() {
    locally(async {
        let log = TestLog::create(2).await;
        append(&log, 0..50).await;
        let (consumer, mut given) = start(&log.kafka, Duration::ZERO, fine);
        take(&mut given, 50).await;
        consumer.end().await;
        append(&log, 50..60).await;
        let (consumer, mut given) = start(&log.kafka, Duration::ZERO, fine);
        assert_eq!(numbers(&take(&mut given, 10).await), (50..60).collect::<Vec<_>>());
        consumer.end().await;
    })
    .await;
}

/// The first consumer works on records of all partitions and does not end. When a second one joins, it goes on without those that
/// it loses.
#[tokio::test]
async fn work_on_a_partition_that_is_taken_away_is_dropped() {
    locally(async {
        let log = TestLog::create(4).await;
        let (release, released) = watch::channel(false);
        let waits = released.clone();
        let partitions =
            |records: &[Record]| records.iter().map(|record| record.origin.partition).collect::<BTreeSet<_>>();
        let (first, mut first_given) = start(&log.kafka, Duration::ZERO, async move |records: &[Record], _| {
            if partitions(records).len() == 4 {
                waits.clone().wait_for(|released| *released).await.unwrap();
            }
            Ok(())
        });
        // How many records come together is the client's affair: until some of all partitions do.
        let (mut all, mut appended) = (Vec::new(), 0);
        let begun = 'begun: loop {
            append(&log, appended..appended + 200).await;
            appended += 200;
            while all.len() < appended {
                let records = take(&mut first_given, 1).await;
                if partitions(&records).len() == 4 {
                    break 'begun records;
                }
                all.extend(records);
            }
        };
        let (second, mut second_given) = start(&log.kafka, Duration::ZERO, fine);
        let of_second = take(&mut second_given, 1).await;
        let of_first = take(&mut first_given, 1).await;
        assert!(partitions(&of_first).is_disjoint(&partitions(&of_second)));
        assert!(partitions(&of_first).is_subset(&partitions(&begun)));
        release.send(true).unwrap();
        all.extend(of_first);
        all.extend(of_second);
        while numbers(&all).into_iter().collect::<BTreeSet<_>>().len() < appended {
            tokio::select! {
                records = first_given.recv() => all.extend(records.unwrap()),
                records = second_given.recv() => all.extend(records.unwrap()),
            }
        }
        assert_eq!(numbers(&all), (0..appended).collect::<Vec<_>>(), "none of them twice");
        // What it lost while it was paused, it reads when it has it again.
        second.end().await;
        append(&log, appended..appended + 200).await;
        let rest = take(&mut first_given, 200).await;
        assert_eq!(numbers(&rest), (appended..appended + 200).collect::<Vec<_>>());
        first.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_record_is_given_when_it_is_as_old_as_the_delay() {
    locally(async {
        let log = TestLog::create(2).await;
        let delay = Duration::from_millis(1_500);
        append(&log, 0..20).await;
        let ages = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = ages.clone();
        let (consumer, mut given) = start(&log.kafka, delay, async move |records: &[Record], _| {
            let now = Timestamp::now();
            seen.borrow_mut().extend(records.iter().map(|record| now.duration_since(record.appended_at)));
            Ok(())
        });
        assert_eq!(numbers(&take(&mut given, 20).await), (0..20).collect::<Vec<_>>());
        assert!(ages.borrow().iter().all(|age| Duration::try_from(*age).unwrap() >= delay), "{ages:?}");
        consumer.end().await;
    })
    .await;
}

/// It has nothing to wait for.
#[tokio::test]
async fn a_record_for_another_handler_is_passed_over_at_once() {
    locally(async {
        let log = TestLog::create(1).await;
        let headers = Headers { step: Some(Step::Consolidate), ..Headers::default() };
        for number in 0..3 {
            log.append(Topic::Entries, &Message { headers: headers.clone(), ..message("key", number) }).await;
        }
        let (consumer, mut given) = start(&log.kafka, Duration::from_secs(3_600), fine);
        within_a_minute(async { while log.unhandled(Topic::Entries, GROUP).await > 0 {} }).await;
        consumer.end().await;
        assert!(given.try_recv().is_err(), "the handler was not asked");
    })
    .await;
}

#[tokio::test]
async fn a_handler_is_told_how_often_it_has_failed() {
    locally(async {
        let log = TestLog::create(1).await;
        append(&log, 0..1).await;
        let attempts = std::rc::Rc::new(AtomicU32::new(0));
        let counted = attempts.clone();
        let (consumer, mut given) = start(&log.kafka, Duration::ZERO, async move |_: &[Record], attempt| {
            assert_eq!(counted.fetch_add(1, Ordering::Relaxed), attempt);
            if attempt < 3 { Err(cut_off()) } else { Ok(()) }
        });
        take(&mut given, 4).await;
        consumer.end().await;
        assert_eq!(attempts.load(Ordering::Relaxed), 4);
    })
    .await;
}

/// A consumer that is no member of its group reads nothing, so that nothing seems to wait.
#[tokio::test]
async fn a_handler_is_told_that_its_consumer_cannot_join_its_group() {
    let log = TestLog::create(1).await;
    let kafka = KafkaConfig { brokers: "127.0.0.1:9".to_owned(), ..log.kafka.clone() };
    let ((lag, mut told), (late, mut told_late)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let consumption = Consumption { group: GROUP, topic: Topic::Entries, delay: Duration::ZERO };
    let handler = Waiting { lag, late };
    let members = Members::of(1);
    let told_so = async { while within_a_minute(told_late.recv()).await.unwrap().1 < Duration::from_secs(15) {} };
    tokio::select! {
        ended = consume(&kafka, &consumption, &handler, &members, pending()) => ended.unwrap(),
        () = told_so => {}
    }
    assert_eq!(told.try_recv().ok(), None);
    assert!(!members.have_joined());
}

/// One that is given no partition is a member, too: it takes over when another goes.
#[tokio::test]
async fn consumers_have_joined_when_each_is_a_member_of_its_group() {
    let log = TestLog::create(1).await;
    let members = Members::of(2);
    let consumption = Consumption { group: GROUP, topic: Topic::Entries, delay: Duration::ZERO };
    let handler = Doing(fine);
    let one = || consume(&log.kafka, &consumption, &handler, &members, pending());
    let (first, second) = (one(), one());
    tokio::select! {
        ended = try_join(first, second) => drop(ended.unwrap()),
        () = within_a_minute(async { while !members.have_joined() { sleep(Duration::from_millis(10)).await } }) => {}
    }
}

/// Every ten seconds: what is in work, what is behind it and what comes while nothing is read waits alike.
#[tokio::test]
async fn a_handler_is_told_how_many_records_wait_and_how_late_it_is() {
    let log = TestLog::create(2).await;
    append(&log, 0..700).await;
    let (lag, mut told) = mpsc::unbounded_channel();
    let (late, mut told_late) = mpsc::unbounded_channel();
    let consumption = Consumption { group: GROUP, topic: Topic::Entries, delay: Duration::ZERO };
    let handler = Waiting { lag, late };
    let counted = async {
        while within_a_minute(told.recv()).await != Some((Topic::Entries, 700)) {}
        append(&log, 700..900).await;
        while within_a_minute(told.recv()).await != Some((Topic::Entries, 900)) {}
        // And for how long the first of them is due, which a hundred records of a day do not tell.
        let is_late = |told: Option<(Topic, Duration)>| told.unwrap().1 >= Duration::from_secs(10);
        while !is_late(within_a_minute(told_late.recv()).await) {}
    };
    let members = Members::of(1);
    tokio::select! {
        ended = consume(&log.kafka, &consumption, &handler, &members, pending()) => ended.unwrap(),
        () = counted => {}
    }
}
