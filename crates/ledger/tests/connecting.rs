//! Whom the ledger's client trusts and what it says when there is no connection, on real PostgreSQL servers.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    collections::HashMap,
    error::Error,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use aws_clients::Roots;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::{Credentials, credential_fn::provide_credentials_fn};
use cashflow::Currency;
use ledger::{
    Authentication, CONNECTION_AGE_MAX, ConnectError, Ledger, LedgerConfig, LedgerError, Tls, UnavailableError, connect,
};
use test_builders::acme;
use test_stores::{Authority, Database, Identity, PostgresServer, Wire};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use url::Url;

/// A server that lets its users in over TLS only, as RDS does with `rds.force_ssl`.
async fn tls_only(identity: &Identity) -> PostgresServer {
    let server = PostgresServer::start("hostssl all all all scram-sha-256", Some(identity)).await;
    server.run("CREATE ROLE fluxo LOGIN PASSWORD 'right'").await;
    server
}

fn verifying(authority: &Authority) -> Tls {
    Tls::VerifyFull(authority.roots())
}

/// What an operation answers that needs a connection.
async fn ask(config: &LedgerConfig) -> Result<Vec<Currency>, LedgerError> {
    Ledger::new(config.clone()).currencies(&acme()).await
}

/// Why there is no connection: because of something that somebody has to mend.
async fn misconfigured(config: &LedgerConfig) -> ConnectError {
    match ask(config).await.unwrap_err() {
        LedgerError::Misconfigured(error) => error,
        other => panic!("{other:?}"),
    }
}

/// Why there is no connection: because of something that may pass.
async fn unavailable(config: &LedgerConfig) -> ConnectError {
    match ask(config).await.unwrap_err() {
        LedgerError::Unavailable(UnavailableError::Connect(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn with_causes(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_causes(source)),
        None => error.to_string(),
    }
}

#[tokio::test]
async fn a_server_of_a_trusted_authority_is_spoken_to_encrypted() {
    let authority = Authority::create();
    let server = tls_only(&authority.issue("localhost")).await;
    let connection = connect(&server.config("fluxo", "right", verifying(&authority))).await.unwrap();
    let session = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = connection.query_typed_one(session, &[]).await.unwrap();
    assert_eq!((row.get("ssl"), row.get("version")), (true, "TLSv1.3"));
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_trusted() {
    let server = tls_only(&Authority::create().issue("localhost")).await;
    for roots in [Authority::create().roots(), Roots::rds()] {
        let error = misconfigured(&server.config("fluxo", "right", Tls::VerifyFull(roots))).await;
        assert!(matches!(error, ConnectError::Certificate { .. }), "{error:?}");
        assert_eq!(
            with_causes(&error),
            "the TLS certificate of localhost is not trusted: invalid peer certificate: UnknownIssuer"
        );
    }
}

#[tokio::test]
async fn a_server_that_shows_the_certificate_of_another_is_not_trusted() {
    let authority = Authority::create();
    let server = tls_only(&authority.issue("db.example")).await;
    let error = misconfigured(&server.config("fluxo", "right", verifying(&authority))).await;
    let message = with_causes(&error);
    assert!(message.starts_with("the TLS certificate of localhost is not trusted: "), "{message}");
    assert!(message.contains("db.example"), "{message}");
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_not_trusted() {
    let authority = Authority::create();
    let server = tls_only(&authority.issue_until("localhost", 2020)).await;
    let error = misconfigured(&server.config("fluxo", "right", verifying(&authority))).await;
    assert!(matches!(error, ConnectError::Certificate { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_nothing_when_tls_is_asked_for() {
    let database = Database::create().await;
    let wire = Wire::to(&database.config()).await;
    let error = misconfigured(&LedgerConfig { tls: Tls::VerifyFull(Roots::rds()), ..wire.config.clone() }).await;
    assert!(matches!(error, ConnectError::NoTls { .. }), "{error:?}");
    assert_eq!(error.to_string(), "127.0.0.1 offers no TLS; nothing was sent");
    // The question for TLS, whose number stands for a version of the protocol, and no more.
    let said = wire.said();
    assert_eq!(said.iter().map(|said| said.body.as_slice()).collect::<Vec<_>>(), [80_877_103_u32.to_be_bytes()]);
}

#[tokio::test]
async fn a_server_that_insists_on_tls_refuses_a_client_without() {
    let server = tls_only(&Authority::create().issue("localhost")).await;
    let error = misconfigured(&server.config("fluxo", "right", Tls::Off)).await;
    let message = with_causes(&error);
    assert!(
        message.starts_with("the ledger refused the password of fluxo, or connections of fluxo from here: "),
        "{message}"
    );
    assert!(message.contains("no encryption"), "{message}");
}

#[tokio::test]
async fn a_wrong_password_is_for_somebody_to_mend() {
    let authority = Authority::create();
    let server = tls_only(&authority.issue("localhost")).await;
    let error = misconfigured(&server.config("fluxo", "wrong", verifying(&authority))).await;
    assert!(matches!(error, ConnectError::SignInRefused { .. }), "{error:?}");
    let error = misconfigured(&server.config("nobody", "right", verifying(&authority))).await;
    assert!(matches!(error, ConnectError::SignInRefused { .. }), "{error:?}");
}

/// RDS says 28000 of a token that IAM does not confirm, as PostgreSQL does of what PAM refuses, and 28P01 elsewhere.
#[tokio::test]
async fn a_refused_iam_token_may_be_accepted_next_time() {
    let authority = Authority::create();
    let access = "hostssl all fluxo all password\nhostssl all barred all reject";
    let server = PostgresServer::start(access, Some(&authority.issue("localhost"))).await;
    server.run("CREATE ROLE fluxo LOGIN PASSWORD 'not a token'; CREATE ROLE barred LOGIN").await;
    for (user, code) in [("fluxo", "28P01"), ("barred", "28000")] {
        let config =
            LedgerConfig { authentication: signing_anew().await, ..server.config(user, "", verifying(&authority)) };
        let error = unavailable(&config).await;
        let ConnectError::TokenRefused { source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(source.code().unwrap().code(), code);
        assert_eq!(error.to_string(), format!("the ledger refused the IAM token of {user}"));
    }
}

/// Credentials that change each time they are asked for, as those of a Lambda environment do from time to time.
async fn signing_anew() -> Authentication {
    let count = AtomicU32::new(0);
    let provider = provide_credentials_fn(move || {
        let key = format!("AKID{}", count.fetch_add(1, Ordering::Relaxed));
        async move { Ok(Credentials::new(key, "secret", Some("session".to_owned()), None, "tests")) }
    });
    let sdk = aws_config::defaults(BehaviorVersion::latest()).region(Region::new("sa-east-1"));
    Authentication::Iam(Box::new(sdk.credentials_provider(provider).load().await))
}

/// Each is for its server and user, and for fifteen minutes.
#[tokio::test]
async fn every_connection_signs_a_token_of_its_own() {
    // In the clear, so that the wire sees the password, which the server asks for as RDS does.
    let server = PostgresServer::start("host all all all password", None).await;
    server.run("CREATE ROLE fluxo LOGIN PASSWORD 'not a token'").await;
    let wire = Wire::to(&server.config("fluxo", "", Tls::Off)).await;
    let ledger = Ledger::new(LedgerConfig { authentication: signing_anew().await, ..wire.config.clone() });
    for _ in 0..3 {
        ledger.currencies(&acme()).await.unwrap_err();
    }
    let tokens: Vec<String> = wire.said().iter().filter(|said| said.kind == b'p').map(|said| said.text().0).collect();
    assert_eq!(tokens.len(), 3);
    for (number, token) in tokens.iter().enumerate() {
        let url = Url::parse(&format!("https://{token}")).unwrap();
        assert_eq!((url.host_str(), url.port()), (Some("127.0.0.1"), Some(wire.config.port)));
        let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
        let value = |name: &str| query[name].as_str();
        assert_eq!((value("Action"), value("DBUser"), value("X-Amz-Expires")), ("connect", "fluxo", "900"));
        assert_eq!((value("X-Amz-Algorithm"), value("X-Amz-Security-Token")), ("AWS4-HMAC-SHA256", "session"));
        let credential = value("X-Amz-Credential");
        assert!(credential.starts_with(&format!("AKID{number}/")), "{credential}");
        assert!(credential.ends_with("/sa-east-1/rds-db/aws4_request"), "{credential}");
        assert_eq!(value("X-Amz-Signature").len(), 64);
    }
}

#[tokio::test]
async fn a_handshake_that_breaks_off_may_succeed_next_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let authority = Authority::create();
    let breaking_off = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        client.read_exact(&mut [0; 8]).await.unwrap();
        client.write_all(b"S").await.unwrap();
    });
    let database = Database::create().await;
    let config = LedgerConfig { host: "127.0.0.1".to_owned(), port, tls: verifying(&authority), ..database.config() };
    let error = unavailable(&config).await;
    assert!(matches!(error, ConnectError::Postgres(_)), "{error:?}");
    breaking_off.await.unwrap();
    // Nobody is there any more.
    let error = unavailable(&config).await;
    assert!(matches!(error, ConnectError::Postgres(_)), "{error:?}");
}

async fn sessions(database: &Database) -> i64 {
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1";
    database.owner().await.query_one(sessions, &[&database.config().user]).await.unwrap().get(0)
}

async fn backend(ledger_of: &Wire) -> usize {
    ledger_of.said().iter().filter(|said| said.kind == 0).count()
}

#[tokio::test]
async fn a_connection_is_used_again_and_replaced_at_its_age() {
    let database = Database::create().await;
    let wire = Wire::to(&database.config()).await;
    let ledger = Ledger::new(wire.config.clone());
    let acme = acme();
    for _ in 0..2 {
        ledger.currencies(&acme).await.unwrap();
        assert_eq!(backend(&wire).await, 1);
    }
    tokio::time::pause();
    tokio::time::advance(CONNECTION_AGE_MAX).await;
    tokio::time::resume();
    ledger.currencies(&acme).await.unwrap();
    assert_eq!(backend(&wire).await, 2);
    // The old one is not left to the server.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while sessions(&database).await > 1 {
        assert!(tokio::time::Instant::now() < deadline, "the old connection stays open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An environment is frozen between two requests and sees nothing of what happens meanwhile. What it finds when it wakes up must
/// not cost the next request its answer.
#[tokio::test]
async fn a_connection_that_ended_while_the_environment_was_frozen_is_not_used() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let acme = acme();
    for _ in 0..20 {
        ledger.currencies(&acme).await.unwrap();
        // Blocks this thread, and with it everything that runs here.
        let owner = database.owner_config();
        let user = database.config().user;
        let others = thread::spawn(move || end_sessions(&owner, &user));
        others.join().unwrap();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn end_sessions(owner: &LedgerConfig, user: &str) {
    let connection = connect(owner).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1";
    let ended = connection.query(end, &[&user]).await.unwrap();
    assert!(ended.len() == 1 && ended[0].get::<_, bool>(0));
}
