use std::{
    env, fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::{Identity, ports::free_ports};

const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A Redis server of its own, on a Unix socket unless its tests need a port; it ends with the value.
pub struct RedisServer {
    process: Child,
    folder: TempDir,
    settings: Vec<String>,
    /// Where it is found, if not at the socket.
    url: Option<String>,
}

impl RedisServer {
    /// Starts `redis-server` (or the program that `FLUXO_TEST_REDIS_SERVER` names) and waits until it answers.
    pub async fn start() -> RedisServer {
        RedisServer::start_with(["--port", "0"].map(str::to_owned).to_vec(), None, None).await
    }

    /// The same, at a port of `localhost`, with TLS and in no other way.
    pub async fn start_with_tls(identity: &Identity) -> RedisServer {
        let [port] = free_ports();
        RedisServer::start_with(tls_settings(port), Some(identity), Some(format!("rediss://localhost:{port}"))).await
    }

    /// A node of a cluster, at these ports of `localhost`.
    pub(crate) async fn start_node(port: u16, bus_port: u16, identity: Option<&Identity>) -> RedisServer {
        let scheme = if identity.is_some() { "rediss" } else { "redis" };
        let mut settings = match identity {
            Some(_) => tls_settings(port),
            None => ["--port".to_owned(), port.to_string()].to_vec(),
        };
        let bus_port = bus_port.to_string();
        settings.extend(["--cluster-enabled", "yes", "--cluster-port", &bus_port].map(str::to_owned));
        // Names, because certificates are for names.
        settings.extend(
            ["--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type", "hostname"]
                .map(str::to_owned),
        );
        if identity.is_some() {
            settings.extend(["--tls-cluster", "yes"].map(str::to_owned));
        }
        RedisServer::start_with(settings, identity, Some(format!("{scheme}://localhost:{port}"))).await
    }

    async fn start_with(settings: Vec<String>, identity: Option<&Identity>, url: Option<String>) -> RedisServer {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if let Some(identity) = identity {
            fs::write(folder.path().join("server.crt"), &identity.certificate).expect("the certificate is written");
            fs::write(folder.path().join("server.key"), &identity.key).expect("the key is written");
            fs::write(folder.path().join("ca.crt"), &identity.authority).expect("the authority is written");
        }
        let process = spawn(&folder, &settings);
        let server = RedisServer { process, folder, settings, url };
        server.wait_until_it_answers().await;
        server
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        self.url.clone().unwrap_or_else(|| self.socket_url())
    }

    /// The URL of its socket, for looking into it from the side.
    pub fn socket_url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Forgets everything, as after a failover to an empty replica.
    pub async fn forget_everything(&self) {
        let client = redis::Client::open(self.url()).expect("a Redis URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
        let () = redis::cmd("FLUSHALL").query_async(&mut connection).await.expect("Redis forgets");
    }

    /// Keeps accepting connections and answers nothing any more.
    pub fn hang(&self) {
        self.signal("STOP");
    }

    /// Answers again after [`RedisServer::hang`].
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Ends the server at once.
    pub fn kill(&mut self) {
        self.process.kill().expect("the process is there");
        self.process.wait().expect("the process ends");
    }

    /// Starts the server again, empty, after [`RedisServer::kill`].
    pub async fn restart(&mut self) {
        self.process = spawn(&self.folder, &self.settings);
        self.wait_until_it_answers().await;
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.process.id().to_string()]).status();
        assert!(status.expect("kill is installed").success());
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    async fn wait_until_it_answers(&self) {
        let deadline = Instant::now() + START_TIMEOUT;
        while UnixStream::connect(self.socket()).await.is_err() {
            assert!(Instant::now() < deadline, "redis-server did not answer within {START_TIMEOUT:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn tls_settings(port: u16) -> Vec<String> {
    let port = port.to_string();
    let files = ["--tls-cert-file", "server.crt", "--tls-key-file", "server.key", "--tls-ca-cert-file", "ca.crt"];
    let settings = ["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"];
    [&settings[..], &files[..]].concat().into_iter().map(str::to_owned).collect()
}

fn spawn(folder: &TempDir, settings: &[String]) -> Child {
    let program = env::var("FLUXO_TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
    Command::new(&program)
        .args(["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--unixsocket", "redis.sock"])
        .args(settings)
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"))
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Already ended, if the test killed it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
