use std::{
    env,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::net::UnixStream;

const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A Redis server of its own on a Unix socket; it ends with the value.
pub struct RedisServer {
    process: Child,
    folder: TempDir,
}

impl RedisServer {
    /// Starts `redis-server` (or the program that `FLUXO_TEST_REDIS_SERVER` names) and waits until it answers.
    pub async fn start() -> RedisServer {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let process = spawn(&folder);
        let server = RedisServer { process, folder };
        server.wait_until_it_answers().await;
        server
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
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
        self.process = spawn(&self.folder);
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

fn spawn(folder: &TempDir) -> Child {
    let program = env::var("FLUXO_TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
    Command::new(&program)
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket", "redis.sock"])
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
