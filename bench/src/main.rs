//! The benchmark: `make bench`. Runs the functions' release programs through the Lambda Runtime API, against the limit of the
//! parts beneath them, checks that every sum is right, and writes `bench/results.json`, from which `docs/performance.md` and
//! its charts are rendered. What is measured, and how, is in that document.

#![allow(
    clippy::disallowed_types,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "rates and times are floats; money stays in the domain's types"
)]

mod aws_stub;
mod check;
mod data;
mod figures;
mod groups;
mod http;
mod load;
mod peers;
mod plan;
mod pool;
mod report;
mod results;
mod runtime_api;
mod services;
mod statistics;
mod stores;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    figures::{Bench, Tools},
    plan::Plan,
    results::{Machine, Results},
    stores::Stores,
};

/// Measures Fluxo's functions against the limit of the parts beneath them.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measures; `python3 local bench` builds and starts what this needs.
    Run(Run),
    /// Measures the second door, in the same way.
    Services(services::Run),
    /// Renders the document and its charts from the results.
    Report {
        /// The folder of the results.
        results: PathBuf,
        /// The folder of the documents.
        docs: PathBuf,
    },
}

#[derive(clap::Args)]
struct Run {
    /// Where the release programs of the functions are.
    #[arg(long)]
    programs: PathBuf,
    /// Where their deployment packages are.
    #[arg(long)]
    packages: PathBuf,
    /// Where the bundled functions of the Node.js peer and their runtime are.
    #[arg(long)]
    peer_node: PathBuf,
    /// `pgbench`.
    #[arg(long)]
    pgbench: PathBuf,
    /// Node.js.
    #[arg(long, default_value = "node")]
    node: PathBuf,
    /// Where the results go.
    #[arg(long)]
    output: PathBuf,
    /// Within three minutes.
    #[arg(long)]
    quick: bool,
    /// Only these groups of figures; nothing is written then.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// The groups of figures, in the order in which they are measured.
const GROUPS: [&str; 11] =
    ["harness", "start", "chain", "single", "batch", "hot", "slots", "read", "register", "history", "node"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Task::Run(run) => unless_ended(measure(run)).await,
        Task::Services(run) => unless_ended(services::measure(run)).await,
        Task::Report { results, docs } => report::write(&results, &docs),
    }
}

/// Whatever ends first: dropping the work ends everything that was started in it.
async fn unless_ended(work: impl Future<Output = Result<()>>) -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminated.recv() => bail!("interrupted"),
    }
}

async fn measure(run: Run) -> Result<()> {
    let groups = groups::chosen(&GROUPS, &run.only)?;
    let mut bench = prepare(&run).await?;
    for group in groups {
        groups::measured(title(group), measure_group(&mut bench, group)).await?;
    }
    if run.only.is_empty() {
        bench.results.write(&run.output)?;
    }
    Ok(())
}

async fn prepare(run: &Run) -> Result<Bench> {
    let postgresql: String = stores::admin().await?.query_one("SHOW server_version", &[]).await?.get(0);
    let machine = Machine::look(postgresql, version(&run.node)?)?;
    let results = Results::now(run.quick, machine);
    let no_op = std::env::current_exe()?.with_file_name("no-op");
    ensure!(no_op.exists(), "{} has not been built", no_op.display());
    Ok(Bench {
        stores: Stores::start(run.programs.clone()).await?,
        plan: if run.quick { Plan::quick() } else { Plan::full() },
        tools: Tools {
            pgbench: run.pgbench.clone(),
            node: run.node.clone(),
            peer_node: run.peer_node.clone(),
            packages: run.packages.clone(),
            no_op,
        },
        results,
    })
}

fn version(program: &Path) -> Result<String> {
    let output = Command::new(program).arg("--version").output().with_context(|| program.display().to_string())?;
    Ok(String::from_utf8(output.stdout)?.trim().trim_start_matches('v').to_owned())
}

fn title(group: &str) -> &'static str {
    match group {
        "harness" => "What the benchmark itself costs",
        "start" => "Cold starts, first invocations, memory, size",
        "chain" => "CPU time of each function, from the door to the balance",
        "single" => "Posting entries one by one, against pgbench",
        "batch" => "Posting entries in batches of 500, against pgbench",
        "hot" => "Posting entries of one merchant and day, against 1,000 merchants",
        "slots" => "The number of slots, in pgbench",
        "read" => "Reading balances, against bare clients; the challenge's load; the highest rate",
        "register" => "Accepting entries, against bare clients",
        "history" => "Ten years of history against ten days",
        "node" => "The same in Node.js",
        _ => unreachable!("the groups are listed"),
    }
}

async fn measure_group(bench: &mut Bench, group: &str) -> Result<()> {
    match group {
        "harness" => figures::start::harness(bench).await,
        "start" => figures::start::start(bench).await,
        "chain" => figures::chain::chain(bench).await,
        "single" => figures::apply::single(bench).await,
        "batch" => figures::apply::batch(bench).await,
        "hot" => figures::apply::hot_merchant(bench).await,
        "slots" => figures::apply::slots(bench).await,
        "read" => figures::read::read(bench).await,
        "register" => figures::register::register(bench).await,
        "history" => figures::history::history(bench).await,
        "node" => figures::node::node(bench).await,
        _ => unreachable!("the groups are listed"),
    }
}
