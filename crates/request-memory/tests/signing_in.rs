//! What the functions may do in the cache of the stack, on a real cluster with the users that the template makes.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use cashflow::{EntryId, Fingerprint, IdempotencyKey, MerchantId};
use redis::{Client, Cmd, RedisResult, Value, cmd};
use request_memory::{Mark, RedisConfig, Remembered, RequestMemory};
use test_stores::RedisCluster;

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(30);

/// What the template lets a user do, who is named so there.
fn access_string(user_name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = fs::read_to_string(path).unwrap();
    let user = template.split(&format!("UserName: {user_name}\n")).nth(1).unwrap();
    user.split("AccessString: ").nth(1).unwrap().lines().next().unwrap().to_owned()
}

/// A cluster that knows the users of the template and no others.
async fn cluster() -> RedisCluster {
    let cluster = RedisCluster::start().await;
    for node in 0..3 {
        for user_name in ["fluxo", "default"] {
            let mut set_user = cmd("ACL").arg("SETUSER").arg(user_name).arg("reset").to_owned();
            set_user.arg(access_string(user_name).split(' ').collect::<Vec<_>>()).arg(">secret");
            let () = cluster.ask(node, &set_user).await.unwrap();
        }
    }
    cluster
}

fn signed_in(config: &RedisConfig, user: &str) -> RedisConfig {
    RedisConfig { url: config.url.replacen("://", &format!("://{user}@"), 1), ..config.clone() }
}

#[tokio::test]
async fn the_functions_user_may_do_all_that_the_memory_does() {
    let cluster = cluster().await;
    let memory = RequestMemory::new(&signed_in(&cluster.config(), "fluxo:secret"), Duration::from_millis(100)).unwrap();
    let merchant = MerchantId::parse("acme").unwrap();
    let fingerprint = Fingerprint::from_bytes(&[1; 32]).unwrap();
    // In the slots of all nodes.
    let requests: Vec<_> = (0..20)
        .map(|number| EntryId::derive(&merchant, &IdempotencyKey::parse(&number.to_string()).unwrap()))
        .map(|id| (id, Remembered { fingerprint, mark: Mark::Accepted("{}".to_owned()) }))
        .collect();
    let ids: Vec<EntryId> = requests.iter().map(|(id, _)| *id).collect();
    let deadline = Instant::now() + BOUND;
    loop {
        memory.remember(&requests).await;
        if memory.recall(&ids).await.iter().all(Option::is_some) {
            break;
        }
        assert!(Instant::now() < deadline, "the requests are never remembered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Whoever meets a reservation of its own renews it.
    let request = [(EntryId::derive(&merchant, &IdempotencyKey::parse("new").unwrap()), fingerprint)];
    memory.reserve(&request).await;
    memory.reserve(&request).await;
    assert!(!memory.is_kept_away(), "a command was refused");
    assert_eq!(memory.reserve(&request).await, [Some(Remembered { fingerprint, mark: Mark::Reserved })]);
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
