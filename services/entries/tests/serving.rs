//! The process `entries serve`, with a real PostgreSQL, Redis and Kafka and tokens signed for real.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use entry_log::Topic;
use futures::future::join_all;
use ledger::{Authentication, Ledger, Outcome};
use serde_json::{Value, json};
use test_kafka::TestLog;
use test_stores::{Database, RedisServer};
use test_tokens::Issuer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use workflow::RecordEntries;

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(60);

/// What a client waits at most for an entry to be accepted or not.
const PATIENCE_OF_CLIENTS: Duration = Duration::from_secs(6);

/// The stores of a service, and the topics.
struct World {
    issuer: Issuer,
    database: Database,
    redis: RedisServer,
    topics: TestLog,
}

/// A process of the service; killed when it goes.
struct Service {
    process: Child,
    public: SocketAddr,
    internal: SocketAddr,
    token: String,
}

impl World {
    async fn new() -> World {
        let (database, redis) = (Database::create().await, RedisServer::start().await);
        World { issuer: Issuer::start().await, database, redis, topics: TestLog::create(2).await }
    }

    /// Starts the service with these brokers and waits until it is ready.
    async fn serve(&self, brokers: &str) -> Service {
        let service = self.start("serve", brokers).await;
        service.until_it_is("/readyz").await;
        service
    }

    /// Starts a process of the service.
    async fn start(&self, command: &str, brokers: &str) -> Service {
        let [public, internal] = [free_address().await, free_address().await];
        let ledger = self.database.config();
        let Authentication::Password(password) = ledger.authentication else { panic!("a password") };
        let prefix = self.topics.kafka.topics.name(Topic::Entries);
        let tokens = self.issuer.config();
        let settings = [
            ("LISTEN", public.to_string()),
            ("LISTEN_INTERNAL", internal.to_string()),
            ("DRAIN_SECONDS", "0".to_owned()),
            ("JWT_ISSUER", tokens.issuer.clone()),
            ("JWT_AUDIENCE", tokens.audience.join(",")),
            ("KAFKA_BROKERS", brokers.to_owned()),
            ("KAFKA_SECURITY", "plaintext".to_owned()),
            ("KAFKA_TOPIC_PREFIX", prefix.trim_end_matches(".entries").to_owned()),
            ("LEDGER_HOST", ledger.host),
            ("LEDGER_PORT", ledger.port.to_string()),
            ("LEDGER_DATABASE", ledger.database),
            ("LEDGER_USER", ledger.user),
            ("LEDGER_AUTH", "password".to_owned()),
            ("LEDGER_PASSWORD", password),
            ("LEDGER_TLS", "off".to_owned()),
            ("LEDGER_GENERATION", "1-00ff".to_owned()),
            ("REDIS_URL", self.redis.url()),
            ("REDIS_KEY_PREFIX", "fluxo".to_owned()),
            ("BALANCES_TABLE", "balances".to_owned()),
            ("BALANCE_TOKEN_KEY", "0123456789abcdefghijklmnopqrstuv".to_owned()),
            ("BUSINESS_TIME_ZONE", "America/Sao_Paulo".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ];
        let process = Command::new(env!("CARGO_BIN_EXE_entries"))
            .arg(command)
            .envs(settings)
            .stdout(Stdio::null())
            .spawn()
            .expect("the service starts");
        Service { process, public, internal, token: self.issuer.token(&json!({})) }
    }

    /// Posts everything that is in the log, in its order, as `entries record` does. What became of each.
    async fn record(&self) -> Vec<Outcome> {
        let ledger = Ledger::new(self.database.config());
        let mut outcomes = Vec::new();
        for record in self.topics.records(Topic::Entries).await {
            let input: RecordEntries = serde_json::from_slice(&record.value).unwrap();
            let (merchant, entries) = input.parse().unwrap();
            outcomes.extend(ledger.post(&merchant, &entries).await.unwrap().outcomes);
        }
        outcomes
    }
}

impl Service {
    async fn until_it_is(&self, probe: &str) {
        let well = async {
            while self.probe(probe).await != Some(200) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(BOUND, well).await.unwrap_or_else(|_| panic!("{probe}"));
    }

    async fn probe(&self, path: &str) -> Option<u16> {
        exchange(self.internal, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
            .await
            .map(|(status, ..)| status)
    }

    async fn send(&self, line: &str, headers: &str, body: &str) -> Answer {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: api\r\nConnection: close\r\nAuthorization: Bearer {}\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        let begun = Instant::now();
        let (status, head, body) = exchange(self.public, &head).await.expect("an answer");
        let body = serde_json::from_str(&body).unwrap_or(Value::Null);
        Answer { status, head: head.to_lowercase(), body, took: begun.elapsed() }
    }

    async fn post(&self, key: &str, amount: &str) -> Answer {
        let body = json!({"type": "credit", "amount": amount, "date": "2026-11-22"}).to_string();
        self.send("POST /entries", &format!("Idempotency-Key: {key}\r\n"), &body).await
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Value,
    took: Duration,
}

async fn exchange(address: SocketAddr, request: &str) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut text = String::new();
    timeout(BOUND, stream.read_to_string(&mut text)).await.expect("an answer").ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, head.to_owned(), body.to_owned()))
}

async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn an_entry_that_is_accepted_is_in_the_log() {
    let world = World::new().await;
    let service = world.serve(&world.topics.kafka.brokers).await;
    let answer = service.post("sale-1", "150.75").await;
    assert_eq!(
        (answer.status, &answer.body["amount"], &answer.body["status"]),
        (202, &json!("150.75"), &json!("accepted"))
    );
    let id = answer.body["id"].as_str().unwrap();
    assert!(answer.head.contains(&format!("location: /entries/{id}")), "{}", answer.head);
    let [record] = &world.topics.records(Topic::Entries).await[..] else { panic!("one record") };
    let input: Value = serde_json::from_slice(&record.value).unwrap();
    assert_eq!(
        (record.key.as_str(), &input["merchant_id"], &input["entries"][0]["id"]),
        ("acme", &json!("acme"), &json!(id))
    );
    assert!(record.headers.execution.as_ref().unwrap().starts_with(id), "{:?}", record.headers);
    let request_id = record.headers.request_id.as_ref().unwrap();
    assert!(answer.head.contains(&format!("apigw-requestid: {request_id}")), "{}", answer.head);
    // A repeat is answered from the cache and appends nothing.
    let again = service.post("sale-1", "150.75").await;
    assert!(again.status == 202 && again.head.contains("idempotent-replayed: true"), "{again:?}");
    assert_eq!(service.post("sale-1", "1.00").await.status, 422);
    assert_eq!(world.record().await, [Outcome::Posted]);
    // Posted, it is found in the ledger, and its reversal is accepted.
    let found = service.send(&format!("GET /entries/{id}"), "", "").await;
    assert_eq!((found.status, &found.body["status"]), (200, &json!("posted")));
    let reversal = service.send(&format!("POST /entries/{id}/reversal"), "Idempotency-Key: undo-1\r\n", "").await;
    assert_eq!((reversal.status, &reversal.body["reverses"]), (202, &json!(id)));
    assert_eq!(world.record().await, [Outcome::Duplicate, Outcome::Posted]);
}

/// A fresh memory, so that nothing but the ledger can tell.
#[tokio::test]
async fn the_same_key_after_an_unknown_outcome_is_one_entry() {
    let world = World::new().await;
    let hanging = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let silent = world.serve(&hanging.local_addr().unwrap().to_string()).await;
    assert_eq!(silent.post("sale-1", "9.00").await.status, 503);
    let service = world.serve(&world.topics.kafka.brokers).await;
    assert_eq!(service.post("sale-1", "9.00").await.status, 202);
    world.redis.forget_everything().await;
    assert_eq!(service.post("sale-1", "9.00").await.status, 202);
    let records = world.topics.records(Topic::Entries).await;
    let names: Vec<_> = records.iter().map(|record| record.headers.execution.clone()).collect();
    assert_eq!((names.len(), &names[0]), (2, &names[1]));
    assert_eq!(world.record().await, [Outcome::Posted, Outcome::Duplicate]);
    world.redis.forget_everything().await;
    let known = service.post("sale-1", "9.00").await;
    assert!(known.status == 202 && known.head.contains("idempotent-replayed: true"), "{known:?}");
}

/// Brokers that refuse connections, and one that takes them and says nothing.
#[tokio::test]
async fn without_the_log_clients_are_told_in_time_to_repeat() {
    let world = World::new().await;
    let hanging = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    for brokers in ["127.0.0.1:1".to_owned(), hanging.local_addr().unwrap().to_string()] {
        let service = world.serve(&brokers).await;
        let posts = join_all((0..20).map(|number| {
            let service = &service;
            async move { service.post(&format!("sale-{number}"), "9.00").await }
        }));
        let others = async {
            // While they wait, what does not need the log is answered.
            sleep(Duration::from_millis(200)).await;
            let listed = service.send("GET /entries?date=2026-11-22", "", "").await;
            let refused = service.post("refused", "0.00").await;
            (listed, refused)
        };
        let (posts, (listed, refused)) = futures::join!(posts, others);
        for post in posts {
            assert_eq!((post.status, &post.body["code"]), (503, &json!("temporarily_unavailable")), "{brokers}");
            assert!(post.head.contains("retry-after: "), "{}", post.head);
            assert!(post.took < PATIENCE_OF_CLIENTS, "{brokers}: {:?}", post.took);
        }
        assert_eq!((listed.status, refused.status), (200, 400), "{brokers}");
        assert!(
            listed.took < Duration::from_secs(3) && refused.took < Duration::from_secs(3),
            "{listed:?}, {refused:?}"
        );
        assert_eq!(service.probe("/readyz").await, Some(200), "taking it out of service would help nobody");
    }
}

/// What an entry needs is the log, and nothing else.
#[tokio::test]
async fn entries_are_accepted_while_ledger_and_cache_are_down() {
    let mut world = World::new().await;
    let service = world.serve(&world.topics.kafka.brokers).await;
    world.redis.kill();
    let hold = world.database.owner().await;
    hold.batch_execute("BEGIN; LOCK TABLE entry IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let reads = join_all((0..8).map(|_| service.send("GET /entries?date=2026-11-22", "", "")));
    let posts = async {
        let mut statuses = Vec::new();
        for number in 0..5 {
            statuses.push(service.post(&format!("sale-{number}"), "9.00").await.status);
        }
        statuses
    };
    let (reads, posts) = futures::join!(reads, posts);
    assert_eq!(posts, [202; 5]);
    for read in reads {
        assert!(read.status == 503 && read.head.contains("retry-after: "), "{read:?}");
    }
    hold.batch_execute("COMMIT").await.unwrap();
    assert_eq!(world.record().await, [Outcome::Posted; 5]);
}

#[tokio::test]
async fn a_process_that_is_told_to_end_ends_well() {
    let world = World::new().await;
    let mut service = world.serve(&world.topics.kafka.brokers).await;
    assert_eq!(service.post("sale-1", "9.00").await.status, 202);
    let status = Command::new("kill").args(["-TERM", &service.process.id().to_string()]).status().unwrap();
    assert!(status.success());
    let ended = async {
        loop {
            if let Some(status) = service.process.try_wait().unwrap() {
                return status;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(BOUND, ended).await.expect("it ends").success());
}

/// It says what is missing instead of running without it.
#[test]
fn a_process_without_its_settings_names_what_is_missing() {
    let run = Command::new(env!("CARGO_BIN_EXE_entries")).arg("serve").env_clear().output().unwrap();
    assert!(!run.status.success());
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.contains("JWT_ISSUER"), "{said}");
}

/// So that a release whose recorders cannot join does not take the place of one whose recorders work.
#[tokio::test]
async fn a_recorder_is_ready_once_it_is_in_its_groups() {
    let world = World::new().await;
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let without = world.start("record", &silent.local_addr().unwrap().to_string()).await;
    world.start("record", &world.topics.kafka.brokers).await.until_it_is("/readyz").await;
    without.until_it_is("/livez").await;
    assert_eq!(without.probe("/readyz").await, Some(503));
}
