//! Load: closed, for throughput, and open, for latency.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::pin,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Error, Result};
use futures::{StreamExt, future::try_join_all, stream::FuturesUnordered};
use tokio::{sync::mpsc, time::timeout};

use crate::statistics::{Latencies, per_second};

/// For how long a round runs.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
}

impl Window {
    /// Both together.
    pub fn total(self) -> Duration {
        self.warm_up + self.measured
    }
}

/// What a closed round did.
pub struct Throughput {
    /// How many jobs ended in the measured time.
    pub completed: u64,
    /// The measured time: shorter than wanted if the work ran out.
    pub measured: Duration,
    /// Of each of these jobs, from its own start.
    pub latencies: Latencies,
}

impl Throughput {
    /// Jobs for each second.
    pub fn per_second(&self) -> f64 {
        per_second(self.completed, self.measured)
    }
}

/// Keeps so many jobs under way, the next one starting when one ends: the most that can be done with that concurrency.
/// `next_job` starts a job, or answers none when the work has run out.
pub async fn closed_loop<Job: Future<Output = Result<()>>>(
    in_flight: usize,
    window: Window,
    next_job: impl FnMut() -> Option<Job>,
) -> Result<Throughput> {
    let begin = Instant::now() + window.warm_up;
    let end = begin + window.measured;
    let next_job = RefCell::new(next_job);
    let count = RefCell::new((0, begin, Latencies::new()));
    let ran_out = Cell::new(false);
    let worker = async || {
        loop {
            let started_at = Instant::now();
            if started_at >= end {
                return Ok::<(), anyhow::Error>(());
            }
            let Some(job) = next_job.borrow_mut()() else {
                ran_out.set(true);
                return Ok(());
            };
            job.await?;
            let ended_at = Instant::now();
            if ended_at >= begin && ended_at <= end {
                let (completed, last, latencies) = &mut *count.borrow_mut();
                *completed += 1;
                *last = ended_at;
                latencies.record(ended_at - started_at);
            }
        }
    };
    try_join_all((0..in_flight).map(|_| worker())).await?;
    let (completed, last, latencies) = count.into_inner();
    // If the work lasted, the window counts; if it ran out, the time until then.
    let measured = if ran_out.get() { last - begin } else { window.measured };
    Ok(Throughput { completed, measured, latencies })
}

/// What an open round did.
pub struct Service {
    /// Of each answered request, from the moment at which it should have been sent: a server that stalls is charged for
    /// everybody who had to wait meanwhile, also for those that a waiting client would not have sent.
    pub latencies: Latencies,
    /// How many requests had no right answer.
    pub lost: u64,
    /// Why the first of these had none.
    pub failure: Option<Error>,
}

impl Service {
    /// The share of the requests that had no right answer.
    pub fn loss(&self) -> f64 {
        self.lost as f64 / (self.lost + self.latencies.count()).max(1) as f64
    }
}

/// Sends requests at a fixed rate, whatever comes back. A request that fails, or takes longer than `patience`, is lost.
pub async fn open_loop<Job: Future<Output = Result<()>>>(
    per_second: f64,
    duration: Duration,
    patience: Duration,
    mut start_job: impl FnMut() -> Job,
) -> Service {
    let mut ticks = paced(per_second, duration);
    let mut service = Service { latencies: Latencies::new(), lost: 0, failure: None };
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            tick = ticks.recv() => {
                let Some(intended_at) = tick else { break };
                let job = start_job();
                under_way.push(async move { (intended_at, within(patience, job).await) });
            }
            Some((intended_at, result)) = under_way.next() => service.count(intended_at, result),
        }
    }
    while let Some((intended_at, result)) = under_way.next().await {
        service.count(intended_at, result);
    }
    service
}

async fn within(patience: Duration, job: impl Future<Output = Result<()>>) -> Result<()> {
    timeout(patience, pin!(job)).await.with_context(|| format!("no answer within {patience:?}"))?
}

impl Service {
    fn count(&mut self, intended_at: Instant, result: Result<()>) {
        match result {
            Ok(()) => self.latencies.record(intended_at.elapsed()),
            Err(failure) => {
                self.lost += 1;
                self.failure.get_or_insert(failure);
            }
        }
    }
}

/// The moments at which requests are to be sent. A thread keeps the time, because the runtime's clock counts milliseconds.
fn paced(per_second: f64, duration: Duration) -> mpsc::UnboundedReceiver<Instant> {
    let (sender, ticks) = mpsc::unbounded_channel();
    let interval = Duration::from_secs_f64(1.0 / per_second);
    thread::spawn(move || {
        let mut intended_at = Instant::now();
        let end = intended_at + duration;
        while intended_at < end {
            thread::sleep(intended_at.saturating_duration_since(Instant::now()));
            if sender.send(intended_at).is_err() {
                return;
            }
            intended_at += interval;
        }
    });
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_round_ends_when_the_work_runs_out() {
        let mut jobs = 0..5_u32;
        let window = Window { warm_up: Duration::ZERO, measured: Duration::from_secs(600) };
        let round = closed_loop(2, window, || jobs.next().map(async |_| Ok(()))).await;
        assert_eq!(round.unwrap().completed, 5);
    }

    #[tokio::test]
    async fn a_closed_round_ends_every_job_that_it_has_started() {
        let (started, ended) = (Cell::new(0), Cell::new(0));
        let window = Window { warm_up: Duration::ZERO, measured: Duration::from_millis(20) };
        closed_loop(3, window, || {
            started.set(started.get() + 1);
            Some(async {
                tokio::task::yield_now().await;
                ended.set(ended.get() + 1);
                Ok(())
            })
        })
        .await
        .unwrap();
        assert_eq!(started, ended);
    }

    #[tokio::test]
    async fn requests_that_fail_or_take_too_long_are_lost() {
        let mut number = 0;
        let service = open_loop(1_000.0, Duration::from_millis(30), Duration::from_millis(5), || {
            number += 1;
            let number = number;
            async move {
                match number % 3 {
                    0 => anyhow::bail!("refused"),
                    1 => std::future::pending().await,
                    _ => Ok(()),
                }
            }
        })
        .await;
        assert_eq!((service.lost, service.latencies.count()), (20, 10));
        assert_eq!(service.failure.unwrap().to_string(), "refused");
    }
}
