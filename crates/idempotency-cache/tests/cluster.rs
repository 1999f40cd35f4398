//! The cache in a Redis cluster, and over TLS, on real Redis servers.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::BTreeSet, time::Duration};

use aws_clients::Roots;
use cashflow::{EntryId, Fingerprint};
use idempotency_cache::{BREAKER_PAUSE, BUDGET, CachedRequest, IdempotencyCache, RedisConfig, RequestState, Topology};
use redis::cmd;
use test_builders::id;
use test_stores::{Authority, RedisCluster, RedisServer};
use tokio::time::{Instant, sleep, timeout};

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(30);

/// A cache that waits for Redis: the speed of the machine must not decide what is remembered.
fn patient_cache_at(config: &RedisConfig) -> IdempotencyCache {
    IdempotencyCache::new(config, BOUND, Duration::from_millis(100)).unwrap()
}

/// How Redis knows it.
fn redis_key(id: EntryId) -> String {
    format!("fluxo:request:{id}")
}

fn remembered(number: u8) -> CachedRequest {
    CachedRequest {
        fingerprint: Fingerprint::from_bytes(&[number; 32]).unwrap(),
        state: RequestState::Accepted(format!("{{\"n\": {number}}}")),
    }
}

fn cache_at(config: &RedisConfig) -> IdempotencyCache {
    IdempotencyCache::new(config, BUDGET, BREAKER_PAUSE).unwrap()
}

/// A cache of which each environment of a function has another one, so that one's breaker does not decide for the next.
fn impatient_cache_at(config: &RedisConfig) -> IdempotencyCache {
    IdempotencyCache::new(config, BUDGET, Duration::from_millis(100)).unwrap()
}

/// Polls until the cache knows the request, as a function does once its connection is there.
async fn recalled_in_the_end(cache: &IdempotencyCache, id: EntryId, expected: &CachedRequest) {
    let deadline = Instant::now() + BOUND;
    while cache.get(&[id]).await != [Some(expected.clone())] {
        assert!(Instant::now() < deadline, "{id} is never recalled");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Polls until the cache takes the request.
async fn remembered_in_the_end(cache: &IdempotencyCache, id: EntryId, remembered: &CachedRequest) {
    let deadline = Instant::now() + BOUND;
    loop {
        cache.put(&[(id, remembered.clone())]).await;
        if cache.get(&[id]).await == [Some(remembered.clone())] {
            break;
        }
        assert!(Instant::now() < deadline, "{id} is never remembered");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn remembers_a_batch_across_slots(cluster: &RedisCluster) {
    let cache = patient_cache_at(&cluster.config());
    let requests: Vec<_> = (0..200).map(|number| (id(&number.to_string()), remembered(number))).collect();
    remembered_in_the_end(&cache, requests[0].0, &requests[0].1).await;
    cache.put(&requests).await;

    let mut slots = BTreeSet::new();
    let mut nodes = BTreeSet::new();
    for (id, _) in &requests[..20] {
        let (slot, node) = cluster.place_of(&redis_key(*id)).await;
        slots.insert(slot);
        nodes.insert(node);
    }
    assert!(slots.len() > 10 && nodes.len() == 3, "{slots:?} on {nodes:?}");

    let other = patient_cache_at(&cluster.config());
    recalled_in_the_end(&other, requests[0].0, &requests[0].1).await;
    let ids: Vec<EntryId> = requests.iter().map(|(id, _)| *id).chain([id("never")]).collect();
    let expected: Vec<_> = requests.iter().map(|(_, remembered)| Some(remembered.clone())).chain([None]).collect();
    assert_eq!(other.get(&ids).await, expected);
}

#[tokio::test]
async fn a_batch_across_slots_is_remembered_and_recalled_in_its_order() {
    remembers_a_batch_across_slots(&RedisCluster::start().await).await;
}

#[tokio::test]
async fn a_cluster_with_tls_is_no_different() {
    remembers_a_batch_across_slots(&RedisCluster::start_with_tls().await).await;
}

#[tokio::test]
async fn a_key_is_reserved_once_in_a_cluster_too() {
    let cluster = RedisCluster::start().await;
    let cache = patient_cache_at(&cluster.config());
    remembered_in_the_end(&cache, id("0"), &remembered(0)).await;
    let requests: Vec<_> = (1..=50).map(|number| (id(&number.to_string()), remembered(1).fingerprint)).collect();
    assert_eq!(cache.reserve(&requests).await, vec![None; 50]);
    let reserved = CachedRequest { state: RequestState::Reserved, ..remembered(1) };
    let others: Vec<_> = requests.iter().map(|(id, _)| (*id, remembered(2).fingerprint)).collect();
    assert_eq!(cache.reserve(&others).await, vec![Some(reserved); 50]);
}

#[tokio::test]
async fn a_slot_is_followed_while_and_after_it_moves() {
    let cluster = RedisCluster::start().await;
    let cache = impatient_cache_at(&cluster.config());
    let key = redis_key(id("1"));
    remembered_in_the_end(&cache, id("1"), &remembered(1)).await;
    let (slot, from) = cluster.place_of(&key).await;
    let to = (from + 1) % 3;

    // The key has gone ahead: its old node says where to ask (ASK).
    cluster.begin_to_move(slot, from, to).await;
    cluster.move_key(&key, from, to).await;
    recalled_in_the_end(&cache, id("1"), &remembered(1)).await;

    // All has gone: the old node says where it is from now on (MOVED).
    cluster.end_move(slot, to).await;
    recalled_in_the_end(&cache, id("1"), &remembered(1)).await;
    assert_eq!(cluster.place_of(&key).await, (slot, to));
}

#[tokio::test]
async fn a_node_that_dies_takes_what_it_holds_and_nothing_else() {
    let mut cluster = RedisCluster::start().await;
    // Otherwise a cluster with a hole in it answers nothing at all.
    for node in 0..3 {
        let setting = cmd("CONFIG").arg("SET").arg("cluster-require-full-coverage").arg("no").to_owned();
        cluster.ask::<()>(node, &setting).await.unwrap();
    }
    let cache = impatient_cache_at(&cluster.config());
    let (mut on_it, mut elsewhere) = (None, None);
    for number in 0..=u8::MAX {
        let request = (id(&number.to_string()), remembered(number));
        remembered_in_the_end(&cache, request.0, &request.1).await;
        match cluster.place_of(&redis_key(request.0)).await.1 {
            2 => on_it = Some(request),
            _ => elsewhere = Some(request),
        }
        if on_it.is_some() && elsewhere.is_some() {
            break;
        }
    }
    let (on_it, elsewhere) = (on_it.unwrap(), elsewhere.unwrap());
    cluster.node(2).kill();
    recalled_in_the_end(&cache, elsewhere.0, &elsewhere.1).await;
    let deadline = Instant::now() + BOUND;
    while cache.get(&[elsewhere.0, on_it.0]).await != [Some(elsewhere.1.clone()), None] {
        assert!(Instant::now() < deadline, "one answer is lost with the other");
        sleep(Duration::from_millis(20)).await;
    }
    cluster.node(2).restart().await;
    remembered_in_the_end(&cache, on_it.0, &on_it.1).await;
}

#[tokio::test]
async fn a_cluster_that_is_gone_is_not_waited_for_and_used_once_it_is_back() {
    let mut cluster = RedisCluster::start().await;
    let cache = impatient_cache_at(&cluster.config());
    remembered_in_the_end(&cache, id("1"), &remembered(1)).await;
    cluster.kill();
    for _ in 0..20 {
        assert_eq!(cache.get(&[id("1")]).await, [None]);
    }
    cluster.restart().await;
    remembered_in_the_end(&cache, id("1"), &remembered(1)).await;
}

#[tokio::test]
async fn a_cluster_that_hangs_is_not_waited_for_again_and_again() {
    let mut cluster = RedisCluster::start().await;
    let cache = cache_at(&cluster.config());
    remembered_in_the_end(&cache, id("1"), &remembered(1)).await;
    for node in 0..3 {
        cluster.node(node).hang();
    }
    let calls = async {
        for _ in 0..200 {
            assert_eq!(cache.get(&[id("1")]).await, [None]);
        }
    };
    timeout(Duration::from_secs(5), calls).await.expect("an open breaker answers without waiting");
    assert!(cache.is_circuit_open());
    for node in 0..3 {
        cluster.node(node).resume();
    }
}

#[tokio::test]
async fn a_cluster_that_was_never_there_means_nothing_is_remembered() {
    let cache = cache_at(&RedisConfig { topology: Topology::Cluster, ..RedisConfig::single("redis://localhost:1") });
    cache.warm_up().await;
    for _ in 0..20 {
        assert_eq!(cache.get(&[id("1")]).await, [None]);
        cache.put(&[(id("1"), remembered(1))]).await;
    }
}

#[tokio::test]
async fn a_server_of_a_trusted_authority_is_used_over_tls() {
    let authority = Authority::create();
    let redis = RedisServer::start_with_tls(&authority.issue("localhost")).await;
    let cache = cache_at(&RedisConfig { roots: authority.roots(), ..RedisConfig::single(redis.url()) });
    remembered_in_the_end(&cache, id("1"), &remembered(1)).await;
}

#[tokio::test]
async fn a_server_of_another_authority_or_name_gets_nothing() {
    let authority = Authority::create();
    let redis = RedisServer::start_with_tls(&authority.issue("localhost")).await;
    let of_another_name = RedisServer::start_with_tls(&authority.issue("redis.example")).await;
    for (roots, url) in [(Roots::amazon(), redis.url()), (authority.roots(), of_another_name.url())] {
        let cache = impatient_cache_at(&RedisConfig { roots, ..RedisConfig::single(url) });
        for _ in 0..10 {
            cache.put(&[(id("1"), remembered(1))]).await;
            assert_eq!(cache.get(&[id("1")]).await, [None]);
        }
    }
    for server in [&redis, &of_another_name] {
        let client = redis::Client::open(server.socket_url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let keys: i64 = cmd("DBSIZE").query_async(&mut connection).await.unwrap();
        assert_eq!(keys, 0);
    }
}

#[test]
fn a_cluster_at_a_socket_is_refused_at_start() {
    let config = RedisConfig { topology: Topology::Cluster, ..RedisConfig::single("redis+unix:///redis.sock") };
    assert!(IdempotencyCache::new(&config, BUDGET, BREAKER_PAUSE).is_err());
}
