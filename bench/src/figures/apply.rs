//! Posting entries: `apply-to-ledger` against `pgbench`, and what a hot merchant costs.

use std::fmt::Write;

use anyhow::Result;

use super::{Bench, ensure_says};
use crate::{
    check,
    data::{Batch, FIRST_MERCHANT, Generator, Shape, Sums, TODAY},
    load::{Throughput, Window, closed_loop},
    peers::pgbench::{Pgbench, Sending, prepare_batches, variables_of},
    plan::CONCURRENCY,
    progress,
    results::Results,
    statistics::{Rounds, milliseconds},
    stores::{Ledger, settle},
};

const MERCHANTS: u32 = 1_000;
/// One entry of one of 1,000 merchants and seven days.
pub const ONE: Shape = Shape { merchants: MERCHANTS, days: 7, entries: 1 };
const BATCH: Shape = Shape { entries: 500, ..ONE };
const HOT: Shape = Shape { merchants: 1, days: 1, ..ONE };

/// More entries than this cannot be posted in a second: so many are drawn beforehand.
const ONES_PER_SECOND_MAX: u64 = 12_000;
const BATCHED_PER_SECOND_MAX: u64 = 250_000;

/// How `pgbench` sends the statements of entries one by one, what that is called, and the figure.
const PGBENCH: [(Sending, &str, &str); 3] = [
    (Sending::AsFunctions, "pgbench", "apply_single_vs_pgbench"),
    (Sending::InOneTransaction, "in one transaction", "apply_single_vs_pgbench_one_transaction"),
    (Sending::Prepared, "prepared", "apply_single_vs_pgbench_prepared"),
];

/// In how many slots of a day's total entries of one merchant are tried.
const SLOTS: [u8; 6] = [1, 2, 4, 8, 16, 32];

/// Entries one by one.
pub async fn single(bench: &mut Bench) -> Result<()> {
    let mut against = PGBENCH.map(|peer| (peer, Rounds::default()));
    let mut last = None;
    for round in 1..=bench.plan.rounds {
        let function = post(bench, round, ONE).await?;
        let mut said = format!("round {round}: function {:.0}/s", function.entries_per_second);
        for ((sending, name, _), rounds) in &mut against {
            let pgbench = post_ones_with_pgbench(bench, ONE, *sending, bench.plan.window).await?;
            rounds.push(function.entries_per_second, pgbench);
            write!(said, ", {name} {pgbench:.0}/s")?;
        }
        progress!("{said}");
        last = Some(function);
    }
    for ((_, _, figure), rounds) in against {
        bench.results.compare(figure, "entries/s", rounds.compare()?);
    }
    if let Some(posted) = last {
        posted.record(&mut bench.results, "single");
    }
    Ok(())
}

/// Entries in batches.
pub async fn batch(bench: &mut Bench) -> Result<()> {
    let mut rounds = Rounds::default();
    let mut last = None;
    for round in 1..=bench.plan.rounds {
        let function = post(bench, round, BATCH).await?;
        let pgbench = post_batches_with_pgbench(bench, round).await?;
        progress!(
            "round {round}: function {:.0}/s, pgbench {:.0}/s",
            function.entries_per_second,
            pgbench.entries_per_second
        );
        rounds.push(function.entries_per_second, pgbench.entries_per_second);
        bench.results.add("pgbench_reads_batches", pgbench.reads_per_second * BATCH.entries as f64, "entries/s");
        last = Some(function);
    }
    bench.results.compare("apply_batch_vs_pgbench", "entries/s", rounds.compare()?);
    if let Some(posted) = last {
        posted.record(&mut bench.results, "batch");
    }
    Ok(())
}

/// Entries one by one that all go to one day of one merchant.
pub async fn hot_merchant(bench: &mut Bench) -> Result<()> {
    let (mut hot, mut one_row) = (Rounds::default(), Rounds::default());
    for round in 1..=bench.plan.rounds {
        let spread = post(bench, round, ONE).await?.entries_per_second;
        let slots = post(bench, round, HOT).await?.entries_per_second;
        let one_slot = Ledger::create().await;
        one_slot.use_slots(1).await?;
        let row = post_into(one_slot, bench, round, HOT).await?.entries_per_second;
        progress!("round {round}: spread {spread:.0}/s, one merchant {slots:.0}/s, one row {row:.0}/s");
        hot.push(slots, spread);
        one_row.push(row, spread);
    }
    bench.results.compare("hot_merchant_vs_spread", "entries/s", hot.compare()?);
    bench.results.compare("hot_merchant_one_row_vs_spread", "entries/s", one_row.compare()?);
    Ok(())
}

/// What the number of slots does for a hot merchant, in PostgreSQL alone. More slots mean fewer writers that wait for each other
/// and more rows to add up after each: of the day, and of a month every day of which has been used as much.
pub async fn slots(bench: &mut Bench) -> Result<()> {
    let window = bench.plan.step;
    let mut rounds = vec![Rounds::default(); SLOTS.len()];
    for round in 1..=bench.plan.rounds {
        let spread = post_ones_with_pgbench(bench, ONE, Sending::AsFunctions, window).await?;
        for (slots, rounds) in SLOTS.into_iter().zip(&mut rounds) {
            rounds.push(post_to_used_month(bench, slots, window).await?, spread);
        }
        let rates: Vec<String> =
            rounds.iter().filter_map(|round| Some(format!("{:.0}", round.values.last()?))).collect();
        progress!("round {round}: spread {spread:.0}/s, {} for {SLOTS:?} slots", rates.join(", "));
    }
    for (slots, rounds) in SLOTS.into_iter().zip(rounds) {
        bench.results.compare(format!("pgbench_hot_slots_{slots}"), "entries/s", rounds.compare()?);
    }
    Ok(())
}

async fn post_to_used_month(bench: &Bench, slots: u8, window: Window) -> Result<f64> {
    let ledger = Ledger::create().await;
    let owner = ledger.owner().await;
    let fill = format!(
        "INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
         SELECT '{FIRST_MERCHANT}', 'BRL', day, day, slot, 1, 0, 1
         FROM generate_series(date '{}', date '{}', '1 day') AS day, generate_series(0, {slots} - 1) AS slot",
        TODAY.first_of_month(),
        TODAY.yesterday()?,
    );
    owner.batch_execute(&fill).await?;
    ledger.use_slots(slots).await?;
    owner.batch_execute("ANALYZE daily_total").await?;
    settle().await?;
    let run = ones(bench, HOT, Sending::AsFunctions).run(&ledger, window).await?;
    owner.batch_execute(&format!("DELETE FROM daily_total WHERE date < '{TODAY}'")).await?;
    check::ledger_is_consistent(&ledger, run.transactions).await?;
    drop(owner);
    ledger.drop().await?;
    Ok(run.per_second)
}

/// What the function did in a round.
struct Posted {
    entries_per_second: f64,
    /// Of one process, for one invocation.
    cpu_ms: f64,
    round: Throughput,
}

impl Posted {
    fn record(&self, results: &mut Results, case: &str) {
        results.add(format!("apply_{case}_p50"), self.round.latencies.percentile_ms(50.0), "ms");
        results.add(format!("apply_{case}_p99"), self.round.latencies.percentile_ms(99.0), "ms");
        results.add(format!("apply_{case}_cpu"), self.cpu_ms, "ms");
    }
}

/// The function posts as many batches as it can, into an empty ledger, which then has to hold them to the cent.
async fn post(bench: &Bench, round: usize, shape: Shape) -> Result<Posted> {
    post_into(Ledger::create().await, bench, round, shape).await
}

async fn post_into(ledger: Ledger, bench: &Bench, round: usize, shape: Shape) -> Result<Posted> {
    let window = bench.plan.window;
    let batches = draw(round, shape, window)?;
    let events = batches.iter().map(Batch::event).collect::<Result<Vec<_>>>()?;
    let pool = bench.pool("apply-to-ledger", &ledger.config(), CONCURRENCY).await?;
    settle().await?;
    let mut handed_out = events.iter();
    let expected = format!("\"applied\":{}", shape.entries);
    let before = pool.cpu_time()?;
    let posted = closed_loop(CONCURRENCY, window, || {
        let event = handed_out.next()?.clone();
        Some(async { ensure_says(&pool.invoke(event).await?, &expected) })
    })
    .await?;
    let invocations = events.len() - handed_out.len();
    let cpu_ms = milliseconds(pool.cpu_time()? - before) / invocations.max(1) as f64;
    drop(pool);
    let mut sent = Sums::default();
    batches[..invocations].iter().try_for_each(|batch| sent.add(batch))?;
    check::ledger_holds(&ledger, &sent).await?;
    ledger.drop().await?;
    Ok(Posted { entries_per_second: posted.per_second() * shape.entries as f64, cpu_ms, round: posted })
}

async fn post_ones_with_pgbench(bench: &Bench, shape: Shape, sending: Sending, window: Window) -> Result<f64> {
    let ledger = Ledger::create().await;
    settle().await?;
    let run = ones(bench, shape, sending).run(&ledger, window).await?;
    check::ledger_is_consistent(&ledger, run.transactions).await?;
    ledger.drop().await?;
    Ok(run.per_second)
}

/// Clients that post entries one by one.
fn ones(bench: &Bench, shape: Shape, sending: Sending) -> Pgbench<'_> {
    Pgbench {
        program: &bench.tools.pgbench,
        script: "post-one.sql",
        clients: CONCURRENCY,
        sending,
        variables: variables_of(shape),
        turns_per_second_max: 0,
    }
}

struct PostedWithPgbench {
    entries_per_second: f64,
    reads_per_second: f64,
}

async fn post_batches_with_pgbench(bench: &Bench, round: usize) -> Result<PostedWithPgbench> {
    let window = bench.plan.window;
    let ledger = Ledger::create().await;
    let batches = draw(round, BATCH, window)?;
    prepare_batches(&ledger, &batches).await?;
    settle().await?;
    let pgbench = |script| Pgbench {
        program: &bench.tools.pgbench,
        script,
        clients: CONCURRENCY,
        sending: Sending::AsFunctions,
        variables: vec![("batches", batches.len().to_string())],
        turns_per_second_max: BATCHED_PER_SECOND_MAX / (BATCH.entries * CONCURRENCY) as u64,
    };
    let run = pgbench("post-batch.sql").run(&ledger, window).await?;
    // Had the batches run out, there would be fewer entries than this.
    check::ledger_is_consistent(&ledger, run.transactions * BATCH.entries as u64).await?;
    let short = Window { warm_up: std::time::Duration::ZERO, ..bench.plan.step };
    let reads = pgbench("read-batch.sql").run(&ledger, short).await?;
    ledger.drop().await?;
    Ok(PostedWithPgbench {
        entries_per_second: run.per_second * BATCH.entries as f64,
        reads_per_second: reads.per_second,
    })
}

/// More batches than can be posted in this time.
pub fn draw(round: usize, shape: Shape, window: Window) -> Result<Vec<Batch>> {
    let entries_per_second = if shape.entries == 1 { ONES_PER_SECOND_MAX } else { BATCHED_PER_SECOND_MAX };
    let batches = entries_per_second * window.total().as_secs() / shape.entries as u64;
    let mut generator = Generator::new(round as u64);
    (0..batches).map(|_| generator.batch(shape)).collect()
}
