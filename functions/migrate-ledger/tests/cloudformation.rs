//! What CloudFormation is answered, at a receiver of HTTP, and what becomes of the ledger, on real PostgreSQL servers. The owner is
//! what a master user of RDS is: no superuser, but allowed to make roles.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod receiver;

use std::time::{Duration, SystemTime};

use aws_clients::Roots;
use ledger::{
    Authentication, ConnectError, Ledger, LedgerConfig, LedgerError, Login, Outcome, PostError, Rights, SignIn, Tls,
};
use migrate_ledger::{AnswerError, Answers, MigrateLedger, Owner, Settings};
use receiver::{Received, Receiver};
use serde_json::{Value, json};
use settings::SettingError;
use test_builders::{acme, entry};
use test_events::event;
use test_stores::{Authority, PostgresServer, aws_engine};
use tokio::net::TcpListener;

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(60);

const PASSWORDS: [&str; 4] = ["0wner's", "wr1ter's", "ma1ntainer's", "l00kup's"];

/// A server with an empty database that belongs to the master user.
async fn server() -> PostgresServer {
    let server = PostgresServer::start("host all all all scram-sha-256", None).await;
    server
        .run(&format!("CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD '{}'", PASSWORDS[0].replace('\'', "''")))
        .await;
    server.run("CREATE DATABASE fluxo OWNER master").await;
    server
}

/// The same with what RDS has for signing in with tokens. Its master user may pass it on.
async fn rds() -> PostgresServer {
    let server = server().await;
    server.run("CREATE ROLE rds_iam NOLOGIN; GRANT rds_iam TO master WITH ADMIN OPTION").await;
    server
}

fn login(name: &str, rights: Rights, password: &str) -> Login {
    Login { name: name.to_owned(), rights, sign_in: SignIn::Password(password.to_owned()), connections_max: None }
}

fn settings(server: &PostgresServer) -> Settings {
    Settings {
        ledger: LedgerConfig { database: "fluxo".to_owned(), ..server.config("", "", Tls::Off) },
        owner: Owner::Password { user: "master".to_owned(), password: PASSWORDS[0].to_owned() },
        owner_tokens: None,
        patience: BOUND,
        logins: [
            login("fluxo", Rights::Writer, PASSWORDS[1]),
            Login { connections_max: Some(3), ..login("fluxo_lookup", Rights::Lookup, PASSWORDS[3]) },
            login("fluxo_maintenance", Rights::Maintainer, PASSWORDS[2]),
        ],
        epoch: 1,
    }
}

/// The settings with the functions signing in with tokens.
fn with_iam(server: &PostgresServer) -> Settings {
    let settings = settings(server);
    let logins = settings.logins.map(|login| Login { sign_in: SignIn::Iam, ..login });
    Settings { logins, ..settings }
}

fn function(settings: Result<Settings, SettingError>) -> MigrateLedger {
    MigrateLedger { settings, answers: Answers::new(&Roots::amazon()) }
}

fn in_time() -> SystemTime {
    SystemTime::now() + BOUND
}

/// One of the events, with the receiver as the address of the answer.
fn request(case: &str, receiver: &Receiver) -> Value {
    let mut event = event(&format!("migrate-ledger/{case}"));
    event["ResponseURL"] = json!(receiver.address());
    event
}

/// What the function answers to one of the events.
async fn answer(settings: Settings, case: &str) -> Value {
    answer_of(&function(Ok(settings)), case).await
}

async fn answer_of(function: &MigrateLedger, case: &str) -> Value {
    let receiver = Receiver::start(&[200]).await;
    function.handle(request(case, &receiver), in_time()).await.unwrap();
    let [received] = receiver.received().try_into().unwrap();
    checked(received, case)
}

/// The answer, after a look at everything that is the same in all.
fn checked(received: Received, case: &str) -> Value {
    assert_eq!((received.method.as_str(), received.content_type.as_deref()), ("PUT", Some("")));
    assert!(received.body.len() < 4_096, "{} bytes", received.body.len());
    for password in PASSWORDS {
        assert!(!received.body.contains(password), "{}", received.body);
    }
    let answer: Value = serde_json::from_str(&received.body).unwrap();
    let event = event(&format!("migrate-ledger/{case}"));
    for field in ["StackId", "RequestId", "LogicalResourceId"] {
        assert_eq!(answer[field], event[field]);
    }
    assert_eq!(answer["PhysicalResourceId"], "fluxo-ledger");
    if let Some(reason) = answer["Reason"].as_str() {
        assert!(!reason.contains('\n'), "{reason}");
    }
    answer
}

/// That it failed, and why.
async fn reason(settings: Settings, case: &str) -> String {
    let answer = answer(settings, case).await;
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    answer["Reason"].as_str().unwrap().to_owned()
}

async fn succeed(settings: Settings, case: &str) -> String {
    let answer = answer(settings, case).await;
    assert_eq!((&answer["Status"], &answer["Reason"]), (&json!("SUCCESS"), &Value::Null), "{answer}");
    answer["Data"]["Applied"].as_str().unwrap().to_owned()
}

/// How one of the functions' users connects.
fn config_of(settings: &Settings, user: usize) -> LedgerConfig {
    let SignIn::Password(password) = &settings.logins[user].sign_in else { panic!("a user with a password") };
    let authentication = Authentication::Password(password.clone());
    LedgerConfig { user: settings.logins[user].name.clone(), authentication, ..settings.ledger.clone() }
}

async fn post(settings: &Settings, key: &str) -> Outcome {
    Ledger::new(config_of(settings, 0)).post(&acme(), &[entry(key).build()]).await.unwrap().outcomes[0]
}

async fn entries(server: &PostgresServer) -> i64 {
    server.superuser("fluxo").await.query_one("SELECT count(*) FROM entry", &[]).await.unwrap().get(0)
}

/// What a role is a member of by itself.
async fn groups(server: &PostgresServer, role: &str) -> Vec<String> {
    let groups = "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = $1::text::regrole ORDER BY 1";
    let rows = server.superuser("fluxo").await.query(groups, &[&role]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn has_password(server: &PostgresServer, role: &str) -> bool {
    let has = "SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = $1";
    server.superuser("fluxo").await.query_one(has, &[&role]).await.unwrap().get(0)
}

#[tokio::test]
async fn creating_the_stack_makes_the_ledger_and_lets_the_functions_in() {
    let server = server().await;
    let applied = succeed(settings(&server), "create").await;
    assert!(applied.starts_with("V1__ledger, V2__"), "{applied}");

    let settings = settings(&server);
    assert_eq!(post(&settings, "1").await, Outcome::Posted);
    let maintenance = Ledger::new(config_of(&settings, 2));
    assert_eq!(maintenance.months_with_entries(None, 10).await.unwrap().months.len(), 1);
}

#[tokio::test]
async fn an_update_with_nothing_to_do_does_nothing() {
    let server = server().await;
    succeed(settings(&server), "create").await;
    assert_eq!(post(&settings(&server), "1").await, Outcome::Posted);
    assert_eq!(succeed(settings(&server), "update").await, "");
    assert_eq!(post(&settings(&server), "1").await, Outcome::Duplicate);
}

#[tokio::test]
async fn of_several_at_once_one_does_the_work_and_all_succeed() {
    let server = server().await;
    let run = || succeed(settings(&server), "create");
    let (a, b, c) = tokio::join!(run(), run(), run());
    assert_eq!([a, b, c].iter().filter(|applied| !applied.is_empty()).count(), 1);
    assert_eq!(post(&settings(&server), "1").await, Outcome::Posted);
}

#[tokio::test]
async fn deleting_the_stack_deletes_nothing() {
    let server = server().await;
    succeed(settings(&server), "create").await;
    post(&settings(&server), "1").await;
    assert_eq!(succeed(settings(&server), "delete").await, "");
    assert_eq!(entries(&server).await, 1);
    assert_eq!(post(&settings(&server), "2").await, Outcome::Posted);
}

/// A stack that could not be made must be removable, whatever was wrong.
#[tokio::test]
async fn deleting_succeeds_without_a_ledger_and_with_wrong_settings() {
    let wrong = function(Err(SettingError::Missing("LEDGER_HOST")));
    let answer = answer_of(&wrong, "delete").await;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
}

#[tokio::test]
async fn the_users_may_call_what_is_theirs_and_nothing_else() {
    let server = server().await;
    succeed(settings(&server), "create").await;
    assert_eq!(groups(&server, "fluxo").await, ["ledger_writer"]);
    assert_eq!(groups(&server, "fluxo_lookup").await, ["ledger_lookup"]);
    assert_eq!(groups(&server, "fluxo_maintenance").await, ["ledger_maintainer"]);
    let attributes = "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls, rolcanlogin
        FROM pg_roles WHERE rolname IN ('fluxo', 'fluxo_lookup', 'fluxo_maintenance')";
    for row in server.superuser("fluxo").await.query(attributes, &[]).await.unwrap() {
        assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), (false, true));
    }
    let settings = settings(&server);
    let refused = Ledger::new(config_of(&settings, 0)).months_with_entries(None, 10).await;
    assert!(matches!(refused, Err(LedgerError::Misconfigured(_))), "{refused:?}");
    let refused = Ledger::new(config_of(&settings, 1)).post(&acme(), &[entry("1").build()]).await;
    assert!(matches!(refused, Err(PostError::Ledger(LedgerError::Misconfigured(_)))), "{refused:?}");
    for user in [0, 1, 2] {
        let connection = ledger::connect(&config_of(&settings, user)).await.unwrap();
        for statement in ["SELECT FROM entry", "DELETE FROM entry", "CREATE TABLE mine ()", "CREATE ROLE another"] {
            let error = connection.execute(statement, &[]).await.unwrap_err();
            assert_eq!(error.code().unwrap().code(), "42501", "{statement}: {error:?}");
        }
    }
}

#[tokio::test]
async fn who_looks_up_requests_has_a_limit_of_connections() {
    let server = server().await;
    succeed(settings(&server), "create").await;
    let settings = settings(&server);
    let ledger = || Ledger::new(config_of(&settings, 1));
    let looking = [ledger(), ledger(), ledger()];
    for ledger in &looking {
        assert_eq!(ledger.recorded(&acme(), &[entry("1").build().id]).await.unwrap(), []);
    }
    let error = ledger().recorded(&acme(), &[entry("1").build().id]).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(post(&settings, "1").await, Outcome::Posted, "posting has connections all the same");
}

#[tokio::test]
async fn the_generation_names_the_ledger_and_its_epoch() {
    let server = server().await;
    let generation = async |epoch| {
        let answer = answer(Settings { epoch, ..settings(&server) }, "create").await;
        answer["Data"]["Generation"].as_str().unwrap().to_owned()
    };
    let first = generation(1).await;
    let ledger_id = first.strip_prefix("1-").unwrap().to_owned();
    assert_eq!(ledger_id.len(), 8);
    assert_eq!(generation(1).await, first);
    assert_eq!(generation(3).await, format!("3-{ledger_id}"), "the epoch is raised");
    assert_eq!(generation(2).await, format!("3-{ledger_id}"), "and never lowered");

    server.run("DROP DATABASE fluxo").await;
    server.run("CREATE DATABASE fluxo OWNER master").await;
    assert_ne!(generation(1).await, first, "another ledger has another");
}

#[tokio::test]
async fn users_with_rights_that_are_not_theirs_lose_them() {
    let server = server().await;
    succeed(settings(&server), "create").await;
    let swapped = "SET ROLE master; GRANT ledger_maintainer TO fluxo; GRANT ledger_writer TO fluxo_maintenance";
    server.run(swapped).await;
    succeed(settings(&server), "update").await;
    assert_eq!(groups(&server, "fluxo").await, ["ledger_writer"]);
    assert_eq!(groups(&server, "fluxo_maintenance").await, ["ledger_maintainer"]);
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one() {
    let server = server().await;
    succeed(settings(&server), "create").await;
    let before = settings(&server);
    let changed = || {
        let [writer, lookup, maintainer] = settings(&server).logins;
        let sign_in = SignIn::Password("it's \\ another".to_owned());
        Settings { logins: [Login { sign_in, ..writer }, lookup, maintainer], ..settings(&server) }
    };
    succeed(changed(), "update").await;
    assert_eq!(post(&changed(), "1").await, Outcome::Posted);
    let error = ledger::connect(&config_of(&before, 0)).await.unwrap_err();
    assert!(matches!(error, ConnectError::SignInRefused { .. }), "{error:?}");
}

#[tokio::test]
async fn with_iam_the_users_sign_in_with_tokens_and_in_no_other_way() {
    let server = rds().await;
    succeed(settings(&server), "create").await;
    assert!(has_password(&server, "fluxo").await);
    succeed(with_iam(&server), "update").await;
    for (user, group) in
        [("fluxo", "ledger_writer"), ("fluxo_lookup", "ledger_lookup"), ("fluxo_maintenance", "ledger_maintainer")]
    {
        assert_eq!(groups(&server, user).await, [group, "rds_iam"]);
        assert!(!has_password(&server, user).await);
    }
    // And back.
    succeed(settings(&server), "update").await;
    assert_eq!(groups(&server, "fluxo").await, ["ledger_writer"]);
    assert_eq!(post(&settings(&server), "1").await, Outcome::Posted);
}

#[tokio::test]
async fn iam_on_a_server_that_does_not_know_it_fails_and_grants_nobody_access() {
    let server = server().await;
    let reason = reason(with_iam(&server), "create").await;
    assert!(reason.contains("granting access to role fluxo failed") && reason.contains("rds_iam"), "{reason}");
    let users = "SELECT count(*) FROM pg_roles WHERE rolname IN ('fluxo', 'fluxo_lookup', 'fluxo_maintenance')";
    assert_eq!(server.superuser("fluxo").await.query_one(users, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_role_with_the_owners_rights_gets_no_access() {
    let server = server().await;
    server.run("CREATE ROLE deputy LOGIN IN ROLE master").await;
    for name in ["master", "deputy", "postgres"] {
        let [_, lookup, maintainer] = settings(&server).logins;
        let logins = [login(name, Rights::Writer, "another"), lookup, maintainer];
        let reason = reason(Settings { logins, ..settings(&server) }, "create").await;
        assert!(reason.contains(&format!("role {name} cannot be used by functions")), "{reason}");
    }
    assert!(groups(&server, "postgres").await.is_empty());
}

#[tokio::test]
async fn the_owners_secret_is_read_from_secrets_manager() {
    let server = server().await;
    let client = aws_sdk_secretsmanager::Client::new(&aws_engine().await);
    let owner = async |content: &str| {
        let name = format!("owner-{}", uuid());
        let secret = client.create_secret().name(name).secret_string(content).send().await.unwrap();
        Owner::Secret { client: client.clone(), secret_arn: secret.arn().unwrap().to_owned() }
    };
    let content = json!({"username": "master", "password": PASSWORDS[0], "engine": "postgres"}).to_string();
    let with_secret = Settings { owner: owner(&content).await, ..settings(&server) };
    succeed(with_secret, "create").await;

    let malformed = Settings { owner: owner(PASSWORDS[0]).await, ..settings(&server) };
    let malformed = reason(malformed, "update").await;
    assert_eq!(malformed, "the owner's secret is not a JSON object with username and password");
    let secret_arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:nothing".to_owned();
    let missing = Settings { owner: Owner::Secret { client: client.clone(), secret_arn }, ..settings(&server) };
    let missing = reason(missing, "update").await;
    assert!(missing.starts_with("reading the owner's secret failed: "), "{missing}");
}

/// A name that no other test has.
fn uuid() -> String {
    format!("{:?}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos())
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_was_applied_fails_the_deployment() {
    let server = server().await;
    succeed(settings(&server), "create").await;
    let change = "UPDATE refinery_schema_history SET checksum = '1' WHERE version = 2";
    server.superuser("fluxo").await.execute(change, &[]).await.unwrap();
    let reason = reason(settings(&server), "update").await;
    assert!(
        reason.starts_with("migrating the ledger failed: the ledger's migrations are not those of this release"),
        "{reason}"
    );
    assert!(reason.contains("V2__reversals_statements_seals was applied with another content"), "{reason}");
    // The functions go on as before.
    assert_eq!(post(&settings(&server), "1").await, Outcome::Posted);
}

/// Nothing is left half made.
#[tokio::test]
async fn an_owner_who_may_not_make_roles_fails_the_deployment() {
    let server = server().await;
    server.run("ALTER ROLE master NOCREATEROLE").await;
    let refused = reason(settings(&server), "create").await;
    assert!(refused.contains("permission denied to create role"), "{refused}");
    let tables = "SELECT count(*) FROM pg_class WHERE relname = 'entry'";
    assert_eq!(server.superuser("fluxo").await.query_one(tables, &[]).await.unwrap().get::<_, i64>(0), 0);
    // Once mended, the next try succeeds.
    server.run("ALTER ROLE master CREATEROLE").await;
    succeed(settings(&server), "create").await;
}

#[tokio::test]
async fn a_wrong_password_or_database_of_the_owner_fails_at_once() {
    let server = server().await;
    let owner = Owner::Password { user: "master".to_owned(), password: "wrong".to_owned() };
    let wrong = reason(Settings { owner, ..settings(&server) }, "create").await;
    assert!(wrong.starts_with("connecting to the ledger failed: the ledger refused the password of master"), "{wrong}");
    let ledger = LedgerConfig { database: "nothing".to_owned(), ..settings(&server).ledger };
    let wrong = reason(Settings { ledger, ..settings(&server) }, "create").await;
    assert!(wrong.contains("database \"nothing\" does not exist"), "{wrong}");
}

#[tokio::test]
async fn a_wrong_setting_is_answered_by_its_name() {
    let answer = answer_of(&function(Err(SettingError::Missing("LEDGER_HOST"))), "create").await;
    assert_eq!(answer["Status"], "FAILED");
    assert_eq!(answer["Reason"], "environment variable LEDGER_HOST is not set");
}

#[tokio::test]
async fn a_server_that_comes_up_late_is_waited_for() {
    let mut server = server().await;
    server.kill();
    let settings = settings(&server);
    let receiver = Receiver::start(&[200]).await;
    let function = function(Ok(settings));
    let handling = function.handle(request("create", &receiver), in_time());
    let (handled, ()) = tokio::join!(handling, server.restart());
    handled.unwrap();
    let [received] = receiver.received().try_into().unwrap();
    assert_eq!(checked(received, "create")["Status"], "SUCCESS");
}

#[tokio::test]
async fn a_silent_server_is_reported_before_the_functions_time_is_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = server().await;
    let ledger = LedgerConfig {
        host: "127.0.0.1".to_owned(),
        port: silent.local_addr().unwrap().port(),
        ..settings(&server).ledger
    };
    let function = function(Ok(Settings { ledger, ..settings(&server) }));
    let receiver = Receiver::start(&[200]).await;
    let deadline = SystemTime::now() + Duration::from_secs(12);
    function.handle(request("create", &receiver), deadline).await.unwrap();
    assert!(SystemTime::now() < deadline);
    let [received] = receiver.received().try_into().unwrap();
    let answer = checked(received, "create");
    let reason = answer["Reason"].as_str().unwrap();
    assert!(answer["Status"] == "FAILED" && reason.starts_with("not finished within 1."), "{answer}");
}

#[tokio::test]
async fn what_a_run_was_doing_when_its_time_was_up_stops() {
    let server = server().await;
    succeed(settings(&server), "create").await;
    let holder = server.superuser("fluxo").await;
    holder.batch_execute("BEGIN; LOCK TABLE refinery_schema_history").await.unwrap();

    let function = function(Ok(settings(&server)));
    let receiver = Receiver::start(&[200]).await;
    let deadline = SystemTime::now() + Duration::from_secs(13);
    function.handle(request("update", &receiver), deadline).await.unwrap();
    let [received] = receiver.received().try_into().unwrap();
    assert_eq!(checked(received, "update")["Status"], "FAILED");

    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'master'";
    let until = tokio::time::Instant::now() + BOUND;
    let observer = server.superuser("fluxo").await;
    while observer.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        assert!(tokio::time::Instant::now() < until, "it still waits for the table");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    holder.batch_execute("ROLLBACK").await.unwrap();
    succeed(settings(&server), "update").await;
}

#[tokio::test]
async fn a_request_that_cannot_be_understood_is_answered_all_the_same() {
    let wrong = function(Err(SettingError::Missing("LEDGER_HOST")));
    let receiver = Receiver::start(&[200, 200, 200]).await;
    for event in [
        json!({"RequestType": "Rename", "ResponseURL": receiver.address()}),
        json!({"ResponseURL": receiver.address(), "StackId": 7, "ResourceProperties": []}),
        json!({"RequestType": ["Create"], "ResponseURL": receiver.address(), "PhysicalResourceId": ""}),
    ] {
        wrong.handle(event, in_time()).await.unwrap();
    }
    let reasons: Vec<Value> = receiver
        .received()
        .iter()
        .map(|received| serde_json::from_str::<Value>(&received.body).unwrap())
        .inspect(|answer| {
            assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("FAILED"), &json!("fluxo-ledger")));
        })
        .map(|answer| answer["Reason"].clone())
        .collect();
    assert_eq!(
        reasons,
        [
            "the event has the unknown RequestType \"Rename\"",
            "the event has the unknown RequestType \"\"",
            "the event has the unknown RequestType \"\"",
        ]
    );
}

#[tokio::test]
async fn an_event_without_an_address_is_an_error_of_the_function() {
    let wrong = function(Err(SettingError::Missing("LEDGER_HOST")));
    for event in [json!({}), json!(null), json!([1]), json!({"RequestType": "Create", "ResponseURL": 1})] {
        let error = wrong.handle(event, in_time()).await.unwrap_err();
        assert!(matches!(error, AnswerError::NoAddress), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_sent_again_and_then_given_up() {
    let function = function(Err(SettingError::Missing("LEDGER_HOST")));
    let recovering = Receiver::start(&[503, 500, 200]).await;
    function.handle(request("delete", &recovering), in_time()).await.unwrap();
    assert_eq!(recovering.received().len(), 3);

    let refusing = Receiver::start(&[403, 403, 403, 200]).await;
    let error = function.handle(request("delete", &refusing), in_time()).await.unwrap_err();
    assert!(matches!(error, AnswerError::NotTaken(_)), "{error:?}");
    assert!(!error.to_string().contains(&refusing.address()), "{error}");
    assert_eq!(refusing.received().len(), 3);

    let nobody = json!({"RequestType": "Delete", "ResponseURL": "http://127.0.0.1:1/secret"});
    let error = function.handle(nobody, in_time()).await.unwrap_err();
    assert!(matches!(error, AnswerError::NotTaken(_)) && !error.to_string().contains("secret"), "{error:?}");
    let no_url = json!({"RequestType": "Delete", "ResponseURL": "secret and no URL"});
    let error = function.handle(no_url, in_time()).await.unwrap_err();
    assert!(matches!(error, AnswerError::NotTaken(_)) && !error.to_string().contains("secret"), "{error:?}");
}

#[tokio::test]
async fn answers_go_to_trusted_servers_only() {
    let authority = Authority::create();
    let settings = || Err(SettingError::Missing("LEDGER_HOST"));
    let receiver = Receiver::start_with_tls(&[200], &authority.issue("localhost")).await;
    let trusting = MigrateLedger { settings: settings(), answers: Answers::new(&authority.roots()) };
    trusting.handle(request("delete", &receiver), in_time()).await.unwrap();
    assert_eq!(receiver.received().len(), 1);

    let receiver = Receiver::start_with_tls(&[200], &authority.issue("localhost")).await;
    let error = function(settings()).handle(request("delete", &receiver), in_time()).await.unwrap_err();
    assert!(matches!(error, AnswerError::NotTaken(_)), "{error:?}");
    assert_eq!(receiver.received().len(), 0);
}
