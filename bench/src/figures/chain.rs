//! The whole way of an entry, one request at a time: from the door through the ledger into the read model and out again, with
//! the CPU time that each function takes. The balance at the end has to be what was sent, to the cent.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use cashflow::{Currency, Date, EntryType, Totals};
use fastrand::Rng;
use serde_json::{Value, json};

use super::{Bench, bytes, ensure_says, event_of, read};
use crate::{
    check,
    data::{MINOR_MAX, Sums, TODAY, days_ago, task},
    pool::Pool,
    progress,
    statistics::milliseconds,
    stores::Ledger,
};

/// Entries of a batch, and over how many days they are spread.
const BATCH_ENTRIES: u32 = 100;
const BATCH_DAYS: u32 = 5;

/// So many requests are made for each batch.
const ENTRIES_FOR_EACH_BATCH: usize = 5;

const WARM_UP: usize = 20;

/// No other figure writes balances of this merchant.
const MERCHANT: &str = "chain";

/// One process of each function on the way.
struct Chain {
    functions: [(&'static str, Pool); 3],
    reader: Pool,
    random: Rng,
    requests: u32,
    sent: Sums,
}

/// CPU times of all functions, and the check of the whole.
pub async fn chain(bench: &mut Bench) -> Result<()> {
    let ledger = Ledger::create().await;
    bench.stores.redis.forget_everything().await;
    let mut chain = Chain {
        functions: [
            ("register_entry", bench.pool("register-entry", &ledger.config(), 1).await?),
            ("apply_to_ledger", bench.pool("apply-to-ledger", &ledger.config(), 1).await?),
            ("consolidate_day", bench.pool("consolidate-day", &ledger.config(), 1).await?),
        ],
        reader: bench.pool("get-daily-balance", &ledger.config(), 1).await?,
        random: Rng::with_seed(1),
        requests: 0,
        sent: Sums::default(),
    };
    let entries = bench.plan.pairs;
    chain.measure(bench, "entry", entries, Chain::entry).await?;
    chain.measure(bench, "batch", entries / ENTRIES_FOR_EACH_BATCH, Chain::batch).await?;
    chain.measure_reading(bench, entries).await?;
    check::ledger_holds(&ledger, &chain.sent).await?;
    progress!("{} entries from the door to the balance, exact", chain.sent.entries());
    drop(chain);
    ledger.drop().await
}

impl Chain {
    async fn measure(
        &mut self,
        bench: &mut Bench,
        case: &str,
        requests: usize,
        draw: impl Fn(&mut Chain) -> Result<Bytes>,
    ) -> Result<()> {
        for _ in 0..WARM_UP {
            let request = draw(self)?;
            self.send(bench, request).await?;
        }
        let before = self.cpu_times()?;
        for _ in 0..requests {
            let request = draw(self)?;
            self.send(bench, request).await?;
        }
        for ((name, _), (before, after)) in self.functions.iter().zip(before.iter().zip(self.cpu_times()?)) {
            let cpu_ms = milliseconds(after - *before) / requests as f64;
            progress!("{}, {case}: {cpu_ms:.2} ms of CPU", name.replace('_', "-"));
            bench.results.add(format!("cpu_ms_{name}_{case}"), cpu_ms, "ms");
        }
        Ok(())
    }

    /// One request, and what it makes of itself in the state machine.
    async fn send(&self, bench: &Bench, request: Bytes) -> Result<()> {
        let [(_, register), (_, apply), (_, consolidate)] = &self.functions;
        bench.stores.started.keep();
        ensure_says(&register.invoke(request).await?, r#""statusCode":202"#)?;
        let input = bench.stores.started.take().pop().context("no execution was started")?;
        let posted = apply.invoke(task(input.as_bytes())).await?;
        ensure_says(&consolidate.invoke(task(&posted)).await?, r#""up_to_date":0"#)
    }

    async fn measure_reading(&self, bench: &mut Bench, requests: usize) -> Result<()> {
        let event = read::balance_event(MERCHANT)?;
        let days = self.sent.days_of(&cashflow::MerchantId::parse(MERCHANT)?);
        let closing: i128 = days.values().map(|totals| Ok(totals.net()?)).sum::<Result<_>>()?;
        let expected = read::closing_text(closing);
        let mut before = Duration::ZERO;
        for number in 0..WARM_UP + requests {
            if number == WARM_UP {
                before = self.reader.cpu_time()?;
            }
            ensure_says(&self.reader.invoke(event.clone()).await?, &expected)?;
        }
        let cpu_ms = milliseconds(self.reader.cpu_time()? - before) / requests as f64;
        bench.results.add("cpu_ms_get_daily_balance_read", cpu_ms, "ms");
        Ok(())
    }

    fn cpu_times(&self) -> Result<Vec<Duration>> {
        self.functions.iter().map(|(_, pool)| pool.cpu_time()).collect()
    }

    /// A request with one entry of today.
    fn entry(&mut self) -> Result<Bytes> {
        self.requests += 1;
        let mut event = event_of("register-entry/entry", MERCHANT)?;
        event["headers"]["idempotency-key"] = json!(format!("chain-{}", self.requests));
        event["body"] = json!(self.draw(TODAY)?.to_string());
        Ok(bytes(&event))
    }

    /// A request with a batch.
    fn batch(&mut self) -> Result<Bytes> {
        self.requests += 1;
        let entries = (0..BATCH_ENTRIES).map(|index| {
            let mut entry = self.draw(days_ago(index % BATCH_DAYS)?)?;
            entry["idempotency_key"] = json!(format!("chain-{}-{index}", self.requests));
            Ok(entry)
        });
        let entries: Vec<Value> = entries.collect::<Result<_>>()?;
        let mut event = event_of("register-entry/batch", MERCHANT)?;
        event["body"] = json!(json!({"entries": entries}).to_string());
        Ok(bytes(&event))
    }

    fn draw(&mut self, date: Date) -> Result<Value> {
        let minor = self.random.i64(1..=MINOR_MAX);
        let entry_type = if self.random.bool() { EntryType::Credit } else { EntryType::Debit };
        self.sent.add_day(MERCHANT, date, Totals::ZERO.with_entry(entry_type, minor)?)?;
        Ok(json!({
            "type": entry_type.as_str(),
            "amount": Currency::BRL.format_minor(minor.into()),
            "currency": "BRL",
            "date": date.to_string(),
            "description": "Venda no cartão",
            "category": "vendas",
        }))
    }
}
