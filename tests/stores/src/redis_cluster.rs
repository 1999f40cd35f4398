use std::time::{Duration, Instant};

use aws_clients::Roots;
use idempotency_cache::{RedisConfig, Topology};
use redis::{Client, Cmd, FromRedisValue, RedisResult, aio::MultiplexedConnection, cmd};

use crate::{Authority, RedisServer, ports::free_ports};

const NODES: usize = 3;
const FORM_TIMEOUT: Duration = Duration::from_secs(60);

/// A Redis cluster of three servers, each with a third of the slots; it ends with the value.
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
    authority: Option<Authority>,
}

impl RedisCluster {
    /// Starts the servers and makes a cluster of them.
    pub async fn start() -> RedisCluster {
        RedisCluster::form(None).await
    }

    /// The same with TLS and in no other way.
    pub async fn start_with_tls() -> RedisCluster {
        RedisCluster::form(Some(Authority::create())).await
    }

    async fn form(authority: Option<Authority>) -> RedisCluster {
        let ports: [[u16; 2]; NODES] = {
            let [a, b, c, d, e, f] = free_ports();
            [[a, b], [c, d], [e, f]]
        };
        let mut nodes = Vec::new();
        for [port, bus_port] in ports {
            let identity = authority.as_ref().map(|authority| authority.issue("localhost"));
            nodes.push(RedisServer::start_node(port, bus_port, identity.as_ref()).await);
        }
        let cluster = RedisCluster { nodes, authority };
        cluster.share_slots().await;
        for [port, bus_port] in &ports[1..] {
            let meet = cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(port).arg(bus_port).to_owned();
            cluster.ask::<()>(0, &meet).await.expect("the nodes meet");
        }
        cluster.wait_until(|info| info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")).await;
        cluster
    }

    async fn share_slots(&self) {
        for (node, slots) in [(0, [0, 5_460]), (1, [5_461, 10_922]), (2, [10_923, 16_383])] {
            let share = cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(slots[0]).arg(slots[1]).to_owned();
            self.ask::<()>(node, &share).await.expect("the slots are shared");
        }
    }

    /// Where a function finds the cluster: at one of its nodes.
    pub fn config(&self) -> RedisConfig {
        let roots = self.authority.as_ref().map_or_else(Roots::amazon, Authority::roots);
        RedisConfig { topology: Topology::Cluster, roots, ..RedisConfig::single(self.nodes[0].url()) }
    }

    /// What one of the nodes answers.
    pub async fn ask<T: FromRedisValue>(&self, node: usize, command: &Cmd) -> RedisResult<T> {
        command.query_async(&mut self.connection(node).await).await
    }

    /// The slot of a key, and which node has it.
    pub async fn place_of(&self, key: &str) -> (u16, usize) {
        let slot: u16 = self.ask(0, cmd("CLUSTER").arg("KEYSLOT").arg(key)).await.expect("the slot of a key");
        let mut owner = None;
        for node in 0..self.nodes.len() {
            let count: RedisResult<i64> = self.ask(node, cmd("EXISTS").arg(key)).await;
            if count.is_ok() {
                owner = Some(node);
            }
        }
        (slot, owner.expect("a node for the key"))
    }

    /// Begins to move a slot to another node: whatever is new in it goes there from now on, and who asks is told to ask there.
    pub async fn begin_to_move(&self, slot: u16, from: usize, to: usize) {
        let (from_id, to_id) = (self.id(from).await, self.id(to).await);
        let set_slot = |state: &str, id: &str| cmd("CLUSTER").arg("SETSLOT").arg(slot).arg(state).arg(id).to_owned();
        self.ask::<()>(to, &set_slot("IMPORTING", &from_id)).await.expect("the slot is expected");
        self.ask::<()>(from, &set_slot("MIGRATING", &to_id)).await.expect("the slot is leaving");
    }

    /// Moves a key of a slot that is being moved.
    pub async fn move_key(&self, key: &str, from: usize, to: usize) {
        let dump: Vec<u8> = self.ask(from, cmd("DUMP").arg(key)).await.expect("the key is read");
        let mut connection = self.connection(to).await;
        let () = cmd("ASKING").query_async(&mut connection).await.expect("asked");
        let restore = cmd("RESTORE").arg(key).arg(0).arg(dump).to_owned();
        let () = restore.query_async(&mut connection).await.expect("the key is written");
        self.ask::<()>(from, cmd("DEL").arg(key)).await.expect("the key is gone");
    }

    /// Ends the move of a slot.
    pub async fn end_move(&self, slot: u16, to: usize) {
        let id = self.id(to).await;
        for node in 0..self.nodes.len() {
            let set_slot = cmd("CLUSTER").arg("SETSLOT").arg(slot).arg("NODE").arg(&id).to_owned();
            self.ask::<()>(node, &set_slot).await.expect("the slot has moved");
        }
    }

    /// One of the nodes.
    pub fn node(&mut self, node: usize) -> &mut RedisServer {
        &mut self.nodes[node]
    }

    /// Ends all nodes at once.
    pub fn kill(&mut self) {
        for node in &mut self.nodes {
            node.kill();
        }
    }

    /// Starts all nodes again, empty, and waits until they are a cluster again.
    pub async fn restart(&mut self) {
        for node in &mut self.nodes {
            node.restart().await;
        }
        self.wait_until(|info| info.contains("cluster_state:ok")).await;
    }

    /// Waits until every node says so of the cluster.
    pub async fn wait_until(&self, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + FORM_TIMEOUT;
        for node in 0..self.nodes.len() {
            loop {
                let info: RedisResult<String> = self.ask(node, cmd("CLUSTER").arg("INFO")).await;
                if info.as_deref().is_ok_and(&holds) {
                    break;
                }
                assert!(Instant::now() < deadline, "node {node} after {FORM_TIMEOUT:?}: {info:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    async fn id(&self, node: usize) -> String {
        self.ask(node, cmd("CLUSTER").arg("MYID")).await.expect("the id of a node")
    }

    async fn connection(&self, node: usize) -> MultiplexedConnection {
        let url = self.nodes[node].url();
        let client = match &self.authority {
            None => Client::open(url),
            Some(authority) => {
                let root_cert = Some(authority.roots().pem().to_vec());
                Client::build_with_tls(url, redis::TlsCertificates { client_tls: None, root_cert })
            }
        };
        client.expect("a Redis URL").get_multiplexed_async_connection().await.expect("a node answers")
    }
}
