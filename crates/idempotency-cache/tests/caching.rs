//! What is remembered, and what a Redis that fails costs, on real Redis servers.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{EntryId, Fingerprint};
use futures::future::join_all;
use std::time::Duration;

use idempotency_cache::{BREAKER_PAUSE, BUDGET, CachedRequest, IdempotencyCache, RedisConfig, RequestState};
use test_builders::{entry, id};
use test_stores::RedisServer;

/// Far above what anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn remembered(amount: &str) -> CachedRequest {
    let fingerprint = Fingerprint::of_entry(&entry("any").credit(amount).request());
    CachedRequest {
        fingerprint,
        state: RequestState::Accepted(format!("{{\"amount\": \"{amount}\", \"text\": \"ç 🧾 \\n\"}}")),
    }
}

fn reserved(amount: &str) -> CachedRequest {
    CachedRequest { state: RequestState::Reserved, ..remembered(amount) }
}

/// A cache as the functions have it.
fn cache_at(url: &str) -> IdempotencyCache {
    IdempotencyCache::new(&RedisConfig::single(url), BUDGET, BREAKER_PAUSE).unwrap()
}

/// A cache that waits for Redis: the speed of the machine must not decide what is remembered.
fn patient_cache_at(url: &str) -> IdempotencyCache {
    IdempotencyCache::new(&RedisConfig::single(url), PATIENCE, BREAKER_PAUSE).unwrap()
}

#[tokio::test]
async fn a_request_is_recalled_as_it_was_remembered() {
    let redis = RedisServer::start().await;
    let cache = patient_cache_at(&redis.url());
    assert_eq!(cache.get(&[id("1"), id("2")]).await, [None, None]);
    cache.put(&[(id("2"), remembered("2.00")), (id("3"), remembered("3.00"))]).await;
    assert_eq!(
        cache.get(&[id("1"), id("2"), id("3")]).await,
        [None, Some(remembered("2.00")), Some(remembered("3.00"))]
    );
    // Another environment of the function sees the same.
    let other = patient_cache_at(&redis.url());
    assert_eq!(other.get(&[id("2")]).await, [Some(remembered("2.00"))]);
}

#[tokio::test]
async fn of_many_payloads_under_one_key_at_once_one_is_reserved() {
    let redis = RedisServer::start().await;
    let caches: Vec<_> = (0..8).map(|_| patient_cache_at(&redis.url())).collect();
    join_all(caches.iter().map(IdempotencyCache::warm_up)).await;
    for round in 0..20 {
        let key = id(&round.to_string());
        let payloads: Vec<_> = (1..=8).map(|amount| reserved(&format!("{amount}.00"))).collect();
        let requests: Vec<_> = payloads.iter().map(|payload| [(key, payload.fingerprint)]).collect();
        let met = join_all(caches.iter().zip(&requests).map(|(cache, request)| cache.reserve(request))).await;
        let met: Vec<_> = met.into_iter().map(|mut met| met.pop().unwrap()).collect();
        let first: Vec<_> = payloads.iter().zip(&met).filter(|(_, met)| met.is_none()).map(|(own, _)| own).collect();
        let [first] = first[..] else { panic!("{} have reserved it", first.len()) };
        for (payload, met) in payloads.iter().zip(&met) {
            assert!(payload == first || met.as_ref() == Some(first), "{met:?}");
        }
    }
}

#[tokio::test]
async fn a_reservation_is_met_by_its_own_repeat_and_replaced_by_the_answer() {
    let redis = RedisServer::start().await;
    let cache = patient_cache_at(&redis.url());
    let request = [(id("1"), remembered("1.00").fingerprint)];
    assert_eq!(cache.reserve(&request).await, [None]);
    assert_eq!(cache.reserve(&request).await, [Some(reserved("1.00"))]);
    cache.put(&[(id("1"), remembered("1.00"))]).await;
    assert_eq!(cache.reserve(&request).await, [Some(remembered("1.00"))]);
    let settled = CachedRequest { state: RequestState::Posted("{}".to_owned()), ..remembered("1.00") };
    cache.put(&[(id("1"), settled.clone())]).await;
    assert_eq!(cache.get(&[id("1")]).await, [Some(settled)]);
}

/// A function works on a request for 20 s at most: its reservation must not end before, nor stay for long after.
#[tokio::test]
async fn a_reservation_ends_soon_and_an_answer_after_a_day() {
    let redis = RedisServer::start().await;
    let cache = patient_cache_at(&redis.url());
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut seconds_left = async || {
        let key = format!("fluxo:request:{}", id("1"));
        redis::cmd("TTL").arg(key).query_async::<i64>(&mut connection).await.unwrap()
    };
    cache.reserve(&[(id("1"), remembered("1.00").fingerprint)]).await;
    let seconds = seconds_left().await;
    assert!((21..=30).contains(&seconds), "{seconds}");
    cache.put(&[(id("1"), remembered("1.00"))]).await;
    let seconds = seconds_left().await;
    assert!((86_000..=86_400).contains(&seconds), "{seconds}");
}

/// Otherwise the second request would go on with the rest of the first one's time.
#[tokio::test]
async fn who_meets_its_own_reservation_renews_it() {
    let redis = RedisServer::start().await;
    let cache = patient_cache_at(&redis.url());
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let key = format!("fluxo:request:{}", id("1"));
    let mut seconds_left = async |shortened_to: Option<u8>| {
        if let Some(seconds) = shortened_to {
            let () = redis::cmd("EXPIRE").arg(&key).arg(seconds).query_async(&mut connection).await.unwrap();
        }
        redis::cmd("TTL").arg(&key).query_async::<i64>(&mut connection).await.unwrap()
    };
    let (own, other) = (remembered("1.00").fingerprint, remembered("2.00").fingerprint);
    cache.reserve(&[(id("1"), own)]).await;
    seconds_left(Some(5)).await;
    assert_eq!(cache.reserve(&[(id("1"), other)]).await, [Some(reserved("1.00"))]);
    assert!(seconds_left(None).await <= 5, "another payload does not renew it");
    assert_eq!(cache.reserve(&[(id("1"), own)]).await, [Some(reserved("1.00"))]);
    let seconds = seconds_left(None).await;
    assert!((21..=30).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn one_stack_or_generation_knows_nothing_of_another() {
    let redis = RedisServer::start().await;
    let cache_of = |prefix: &str| {
        let config = RedisConfig { key_prefix: prefix.to_owned(), ..RedisConfig::single(redis.url()) };
        IdempotencyCache::new(&config, PATIENCE, BREAKER_PAUSE).unwrap()
    };
    let own = cache_of("fluxo:dev:1-00ff");
    own.put(&[(id("1"), remembered("1.00"))]).await;
    for other in ["fluxo:prod:1-00ff", "fluxo:dev:2-00ff", "fluxo:dev:1-ff00"] {
        assert_eq!(cache_of(other).get(&[id("1")]).await, [None], "{other}");
    }
    assert_eq!(own.get(&[id("1")]).await, [Some(remembered("1.00"))]);
}

#[tokio::test]
async fn a_batch_of_500_is_recalled_at_once() {
    let redis = RedisServer::start().await;
    let cache = patient_cache_at(&redis.url());
    let requests: Vec<_> = (0..500).map(|number| (id(&number.to_string()), remembered("1.00"))).collect();
    cache.put(&requests).await;
    let ids: Vec<EntryId> = requests.iter().map(|(id, _)| *id).collect();
    assert!(cache.get(&ids).await.iter().all(Option::is_some));
}

#[tokio::test]
async fn a_value_that_something_else_has_written_counts_as_nothing() {
    let redis = RedisServer::start().await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for (key, value) in [("1", "nonsense"), ("2", ""), ("3", "accepted 00ff {}")] {
        let key = format!("fluxo:request:{}", id(key));
        let () = redis::cmd("SET").arg(key).arg(value).query_async(&mut connection).await.unwrap();
    }
    // The form of an earlier version.
    let earlier = format!("{} {{}}", remembered("1.00").fingerprint);
    let key = format!("fluxo:request:{}", id("4"));
    let () = redis::cmd("SET").arg(key).arg(earlier).query_async(&mut connection).await.unwrap();
    let cache = patient_cache_at(&redis.url());
    assert_eq!(cache.get(&[id("1"), id("2"), id("3"), id("4")]).await, [None, None, None, None]);
}

#[tokio::test]
async fn a_redis_that_is_gone_means_nothing_is_remembered() {
    let mut redis = RedisServer::start().await;
    let cache = cache_at(&redis.url());
    cache.put(&[(id("1"), remembered("1.00"))]).await;
    redis.kill();
    for _ in 0..20 {
        assert_eq!(cache.get(&[id("1")]).await, [None]);
        cache.put(&[(id("2"), remembered("2.00"))]).await;
    }
}

#[tokio::test]
async fn a_redis_that_was_never_there_means_nothing_is_remembered() {
    let cache = cache_at("redis://127.0.0.1:1");
    assert_eq!(cache.get(&[id("1")]).await, [None]);
    cache.put(&[(id("1"), remembered("1.00"))]).await;
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_means_nothing_is_remembered() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let cache = cache_at(&format!("rediss://{}", server.local_addr().unwrap()));
    let greeting = async {
        let (mut connection, _) = server.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut connection, b"-ERR no TLS here\r\n").await.unwrap();
    };
    let ids = [id("1")];
    let (recalled, ()) = tokio::join!(cache.get(&ids), greeting);
    assert_eq!(recalled, [None]);
}

/// Without the breaker each of the calls would wait for its timeout: 200 calls could not end within the bound, which is
/// far above what they need with it and far below what they need without.
#[tokio::test]
async fn a_redis_that_hangs_is_not_waited_for_again_and_again() {
    let redis = RedisServer::start().await;
    let cache = cache_at(&redis.url());
    cache.put(&[(id("1"), remembered("1.00"))]).await;
    redis.hang();
    let calls = async {
        for _ in 0..200 {
            assert_eq!(cache.get(&[id("1")]).await, [None]);
        }
    };
    let bound = Duration::from_secs(5);
    tokio::time::timeout(bound, calls).await.expect("an open breaker answers without waiting");
    assert!(cache.is_circuit_open());
    redis.resume();
}

#[tokio::test]
async fn one_request_waits_once_for_a_redis_that_hangs() {
    let redis = RedisServer::start().await;
    let cache = cache_at(&redis.url());
    cache.warm_up().await;
    redis.hang();
    assert_eq!(cache.get(&[id("1")]).await, [None]);
    assert!(!cache.is_circuit_open(), "it is this call that finds out");
    cache.put(&[(id("1"), remembered("1.00"))]).await;
    assert!(cache.is_circuit_open());
    redis.resume();
}

#[tokio::test]
async fn an_answer_that_comes_too_late_does_not_keep_later_requests_away() {
    let redis = RedisServer::start().await;
    let cache = cache_at(&redis.url());
    cache.warm_up().await;
    redis.hang();
    assert_eq!(cache.get(&[id("1")]).await, [None]);
    redis.resume();
    let in_time = tokio::time::timeout(BREAKER_PAUSE / 3, remembered_in_the_end(&cache)).await;
    in_time.expect("the breaker closes long before its pause is over");
}

#[tokio::test]
async fn no_request_waits_for_a_redis_that_hung_at_start() {
    let redis = RedisServer::start().await;
    let cache = cache_at(&redis.url());
    redis.hang();
    cache.warm_up().await;
    cache.get(&[id("1")]).await;
    assert!(cache.is_circuit_open());
    redis.resume();
}

#[tokio::test]
async fn a_memory_that_answers_is_not_kept_away_from() {
    let redis = RedisServer::start().await;
    let cache = patient_cache_at(&redis.url());
    cache.warm_up().await;
    cache.get(&[id("1")]).await;
    assert!(!cache.is_circuit_open());
}

/// As of a server behind TLS on a busy machine: the connection outlasts the budget of the first request, and is there for a
/// later one.
#[tokio::test]
async fn a_connection_that_outlasts_the_budget_is_made_all_the_same() {
    let redis = RedisServer::start().await;
    let cache = IdempotencyCache::new(&RedisConfig::single(redis.url()), BUDGET, Duration::from_millis(100)).unwrap();
    redis.hang();
    assert_eq!(cache.get(&[id("1")]).await, [None]);
    redis.resume();
    remembered_in_the_end(&cache).await;
}

#[tokio::test]
async fn a_redis_that_comes_back_is_used_again() {
    let mut redis = RedisServer::start().await;
    let cache = IdempotencyCache::new(&RedisConfig::single(redis.url()), BUDGET, Duration::from_millis(100)).unwrap();
    redis.kill();
    for _ in 0..10 {
        assert_eq!(cache.get(&[id("1")]).await, [None]);
    }
    redis.restart().await;
    remembered_in_the_end(&cache).await;
}

async fn remembered_in_the_end(cache: &IdempotencyCache) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        cache.put(&[(id("1"), remembered("1.00"))]).await;
        if cache.get(&[id("1")]).await == [Some(remembered("1.00"))] {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "Redis is back and still not used");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn a_url_that_is_none_is_refused_at_start() {
    for url in ["", "localhost", "http://localhost", "redis://"] {
        assert!(IdempotencyCache::new(&RedisConfig::single(url), BUDGET, BREAKER_PAUSE).is_err(), "{url}");
    }
}
