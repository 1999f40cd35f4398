//! Bare clients run as the functions' processes do: each alone on a thread, one unit of work at a time.

use std::{
    future::Future,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context, Result};

use crate::{load::Window, statistics::per_second};

/// Keeps as many clients at work as there are, made by `connect` on their own threads; how much they do in a second.
pub async fn closed_loop<C, Connecting>(
    clients: usize,
    window: Window,
    connect: impl Fn() -> Connecting + Clone + Send + 'static,
    work: impl AsyncFn(&mut C, u64) -> Result<()> + Clone + Send + 'static,
) -> Result<f64>
where
    Connecting: Future<Output = Result<C>>,
{
    let (ready, next, done) =
        (Arc::new(Barrier::new(clients)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let (ready, next, done) = (ready.clone(), next.clone(), done.clone());
            let (connect, work) = (connect.clone(), work.clone());
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(async {
                    let connected = connect().await;
                    // Also if it failed: the others wait for this thread.
                    ready.wait();
                    let mut client = connected?;
                    let begin = Instant::now() + window.warm_up;
                    let end = begin + window.measured;
                    while Instant::now() < end {
                        work(&mut client, next.fetch_add(1, Ordering::Relaxed)).await?;
                        let now = Instant::now();
                        if now >= begin && now <= end {
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    anyhow::Ok(())
                })
            })
        })
        .collect();
    tokio::task::spawn_blocking(move || {
        for thread in threads {
            thread.join().ok().context("a bare client panicked")??;
        }
        Ok(per_second(done.load(Ordering::Relaxed), window.measured))
    })
    .await?
}
