use ledger::{Authentication, Connection, LedgerConfig, Tls, connect, migrate};
use tokio_postgres::{Client, Config, NoTls, config::Host};
use uuid::Uuid;

use crate::from_environment;

/// Posts a credit of 0.09 BRL of acme's on 2026-11-22 as a function does, in whatever transaction is open.
pub const POST_NINE: &str = "
    SELECT * FROM ledger.post(
        'acme', ARRAY[gen_random_uuid()], ARRAY[decode(repeat('00', 32), 'hex')], ARRAY['credit'], ARRAY[9::bigint],
        ARRAY['BRL'], ARRAY['2026-11-22'], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL]::uuid[], NULL
    )";

/// The database that every test's database is copied from; made by the first test that needs one.
const TEMPLATE: &str = "fluxo_test_template";

/// The login role of the functions, with the rights they have in production.
const FUNCTION_ROLE: &str = "fluxo_test_function";

/// The login role of who looks up requests.
const LOOKUP_ROLE: &str = "fluxo_test_lookup";

/// The login role of the scheduled functions.
const MAINTENANCE_ROLE: &str = "fluxo_test_maintenance";

/// Any number: only one test at a time may make or copy the template.
const TEMPLATE_LOCK: i64 = 7_305_812;

/// A ledger of its own on the PostgreSQL server of the tests, migrated and empty.
pub struct Database {
    server: Config,
    name: String,
}

impl Database {
    /// Copies the migrated template.
    pub async fn create() -> Database {
        let server: Config = from_environment("FLUXO_TEST_POSTGRES_URL").parse().expect("a PostgreSQL URL");
        let name = format!("test_{}", Uuid::new_v4().simple());
        let admin = open(&server).await;
        admin.execute("SELECT pg_advisory_lock($1)", &[&TEMPLATE_LOCK]).await.expect("the template's lock");
        ensure_template(&admin, &server).await;
        run(&admin, &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await;
        // A copy has the tables, but not the settings that the migrations gave to the database.
        for setting in ["statement_timeout = '10s'", "jit = off"] {
            run(&admin, &format!("ALTER DATABASE {name} SET {setting}")).await;
        }
        admin.execute("SELECT pg_advisory_unlock($1)", &[&TEMPLATE_LOCK]).await.expect("the lock is given back");
        Database { server, name }
    }

    /// An empty database, for tests of the migrations themselves.
    pub async fn create_empty() -> Database {
        let server: Config = from_environment("FLUXO_TEST_POSTGRES_URL").parse().expect("a PostgreSQL URL");
        let name = format!("test_{}", Uuid::new_v4().simple());
        run(&open(&server).await, &format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")).await;
        Database { server, name }
    }

    /// How a function connects to it that works for one merchant: as a member of `ledger_writer`, with no other rights.
    pub fn config(&self) -> LedgerConfig {
        login(&self.server, &self.name, FUNCTION_ROLE, FUNCTION_ROLE)
    }

    /// How the function connects to it that looks up requests: as a member of `ledger_lookup`, with no other rights.
    pub fn lookup_config(&self) -> LedgerConfig {
        login(&self.server, &self.name, LOOKUP_ROLE, LOOKUP_ROLE)
    }

    /// How a scheduled function connects to it: as a member of `ledger_maintainer`, with no other rights.
    pub fn maintenance_config(&self) -> LedgerConfig {
        login(&self.server, &self.name, MAINTENANCE_ROLE, MAINTENANCE_ROLE)
    }

    /// How its owner connects to it.
    pub fn owner_config(&self) -> LedgerConfig {
        owner(&self.server, &self.name)
    }

    /// Posts a credit of 0.09 BRL of acme's on 2026-11-22, as [`POST_NINE`], but in a slot of no session that there is: who posts
    /// meanwhile does not wait for the transaction.
    pub async fn post_nine_aside(&self) -> String {
        let free = "SELECT slot FROM generate_series(0, 7) AS slot
                    WHERE slot NOT IN (SELECT pid % 8 FROM pg_stat_activity WHERE datname = current_database())";
        let slot: i32 = self.owner().await.query(free, &[]).await.expect("the sessions are listed")[0].get(0);
        POST_NINE.replace("NULL\n    )", &format!("{slot}::smallint\n    )"))
    }

    /// A connection of its owner, for looking at the tables.
    pub async fn owner(&self) -> Connection {
        connect(&self.owner_config()).await.expect("the owner connects")
    }
}

async fn ensure_template(admin: &Client, server: &Config) {
    let exists = admin
        .query_opt("SELECT FROM pg_database WHERE datname = $1", &[&TEMPLATE])
        .await
        .expect("the databases are listed")
        .is_some();
    if exists {
        return;
    }
    // Built under another name, so that a test killed half-way leaves no half-made template.
    let draft = format!("{TEMPLATE}_draft");
    run(admin, &format!("DROP DATABASE IF EXISTS {draft}")).await;
    run(admin, &format!("CREATE DATABASE {draft} ENCODING 'UTF8' TEMPLATE template0")).await;
    {
        let mut client = connect(&owner(server, &draft)).await.expect("the owner connects");
        migrate(&mut client).await.expect("the migrations run");
        for (role, group) in
            [(FUNCTION_ROLE, "ledger_writer"), (LOOKUP_ROLE, "ledger_lookup"), (MAINTENANCE_ROLE, "ledger_maintainer")]
        {
            run(&client, &format!("CREATE ROLE {role} LOGIN PASSWORD '{role}' IN ROLE {group}")).await;
        }
    }
    run(admin, &format!("ALTER DATABASE {draft} RENAME TO {TEMPLATE}")).await;
}

async fn open(server: &Config) -> Client {
    let (client, connection) = server.connect(NoTls).await.expect("the PostgreSQL of the tests answers");
    tokio::spawn(connection);
    client
}

async fn run(client: &Client, statement: &str) {
    client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
}

fn owner(server: &Config, database: &str) -> LedgerConfig {
    let password = String::from_utf8(server.get_password().unwrap_or_default().to_vec()).expect("a textual password");
    login(server, database, server.get_user().expect("a user in the URL"), &password)
}

fn login(server: &Config, database: &str, user: &str, password: &str) -> LedgerConfig {
    let Some(Host::Tcp(host)) = server.get_hosts().first() else { panic!("a TCP host in the URL") };
    LedgerConfig {
        host: host.clone(),
        port: *server.get_ports().first().expect("a port in the URL"),
        database: database.to_owned(),
        user: user.to_owned(),
        authentication: Authentication::Password(password.to_owned()),
        tls: Tls::Off,
    }
}
