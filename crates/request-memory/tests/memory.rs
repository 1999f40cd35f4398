//! What is remembered, and what a Redis that fails costs, on real Redis servers.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Amount, Currency, EntryId, EntryRequest, EntryType, Fingerprint, IdempotencyKey, MerchantId};
use std::time::Duration;

use request_memory::{BREAKER_PAUSE, Remembered, RequestMemory};
use test_stores::RedisServer;

fn id(key: &str) -> EntryId {
    EntryId::derive(&MerchantId::parse("acme").unwrap(), &IdempotencyKey::parse(key).unwrap())
}

fn remembered(amount: &str) -> Remembered {
    let fingerprint = Fingerprint::of_entry(&EntryRequest {
        entry_type: EntryType::Credit,
        amount: Amount::parse(amount, Currency::BRL).unwrap(),
        date: None,
        description: None,
        category: None,
    });
    Remembered { fingerprint, response: format!("{{\"amount\": \"{amount}\", \"text\": \"ç 🧾 \\n\"}}") }
}

fn memory_at(url: &str) -> RequestMemory {
    RequestMemory::new(url, BREAKER_PAUSE).unwrap()
}

#[tokio::test]
async fn a_request_is_recalled_as_it_was_remembered() {
    let redis = RedisServer::start().await;
    let memory = memory_at(&redis.url());
    assert_eq!(memory.recall(&[id("1"), id("2")]).await, [None, None]);
    memory.remember(&[(id("2"), remembered("2.00")), (id("3"), remembered("3.00"))]).await;
    assert_eq!(
        memory.recall(&[id("1"), id("2"), id("3")]).await,
        [None, Some(remembered("2.00")), Some(remembered("3.00"))]
    );
    // Another environment of the function sees the same.
    let other = memory_at(&redis.url());
    assert_eq!(other.recall(&[id("2")]).await, [Some(remembered("2.00"))]);
}

#[tokio::test]
async fn the_first_answer_stands() {
    let redis = RedisServer::start().await;
    let memory = memory_at(&redis.url());
    memory.remember(&[(id("1"), remembered("1.00"))]).await;
    memory.remember(&[(id("1"), remembered("9.00"))]).await;
    assert_eq!(memory.recall(&[id("1")]).await, [Some(remembered("1.00"))]);
}

#[tokio::test]
async fn what_is_remembered_is_forgotten_after_a_day() {
    let redis = RedisServer::start().await;
    memory_at(&redis.url()).remember(&[(id("1"), remembered("1.00"))]).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let key = format!("fluxo:request:{}", id("1"));
    let seconds: i64 = redis::cmd("TTL").arg(key).query_async(&mut connection).await.unwrap();
    assert!((86_000..=86_400).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_batch_of_500_is_recalled_at_once() {
    let redis = RedisServer::start().await;
    let memory = memory_at(&redis.url());
    let requests: Vec<_> = (0..500).map(|number| (id(&number.to_string()), remembered("1.00"))).collect();
    memory.remember(&requests).await;
    let ids: Vec<EntryId> = requests.iter().map(|(id, _)| *id).collect();
    assert!(memory.recall(&ids).await.iter().all(Option::is_some));
}

#[tokio::test]
async fn a_value_that_something_else_has_written_counts_as_nothing() {
    let redis = RedisServer::start().await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for (key, value) in [("1", "nonsense"), ("2", ""), ("3", "00ff {}")] {
        let key = format!("fluxo:request:{}", id(key));
        let () = redis::cmd("SET").arg(key).arg(value).query_async(&mut connection).await.unwrap();
    }
    let memory = memory_at(&redis.url());
    assert_eq!(memory.recall(&[id("1"), id("2"), id("3")]).await, [None, None, None]);
}

#[tokio::test]
async fn a_redis_that_is_gone_means_nothing_is_remembered() {
    let mut redis = RedisServer::start().await;
    let memory = memory_at(&redis.url());
    memory.remember(&[(id("1"), remembered("1.00"))]).await;
    redis.kill();
    for _ in 0..20 {
        assert_eq!(memory.recall(&[id("1")]).await, [None]);
        memory.remember(&[(id("2"), remembered("2.00"))]).await;
    }
}

#[tokio::test]
async fn a_redis_that_was_never_there_means_nothing_is_remembered() {
    let memory = memory_at("redis://127.0.0.1:1");
    assert_eq!(memory.recall(&[id("1")]).await, [None]);
    memory.remember(&[(id("1"), remembered("1.00"))]).await;
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_means_nothing_is_remembered() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let memory = memory_at(&format!("rediss://{}", server.local_addr().unwrap()));
    let greeting = async {
        let (mut connection, _) = server.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut connection, b"-ERR no TLS here\r\n").await.unwrap();
    };
    let ids = [id("1")];
    let (recalled, ()) = tokio::join!(memory.recall(&ids), greeting);
    assert_eq!(recalled, [None]);
}

/// Without the breaker each of the calls would wait for its timeout: 200 calls could not end within the bound, which is
/// far above what they need with it and far below what they need without.
#[tokio::test]
async fn a_redis_that_hangs_is_not_waited_for_again_and_again() {
    let redis = RedisServer::start().await;
    let memory = memory_at(&redis.url());
    memory.remember(&[(id("1"), remembered("1.00"))]).await;
    redis.hang();
    let calls = async {
        for _ in 0..200 {
            assert_eq!(memory.recall(&[id("1")]).await, [None]);
        }
    };
    let bound = Duration::from_secs(5);
    tokio::time::timeout(bound, calls).await.expect("an open breaker answers without waiting");
    assert!(memory.is_kept_away());
    redis.resume();
}

#[tokio::test]
async fn one_request_waits_once_for_a_redis_that_hangs() {
    let redis = RedisServer::start().await;
    let memory = memory_at(&redis.url());
    memory.warm_up().await;
    redis.hang();
    assert_eq!(memory.recall(&[id("1")]).await, [None]);
    assert!(!memory.is_kept_away(), "it is this call that finds out");
    memory.remember(&[(id("1"), remembered("1.00"))]).await;
    assert!(memory.is_kept_away());
    redis.resume();
}

#[tokio::test]
async fn no_request_waits_for_a_redis_that_hung_at_start() {
    let redis = RedisServer::start().await;
    let memory = memory_at(&redis.url());
    redis.hang();
    memory.warm_up().await;
    memory.recall(&[id("1")]).await;
    assert!(memory.is_kept_away());
    redis.resume();
}

#[tokio::test]
async fn a_memory_that_answers_is_not_kept_away_from() {
    let redis = RedisServer::start().await;
    let memory = memory_at(&redis.url());
    memory.warm_up().await;
    memory.recall(&[id("1")]).await;
    assert!(!memory.is_kept_away());
}

/// As of a server behind TLS on a busy machine: the connection outlasts the budget of the first request, and is there for a
/// later one.
#[tokio::test]
async fn a_connection_that_outlasts_the_budget_is_made_all_the_same() {
    let redis = RedisServer::start().await;
    let memory = RequestMemory::new(&redis.url(), Duration::from_millis(100)).unwrap();
    redis.hang();
    assert_eq!(memory.recall(&[id("1")]).await, [None]);
    redis.resume();
    remembered_in_the_end(&memory).await;
}

#[tokio::test]
async fn a_redis_that_comes_back_is_used_again() {
    let mut redis = RedisServer::start().await;
    let memory = RequestMemory::new(&redis.url(), Duration::from_millis(100)).unwrap();
    redis.kill();
    for _ in 0..10 {
        assert_eq!(memory.recall(&[id("1")]).await, [None]);
    }
    redis.restart().await;
    remembered_in_the_end(&memory).await;
}

async fn remembered_in_the_end(memory: &RequestMemory) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        memory.remember(&[(id("1"), remembered("1.00"))]).await;
        if memory.recall(&[id("1")]).await == [Some(remembered("1.00"))] {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "Redis is back and still not used");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn a_url_that_is_none_is_refused_at_start() {
    for url in ["", "localhost", "http://localhost", "redis://"] {
        assert!(RequestMemory::new(url, BREAKER_PAUSE).is_err(), "{url}");
    }
}
