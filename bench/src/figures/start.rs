//! Cold starts, the first invocation, memory and size of every function.

use std::{
    fs,
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;

use super::{Bench, bytes, event};
use crate::{
    load::closed_loop,
    plan::CONCURRENCY,
    pool::{Pool, Program},
    progress,
    statistics::{Comparison, Latencies, median, milliseconds, per_second},
    stores::{Ledger, Stores},
};

/// Each function with an event of its own that it answers with success. The first ones post what the others look at.
const FUNCTIONS: [(&str, &str, Role); 15] = [
    ("register-entry", "register-entry/entry", Role::Function),
    ("apply-to-ledger", "apply-to-ledger/entry", Role::Function),
    ("consolidate-day", "consolidate-day/day", Role::Function),
    ("get-daily-balance", "get-daily-balance/day", Role::Function),
    ("get-entry", "get-entry/entry", Role::Function),
    ("list-entries", "list-entries/day", Role::Function),
    ("export-entries", "export-entries/month", Role::Function),
    ("reverse-entry", "reverse-entry/reversal", Role::Function),
    ("get-balance-as-of", "get-balance-as-of/instant", Role::Function),
    ("seal-day", "seal-day/day", Role::Function),
    ("list-seals", "list-seals/day", Role::Function),
    ("replay-parked", "replay-parked/parked", Role::Function),
    ("reconcile-balances", "reconcile-balances/merchant", Role::Maintenance),
    ("seal-past-day", "seal-past-day/schedule", Role::Maintenance),
    ("migrate-ledger", "migrate-ledger/update", Role::Owner),
];

/// How a function signs in to the ledger.
#[derive(Debug, Clone, Copy)]
enum Role {
    Function,
    Maintenance,
    Owner,
}

/// Further invocations before the memory is looked at.
const INVOCATIONS: usize = 50;

/// How long the function that does nothing is kept busy.
const NO_OP_INVOCATIONS: u64 = 5_000;

/// A computation of a millisecond or two, for seeing how steady the machine is.
const COMPUTATIONS: usize = 250;
const COMPUTATION_STEPS: u64 = 1_000_000;
const COMPUTATION_PAUSE: Duration = Duration::from_millis(18);

/// Medians over some starts of one program.
pub struct Start {
    /// From the start of the process to its first question for an event.
    pub start_ms: f64,
    /// The first invocation.
    pub first_ms: f64,
    /// The most memory, in MiB.
    pub memory_mib: f64,
}

/// All figures of starting.
pub async fn start(bench: &mut Bench) -> Result<()> {
    let ledger = Ledger::create().await;
    let no_op =
        Program { command: vec![bench.tools.no_op.clone()], environment: bench.stores.environment(&ledger.config()) };
    let nothing = measure(&bench.stores, &no_op, &Bytes::from_static(b"{}"), bench.plan.starts).await?;
    bench.results.add("cold_start_ms_no_op", nothing.start_ms, "ms");
    for (function, case, role) in FUNCTIONS {
        let environment = match role {
            Role::Function => bench.stores.environment(&ledger.config()),
            Role::Maintenance => bench.stores.environment(&ledger.maintenance_config()),
            Role::Owner => bench.stores.environment_of_migrations(&ledger),
        };
        let program = Program { command: vec![bench.stores.programs.join(function)], environment };
        let start = measure(&bench.stores, &program, &first_event(bench, case)?, bench.plan.starts).await?;
        let zip_mib = zip_mib(bench, function)?;
        progress!(
            "{function}: start {:.1} ms, first invocation {:.1} ms, {:.1} MiB, zip {zip_mib:.2} MiB",
            start.start_ms,
            start.first_ms,
            start.memory_mib
        );
        let name = function.replace('-', "_");
        let against = |value, limit| Comparison { value, limit, ratio: value / limit };
        bench.results.compare(format!("cold_start_ms_{name}"), "ms", against(start.start_ms, nothing.start_ms));
        bench.results.add(format!("first_invoke_ms_{name}"), start.first_ms, "ms");
        bench.results.add(format!("rss_mib_{name}"), start.memory_mib, "MiB");
        bench.results.add(format!("zip_mib_{name}"), zip_mib, "MiB");
    }
    ledger.drop().await
}

/// An event; if it says where the answer goes, that is the stub.
fn first_event(bench: &Bench, case: &str) -> Result<Bytes> {
    let mut event = event(case)?;
    if event.get("ResponseURL").is_some() {
        event["ResponseURL"] = bench.stores.aws_url.as_str().into();
    }
    Ok(bytes(&event))
}

/// How often a second one process that does nothing can be invoked: what the harness costs.
pub async fn harness(bench: &mut Bench) -> Result<()> {
    let no_op = Program { command: vec![bench.tools.no_op.clone()], environment: std::collections::BTreeMap::new() };
    let pool = Pool::start(&no_op, 1).await?;
    let event = Bytes::from_static(b"{}");
    let before = pool.cpu_time()?;
    let started_at = Instant::now();
    for _ in 0..NO_OP_INVOCATIONS {
        pool.invoke(event.clone()).await?;
    }
    let taken = started_at.elapsed();
    let invocations = per_second(NO_OP_INVOCATIONS, taken);
    let cpu_us = (pool.cpu_time()? - before).as_secs_f64() * 1e6 / NO_OP_INVOCATIONS as f64;
    let pool = Pool::start(&no_op, CONCURRENCY).await?;
    let all = closed_loop(CONCURRENCY, bench.plan.step, || Some(async { pool.invoke(event.clone()).await.map(drop) }));
    let all = all.await?.per_second();
    progress!(
        "a function that does nothing: {invocations:.0}/s for one process, {all:.0}/s for {CONCURRENCY}, {cpu_us:.0} us of CPU each"
    );
    bench.results.add("harness_no_op", invocations, "invocations/s");
    bench.results.add("harness_no_op_all", all, "invocations/s");
    bench.results.add("harness_no_op_cpu", cpu_us / 1_000.0, "ms");
    let steadiness = machine();
    let (p50, p99) = (steadiness.percentile_ms(50.0), steadiness.percentile_ms(99.0));
    progress!("the machine: the same computation takes {p50:.2} ms, and {p99:.2} ms in one of a hundred cases");
    bench.results.add("machine_p50", p50, "ms");
    bench.results.add("machine_p99", p99, "ms");
    Ok(())
}

/// How long one and the same computation takes on a machine that has nothing else to do, begun as often as the challenge's
/// requests come: nothing on this machine can be steadier.
fn machine() -> Latencies {
    let mut latencies = Latencies::new();
    for _ in 0..COMPUTATIONS {
        thread::sleep(COMPUTATION_PAUSE);
        let started_at = Instant::now();
        black_box((0..COMPUTATION_STEPS).fold(1_u64, |sum, step| black_box(sum.wrapping_mul(31).wrapping_add(step))));
        latencies.record(started_at.elapsed());
    }
    latencies
}

/// Starts a program again and again. No start finds its request answered already.
pub async fn measure(stores: &Stores, program: &Program, event: &Bytes, starts: usize) -> Result<Start> {
    let (mut start, mut first) = (Vec::new(), Vec::new());
    let mut memory_kib = 0;
    for number in 0..starts {
        stores.redis.forget_everything().await;
        let pool = Pool::start(program, 1).await?;
        start.push(milliseconds(pool.start_time().await?));
        first.push(milliseconds(invoke(&pool, event).await?));
        if number + 1 == starts {
            for _ in 0..INVOCATIONS {
                invoke(&pool, event).await?;
            }
        }
        memory_kib = memory_kib.max(pool.peak_memory_kib()?);
    }
    let of = |numbers: &[f64]| median(numbers).context("it was not started");
    Ok(Start { start_ms: of(&start)?, first_ms: of(&first)?, memory_mib: memory_kib as f64 / 1024.0 })
}

async fn invoke(pool: &Pool, event: &Bytes) -> Result<Duration> {
    let started_at = Instant::now();
    let answer = pool.invoke(event.clone()).await?;
    let taken = started_at.elapsed();
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    let status = answer["statusCode"].as_u64().unwrap_or(200);
    anyhow::ensure!(status < 300, "a function answered {status}: {answer}");
    Ok(taken)
}

fn zip_mib(bench: &Bench, function: &str) -> Result<f64> {
    let package = bench.tools.packages.join(function).with_extension("zip");
    let size = fs::metadata(&package).with_context(|| package.display().to_string())?.len();
    Ok(size as f64 / 1024.0 / 1024.0)
}
