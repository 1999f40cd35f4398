//! Deployments one after the other on a PostgreSQL that lets in who RDS would, in each major version that RDS may run.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[allow(dead_code, reason = "the tests of the answers use more of it")]
mod receiver;

use std::time::{Duration, SystemTime};

use aws_clients::Roots;
use aws_sdk_secretsmanager::Client;
use ledger::{Authentication, ConnectError, Ledger, LedgerConfig, Login, Outcome, Rights, SignIn, connect};
use migrate_ledger::{Answers, MigrateLedger, Owner, Settings};
use receiver::Receiver;
use serde_json::{Value, json};
use test_builders::{acme, entry};
use test_events::event;
use test_stores::{AdminMembers, OWNER, Rds, aws_engine};
use tokio::time::{Instant, sleep};

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(60);

const PASSWORD: &str = "owners-first";
const ROTATED: &str = "owners-second";

/// What the functions sign in as.
const USERS: [(&str, Rights); 3] =
    [("fluxo", Rights::Writer), ("fluxo_lookup", Rights::Lookup), ("fluxo_maintenance", Rights::Maintainer)];

/// What a release brings into the database, and who may use it.
const SCHEMA: &str = "
    SELECT pg_get_functiondef(oid) || ' ' || coalesce(proacl::text, '') FROM pg_proc WHERE pronamespace::regnamespace::text LIKE 'ledger%'
    UNION ALL
    SELECT relname || ' ' || coalesce(relacl::text, '') FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT refinery_schema_history::text FROM refinery_schema_history
    ORDER BY 1";

/// A function of the database as another release has it.
const OTHER_FUNCTION: &str = "
    CREATE OR REPLACE FUNCTION ledger.currencies(merchant_id text) RETURNS TABLE (currency text)
    LANGUAGE sql STABLE SECURITY DEFINER BEGIN ATOMIC SELECT 'XXX'::text; END;";

/// What the release after this one might bring besides.
const LATER_RELEASE: &str = "
    CREATE TABLE later ();
    CREATE ROLE ledger_auditor NOLOGIN;
    GRANT EXECUTE ON FUNCTION ledger.currencies(text) TO ledger_auditor;
    INSERT INTO refinery_schema_history VALUES (1000, 'later', '2026-11-22T00:00:00Z', '1');";

fn settings(rds: &Rds) -> Settings {
    let login = |(name, rights): (&str, Rights)| Login {
        name: name.to_owned(),
        rights,
        sign_in: SignIn::Iam,
        connections_max: (rights == Rights::Lookup).then_some(3),
    };
    Settings {
        ledger: rds.config("", Authentication::Password(String::new())),
        owner: Owner::Password { user: OWNER.to_owned(), password: PASSWORD.to_owned() },
        owner_tokens: Some(rds.iam()),
        patience: BOUND,
        logins: USERS.map(login),
        epoch: 1,
    }
}

/// What CloudFormation is answered.
async fn deploy(settings: Settings, case: &str) -> Value {
    let receiver = Receiver::start(&[200]).await;
    let function = MigrateLedger { settings: Ok(settings), answers: Answers::new(&Roots::amazon()) };
    let mut request = event(&format!("migrate-ledger/{case}"));
    request["ResponseURL"] = json!(receiver.address());
    function.handle(request, SystemTime::now() + BOUND).await.unwrap();
    let [received] = receiver.received().try_into().unwrap();
    serde_json::from_str(&received.body).unwrap()
}

async fn succeed(settings: Settings) -> Value {
    let answer = deploy(settings, "update").await;
    assert_eq!((&answer["Status"], &answer["Reason"]), (&json!("SUCCESS"), &Value::Null), "{answer}");
    answer["Data"].clone()
}

async fn refused(settings: Settings) -> String {
    let answer = deploy(settings, "update").await;
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    answer["Reason"].as_str().unwrap().to_owned()
}

/// Each of the functions' users does its work.
async fn functions_work(rds: &Rds, key: &str, authentication: [Authentication; 3]) {
    let [writer, lookup, maintainer] = authentication;
    let ledger = |user: usize, authentication| Ledger::new(rds.config(USERS[user].0, authentication));
    let posting = ledger(0, writer).post(&acme(), &[entry(key).build()]).await.unwrap();
    assert_eq!(posting.outcomes[0], Outcome::Posted);
    assert_eq!(ledger(1, lookup).recorded(&acme(), &[entry(key).build().id]).await.unwrap().len(), 1);
    assert_eq!(ledger(2, maintainer).months_with_entries(None, 10).await.unwrap().months.len(), 1);
}

async fn functions_work_with_tokens(rds: &Rds, key: &str) {
    functions_work(rds, key, [rds.iam(), rds.iam(), rds.iam()]).await;
}

async fn is_refused(config: &LedgerConfig) {
    let error = connect(config).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::SignInRefused { .. } | ConnectError::TokenRefused { .. }),
        "{}: {error:?}",
        config.user
    );
}

async fn schema(rds: &Rds) -> Vec<String> {
    rds.superuser().await.query(SCHEMA, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn as_owner(rds: &Rds, statements: &str) {
    rds.superuser().await.batch_execute(&format!("SET ROLE master; {statements}")).await.unwrap();
}

/// Deployments of a stack, in the order in which they may come.
async fn every_deployment_gets_in(major: u32) {
    let rds = Rds::start(major, AdminMembers::Count, PASSWORD).await;
    let applied = succeed(settings(&rds)).await["Applied"].as_str().unwrap().to_owned();
    assert!(applied.starts_with("V1__ledger, V2__"), "{applied}");
    functions_work_with_tokens(&rds, "first").await;
    for (user, _) in USERS {
        is_refused(&rds.config(user, Authentication::Password(PASSWORD.to_owned()))).await;
    }
    // Otherwise the rest would be easy: the owner's password has not lost its meaning, but is not asked for any more.
    is_refused(&rds.config(OWNER, Authentication::Password(PASSWORD.to_owned()))).await;

    assert_eq!(succeed(settings(&rds)).await["Applied"], "", "nothing has changed");

    // RDS changes the owner's password every week.
    rds.server.run(&format!("ALTER ROLE master PASSWORD '{ROTATED}'")).await;
    assert_eq!(succeed(settings(&rds)).await["Applied"], "");

    // Another digest: a function of the database has another text in this release.
    let before = schema(&rds).await;
    as_owner(&rds, OTHER_FUNCTION).await;
    assert_ne!(schema(&rds).await, before);
    succeed(settings(&rds)).await;
    assert_eq!(schema(&rds).await, before);
    functions_work_with_tokens(&rds, "second").await;

    users_can_be_changed(&rds).await;
    rds.refuse_tokens_of(OWNER);
    let reason = refused(settings(&rds)).await;
    assert!(reason.contains("rds-db:connect") && reason.contains("PAM authentication failed"), "{reason}");
    assert!(reason.contains("nor with its password: the ledger refused the password of master"), "{reason}");
}

/// The owner changes what it made before, also from a time at which its password counts to one at which it does not, and back.
async fn users_can_be_changed(rds: &Rds) {
    let passwords = || {
        let before = settings(rds);
        let logins = before.logins.map(|login| Login { sign_in: SignIn::Password("functions".to_owned()), ..login });
        let owner = Owner::Password { user: OWNER.to_owned(), password: ROTATED.to_owned() };
        Settings { logins, owner, ..settings(rds) }
    };
    succeed(passwords()).await;
    let password = || Authentication::Password("functions".to_owned());
    functions_work(rds, "third", [password(), password(), password()]).await;
    is_refused(&rds.config("fluxo", rds.iam())).await;
    drop(connect(&rds.config(OWNER, Authentication::Password(ROTATED.to_owned()))).await.unwrap());
    succeed(passwords()).await;
    succeed(Settings { logins: settings(rds).logins, ..passwords() }).await;
    functions_work_with_tokens(rds, "fourth").await;
}

/// What CloudFormation does when it rolls a deployment back that had migrated the ledger.
async fn an_earlier_release_leaves_a_later_ledger_alone(major: u32) {
    let rds = Rds::start(major, AdminMembers::Count, PASSWORD).await;
    succeed(settings(&rds)).await;
    as_owner(&rds, &format!("{OTHER_FUNCTION} {LATER_RELEASE}")).await;
    let later = schema(&rds).await;
    let [writer, lookup, maintainer] = settings(&rds).logins;
    let rolled_back =
        Settings { logins: [writer, Login { connections_max: Some(7), ..lookup }, maintainer], ..settings(&rds) };
    let answer = succeed(rolled_back).await;
    assert_eq!((&answer["Applied"], &answer["Later"]), (&json!(""), &json!("V1000__later")));
    assert!(answer["Generation"].as_str().unwrap().starts_with("1-"), "{answer}");
    assert_eq!(schema(&rds).await, later, "nothing of the later release was changed");
    functions_work_with_tokens(&rds, "first").await;
    // What the deployment before said of the functions' users holds again.
    let limit = "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'fluxo_lookup'";
    assert_eq!(rds.superuser().await.query_one(limit, &[]).await.unwrap().get::<_, i32>(0), 7);

    // A ledger with another history is no later one.
    let change = "UPDATE refinery_schema_history SET checksum = '1' WHERE version = 2";
    rds.superuser().await.execute(change, &[]).await.unwrap();
    let diverged = schema(&rds).await;
    let reason = refused(settings(&rds)).await;
    assert!(reason.contains("V2__reversals_statements_seals was applied with another content"), "{reason}");
    assert_eq!(schema(&rds).await, diverged);
}

/// The password changes in the database first, and then in the secret.
async fn a_password_that_changes_during_a_deployment_is_read_again(major: u32) {
    let rds = Rds::start(major, AdminMembers::DoNotCount, ROTATED).await;
    let client = Client::new(&aws_engine().await);
    let content = |password| json!({"username": OWNER, "password": password}).to_string();
    let name = format!("owner-{major}-{:?}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap());
    let secret = client.create_secret().name(name).secret_string(content(PASSWORD)).send().await.unwrap();
    let secret_arn = secret.arn().unwrap().to_owned();
    let with_secret = || Settings {
        owner: Owner::Secret { client: client.clone(), secret_arn: secret_arn.clone() },
        ..settings(&rds)
    };
    let rotate = async {
        let until = Instant::now() + BOUND;
        while rds.refusals() == 0 {
            assert!(Instant::now() < until, "the old password was not tried");
            sleep(Duration::from_millis(10)).await;
        }
        client.put_secret_value().secret_id(&secret_arn).secret_string(content(ROTATED)).send().await.unwrap();
    };
    tokio::join!(succeed(with_secret()), rotate);
    functions_work_with_tokens(&rds, "first").await;
    // Where who only administers does not count, the owner signs in with its password as before.
    drop(connect(&rds.config(OWNER, Authentication::Password(ROTATED.to_owned()))).await.unwrap());
    succeed(with_secret()).await;

    // It is not waited for without end.
    client.put_secret_value().secret_id(&secret_arn).secret_string(content("wrong")).send().await.unwrap();
    let reason = refused(Settings { patience: Duration::from_secs(2), ..with_secret() }).await;
    assert!(reason.contains("nor with its password: the ledger refused the password of master"), "{reason}");
}

/// The tests, for each major version.
macro_rules! on_each_major {
    ($($major:ident $number:literal),*) => {
        $(mod $major {
            #[tokio::test]
            async fn every_deployment_gets_in() {
                super::every_deployment_gets_in($number).await;
            }

            #[tokio::test]
            async fn an_earlier_release_leaves_a_later_ledger_alone() {
                super::an_earlier_release_leaves_a_later_ledger_alone($number).await;
            }

            #[tokio::test]
            async fn a_password_that_changes_during_a_deployment_is_read_again() {
                super::a_password_that_changes_during_a_deployment_is_read_again($number).await;
            }
        })*
    };
}

on_each_major!(postgresql_16 16, postgresql_17 17, postgresql_18 18);
