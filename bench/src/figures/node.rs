//! What people would pick instead: the same two functions in Node.js, see `bench/peer-node`.

use anyhow::{Result, ensure};
use bytes::Bytes;

use super::{Bench, apply, bytes, ensure_says, event, start};
use crate::{
    data::Batch,
    load::closed_loop,
    plan::CONCURRENCY,
    pool::{Pool, Program},
    progress,
    statistics::{Comparison, Rounds},
    stores::{Ledger, settle},
};

/// All figures of the peer.
pub async fn node(bench: &mut Bench) -> Result<()> {
    starts(bench).await?;
    posts(bench).await
}

async fn starts(bench: &mut Bench) -> Result<()> {
    let ledger = Ledger::create().await;
    prepare(&ledger).await?;
    let mut ahead = f64::INFINITY;
    for (function, case) in [("register-entry", "register-entry/entry"), ("apply-to-ledger", "apply-to-ledger/entry")] {
        let event = bytes(&event(case)?);
        let measure = async |program| start::measure(&bench.stores, &program, &event, bench.plan.starts).await;
        let theirs = measure(peer(bench, function, &ledger)).await?;
        let ours = measure(bench.program(function, &ledger.config())).await?;
        progress!("{function}: {:.1} ms, in Node.js {:.1} ms", ours.start_ms, theirs.start_ms);
        let name = function.replace('-', "_");
        bench.results.add(format!("node_cold_start_ms_{name}"), theirs.start_ms, "ms");
        bench.results.add(format!("node_first_invoke_ms_{name}"), theirs.first_ms, "ms");
        bench.results.add(format!("node_rss_mib_{name}"), theirs.memory_mib, "MiB");
        if theirs.start_ms / ours.start_ms < ahead {
            ahead = theirs.start_ms / ours.start_ms;
            // The worse of the two counts.
            let comparison = Comparison { value: ours.start_ms, limit: theirs.start_ms, ratio: ahead };
            bench.results.compare("node_cold_start_vs", "ms", comparison);
        }
    }
    ledger.drop().await
}

async fn posts(bench: &mut Bench) -> Result<()> {
    let mut rounds = Rounds::default();
    for round in 1..=bench.plan.rounds {
        let ours = {
            let ledger = Ledger::create().await;
            let rate =
                post(bench, round, &bench.program("apply-to-ledger", &ledger.config()), &ledger, "public").await?;
            ledger.drop().await?;
            rate
        };
        let theirs = {
            let ledger = Ledger::create().await;
            prepare(&ledger).await?;
            let rate = post(bench, round, &peer(bench, "apply-to-ledger", &ledger), &ledger, "peer").await?;
            ledger.drop().await?;
            rate
        };
        progress!("round {round}: function {ours:.0} entries/s, in Node.js {theirs:.0} entries/s");
        rounds.push(ours, theirs);
    }
    bench.results.compare("node_apply_vs", "entries/s", rounds.compare()?);
    Ok(())
}

/// As many entries as the processes can post, whose totals then have to be right.
async fn post(bench: &Bench, round: usize, program: &Program, ledger: &Ledger, schema: &str) -> Result<f64> {
    bench.stores.redis.forget_everything().await;
    let batches = apply::draw(round, apply::ONE, bench.plan.window)?;
    let events = batches.iter().map(Batch::event).collect::<Result<Vec<Bytes>>>()?;
    let pool = Pool::start(program, CONCURRENCY).await?;
    settle().await?;
    let mut handed_out = events.iter();
    let posted = closed_loop(CONCURRENCY, bench.plan.window, || {
        let event = handed_out.next()?.clone();
        Some(async { ensure_says(&pool.invoke(event).await?, "\"applied\":1") })
    })
    .await?;
    let sent = i64::try_from(events.len() - handed_out.len())?;
    let owner = ledger.owner().await;
    let sums = format!(
        "SELECT (SELECT count(*) FROM {schema}.entry), (SELECT sum(entry_count)::bigint FROM {schema}.daily_total), (SELECT sum(credits + debits) FROM {schema}.daily_total) = (SELECT sum(amount_minor) FROM {schema}.entry)"
    );
    let row = owner.query_one(&sums, &[]).await?;
    let (entries, counted, equal): (i64, i64, bool) = (row.get(0), row.get(1), row.get(2));
    ensure!(
        entries == sent && counted == sent && equal,
        "wrong sums in {schema}: {entries} entries, {counted} in the totals, {sent} sent"
    );
    Ok(posted.per_second())
}

/// A function of the peer, in the loop that Lambda's own runtime for Node.js runs.
fn peer(bench: &Bench, function: &str, ledger: &Ledger) -> Program {
    let folder = &bench.tools.peer_node;
    let mut environment = bench.stores.environment(&ledger.config());
    let redis =
        environment.get("REDIS_URL").and_then(|url| url.strip_prefix("redis+unix://")).unwrap_or_default().to_owned();
    environment.insert("REDIS_SOCKET".to_owned(), redis);
    environment.insert("POWERTOOLS_SERVICE_NAME".to_owned(), "peer".to_owned());
    // It tells from when on it wants a newer Node.js, at every start.
    environment.insert("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED".to_owned(), "true".to_owned());
    Program {
        command: vec![
            bench.tools.node.clone(),
            folder.join("runtime.mjs"),
            folder.join(function).with_extension("cjs"),
        ],
        environment,
    }
}

/// The tables of the peer, as its own.
async fn prepare(ledger: &Ledger) -> Result<()> {
    let owner = ledger.owner().await;
    owner.batch_execute(include_str!("../../peer-node/schema.sql")).await?;
    let user = ledger.config().user;
    owner
        .batch_execute(&format!(
            "GRANT USAGE ON SCHEMA peer TO {user}; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA peer TO {user}"
        ))
        .await?;
    Ok(())
}
