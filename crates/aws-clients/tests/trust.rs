//! Whom AWS clients trust: a DynamoDB behind TLS, asked by processes with environments of their own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    env,
    error::Error,
    io::Write,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use aws_clients::AwsLimits;
use aws_sdk_dynamodb::{Client, error::DisplayErrorContext};
use tempfile::NamedTempFile;
use test_stores::{Authority, DynamoDb, Identity};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinHandle,
};

/// Far above what anything here takes.
const LIMITS: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(20), operation_timeout: Duration::from_secs(20), attempts: 1 };

/// A DynamoDB that is spoken to over TLS, and the file with the certificate of its authority.
struct Server {
    database: DynamoDb,
    url: String,
    authority: NamedTempFile,
    front: JoinHandle<()>,
}

impl Server {
    async fn start() -> Server {
        let database = DynamoDb::start().await;
        let identity = Authority::create().issue("localhost");
        let mut authority = NamedTempFile::new().unwrap();
        authority.write_all(identity.authority.as_bytes()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let front = tokio::spawn(carry(listener, identity, database.url.clone()));
        Server { database, url, authority, front }
    }

    /// What a client says that runs with this variable.
    async fn asked_with(&self, variable: &str, file: &Path) -> Output {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "the_client", "--ignored", "--nocapture"])
            .env("AWS_ENDPOINT_URL", &self.url)
            .env_remove("AWS_CA_BUNDLE")
            .env(variable, file)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap()
    }
}

/// Takes TLS off the connections of clients.
async fn carry(listener: TcpListener, identity: Identity, url: String) {
    let acceptor = identity.acceptor();
    while let Ok((client, _)) = listener.accept().await {
        let (acceptor, address) = (acceptor.clone(), url.trim_start_matches("http://").to_owned());
        tokio::spawn(async move {
            let mut client = acceptor.accept(client).await?;
            copy_bidirectional(&mut client, &mut TcpStream::connect(address).await?).await
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.front.abort();
    }
}

/// Of the process that a test starts: says the names of the server's tables.
#[tokio::test]
#[ignore = "the other tests run it, each in an environment of its own"]
async fn the_client() -> Result<(), Box<dyn Error>> {
    let client = Client::new(&LIMITS.load_config().await?);
    let tables = client.list_tables().send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
    println!("tables: {:?}", tables.table_names());
    Ok(())
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat()
}

#[tokio::test]
async fn the_authorities_in_the_named_file_are_trusted() {
    let server = Server::start().await;
    let output = server.asked_with("AWS_CA_BUNDLE", server.authority.path()).await;
    let tables = format!("tables: [{:?}]", server.database.table_name);
    assert!(output.status.success() && said(&output).contains(&tables), "{}", said(&output));
}

#[tokio::test]
async fn an_authority_of_the_machine_is_not_trusted() {
    let server = Server::start().await;
    let output = server.asked_with("SSL_CERT_FILE", server.authority.path()).await;
    assert!(!output.status.success() && said(&output).contains("UnknownIssuer"), "{}", said(&output));
}

#[tokio::test]
async fn a_file_without_certificates_is_refused_at_the_start() {
    let server = Server::start().await;
    let empty = NamedTempFile::new().unwrap();
    let output = server.asked_with("AWS_CA_BUNDLE", empty.path()).await;
    assert!(!output.status.success() && said(&output).contains("AWS_CA_BUNDLE"), "{}", said(&output));
}
