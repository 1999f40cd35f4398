//! Real stores for tests. Each test gets a database, a Redis server or a DynamoDB of its own, so that tests run side by
//! side and none sees another's data.

mod aws;
mod certificates;
mod dynamodb;
mod events_aws;
mod gate;
mod ports;
mod postgres;
mod postgres_server;
mod rds;
mod rds_tokens;
mod redis;
mod redis_cluster;
mod step_functions;
mod wire;

pub use aws::{aws_at, aws_engine};
pub use certificates::{Authority, Identity};
pub use dynamodb::DynamoDb;
pub use events_aws::EventsAws;
pub use gate::{Asked, Gate, HttpServer};
pub use postgres::{Database, POST_NINE};
pub use postgres_server::PostgresServer;
pub use rds::{AdminMembers, OWNER, Rds};
pub use redis::RedisServer;
pub use redis_cluster::RedisCluster;
pub use step_functions::accepting_state_machine;
pub use wire::{Said, Wire};

use std::env;

/// The address of a server that `make test` starts, or a word on how to get one.
fn from_environment(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `make test`, or `python3 local with-test-services -- cargo test` for some tests")
    })
}
