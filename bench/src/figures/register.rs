//! Accepting entries: `register-entry` against bare registrars that ask the same of Redis and Step Functions.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;

use super::{Bench, bytes, ensure_says, event};
use crate::{
    load::closed_loop,
    peers::{
        registrar::{LibraryRegistrar, PlainRegistrar},
        threads,
    },
    plan::CONCURRENCY,
    pool::Pool,
    progress,
    statistics::{Rounds, milliseconds},
    stores::Ledger,
};

/// The key in the event of which every request gets another.
const KEY: &str = "sale-1001";

/// All figures of accepting entries.
pub async fn register(bench: &mut Bench) -> Result<()> {
    let ledger = Ledger::create().await;
    let pool = bench.pool("register-entry", &ledger.config(), CONCURRENCY).await?;
    let mut events = Events::new()?;
    let (input, remembered) = what_one_leaves(bench, &pool, &mut events).await?;
    let (mut plain, mut library) = (Rounds::default(), Rounds::default());
    let before = pool.cpu_time()?;
    let mut invocations = 0_u64;
    for round in 1..=bench.plan.rounds {
        let function = accept(bench, &pool, &mut events, &mut invocations).await?;
        let plain_limit = plain_registrars(bench, &input, &remembered).await?;
        let library_limit = library_registrars(bench, &input, &remembered).await?;
        progress!(
            "round {round}: function {function:.0}/s, bare client {plain_limit:.0}/s, with libraries {library_limit:.0}/s"
        );
        plain.push(function, plain_limit);
        library.push(function, library_limit);
    }
    let cpu_ms = milliseconds(pool.cpu_time()? - before) / invocations.max(1) as f64;
    bench.results.compare("register_vs_floor", "requests/s", plain.compare()?);
    bench.results.compare("register_vs_libraries", "requests/s", library.compare()?);
    bench.results.add("register_cpu", cpu_ms, "ms");
    drop(pool);
    ledger.drop().await
}

/// As many requests as the function can take, each of which must have started an execution.
async fn accept(bench: &Bench, pool: &Pool, events: &mut Events, invocations: &mut u64) -> Result<f64> {
    bench.stores.redis.forget_everything().await;
    let started_before = bench.stores.started.count();
    let mut accepted = 0;
    let round = closed_loop(CONCURRENCY, bench.plan.window, || {
        accepted += 1;
        let event = events.next();
        Some(async { ensure_says(&pool.invoke(event).await?, r#""statusCode":202"#) })
    })
    .await?;
    *invocations += accepted;
    let started = bench.stores.started.count() - started_before;
    ensure!(started == accepted, "{accepted} entries were accepted and {started} executions started");
    Ok(round.per_second())
}

async fn plain_registrars(bench: &Bench, input: &str, remembered: &str) -> Result<f64> {
    bench.stores.redis.forget_everything().await;
    let socket = bench.stores.redis.url();
    let socket = socket.strip_prefix("redis+unix://").context("a socket")?.to_owned();
    let address = bench.stores.aws_url.strip_prefix("http://").context("an address")?.parse()?;
    let (input, remembered) = (input.to_owned(), remembered.to_owned());
    let connect = move || {
        let (socket, input, remembered) = (socket.clone(), input.clone(), remembered.clone());
        async move { PlainRegistrar::connect(Path::new(&socket), address, input, remembered).await }
    };
    let work = async |registrar: &mut PlainRegistrar, _| registrar.register().await;
    threads::closed_loop(CONCURRENCY, bench.plan.window, connect, work).await
}

async fn library_registrars(bench: &Bench, input: &str, remembered: &str) -> Result<f64> {
    bench.stores.redis.forget_everything().await;
    let (redis, aws) = (bench.stores.redis.url(), bench.stores.aws_url.clone());
    let (input, remembered) = (input.to_owned(), remembered.to_owned());
    let connect = move || {
        let (redis, aws, input, remembered) = (redis.clone(), aws.clone(), input.clone(), remembered.clone());
        async move {
            let client = aws_sdk_sfn::Client::new(&test_stores::aws_at(&aws).await);
            LibraryRegistrar::connect(&redis, client, input, remembered).await
        }
    };
    let work = async |registrar: &mut LibraryRegistrar, _| registrar.register().await;
    threads::closed_loop(CONCURRENCY, bench.plan.window, connect, work).await
}

/// What the function sends to Step Functions and to Redis for one entry.
async fn what_one_leaves(bench: &Bench, pool: &Pool, events: &mut Events) -> Result<(String, String)> {
    bench.stores.redis.forget_everything().await;
    bench.stores.started.keep();
    pool.invoke(events.next()).await?;
    let input = bench.stores.started.take().pop().context("no execution was started")?;
    let client = redis::Client::open(bench.stores.redis.url())?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await?;
    let key = keys.first().context("nothing was remembered")?;
    Ok((input, redis::cmd("GET").arg(key).query_async(&mut connection).await?))
}

/// Requests with a new entry each.
struct Events {
    before_key: String,
    after_key: String,
    next: u64,
}

impl Events {
    fn new() -> Result<Events> {
        let event = bytes(&event("register-entry/entry")?);
        let (before_key, after_key) = std::str::from_utf8(&event)?.split_once(KEY).context("the event's key")?;
        Ok(Events { before_key: before_key.to_owned(), after_key: after_key.to_owned(), next: 0 })
    }

    fn next(&mut self) -> Bytes {
        self.next += 1;
        format!("{}bench-{}{}", self.before_key, self.next, self.after_key).into()
    }
}
