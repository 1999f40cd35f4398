use std::{
    env, fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use ledger::{Authentication, LedgerConfig, Tls};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

use crate::{Identity, ports::free_ports};

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A PostgreSQL server with settings of its own; it ends with the value. For what cannot be tried on a shared one: TLS, ways to
/// sign in, roles that are known to the whole server.
pub struct PostgresServer {
    process: Child,
    folder: TempDir,
    port: u16,
    account: Option<Account>,
    programs: PathBuf,
}

/// Whom the server runs as: it refuses root.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl PostgresServer {
    /// Starts a server that lets in who the lines `access` say (as in `pg_hba.conf`), with TLS if it has an identity.
    pub async fn start(access: &str, identity: Option<&Identity>) -> PostgresServer {
        PostgresServer::start_with("FLUXO_TEST_POSTGRES_PROGRAMS", access, identity).await
    }

    /// The same with the programs of one major version.
    pub async fn start_major(major: u32, access: &str) -> PostgresServer {
        PostgresServer::start_with(&format!("FLUXO_TEST_POSTGRES_{major}_PROGRAMS"), access, None).await
    }

    async fn start_with(programs: &str, access: &str, identity: Option<&Identity>) -> PostgresServer {
        let programs = PathBuf::from(crate::from_environment(programs));
        let account = account();
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("others may pass");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder for the data");
        give_to(account, &data);
        run(server_program(&programs, "initdb", account)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data));
        // The tests themselves come through the socket.
        write(account, &data.join("pg_hba.conf"), &format!("local all postgres trust\n{access}\n"));
        if let Some(identity) = identity {
            write(account, &data.join("server.crt"), &identity.certificate);
            write(account, &data.join("server.key"), &identity.key);
        }
        let [port] = free_ports();
        let process = spawn(&programs, account, &data, port, identity.is_some());
        let server = PostgresServer { process, folder, port, account, programs };
        server.wait_until_it_answers().await;
        server
    }

    /// A connection of the superuser, who is not the ledger's owner.
    pub async fn superuser(&self, database: &str) -> Client {
        let (client, connection) = self.superuser_config(database).connect(NoTls).await.expect("the server answers");
        tokio::spawn(connection);
        client
    }

    /// Runs statements as the superuser.
    pub async fn run(&self, statements: &str) {
        let client = self.superuser("postgres").await;
        client.batch_execute(statements).await.unwrap_or_else(|error| panic!("{statements}: {error:?}"));
    }

    /// How a role connects to its database `postgres` with a password.
    pub fn config(&self, user: &str, password: &str, tls: Tls) -> LedgerConfig {
        LedgerConfig {
            host: "localhost".to_owned(),
            port: self.port,
            database: "postgres".to_owned(),
            user: user.to_owned(),
            authentication: Authentication::Password(password.to_owned()),
            tls,
        }
    }

    /// Where it listens for those who come through the socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(format!("data/.s.PGSQL.{}", self.port))
    }

    /// Where it listens for all others.
    pub(crate) fn address(&self) -> (&'static str, u16) {
        ("localhost", self.port)
    }

    /// Ends the server at once; its connections break.
    pub fn kill(&mut self) {
        // Its own processes go with it. The one that is killed the hard way would leave them for a while.
        let quit = Command::new("kill").args(["-QUIT", &self.process.id().to_string()]).status();
        assert!(quit.expect("kill is installed").success());
        self.process.wait().expect("the process ends");
    }

    /// Starts the server again after [`PostgresServer::kill`].
    pub async fn restart(&mut self) {
        let data = self.folder.path().join("data");
        let has_tls = data.join("server.crt").exists();
        self.process = spawn(&self.programs, self.account, &data, self.port, has_tls);
        self.wait_until_it_answers().await;
    }

    fn superuser_config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host_path(self.folder.path().join("data")).port(self.port).user("postgres").dbname(database);
        config
    }

    async fn wait_until_it_answers(&self) {
        let deadline = Instant::now() + START_TIMEOUT;
        while self.superuser_config("postgres").connect(NoTls).await.is_err() {
            assert!(Instant::now() < deadline, "postgres did not answer within {START_TIMEOUT:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn spawn(programs: &Path, account: Option<Account>, data: &Path, port: u16, has_tls: bool) -> Child {
    let settings = [
        ("listen_addresses", "localhost".to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", data.display().to_string()),
        ("fsync", "off".to_owned()),
        ("ssl", if has_tls { "on" } else { "off" }.to_owned()),
    ];
    let mut command = server_program(programs, "postgres", account);
    command.arg("-D").arg(data);
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("postgres can be started")
}

fn server_program(programs: &Path, name: &str, account: Option<Account>) -> Command {
    let mut command = Command::new(programs.join(name));
    command.current_dir("/").env_clear().env("PATH", env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C.UTF-8");
    if let Some(Account { user, group }) = account {
        command.gid(group).uid(user);
    }
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Debian's package has a user for the server.
fn account() -> Option<Account> {
    if id(&["-u"])? != 0 {
        return None;
    }
    let of = |name: &str| Some(Account { user: id(&["-u", name])?, group: id(&["-g", name])? });
    of("postgres").or_else(|| of("nobody"))
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn write(account: Option<Account>, path: &Path, content: &str) {
    fs::write(path, content).expect("the file is written");
    // A private key must be readable by the server only.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("the file is kept from others");
    give_to(account, path);
}

fn give_to(account: Option<Account>, path: &Path) {
    if let Some(Account { user, group }) = account {
        std::os::unix::fs::chown(path, Some(user), Some(group)).expect("the server gets its files");
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Already ended, if the test killed it.
        let _ = Command::new("kill").args(["-QUIT", &self.process.id().to_string()]).stderr(Stdio::null()).status();
        let _ = self.process.wait();
    }
}
