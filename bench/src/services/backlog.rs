//! Entries that wait in the log, as after an outage of the ledger: how soon they are posted, and shown.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entry_log::{Headers, Message, Topic};
use futures::{StreamExt, TryStreamExt, stream};
use test_kafka::TestLog;
use tokio::time::sleep;
use workflow::RecordEntries;

use super::{Bench, PARTITIONS, client::Merchants, door::Door};
use crate::{
    check,
    data::{Generator, Sums, TODAY, merchant},
    progress,
    statistics::per_second,
    stores::Ledger,
};

const ENTRIES: u32 = 1_000_000;
const ENTRIES_QUICK: u32 = 100_000;

/// Over how many merchants they are spread, in turns of their own.
const SPREADS: [u32; 2] = [100, 1_000];

/// As many records are on their way into the log at once.
const APPENDED_AT_ONCE: usize = 10_000;

/// Between two looks at the ledger.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// All figures of a backlog.
pub async fn backlog(bench: &mut Bench) -> Result<()> {
    for spread in SPREADS {
        let count = if bench.is_quick { ENTRIES_QUICK } else { ENTRIES };
        let rate = recovery(bench, spread, count).await?;
        bench.results.add(format!("services_recovery_{spread}_merchants"), rate, "entries/s");
    }
    Ok(())
}

async fn recovery(bench: &Bench, spread: u32, count: u32) -> Result<f64> {
    let (ledger, log) = (Ledger::create().await, TestLog::create(PARTITIONS).await);
    let first = bench.new_merchants(spread);
    let reader = Door::start(&bench.stores, &ledger, &log, &bench.issuer, |name| name == "consolidation_serve").await?;
    let merchants = Merchants::new(&bench.issuer, TODAY, first, spread, reader.entries, reader.balances);
    let filled_at = Instant::now();
    fill(&log, &merchants, first, spread, count).await?;
    progress!("{count} entries of {spread} merchants appended in {:.1} s", filled_at.elapsed().as_secs_f64());

    let started_at = Instant::now();
    let consumes = |name: &str| ["entries_record", "consolidation_consume"].contains(&name);
    let door = Door::start(&bench.stores, &ledger, &log, &bench.issuer, consumes).await?;
    until_posted(&ledger, count.into()).await?;
    let posted = started_at.elapsed();
    merchants.until_all_shown().await?;
    let shown = started_at.elapsed();
    progress!("posted in {:.1} s, shown in {:.1} s", posted.as_secs_f64(), shown.as_secs_f64());
    for (name, mib) in door.peak_memory_mib()? {
        progress!("{name}: {mib:.1} MiB at most");
    }
    let mut sent = Sums::default();
    merchants.add_sums(&mut sent)?;
    check::ledger_holds(&ledger, &sent).await?;
    drop((door, reader));
    ledger.drop().await?;
    Ok(per_second(count.into(), shown))
}

/// Appends single entries, as `entries serve` does.
async fn fill(log: &TestLog, merchants: &Merchants, first: u32, spread: u32, count: u32) -> Result<()> {
    let mut generator = Generator::new(first.into());
    let mut random = fastrand::Rng::with_seed(first.into());
    let messages = (0..count).map(|_| {
        let chosen = random.u32(0..spread);
        let batch = generator.batch_of(merchant(first + chosen)?, &[TODAY])?;
        merchants.count(chosen as usize, &batch.entries[0])?;
        let value = serde_json::to_vec(&RecordEntries::new(&batch.merchant, &batch.entries))?;
        Ok(Message { key: batch.merchant.to_string(), value, headers: Headers::default() })
    });
    let appends = stream::iter(messages).map(async |message: Result<Message>| {
        log.log.append(Topic::Entries, &message?).await?;
        Ok::<(), anyhow::Error>(())
    });
    appends.buffer_unordered(APPENDED_AT_ONCE).try_collect::<Vec<()>>().await?;
    Ok(())
}

async fn until_posted(ledger: &Ledger, count: i64) -> Result<()> {
    let owner = ledger.owner().await;
    loop {
        let query = "SELECT coalesce(sum(entry_count), 0)::bigint FROM daily_total";
        let posted: i64 = owner.query_one(query, &[]).await?.get(0);
        ensure!(posted <= count, "{posted} entries are posted, of {count}");
        if posted == count {
            return Ok(());
        }
        sleep(LOOK_AGAIN_AFTER).await;
    }
}
