//! What the functions may do in the cache of the stack, on a real cluster with the users that the template makes.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use cashflow::{EntryId, Fingerprint};
use idempotency_cache::{CachedRequest, IdempotencyCache, RedisConfig, RequestState};
use redis::{Client, Cmd, RedisResult, Value, cmd};
use test_builders::id;
use test_stores::{Authority, RedisCluster, RedisServer};

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(30);

/// What the template lets a user do, who is named so there.
fn access_string(user_name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = fs::read_to_string(path).unwrap();
    let user = template.split(&format!("UserName: {user_name}\n")).nth(1).unwrap();
    user.split("AccessString: ").nth(1).unwrap().lines().next().unwrap().to_owned()
}

/// Makes a server know the users of the template, and one for the tests who may do everything.
async fn let_in(ask: impl AsyncFn(&Cmd) -> RedisResult<Value>) {
    // The client sends it at each connection and ignores a refusal. Redis knows it since 7.2, and knows no rule for it before.
    let knows_setinfo =
        ask(cmd("COMMAND").arg("INFO").arg("client|setinfo")).await.unwrap() != Value::Array(vec![Value::Nil]);
    let rules_of = |user: &str| -> Vec<String> {
        let rules = access_string(user);
        rules.split(' ').filter(|rule| knows_setinfo || *rule != "+client|setinfo").map(str::to_owned).collect()
    };
    let everything = ["on", "~*", "&*", "+@all"].map(str::to_owned).to_vec();
    // Last the one as whom the test is signed in now.
    for (user, rules) in [("admin", everything), ("fluxo", rules_of("fluxo")), ("default", rules_of("default"))] {
        ask(cmd("ACL").arg("SETUSER").arg(user).arg("reset").arg(">secret").arg(rules)).await.unwrap();
    }
}

/// A cluster that knows the users of the template.
async fn cluster() -> RedisCluster {
    let cluster = RedisCluster::start().await;
    for node in 0..3 {
        let_in(async |command| cluster.ask(node, command).await).await;
    }
    cluster
}

fn signed_in(config: &RedisConfig, user: &str) -> RedisConfig {
    RedisConfig { url: config.url.replacen("://", &format!("://{user}@"), 1), ..config.clone() }
}

/// Remembers, recalls and reserves, until all of it has worked.
async fn use_memory(config: &RedisConfig) {
    let cache = IdempotencyCache::new(&signed_in(config, "fluxo:secret"), BOUND, Duration::from_millis(100)).unwrap();
    let fingerprint = Fingerprint::from_bytes(&[1; 32]).unwrap();
    // In the slots of all nodes of a cluster.
    let requests: Vec<_> = (0..20)
        .map(|number| id(&number.to_string()))
        .map(|id| (id, CachedRequest { fingerprint, state: RequestState::Accepted("{}".to_owned()) }))
        .collect();
    let ids: Vec<EntryId> = requests.iter().map(|(id, _)| *id).collect();
    let deadline = Instant::now() + BOUND;
    loop {
        cache.put(&requests).await;
        if cache.get(&ids).await.iter().all(Option::is_some) {
            break;
        }
        assert!(Instant::now() < deadline, "the requests are never remembered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Whoever meets a reservation of its own renews it.
    let request = [(id("new"), fingerprint)];
    cache.reserve(&request).await;
    cache.reserve(&request).await;
    assert!(!cache.is_circuit_open(), "a command was refused");
    assert_eq!(cache.reserve(&request).await, [Some(CachedRequest { fingerprint, state: RequestState::Reserved })]);
}

/// Sends a command to the socket of a server, as this user.
async fn ask_at(socket_url: &str, user: &str, command: &Cmd) -> RedisResult<Value> {
    let client = Client::open(format!("{socket_url}{user}"))?;
    command.query_async(&mut client.get_multiplexed_async_connection().await?).await
}

/// No command was refused, not even one whose refusal the client ignores.
async fn check_that_nothing_was_refused(socket_url: &str) {
    let refused = ask_at(socket_url, "?user=admin&pass=secret", cmd("ACL").arg("LOG")).await.unwrap();
    assert_eq!(refused, Value::Array(Vec::new()));
}

#[tokio::test]
async fn the_functions_user_may_do_all_that_the_memory_does() {
    let mut cluster = cluster().await;
    use_memory(&cluster.config()).await;
    for node in 0..3 {
        check_that_nothing_was_refused(&cluster.node(node).socket_url()).await;
    }
}

#[tokio::test]
async fn the_functions_user_may_do_all_that_the_memory_does_on_a_single_server() {
    let authority = Authority::create();
    let server = RedisServer::start_with_tls(&authority.issue("localhost")).await;
    let_in(async |command| ask_at(&server.socket_url(), "", command).await).await;
    use_memory(&RedisConfig { roots: authority.roots(), ..RedisConfig::single(server.url()) }).await;
    check_that_nothing_was_refused(&server.socket_url()).await;
}

#[tokio::test]
async fn the_functions_user_may_do_nothing_else_and_nobody_else_anything() {
    let cluster = cluster().await;
    let ask = async |user: &str, command: &Cmd| -> RedisResult<Value> {
        let client = Client::open(signed_in(&cluster.config(), user).url)?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        command.query_async(&mut connection).await
    };
    for refused in [
        cmd("GET").arg("other:1").to_owned(),
        cmd("DEL").arg("fluxo:request:1").to_owned(),
        cmd("FLUSHALL"),
        cmd("KEYS").arg("*").to_owned(),
        cmd("SCAN").arg("0").to_owned(),
        cmd("CONFIG").arg("GET").arg("*").to_owned(),
        cmd("ACL").arg("LIST").to_owned(),
        cmd("CLUSTER").arg("RESET").to_owned(),
        cmd("EVAL").arg("return 1").arg(0).to_owned(),
        cmd("PUBLISH").arg("fluxo:1").arg("x").to_owned(),
    ] {
        let error = ask("fluxo:secret", &refused).await.unwrap_err();
        assert_eq!(error.code(), Some("NOPERM"), "{refused:?}: {error}");
    }
    assert!(ask("fluxo:wrong", &cmd("PING")).await.is_err());
    assert!(ask("default:secret", &cmd("PING")).await.is_err());
    let unsigned = Client::open(cluster.config().url).unwrap();
    let answer: RedisResult<Value> = match unsigned.get_multiplexed_async_connection().await {
        Ok(mut connection) => cmd("PING").query_async(&mut connection).await,
        Err(error) => Err(error),
    };
    assert!(answer.is_err(), "{answer:?}");
}
