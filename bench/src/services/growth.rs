//! A ledger with many entries against an empty one: posting, reading, and what an entry takes on the disk.

use std::time::Instant;

use anyhow::{Result, ensure};
use cashflow::{Currency, EntryId, MerchantId};
use futures::{StreamExt, TryStreamExt, stream};
use ledger::{Ledger as Client, Outcome};

use super::Bench;
use crate::{
    check,
    data::{Batch, Generator, Shape, TODAY},
    load::{Window, closed_loop},
    progress,
    statistics::{Latencies, Rounds},
    stores::{self, Ledger},
};

const ENTRIES: u64 = 20_000_000;
const ENTRIES_QUICK: u64 = 500_000;

/// What fills the ledger: batches of the size that a transaction may have, of a month.
const FILL: Shape = Shape { merchants: 1_000, days: 30, entries: 500 };

/// What is posted into both ledgers in turns.
const ONE: Shape = Shape { days: 7, entries: 1, ..FILL };
const BATCH: Shape = Shape { entries: 500, ..ONE };

const ROUNDS: u64 = 3;

/// Connections, of which each posts by itself.
const CONNECTIONS: u32 = 8;

/// Questions of each kind to each of the ledgers.
const QUESTIONS: usize = 1_000;

/// A page of a statement, as the API answers it if nobody asks for another size.
const PAGE: u16 = 50;

/// All figures of a ledger with many entries.
pub async fn growth(bench: &mut Bench) -> Result<()> {
    let count = if bench.is_quick { ENTRIES_QUICK } else { ENTRIES };
    let mut full = Posting::into_new_ledger().await;
    full.fill(count).await?;
    for (name, relation) in [("table", "pg_table_size('entry')"), ("indexes", "pg_indexes_size('entry')")] {
        let bytes: i64 = full.ledger.owner().await.query_one(&format!("SELECT {relation}::bigint"), &[]).await?.get(0);
        bench.results.add(format!("services_bytes_per_entry_{name}"), bytes as f64 / count as f64, "bytes");
    }

    let window = Window { warm_up: bench.seconds(2), measured: bench.seconds(8) };
    let (mut ones, mut batches) = (Rounds::default(), Rounds::default());
    for round in 1..=ROUNDS {
        let mut empty = Posting::into_new_ledger().await;
        for (shape, rounds) in [(ONE, &mut ones), (BATCH, &mut batches)] {
            rounds.push(full.post(shape, window).await?, empty.post(shape, window).await?);
        }
        if round == ROUNDS {
            questions(bench, &full, &empty).await?;
        }
        empty.end().await?;
    }
    bench.results.compare("services_posting_grown_single", "entries/s", ones.compare()?);
    bench.results.compare("services_posting_grown_batch", "entries/s", batches.compare()?);
    full.end().await
}

/// Asks both ledgers the same questions in turns, one at a time.
async fn questions(bench: &mut Bench, full: &Posting, empty: &Posting) -> Result<()> {
    let (mut statements, mut lookups) = ([Latencies::new(), Latencies::new()], [Latencies::new(), Latencies::new()]);
    for question in 0..QUESTIONS {
        for (place, posting) in [full, empty].into_iter().enumerate() {
            let (merchant, id) = &posting.newest[question % posting.newest.len()];
            let asked_at = Instant::now();
            let page = posting.client.statement(merchant, Currency::BRL, (TODAY, TODAY), None, PAGE).await?;
            statements[place].record(asked_at.elapsed());
            ensure!(!page.lines.is_empty(), "a statement of a merchant who has entries is empty");
            let asked_at = Instant::now();
            ensure!(posting.client.find(merchant, *id).await?.is_some(), "an entry that was posted is not found");
            lookups[place].record(asked_at.elapsed());
        }
    }
    for (name, [full, empty]) in [("statement", statements), ("lookup", lookups)] {
        let mut rounds = Rounds::default();
        rounds.push(full.percentile_ms(50.0), empty.percentile_ms(50.0));
        bench.results.compare(format!("services_reading_grown_{name}"), "ms", rounds.compare()?);
    }
    Ok(())
}

/// A ledger, what is posted into it, and how much that was.
struct Posting {
    ledger: Ledger,
    client: Client,
    generator: Generator,
    entries: u64,
    /// Some of what was posted today.
    newest: Vec<(MerchantId, EntryId)>,
}

impl Posting {
    async fn into_new_ledger() -> Posting {
        let ledger = Ledger::create().await;
        let client = Client::with_connections(ledger.config(), CONNECTIONS);
        Posting { ledger, client, generator: Generator::new(1), entries: 0, newest: Vec::new() }
    }

    /// Posts so many entries in batches, and leaves the tables as PostgreSQL's own upkeep would soon leave them.
    async fn fill(&mut self, count: u64) -> Result<()> {
        let started_at = Instant::now();
        let Posting { client, generator, .. } = &mut *self;
        let client = &*client;
        let batches = (0..count / FILL.entries as u64).map(|_| generator.batch(FILL));
        stream::iter(batches)
            .map(|batch| async move { post(client, &batch?).await })
            .buffer_unordered(CONNECTIONS as usize)
            .try_collect::<()>()
            .await?;
        self.entries += count;
        progress!("{count} entries posted in {:.0} s", started_at.elapsed().as_secs_f64());
        let owner = self.ledger.owner().await;
        owner.batch_execute("SET statement_timeout = 0").await?;
        owner.batch_execute("VACUUM (ANALYZE)").await?;
        stores::settle().await
    }

    /// Posts as much as it can; answers how many entries a second.
    async fn post(&mut self, shape: Shape, window: Window) -> Result<f64> {
        stores::settle().await?;
        let Posting { client, generator, newest, entries, .. } = &mut *self;
        let client = &*client;
        let posted = closed_loop(CONNECTIONS as usize, window, || {
            let batch = generator.batch(shape);
            *entries += shape.entries as u64;
            if let Ok(batch) = &batch
                && newest.len() < QUESTIONS
            {
                let of_today = batch.entries.iter().find(|entry| entry.date == TODAY);
                newest.extend(of_today.map(|entry| (batch.merchant.clone(), entry.id)));
            }
            Some(async move { post(client, &batch?).await })
        })
        .await?;
        let rate = posted.per_second() * shape.entries as f64;
        progress!("{} entries in the ledger, {} at a time: {rate:.0}/s", self.entries, shape.entries);
        Ok(rate)
    }

    /// Fails unless the ledger holds as many entries as were posted, and their totals.
    async fn end(self) -> Result<()> {
        check::ledger_is_consistent(&self.ledger, self.entries).await?;
        drop(self.client);
        self.ledger.drop().await
    }
}

async fn post(client: &Client, batch: &Batch) -> Result<()> {
    let posting = client.post(&batch.merchant, &batch.entries).await?;
    let is_new = |outcome: &Outcome| *outcome == Outcome::Posted;
    ensure!(posting.outcomes.iter().all(is_new), "an entry that is new was taken for a repeat");
    Ok(())
}
