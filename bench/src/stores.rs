//! The stores of the benchmark: PostgreSQL, which the launcher starts, Redis, a DynamoDB in memory, and a stub of the AWS
//! services that only take messages.

use std::{future::Future, path::PathBuf};

use anyhow::{Context, Result, ensure};
use ledger::{Authentication, Connection, LedgerConfig};
use test_stores::{Database, DynamoDb, RedisServer};
use test_tokens::Issuer;
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};
use tokio_postgres::{Config, NoTls};

use crate::{
    aws_stub::{self, Started},
    pool::Environment,
};

/// Threads of the DynamoDB and the stub, which serve all contestants alike.
const SERVER_THREADS: usize = 2;

/// What these threads are called.
pub const STORES_THREAD: &str = "stores";

/// What runs beside the contestants.
pub struct Stores {
    /// The DynamoDB's address.
    pub dynamodb_url: String,
    /// The name of its table.
    pub table: String,
    /// The stub's address.
    pub aws_url: String,
    /// What was started there.
    pub started: Started,
    /// Redis, through a socket.
    pub redis: RedisServer,
    /// The release programs of the functions.
    pub programs: PathBuf,
    /// Ends with the value, and the servers in it.
    runtime: Option<Runtime>,
}

impl Stores {
    /// Starts them.
    pub async fn start(programs: PathBuf) -> Result<Stores> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(SERVER_THREADS)
            .thread_name(STORES_THREAD)
            .enable_all()
            .build()?;
        let dynamodb = on(&runtime, DynamoDb::start()).await?;
        let listener = on(&runtime, TcpListener::bind("127.0.0.1:0")).await??;
        let aws_url = format!("http://{}", listener.local_addr()?);
        let started = Started::default();
        runtime.spawn(aws_stub::serve(listener, started.clone()));
        let stores = Stores {
            dynamodb_url: dynamodb.url.clone(),
            table: dynamodb.table_name.clone(),
            aws_url,
            started,
            redis: RedisServer::start().await,
            programs,
            runtime: Some(runtime),
        };
        // It would end with the value.
        std::mem::forget(dynamodb);
        Ok(stores)
    }

    /// Starts an issuer of tokens on the threads of the stores.
    pub async fn issuer(&self) -> Result<Issuer> {
        on(self.runtime.as_ref().context("the stores have ended")?, Issuer::start()).await
    }

    /// The variables of a function that uses this ledger.
    pub fn environment(&self, ledger: &LedgerConfig) -> Environment {
        let Authentication::Password(password) = &ledger.authentication else { return Environment::new() };
        let queue = format!("{}/000000000000/queue", self.aws_url);
        let variables = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &self.aws_url),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb_url),
            ("BALANCES_TABLE", &self.table),
            ("BALANCE_TOKEN_KEY", "a secret of at least 32 characters"),
            ("BUSINESS_TIME_ZONE", "America/Sao_Paulo"),
            ("DEAD_LETTER_QUEUE_URL", &queue),
            ("LEDGER_AUTH", "password"),
            ("LEDGER_DATABASE", &ledger.database),
            ("LEDGER_GENERATION", "1-1f0c9a7e"),
            ("LEDGER_HOST", &ledger.host),
            ("LEDGER_LOOKUP_CONNECTIONS", "100"),
            ("LEDGER_PASSWORD", password),
            ("LEDGER_PORT", &ledger.port.to_string()),
            ("LEDGER_TLS", "off"),
            ("LEDGER_USER", &ledger.user),
            ("METRICS_NAMESPACE", "Fluxo/bench"),
            ("PARK_QUEUE_URL", &queue),
            ("REDIS_KEY_PREFIX", "fluxo:bench:1-1f0c9a7e"),
            ("REDIS_URL", &self.redis.url()),
            ("REPLAY_DAYS", "7"),
            ("REPLAY_DELAY_SECONDS", "60"),
            ("STATE_MACHINE_ARN", aws_stub::STATE_MACHINE_ARN),
            ("WORKFLOW_TYPE", "STANDARD"),
        ];
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The variables of the function that migrates this ledger.
    pub fn environment_of_migrations(&self, ledger: &Ledger) -> Environment {
        let mut environment = self.environment(&ledger.config());
        for (role, config) in [
            ("OWNER", ledger.owner_config()),
            ("LOOKUP", ledger.lookup_config()),
            ("MAINTENANCE", ledger.maintenance_config()),
        ] {
            let Authentication::Password(password) = config.authentication else { continue };
            environment.insert(format!("LEDGER_{role}_USER"), config.user);
            environment.insert(format!("LEDGER_{role}_PASSWORD"), password);
        }
        environment
    }
}

impl Drop for Stores {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn on<T: Send + 'static>(runtime: &Runtime, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    Ok(runtime.spawn(work).await?)
}

/// A ledger of its own for one round, on the server that the launcher started; it is dropped with [`Ledger::drop`].
pub struct Ledger {
    database: Database,
}

impl Ledger {
    /// An empty one.
    pub async fn create() -> Ledger {
        Ledger { database: Database::create().await }
    }

    /// How the functions sign in to it.
    pub fn config(&self) -> LedgerConfig {
        self.database.config()
    }

    /// How the function signs in to it that looks up requests.
    pub fn lookup_config(&self) -> LedgerConfig {
        self.database.lookup_config()
    }

    /// How the scheduled functions sign in to it.
    pub fn maintenance_config(&self) -> LedgerConfig {
        self.database.maintenance_config()
    }

    /// How its owner signs in to it.
    pub fn owner_config(&self) -> LedgerConfig {
        self.database.owner_config()
    }

    /// Its owner's connection.
    pub async fn owner(&self) -> Connection {
        self.database.owner().await
    }

    /// Spreads the totals of its days over another number of slots than the ledger does.
    pub async fn use_slots(&self, slots: u8) -> Result<()> {
        const SLOTS: &str = "pg_backend_pid() % 8";
        let owner = self.owner().await;
        // The ledger itself has no more than eight.
        owner.batch_execute("ALTER TABLE posting_position DROP CONSTRAINT posting_position_slot_check").await?;
        let post: String = owner.query_one("SELECT pg_get_functiondef('ledger.post'::regproc)", &[]).await?.get(0);
        ensure!(post.contains(SLOTS), "ledger.post draws slots in another way");
        Ok(owner.batch_execute(&post.replace(SLOTS, &format!("pg_backend_pid() % {slots}"))).await?)
    }

    /// Deletes it, so that a long benchmark does not fill the disk.
    pub async fn drop(self) -> Result<()> {
        let name = self.database.config().database;
        admin().await?.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        Ok(())
    }
}

/// The superuser's connection to the server.
pub async fn admin() -> Result<tokio_postgres::Client> {
    let url = std::env::var("FLUXO_TEST_POSTGRES_URL").context("FLUXO_TEST_POSTGRES_URL: run `make bench`")?;
    let (client, connection) = url.parse::<Config>()?.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Writes out what earlier rounds left dirty, so that no round pays for another.
pub async fn settle() -> Result<()> {
    Ok(admin().await?.batch_execute("CHECKPOINT").await?)
}
