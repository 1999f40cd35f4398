use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use aws_clients::Roots;
use ledger::{Authentication, LedgerConfig, Tls};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixStream},
    task::JoinHandle,
};
use tokio_postgres::Client;
use tokio_rustls::TlsAcceptor;

use crate::{Authority, PostgresServer, aws_at, rds_tokens::Tokens};

/// The cluster's master user.
pub const OWNER: &str = "master";

/// What a client says first to be let in with TLS, after the length.
const SSL_REQUEST: u32 = 80_877_103;

/// What a master user of RDS has, as "Master user account privileges" and "Understanding the rds_superuser role" of its user guides
/// say: no superuser, but one who may make roles and databases.
const ROLES: &str = "
    CREATE ROLE rds_superuser NOLOGIN;
    CREATE ROLE rds_password NOLOGIN;
    CREATE ROLE rds_replication NOLOGIN;
    CREATE ROLE rds_iam NOLOGIN;
    GRANT pg_monitor, pg_signal_backend, pg_checkpoint, rds_password, rds_replication TO rds_superuser WITH ADMIN OPTION;
    CREATE ROLE master LOGIN CREATEROLE CREATEDB VALID UNTIL 'infinity';
    GRANT rds_superuser TO master;";

/// RDS lets its master user grant `rds_iam` without being a member, which PostgreSQL since version 16 does not. So it is made one,
/// with nothing but the right to grant, while it is connected, and is none when the next connection is judged.
const MAY_GRANT_IAM: &str = "GRANT rds_iam TO master WITH ADMIN OPTION, INHERIT FALSE, SET FALSE";
const IS_NO_MEMBER: &str =
    "DELETE FROM pg_auth_members WHERE roleid = 'rds_iam'::regrole AND member = 'master'::regrole";

/// A PostgreSQL that lets in who RDS would, over TLS only: members of `rds_iam` with IAM tokens, all others with passwords. It ends
/// with the value.
///
/// The server itself, by its `pg_hba.conf`, decides who has to show a token. Where RDS's PAM module would look at it, a gate in
/// front of the server does.
pub struct Rds {
    /// The server behind the gate.
    pub server: Arc<PostgresServer>,
    port: u16,
    roots: Roots,
    tokens: Arc<Tokens>,
    refusals: Arc<AtomicUsize>,
    gate: JoinHandle<()>,
}

/// Whether who only administers a role is a member of what that role is a member of. AWS does not say what holds on RDS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminMembers {
    /// Yes, as in a `pg_hba.conf` of PostgreSQL.
    Count,
    /// No: only who inherits.
    DoNotCount,
}

impl Rds {
    /// A server of this major version with the database `fluxo` of the master user, who may sign in with a token, too, where it
    /// has to.
    pub async fn start(major: u32, members: AdminMembers, password: &str) -> Rds {
        let access = match members {
            AdminMembers::Count => "+rds_iam",
            AdminMembers::DoNotCount => "fluxo,fluxo_lookup,fluxo_maintenance",
        };
        let access = format!("local all all trust\nhost all {access} all password\nhost all all all scram-sha-256");
        let server = Arc::new(PostgresServer::start_major(major, &access).await);
        server.run(ROLES).await;
        server.run(&format!("ALTER ROLE master PASSWORD '{password}'")).await;
        server.run("CREATE DATABASE fluxo OWNER master").await;

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let rights = Mutex::new([OWNER, "fluxo", "fluxo_lookup", "fluxo_maintenance"].map(str::to_owned).into());
        let sdk = aws_at("http://127.0.0.1:1").await;
        let tokens = Arc::new(Tokens { sdk, host: "localhost".to_owned(), port, rights });
        let refusals = Arc::new(AtomicUsize::new(0));
        let authority = Authority::create();
        let gate = Gate {
            acceptor: authority.issue("localhost").acceptor(),
            server: Arc::clone(&server),
            tokens: Arc::clone(&tokens),
            refusals: Arc::clone(&refusals),
        };
        let gate = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(gate.clone().let_in(client));
            }
        });
        Rds { server, port, roots: authority.roots(), tokens, refusals, gate }
    }

    /// How a user connects to the database `fluxo`.
    pub fn config(&self, user: &str, authentication: Authentication) -> LedgerConfig {
        let tls = Tls::VerifyFull(self.roots.clone());
        let (host, database) = ("localhost".to_owned(), "fluxo".to_owned());
        LedgerConfig { host, port: self.port, database, user: user.to_owned(), authentication, tls }
    }

    /// What signs tokens that it takes.
    pub fn iam(&self) -> Authentication {
        Authentication::Iam(Box::new(self.tokens.sdk.clone()))
    }

    /// Takes the right `rds-db:connect` for this user away.
    pub fn refuse_tokens_of(&self, user: &str) {
        self.tokens.rights.lock().expect("nothing panics while it is locked").remove(user);
    }

    /// How many were not let in so far.
    pub fn refusals(&self) -> usize {
        self.refusals.load(Ordering::SeqCst)
    }

    /// A connection of somebody who may do everything.
    pub async fn superuser(&self) -> Client {
        self.server.superuser("fluxo").await
    }
}

impl Drop for Rds {
    fn drop(&mut self) {
        self.gate.abort();
    }
}

/// What stands in front of the server.
#[derive(Clone)]
struct Gate {
    acceptor: TlsAcceptor,
    server: Arc<PostgresServer>,
    tokens: Arc<Tokens>,
    refusals: Arc<AtomicUsize>,
}

impl Gate {
    async fn let_in(self, mut client: TcpStream) -> std::io::Result<()> {
        if read_first(&mut client).await?[4..] != SSL_REQUEST.to_be_bytes() {
            return client.write_all(&refusal("no pg_hba.conf entry, no encryption")).await;
        }
        client.write_all(b"S").await?;
        let mut client = self.acceptor.accept(client).await?;
        let first = read_first(&mut client).await?;
        let user = user_of(&first);
        if user == OWNER {
            self.server.run(IS_NO_MEMBER).await;
        }
        let mut server = TcpStream::connect(self.server.address()).await?;
        server.write_all(&first).await?;
        loop {
            let message = read_message(&mut server).await?;
            match (message[0], message.get(5..9)) {
                // AuthenticationOk: the password was right.
                (b'R', Some([0, 0, 0, 0])) => {
                    return self.connected(&user, client, server, &message).await;
                }
                // AuthenticationCleartextPassword: the server's access file says that a token is asked for.
                (b'R', Some([0, 0, 0, 3])) => {
                    client.write_all(&message).await?;
                    let token = read_message(&mut client).await?;
                    return self.show_token(&user, &text(&token[5..]), client, &first).await;
                }
                // AuthenticationSASL and AuthenticationSASLContinue.
                (b'R', Some([0, 0, 0, 10 | 11])) => {
                    client.write_all(&message).await?;
                    server.write_all(&read_message(&mut client).await?).await?;
                }
                (b'E', _) => {
                    self.refusals.fetch_add(1, Ordering::SeqCst);
                    return client.write_all(&message).await;
                }
                // AuthenticationSASLFinal.
                _ => client.write_all(&message).await?,
            }
        }
    }

    /// Who has shown a good token is somebody whom the server trusts.
    async fn show_token(
        &self,
        user: &str,
        token: &str,
        mut client: impl AsyncRead + AsyncWrite + Unpin,
        first: &[u8],
    ) -> std::io::Result<()> {
        if !self.tokens.lets_in(user, token).await {
            self.refusals.fetch_add(1, Ordering::SeqCst);
            return client.write_all(&refusal(&format!("PAM authentication failed for user \"{user}\""))).await;
        }
        let mut server = UnixStream::connect(self.server.socket()).await?;
        server.write_all(first).await?;
        let message = read_message(&mut server).await?;
        self.connected(user, client, server, &message).await
    }

    async fn connected(
        &self,
        user: &str,
        mut client: impl AsyncRead + AsyncWrite + Unpin,
        mut server: impl AsyncRead + AsyncWrite + Unpin,
        message: &[u8],
    ) -> std::io::Result<()> {
        if user == OWNER {
            self.server.run(MAY_GRANT_IAM).await;
        }
        client.write_all(message).await?;
        copy_bidirectional(&mut client, &mut server).await.map(drop)
    }
}

/// A message without a kind, as the first of a connection is, with its length.
async fn read_first(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    read_behind(from, Vec::new()).await
}

/// Kind, length and content of a message (PostgreSQL's protocol 3.0).
async fn read_message(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let kind = from.read_u8().await?;
    read_behind(from, vec![kind]).await
}

async fn read_behind(from: &mut (impl AsyncRead + Unpin), mut message: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    message.extend(length.to_be_bytes());
    let begin = message.len();
    // A message's length counts itself.
    message.resize(begin + usize::try_from(length).expect("64 bits").saturating_sub(4), 0);
    from.read_exact(&mut message[begin..]).await?;
    Ok(message)
}

/// The user that the first message names: behind length and version come names and values, each up to a zero byte.
fn user_of(first: &[u8]) -> String {
    let mut words = first[8..].split(|byte| *byte == 0).map(text);
    while let Some(name) = words.next() {
        let value = words.next().unwrap_or_default();
        if name == "user" {
            return value;
        }
    }
    String::new()
}

/// A text up to its zero byte.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// An ErrorResponse.
fn refusal(says: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C28000\0M{says}\0\0");
    let length = u32::try_from(fields.len() + 4).expect("a short text");
    [b"E".as_slice(), &length.to_be_bytes(), fields.as_bytes()].concat()
}
