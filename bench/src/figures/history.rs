//! Whether a long history makes anything slower: writing ten years back, reading after ten years, and reading a year.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use cashflow::{Date, MerchantId};
use serde_json::json;

use super::{Bench, bytes, ensure_says, event_of, read};
use crate::{
    check,
    data::{Generator, Sums, TODAY, days_ago, merchant, task},
    pool::Pool,
    progress,
    statistics::{Latencies, Rounds},
    stores::Ledger,
};

/// Ten years, ten days, and what lies before the year that is read as a range.
const LONG_DAYS: u32 = 3_650;
const SHORT_DAYS: u32 = 10;
const YEAR_DAYS: u32 = 365;

/// Backdated entries go to this many days at the beginning of the long history.
const BACKDATED_DAYS: u32 = 10;

/// Entries of a batch while the history is written.
const BATCH_ENTRIES: usize = 500;

/// The merchants' numbers: no other figure uses them.
const LONG: u32 = 900_001;
const SHORT: u32 = 900_002;
const ONE_YEAR_BEFORE: u32 = 900_003;
const TEN_YEARS_BEFORE: u32 = 900_004;

/// One process of each function that writes and reads, and what it was given.
struct History {
    apply: Pool,
    consolidate: Pool,
    reader: Pool,
    generator: Generator,
    sent: Sums,
}

/// All figures of long histories.
pub async fn history(bench: &mut Bench) -> Result<()> {
    let ledger = Ledger::create().await;
    let config = ledger.config();
    let mut history = History {
        apply: bench.pool("apply-to-ledger", &config, 1).await?,
        consolidate: bench.pool("consolidate-day", &config, 1).await?,
        reader: bench.pool("get-daily-balance", &config, 1).await?,
        generator: Generator::new(1),
        sent: Sums::default(),
    };
    history.write_days(LONG, LONG_DAYS).await?;
    history.write_days(SHORT, SHORT_DAYS).await?;
    history.write_days(ONE_YEAR_BEFORE, 2 * YEAR_DAYS).await?;
    history.write_days(TEN_YEARS_BEFORE, YEAR_DAYS + LONG_DAYS).await?;

    history.backdated_writes(bench).await?;
    let (long, short) = (history.read_of(LONG)?, history.read_of(SHORT)?);
    history.reads(bench, "backdate_read_flat", long, short).await?;
    let (ten_years, one_year) = (history.range_of(TEN_YEARS_BEFORE)?, history.range_of(ONE_YEAR_BEFORE)?);
    history.reads(bench, "range_read_flat", ten_years, one_year).await?;
    check::ledger_holds(&ledger, &history.sent).await?;
    drop(history);
    ledger.drop().await
}

impl History {
    /// An entry on each of so many days up to today.
    async fn write_days(&mut self, number: u32, days: u32) -> Result<()> {
        let dates = (0..days).map(days_ago).collect::<Result<Vec<Date>>>()?;
        for dates in dates.chunks(BATCH_ENTRIES) {
            self.write(merchant(number)?, dates).await?;
        }
        Ok(())
    }

    /// Through the ledger into the read model.
    async fn write(&mut self, merchant: MerchantId, dates: &[Date]) -> Result<Duration> {
        let batch = self.generator.batch_of(merchant, dates)?;
        self.sent.add(&batch)?;
        let event = batch.event()?;
        let started_at = Instant::now();
        let posted = self.apply.invoke(event).await?;
        let consolidated = self.consolidate.invoke(task(&posted)).await?;
        let taken = started_at.elapsed();
        ensure_says(&consolidated, r#""up_to_date":0"#)?;
        Ok(taken)
    }

    async fn backdated_writes(&mut self, bench: &mut Bench) -> Result<()> {
        let (mut backdated, mut today) = (Latencies::new(), Latencies::new());
        for pair in 0..u32::try_from(bench.plan.pairs)? {
            let long_ago = days_ago(LONG_DAYS - 1 - pair % BACKDATED_DAYS)?;
            backdated.record(self.write(merchant(LONG)?, &[long_ago]).await?);
            today.record(self.write(merchant(SHORT)?, &[TODAY]).await?);
        }
        compare(bench, "backdate_write_flat", &backdated, &today)
    }

    /// Asks for both in turns.
    async fn reads(&self, bench: &mut Bench, name: &str, long: (Bytes, String), short: (Bytes, String)) -> Result<()> {
        let (mut of_long, mut of_short) = (Latencies::new(), Latencies::new());
        for _ in 0..bench.plan.pairs {
            of_long.record(self.ask(&long).await?);
            of_short.record(self.ask(&short).await?);
        }
        compare(bench, name, &of_long, &of_short)
    }

    async fn ask(&self, (event, expected): &(Bytes, String)) -> Result<Duration> {
        let started_at = Instant::now();
        let answer = self.reader.invoke(event.clone()).await?;
        let taken = started_at.elapsed();
        ensure_says(&answer, expected)?;
        Ok(taken)
    }

    fn read_of(&self, number: u32) -> Result<(Bytes, String)> {
        Ok((read::balance_event(merchant(number)?.as_str())?, self.closing_of(number)?))
    }

    /// The last 365 days.
    fn range_of(&self, number: u32) -> Result<(Bytes, String)> {
        let mut event = event_of("get-daily-balance/range", merchant(number)?.as_str())?;
        let (from, to) = (days_ago(YEAR_DAYS - 1)?.to_string(), TODAY.to_string());
        event["rawQueryString"] = json!(format!("from={from}&to={to}"));
        event["queryStringParameters"] = json!({"from": from, "to": to});
        Ok((bytes(&event), self.closing_of(number)?))
    }

    fn closing_of(&self, number: u32) -> Result<String> {
        let days = self.sent.days_of(&merchant(number)?);
        let closing: i128 = days.values().map(|totals| Ok(totals.net()?)).sum::<Result<_>>()?;
        Ok(read::closing_text(closing))
    }
}

/// Requests of both kinds took turns, so what slowed the machine slowed both.
fn compare(bench: &mut Bench, name: &str, long: &Latencies, short: &Latencies) -> Result<()> {
    let mut rounds = Rounds::default();
    rounds.push(long.percentile_ms(50.0), short.percentile_ms(50.0));
    let comparison = rounds.compare()?;
    progress!("{name}: {:.2} ms against {:.2} ms", comparison.value, comparison.limit);
    bench.results.compare(name, "ms", comparison);
    Ok(())
}
