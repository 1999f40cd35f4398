//! Cold starts, the first invocation, memory and size of every function.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;

use super::{Bench, bytes, event};
use crate::{
    pool::{Pool, Program},
    progress,
    statistics::{Comparison, median, milliseconds, per_second},
    stores::Ledger,
};

/// Each function with an event of its own that it answers with success. The first ones post what the others look at.
const FUNCTIONS: [(&str, &str, Role); 14] = [
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
];

/// How a function signs in to the ledger.
#[derive(Debug, Clone, Copy)]
enum Role {
    Function,
    Maintenance,
}

/// Further invocations before the memory is looked at.
const INVOCATIONS: usize = 50;

/// How long the function that does nothing is kept busy.
const NO_OP_INVOCATIONS: u64 = 5_000;

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
    let nothing = measure(&no_op, &Bytes::from_static(b"{}"), bench.plan.starts).await?;
    bench.results.add("cold_start_ms_no_op", nothing.start_ms, "ms");
    for (function, case, role) in FUNCTIONS {
        let config = match role {
            Role::Function => ledger.config(),
            Role::Maintenance => ledger.maintenance_config(),
        };
        let event = bytes(&event(case)?);
        let start = measure(&bench.program(function, &config), &event, bench.plan.starts).await?;
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
    progress!("a function that does nothing: {invocations:.0}/s for one process, {cpu_us:.0} us of CPU each");
    bench.results.add("harness_no_op", invocations, "invocations/s");
    bench.results.add("harness_no_op_cpu", cpu_us / 1_000.0, "ms");
    Ok(())
}

/// Starts a program again and again.
pub async fn measure(program: &Program, event: &Bytes, starts: usize) -> Result<Start> {
    let (mut start, mut first) = (Vec::new(), Vec::new());
    let mut memory_kib = 0;
    for number in 0..starts {
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
