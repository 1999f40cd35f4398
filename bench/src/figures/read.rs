//! Reading balances: `get-daily-balance` against bare readers of the same store, and the challenge's load.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    time::Duration,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use cashflow::{Currency, Month, Period, PeriodTotals, Totals};
use jiff::{Timestamp, ToSpan};
use workflow::{Outcomes, PeriodTotalsState, PostedEntries, UnknownFields};

use super::{Bench, bytes, ensure_says, event_of};
use crate::{
    data::{TODAY, merchant, task},
    load::{Service, closed_loop, open_loop},
    peers::{
        reader::{PlainReader, Question, SdkReader},
        threads,
    },
    plan::CONCURRENCY,
    pool::Pool,
    progress,
    report::READ_P99_MAX_MS,
    statistics::{Comparison, Rounds},
    stores::Ledger,
};

/// Months before today's that every merchant has balances in.
const MONTHS: i64 = 24;

/// The challenge: 50 reads a second, of which at most 5 % may be lost.
const CHALLENGE_PER_SECOND: f64 = 50.0;

/// Whoever has no answer by then has gone.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// How close the highest rate is looked for.
const SEARCH_STEPS: usize = 6;

/// A request, and what its answer must say.
struct Read {
    event: Bytes,
    expected: String,
}

/// All figures of reading.
pub async fn read(bench: &mut Bench) -> Result<()> {
    let ledger = Ledger::create().await;
    let reads = write_balances(bench, &ledger).await?;
    let pool = bench.pool("get-daily-balance", &ledger.config(), CONCURRENCY).await?;
    let most = against_the_store(bench, &pool, &reads).await?;
    challenge(bench, &pool, &reads).await?;
    highest_rate(bench, &pool, &reads, most).await?;
    drop(pool);
    ledger.drop().await
}

async fn against_the_store(bench: &mut Bench, pool: &Pool, reads: &[Read]) -> Result<f64> {
    let (address, question) = what_bare_clients_ask(bench)?;
    let url = bench.stores.dynamodb_url.clone();
    let window = bench.plan.window;
    let (mut plain, mut sdk) = (Rounds::default(), Rounds::default());
    for round in 1..=bench.plan.rounds {
        let mut turn = reads.iter().cycle();
        let function =
            closed_loop(CONCURRENCY, window, || turn.next().map(|read| answer(pool, read))).await?.per_second();
        let asked = question.clone();
        let connect = move || PlainReader::connect(address, asked.clone());
        let work = async |reader: &mut PlainReader, number| reader.read(number).await;
        let plain_limit = threads::closed_loop(CONCURRENCY, window, connect, work).await?;
        let (asked, url) = (question.clone(), url.clone());
        let connect = move || {
            let (asked, url) = (asked.clone(), url.clone());
            async move {
                let client = aws_sdk_dynamodb::Client::new(&test_stores::aws_at(&url).await);
                Ok(SdkReader::new(client, asked))
            }
        };
        let work = async |reader: &mut SdkReader, number| reader.read(number).await;
        let sdk_limit = threads::closed_loop(CONCURRENCY, window, connect, work).await?;
        progress!(
            "round {round}: function {function:.0}/s, bare client {plain_limit:.0}/s, with the SDK {sdk_limit:.0}/s"
        );
        plain.push(function, plain_limit);
        sdk.push(function, sdk_limit);
    }
    let comparison = plain.compare()?;
    bench.results.compare("read_vs_store", "requests/s", comparison);
    bench.results.compare("read_vs_sdk_client", "requests/s", sdk.compare()?);
    Ok(comparison.value)
}

async fn challenge(bench: &mut Bench, pool: &Pool, reads: &[Read]) -> Result<()> {
    let mut turn = reads.iter().cycle();
    let service = open_loop(CHALLENGE_PER_SECOND, bench.plan.steady, READ_TIMEOUT, || next(pool, &mut turn)).await;
    let bare = challenge_of_bare_client(bench).await?;
    progress!(
        "{CHALLENGE_PER_SECOND} reads/s: median {:.2} ms, p99 {:.2} ms, {} lost; bare client: median {:.2} ms, p99 {:.2} ms, {} lost",
        service.latencies.percentile_ms(50.0),
        service.latencies.percentile_ms(99.0),
        service.lost,
        bare.latencies.percentile_ms(50.0),
        bare.latencies.percentile_ms(99.0),
        bare.lost,
    );
    for (name, percent) in [("read_p50_at_50rps", 50.0), ("read_p99_at_50rps", 99.0)] {
        let (value, limit) = (service.latencies.percentile_ms(percent), bare.latencies.percentile_ms(percent));
        bench.results.compare(name, "ms", Comparison { value, limit, ratio: value / limit });
    }
    bench.results.add("read_loss_at_50rps", service.loss(), "of all");
    Ok(())
}

/// Whom bare clients ask, and what.
fn what_bare_clients_ask(bench: &Bench) -> Result<(SocketAddr, Question)> {
    let address = bench.stores.dynamodb_url.strip_prefix("http://").context("an address")?.parse()?;
    Ok((address, Question { table: bench.stores.table.clone(), merchants: bench.plan.readers }))
}

/// The same load on bare clients, which wait for each other as little as the function's processes do.
async fn challenge_of_bare_client(bench: &Bench) -> Result<Service> {
    let (address, question) = what_bare_clients_ask(bench)?;
    let mut free = Vec::new();
    for _ in 0..CONCURRENCY {
        free.push(PlainReader::connect(address, question.clone()).await?);
    }
    let (free, number) = (RefCell::new(free), Cell::new(0));
    Ok(open_loop(CHALLENGE_PER_SECOND, bench.plan.steady, READ_TIMEOUT, || async {
        let reader = free.borrow_mut().pop();
        let mut reader = reader.context("all bare clients are busy")?;
        number.set(number.get() + 1);
        reader.read(number.get()).await?;
        free.borrow_mut().push(reader);
        Ok(())
    })
    .await)
}

/// Halves the distance between a rate that is kept and one that is not.
async fn highest_rate(bench: &mut Bench, pool: &Pool, reads: &[Read], most: f64) -> Result<()> {
    let (mut kept, mut missed) = (0.0, most);
    let mut turn = reads.iter().cycle();
    for step in 0..SEARCH_STEPS {
        let rate = if step == 0 { most / 2.0 } else { f64::midpoint(kept, missed) }.round();
        let service = open_loop(rate, bench.plan.step.measured, READ_TIMEOUT, || next(pool, &mut turn)).await;
        let p99 = service.latencies.percentile_ms(99.0);
        progress!("{rate} reads/s: p99 {p99:.2} ms, {} lost", service.lost);
        bench.results.add(format!("read_p99_at_rate_{rate}"), p99, "ms");
        if p99 <= READ_P99_MAX_MS && service.lost == 0 { kept = rate } else { missed = rate }
    }
    let comparison = Comparison { value: kept, limit: CHALLENGE_PER_SECOND, ratio: kept / CHALLENGE_PER_SECOND };
    bench.results.compare("read_max_rps", "requests/s", comparison);
    Ok(())
}

fn next<'a, Turn: Iterator<Item = &'a Read>>(
    pool: &'a Pool,
    turn: &mut Turn,
) -> impl Future<Output = Result<()>> + use<'a, Turn> {
    let read = turn.next();
    async move { answer(pool, read.context("no reads")?).await }
}

async fn answer(pool: &Pool, read: &Read) -> Result<()> {
    ensure_says(&pool.invoke(read.event.clone()).await?, &read.expected)
}

/// Writes balances of some merchants with `consolidate-day`, and answers how to ask for today's.
async fn write_balances(bench: &Bench, ledger: &Ledger) -> Result<Vec<Read>> {
    let pool = bench.pool("consolidate-day", &ledger.config(), CONCURRENCY).await?;
    let mut reads = Vec::new();
    let mut states = Vec::new();
    for number in 0..bench.plan.readers {
        let totals = balances_of(number)?;
        let merchant_id = merchant(number)?.to_string();
        let closing: i128 = closing(&totals)?;
        reads.push(Read { event: balance_event(&merchant_id)?, expected: closing_text(closing) });
        let state = PostedEntries {
            merchant_id,
            outcomes: Outcomes::default(),
            conflicts: Vec::new(),
            already_reversed: Vec::new(),
            epoch: 1,
            totals_at: Timestamp::now(),
            waiting_since: None,
            totals: totals.iter().map(PeriodTotalsState::new).collect(),
            unknown: UnknownFields::default(),
        };
        states.push((task(&serde_json::to_vec(&state)?), format!("\"written\":{}", totals.len())));
    }
    let write = async |(state, expected): &(Bytes, String)| ensure_says(&pool.invoke(state.clone()).await?, expected);
    futures::future::try_join_all(states.iter().map(write)).await?;
    Ok(reads)
}

/// Totals of every month before, and of every day of this month up to today.
fn balances_of(number: u32) -> Result<Vec<PeriodTotals>> {
    let totals = |period: Period, weight: i128| PeriodTotals {
        period,
        currency: Currency::BRL,
        totals: Totals { credits: weight * 1_234_567 + i128::from(number), debits: weight * 345_678, entry_count: 40 },
    };
    let this_month = TODAY.first_of_month();
    let months =
        (1..=MONTHS).map(|back| Ok(totals(Period::Month(Month::of(this_month.checked_sub(back.months())?)), 20)));
    let days = (0..i64::from(TODAY.day())).map(|day| Ok(totals(Period::Day(this_month.checked_add(day.days())?), 1)));
    months.chain(days).collect()
}

fn closing(totals: &[PeriodTotals]) -> Result<i128> {
    let nets = totals.iter().map(|totals| Ok(totals.totals.net()?));
    nets.sum()
}

/// The event that asks for today's balance of a merchant.
pub fn balance_event(merchant_id: &str) -> Result<Bytes> {
    Ok(bytes(&event_of("get-daily-balance/day", merchant_id)?))
}

/// How an answer gives a closing balance. It is JSON within JSON.
pub fn closing_text(minor: i128) -> String {
    format!(r#"\"closing_balance\":\"{}\""#, Currency::BRL.format_minor(minor))
}
