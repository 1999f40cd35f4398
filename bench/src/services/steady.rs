//! Single entries at a steady rate: what rate is kept, how long requests take, and when balances show the entries.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use futures::future::join;
use test_kafka::TestLog;

use super::{
    Bench, PARTITIONS,
    client::Merchants,
    cpu::{CpuTimes, compiling},
    door::Door,
    today,
};
use crate::{
    check,
    data::Sums,
    load::{Service, open_loop},
    progress,
    statistics::Latencies,
    stores::{self, Ledger},
};

/// Over how many merchants the entries are spread, in turns of their own; the figures that have goals are of the middle one.
const SPREADS: [u32; 3] = [10, 100, 1_000];
const SPREAD: u32 = 100;

/// The rates that are tried, in entries a second, until one is not kept.
const RATES: [u32; 15] =
    [125, 250, 500, 750, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 4_000, 4_500, 5_000, 6_000, 7_000];

/// Before anything is measured, in entries a second: first few, as connections are opened, then as many as come to be tried, and then so few
/// that there is time for what Kafka's virtual machine does beside them. It compiles what it runs often, and takes most of a core for it.
const WARM_UP: [f64; 2] = [WARM_UP_COMPILING, 1_000.0];
const WARM_UP_COMPILING: f64 = 125.0;
const WARM_UP_TURN: Duration = Duration::from_secs(10);

/// It has compiled enough when that takes no more than this of a core, or when it does not end.
const COMPILING_MAX: f64 = 0.05;
const COMPILING_TURNS: u32 = 18;

/// At half of this the latency is measured.
const GOAL: f64 = 5_000.0;

/// Whoever has no answer by then has gone.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A rate is kept if 99 of 100 requests take no longer, none is lost, and all balances are right so soon after the last answer: what
/// waits in the log does not grow.
const P99_MAX_MS: f64 = 250.0;
const SHOWN_WITHIN: Duration = Duration::from_secs(1);

/// Merchants whose entries are looked for one by one, and how many of these a second.
const WATCHED: u32 = 20;
const WATCHED_PER_SECOND: f64 = 5.0;

/// What one rate came to.
struct Turn {
    service: Service,
    /// Of the merchants whose entries are looked for.
    watched: Service,
    /// From the answer until the balance showed the entry.
    shown: Latencies,
    /// After the last answer, until all balances were right.
    caught_up: Duration,
    shares: Vec<(&'static str, f64)>,
}

impl Turn {
    fn is_kept(&self) -> bool {
        self.service.lost + self.watched.lost == 0
            && self.service.latencies.percentile_ms(99.0) <= P99_MAX_MS
            && self.caught_up <= SHOWN_WITHIN
    }
}

/// All figures of a steady load.
pub async fn steady(bench: &mut Bench) -> Result<()> {
    let trial = Trial::start(bench, SPREAD).await?;
    progress!("warming up");
    for rate in WARM_UP {
        trial.turn(rate, WARM_UP_TURN).await?;
    }
    for _ in 0..COMPILING_TURNS {
        let (before, begun_at) = (compiling()?, Instant::now());
        trial.turn(WARM_UP_COMPILING, WARM_UP_TURN).await?;
        let share = compiling()?.saturating_sub(before).as_secs_f64() / begun_at.elapsed().as_secs_f64();
        progress!("  Kafka compiles for {:.0} % of a core", share * 100.0);
        if share <= COMPILING_MAX {
            break;
        }
    }
    trial.end().await?;
    let mut sustained = 0.0;
    for spread in SPREADS {
        let trial = Trial::start(bench, spread).await?;
        progress!("{spread} merchants");
        let kept = highest_rate(bench, &trial).await?;
        bench.results.add(format!("services_sustained_{spread}_merchants"), kept.rate, "entries/s");
        if spread == SPREAD {
            for (name, share) in kept.shares {
                bench.results.add(format!("services_cpu_share_{name}"), share, "of all");
            }
            for (name, mib) in trial.door.peak_memory_mib()? {
                progress!("{name}: {mib:.1} MiB at most");
                bench.results.add(format!("services_rss_mib_{name}"), mib, "MiB");
            }
        }
        trial.end().await?;
        stores::settle().await?;
        if spread == SPREAD {
            ensure!(
                kept.rate > 0.0,
                "not even {} entries a second were kept, so nothing is measured at half of it",
                RATES[0]
            );
            latency(bench, "half_of_sustained", kept.rate / 2.0).await?;
            sustained = kept.rate;
        }
    }
    // Beyond what is sustained, every latency is that of a queue which grows.
    if sustained >= GOAL / 2.0 { latency(bench, "half_of_goal", GOAL / 2.0).await } else { Ok(()) }
}

/// The highest rate that is kept, and who takes the processors' time then.
struct Kept {
    rate: f64,
    shares: Vec<(&'static str, f64)>,
}

async fn highest_rate(bench: &Bench, trial: &Trial) -> Result<Kept> {
    let mut kept = Kept { rate: 0.0, shares: Vec::new() };
    for rate in RATES.map(f64::from) {
        let turn = trial.turn(rate, bench.seconds(10)).await?;
        say(rate, &turn);
        if !turn.is_kept() {
            break;
        }
        kept = Kept { rate, shares: turn.shares };
    }
    Ok(kept)
}

/// How long requests take at a rate, and how long it is until balances show the entries.
async fn latency(bench: &mut Bench, name: &str, rate: f64) -> Result<()> {
    let trial = Trial::start(bench, SPREAD).await?;
    trial.turn(rate, bench.seconds(3)).await?;
    let turn = trial.turn(rate, bench.seconds(40)).await?;
    say(rate, &turn);
    for (percentile, percent) in [("p50", 50.0), ("p99", 99.0)] {
        bench.results.add(
            format!("services_post_{percentile}_at_{name}"),
            turn.service.latencies.percentile_ms(percent),
            "ms",
        );
        bench.results.add(format!("services_shown_{percentile}_at_{name}"), turn.shown.percentile_ms(percent), "ms");
    }
    bench.results.add(format!("services_loss_at_{name}"), turn.service.loss(), "of all");
    trial.end().await?;
    stores::settle().await
}

/// A door of its own on an empty ledger and an empty log, and merchants of its own before it.
struct Trial {
    ledger: Ledger,
    door: Door,
    merchants: Merchants,
    watched: Merchants,
}

impl Trial {
    async fn start(bench: &Bench, spread: u32) -> Result<Trial> {
        let (ledger, log) = (Ledger::create().await, TestLog::create(PARTITIONS).await);
        let door = Door::start(&bench.stores, &ledger, &log, &bench.issuer, |_| true).await?;
        let day = today()?;
        let merchants =
            |count| Merchants::new(&bench.issuer, day, bench.new_merchants(count), count, door.entries, door.balances);
        let (merchants, watched) = (merchants(spread), merchants(WATCHED));
        Ok(Trial { ledger, merchants, watched, door })
    }

    async fn turn(&self, rate: f64, duration: Duration) -> Result<Turn> {
        let free: RefCell<Vec<usize>> = RefCell::new((0..WATCHED as usize).collect());
        let shown = RefCell::new(Latencies::new());
        let look = || async {
            let Some(merchant) = free.borrow_mut().pop() else { return Ok(()) };
            // One whose entry was not accepted posts no more: it may be shown yet.
            let taken = self.watched.post_and_look(merchant).await?;
            free.borrow_mut().push(merchant);
            shown.borrow_mut().record(taken);
            Ok(())
        };
        let before = CpuTimes::now(&self.door)?;
        let load = open_loop(rate - WATCHED_PER_SECOND, duration, TIMEOUT, || self.merchants.post());
        let (service, watched) = join(load, open_loop(WATCHED_PER_SECOND, duration, 4 * TIMEOUT, look)).await;
        let shares = CpuTimes::now(&self.door)?.shares_since(&before);
        let ended_at = Instant::now();
        for merchants in [&self.merchants, &self.watched] {
            merchants.repeat_unanswered().await?;
            merchants.until_all_shown().await?;
        }
        Ok(Turn { service, watched, shown: shown.into_inner(), caught_up: ended_at.elapsed(), shares })
    }

    /// Fails unless the ledger holds what was accepted.
    async fn end(self) -> Result<()> {
        let mut sent = Sums::default();
        self.merchants.add_sums(&mut sent)?;
        self.watched.add_sums(&mut sent)?;
        check::ledger_holds(&self.ledger, &sent).await?;
        drop(self.door);
        self.ledger.drop().await
    }
}

fn say(rate: f64, turn: &Turn) {
    let percentile = |percent| turn.service.latencies.percentile_ms(percent);
    progress!(
        "{rate:.0}/s: {} lost, POST median {:.2} ms, p99 {:.2} ms, shown median {:.1} ms, p99 {:.1} ms, caught up {:.2} s later{}",
        turn.service.lost + turn.watched.lost,
        percentile(50.0),
        percentile(99.0),
        turn.shown.percentile_ms(50.0),
        turn.shown.percentile_ms(99.0),
        turn.caught_up.as_secs_f64(),
        if turn.is_kept() { "" } else { " (not kept)" }
    );
    let shares: Vec<String> =
        turn.shares.iter().map(|(name, share)| format!("{name} {:.0} %", share * 100.0)).collect();
    progress!("  processors: {}", shares.join(", "));
    for failure in [&turn.service.failure, &turn.watched.failure].into_iter().flatten() {
        progress!("  the first that was lost: {failure:#}");
    }
}
