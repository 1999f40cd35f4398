//! The processes of the second door, as Kubernetes runs them, on loopback.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entry_log::Topic;
use test_kafka::TestLog;
use test_tokens::{CLIENT, Issuer};
use tokio::time::sleep;

use super::client::Client;
use crate::{
    pool::{Environment, peak_memory_kib},
    stores::{Ledger, Stores},
};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The programs with their words, how they are called in figures, and their connections to the ledger (services/deploy/kubernetes).
pub const PROGRAMS: [(&[&str], &str, &str); 5] = [
    (&["entries", "serve"], "entries_serve", "4"),
    (&["entries", "record"], "entries_record", "4"),
    (&["consolidation", "serve"], "consolidation_serve", "0"),
    (&["consolidation", "consume"], "consolidation_consume", "0"),
    (&["worker"], "worker", "0"),
];

/// Running processes; they end with the value.
pub struct Door {
    processes: Vec<(&'static str, Child)>,
    /// Where entries are posted.
    pub entries: SocketAddr,
    /// Where balances are asked for.
    pub balances: SocketAddr,
}

impl Door {
    /// Starts those programs whose names `wanted` takes, and waits until all are ready.
    pub async fn start(
        stores: &Stores,
        ledger: &Ledger,
        log: &TestLog,
        issuer: &Issuer,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Door> {
        let (entries, balances) = (free_address()?, free_address()?);
        let mut door = Door { processes: Vec::new(), entries, balances };
        for (words, name, connections) in PROGRAMS.into_iter().filter(|(_, name, _)| wanted(name)) {
            let internal = free_address()?;
            let mut environment = stores.environment(&ledger.config());
            environment.extend(variables(log, issuer));
            let listen = if name == "consolidation_serve" { balances } else { entries };
            environment.insert("LISTEN".to_owned(), listen.to_string());
            environment.insert("LISTEN_INTERNAL".to_owned(), internal.to_string());
            if connections != "0" {
                environment.insert("LEDGER_CONNECTIONS".to_owned(), connections.to_owned());
            }
            door.processes.push((name, spawn(&stores.programs, words, &environment)?));
            until_ready(internal).await.with_context(|| format!("{} is not ready", words.join(" ")))?;
        }
        Ok(door)
    }

    /// The processes by the names that they have in figures.
    pub fn processes(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.processes.iter().map(|(name, process)| (*name, process.id()))
    }

    /// The most memory that each has had resident, in MiB.
    pub fn peak_memory_mib(&self) -> Result<Vec<(&'static str, f64)>> {
        self.processes().map(|(name, id)| Ok((name, peak_memory_kib(id)? as f64 / 1024.0))).collect()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        for (_, process) in &mut self.processes {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn spawn(programs: &Path, words: &[&str], environment: &Environment) -> Result<Child> {
    let program = programs.join(words[0]);
    let mut command = Command::new(&program);
    command.args(&words[1..]).env_clear().envs(environment).stdin(Stdio::null());
    // Written as in a container, and read by nobody.
    command.stdout(Stdio::null());
    command.spawn().with_context(|| format!("{} cannot be started", program.display()))
}

fn variables(log: &TestLog, issuer: &Issuer) -> Environment {
    let variables = [
        ("AWS_LAMBDA_LOG_LEVEL", "INFO".to_owned()),
        ("DRAIN_SECONDS", "0".to_owned()),
        ("HTTP_CONCURRENCY", "512".to_owned()),
        ("JWT_AUDIENCE", CLIENT.to_owned()),
        ("JWT_ISSUER", issuer.issuer.clone()),
        ("KAFKA_BROKERS", log.kafka.brokers.clone()),
        ("KAFKA_SECURITY", "plaintext".to_owned()),
        ("KAFKA_TOPIC_PREFIX", prefix(log)),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn prefix(log: &TestLog) -> String {
    let name = log.kafka.topics.name(Topic::Entries);
    name.trim_end_matches(Topic::Entries.suffix()).trim_end_matches('.').to_owned()
}

async fn until_ready(internal: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + START_TIMEOUT;
    let client = Client::new(internal);
    loop {
        let answer = client.ask("GET /readyz HTTP/1.1\r\nhost: bench\r\n", b"").await;
        if matches!(answer, Ok((200, _))) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "no answer within {START_TIMEOUT:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
