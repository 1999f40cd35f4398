//! The second door: its service programs on a real Kafka, from the request to the balance that shows the entry.

mod backlog;
mod client;
mod cpu;
mod door;
mod growth;
mod steady;

use std::{cell::Cell, path::PathBuf, time::Duration};

use anyhow::Result;
use cashflow::Date;
use test_tokens::Issuer;

use crate::{
    groups,
    results::{Machine, Results},
    stores::{self, Stores},
};

/// The partitions of each topic, as they are deployed.
const PARTITIONS: i32 = 6;

/// The groups of figures, in the order in which they are measured.
const GROUPS: [&str; 3] = ["steady", "backlog", "growth"];

/// What is measured, and with what.
#[derive(clap::Args)]
pub struct Run {
    /// Where the programs of the services are.
    #[arg(long)]
    programs: PathBuf,
    /// Where the results go.
    #[arg(long)]
    output: PathBuf,
    /// Shorter, and not to be published.
    #[arg(long)]
    quick: bool,
    /// Only these groups of figures; nothing is written then.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// What all figures work with.
struct Bench {
    stores: Stores,
    issuer: Issuer,
    is_quick: bool,
    results: Results,
    merchants: Cell<u32>,
}

impl Bench {
    /// The number of the first of so many merchants that no other figure uses: the read model and Redis remember the others.
    fn new_merchants(&self, count: u32) -> u32 {
        self.merchants.replace(self.merchants.get() + count)
    }

    /// So many, or some of them in a quick run.
    fn seconds(&self, seconds: u64) -> Duration {
        Duration::from_secs(if self.is_quick { seconds.div_ceil(4) } else { seconds })
    }
}

/// Measures.
pub async fn measure(run: Run) -> Result<()> {
    let groups = groups::chosen(&GROUPS, &run.only)?;
    let postgresql: String = stores::admin().await?.query_one("SHOW server_version", &[]).await?.get(0);
    let stores = Stores::start(run.programs.clone()).await?;
    let issuer = stores.issuer().await?;
    let results = Results::now(run.quick, Machine::look(postgresql, String::new())?);
    let mut bench = Bench { stores, issuer, is_quick: run.quick, results, merchants: Cell::new(0) };
    for group in groups {
        groups::measured(title(group), measure_group(&mut bench, group)).await?;
    }
    if run.only.is_empty() {
        bench.results.write(&run.output)?;
    }
    Ok(())
}

async fn measure_group(bench: &mut Bench, group: &str) -> Result<()> {
    match group {
        "steady" => steady::steady(bench).await,
        "backlog" => backlog::backlog(bench).await,
        "growth" => growth::growth(bench).await,
        _ => unreachable!("the groups are listed"),
    }
}

fn title(group: &str) -> &'static str {
    match group {
        "steady" => "Single entries over HTTP, until the balance shows them",
        "backlog" => "Entries that wait in the log",
        "growth" => "A ledger with many entries against an empty one",
        _ => unreachable!("the groups are listed"),
    }
}

/// The business day.
fn today() -> Result<Date> {
    Ok(jiff::Timestamp::now().in_tz("America/Sao_Paulo")?.date())
}
