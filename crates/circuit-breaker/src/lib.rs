//! A circuit breaker for stores that a request can do without: the first call that fails opens it, and until a probe has
//! succeeded every request goes on without the store. One that many requests share at once opens after several failures in a row.
//!
//! Probes run beside the requests. A breaker that tried the store with a request now and then would make that request wait for a
//! store that is still down. But an open breaker is stale if its last failure was long ago, because the store may have been up
//! since: the next request then waits for its probe.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};

/// An open breaker is stale this many pauses after its last failure.
const STALE_AFTER_PAUSES: u32 = 2;

/// A probe that took longer was frozen with its environment, if the pause is not longer still. Those of the ledger may take 7 s.
const FROZEN_AFTER: Duration = Duration::from_secs(15);

/// How many failures in a row open a breaker that many requests share, and for how long there must have been nothing else. One that was
/// late among thousands says nothing about the store, nor do many that failed together at one moment; all that are in work when it hangs
/// soon make so many.
const SHARED_FAILURES: u32 = 20;
const SHARED_FAILING_FOR: Duration = Duration::from_millis(250);

/// The pause of a breaker that many requests share. A probe costs nothing beside so many, and what is skipped meanwhile is many times
/// as much as in an environment with one request at a time.
const SHARED_PAUSE: Duration = Duration::from_secs(1);

/// Whether requests may call the store.
#[derive(Debug)]
pub struct CircuitBreaker {
    state: Mutex<State>,
    /// So many failures in a row open it,
    failures: u32,
    /// if the first of them is so long ago.
    failing_for: Duration,
    pause: Duration,
    patience: Duration,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { opened_last: Option<Instant>, failing: Option<Failing> },
    Open { since: Instant, probed_last: Instant, failed_last: Instant },
}

/// Failures in a row.
#[derive(Debug, Clone, Copy)]
struct Failing {
    since: Instant,
    count: u32,
}

/// What a request may do.
enum Admission {
    Call,
    /// The breaker is stale.
    CallAfterProbe,
    ProbeAndSkip,
    Skip,
}

impl CircuitBreaker {
    /// A closed breaker, which one failure opens. While it is open, a probe runs at most once in each `pause`; a request starts it.
    /// After two pauses without a failed probe, the request that starts the next one waits for it, at most for `patience`.
    pub fn new(pause: Duration, patience: Duration) -> Arc<CircuitBreaker> {
        CircuitBreaker::opened_by(1, Duration::ZERO, pause, patience)
    }

    /// The same for a process with many requests at once: several failures in a row open it, and it probes once in each second.
    pub fn shared(patience: Duration) -> Arc<CircuitBreaker> {
        CircuitBreaker::opened_by(SHARED_FAILURES, SHARED_FAILING_FOR, SHARED_PAUSE, patience)
    }

    fn opened_by(failures: u32, failing_for: Duration, pause: Duration, patience: Duration) -> Arc<CircuitBreaker> {
        let state = Mutex::new(State::Closed { opened_last: None, failing: None });
        Arc::new(CircuitBreaker { state, failures, failing_for, pause, patience })
    }

    /// Calls the store, unless the breaker is open: then there is no answer. Calls that fail open it. What `probe` makes
    /// answers whether the store is usable again; it runs beside the requests, so it needs a time limit of its own.
    pub async fn call<T, E, P>(
        self: &Arc<Self>,
        call: impl Future<Output = Result<T, E>>,
        mut probe: impl FnMut() -> P,
    ) -> Option<Result<T, E>>
    where
        P: Future<Output = bool> + Send + 'static,
    {
        match self.admit() {
            Admission::Call => {}
            Admission::CallAfterProbe => {
                let probed = timeout(self.patience, self.probe_beside(probe())).await;
                if !matches!(probed, Ok(Ok(true))) {
                    return None;
                }
            }
            Admission::ProbeAndSkip => {
                self.probe_beside(probe());
                return None;
            }
            Admission::Skip => return None,
        }
        let answer = call.await;
        if answer.is_ok() {
            self.note_success();
        } else if self.note_failure() {
            self.probe_beside(probe());
        }
        Some(answer)
    }

    /// Whether requests skip the store now.
    pub fn is_open(&self) -> bool {
        matches!(*self.lock(), State::Open { .. })
    }

    fn admit(&self) -> Admission {
        let now = Instant::now();
        match &mut *self.lock() {
            State::Closed { .. } => Admission::Call,
            State::Open { probed_last, failed_last, .. } if *failed_last + self.pause * STALE_AFTER_PAUSES <= now => {
                // Requests that come while this one waits skip the store.
                (*probed_last, *failed_last) = (now, now);
                Admission::CallAfterProbe
            }
            State::Open { probed_last, .. } if *probed_last + self.pause <= now => {
                *probed_last = now;
                Admission::ProbeAndSkip
            }
            State::Open { .. } => Admission::Skip,
        }
    }

    /// Failures before this are in no row with later ones.
    fn note_success(&self) {
        if let State::Closed { failing, .. } = &mut *self.lock() {
            *failing = None;
        }
    }

    /// Opens the breaker if it was the last of too many in a row, and answers whether a probe may run at once. One may, because most
    /// failures are short. But where a probe closed the breaker and calls failed again, the next probe waits for the pause to end:
    /// otherwise a store that is a little too slow would make every request wait.
    fn note_failure(&self) -> bool {
        let now = Instant::now();
        let mut state = self.lock();
        match &mut *state {
            State::Closed { opened_last, failing } => {
                let row = failing.get_or_insert(Failing { since: now, count: 0 });
                row.count = row.count.saturating_add(1);
                if row.count < self.failures || row.since + self.failing_for > now {
                    return false;
                }
                let probes_at_once = opened_last.is_none_or(|last| last + self.pause <= now);
                *state = State::Open { since: now, probed_last: now, failed_last: now };
                probes_at_once
            }
            State::Open { .. } => false,
        }
    }

    /// Notes that a probe has failed.
    fn stay_open(&self) {
        if let State::Open { failed_last, .. } = &mut *self.lock() {
            *failed_last = Instant::now();
        }
    }

    fn close(&self) {
        let mut state = self.lock();
        if let State::Open { since, .. } = *state {
            *state = State::Closed { opened_last: Some(since), failing: None };
        }
    }

    fn probe_beside(self: &Arc<Self>, probe: impl Future<Output = bool> + Send + 'static) -> JoinHandle<bool> {
        let breaker = Arc::clone(self);
        let begun = Instant::now();
        tokio::spawn(async move {
            let succeeds = probe.await;
            if succeeds {
                breaker.close();
            } else if begun.elapsed() < breaker.pause.max(FROZEN_AFTER) {
                breaker.stay_open();
            }
            // The failure of one that was frozen says nothing about the store.
            succeeds
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::{task::yield_now, time::advance};

    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);
    const PATIENCE: Duration = Duration::from_millis(100);

    async fn call(breaker: &Arc<CircuitBreaker>, answer: Result<u8, ()>, probe: bool) -> Option<Result<u8, ()>> {
        let answer = breaker.call(ready(answer), || ready(probe)).await;
        // The probe's task runs.
        yield_now().await;
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_call_opens_it_and_later_ones_are_not_made() {
        let breaker = CircuitBreaker::new(PAUSE, PATIENCE);
        assert_eq!(call(&breaker, Ok(1), true).await, Some(Ok(1)));
        assert_eq!(call(&breaker, Err(()), false).await, Some(Err(())));
        for _ in 0..3 {
            assert!(breaker.is_open());
            assert_eq!(call(&breaker, Ok(1), true).await, None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_shared_opens_after_failures_in_a_row() {
        let breaker = CircuitBreaker::shared(PATIENCE);
        for _ in 0..3 {
            for _ in 1..SHARED_FAILURES {
                assert_eq!(call(&breaker, Err(()), false).await, Some(Err(())));
            }
            assert_eq!(call(&breaker, Ok(1), false).await, Some(Ok(1)));
        }
        open(&breaker).await;
        assert_eq!(call(&breaker, Ok(1), true).await, None);
        advance(SHARED_PAUSE).await;
        assert_eq!(call(&breaker, Ok(1), true).await, None, "this request starts a probe");
        assert_eq!(call(&breaker, Ok(1), true).await, Some(Ok(1)));
    }

    /// One that is shared, by failures that go on.
    async fn open(breaker: &Arc<CircuitBreaker>) {
        for _ in 0..SHARED_FAILURES {
            advance(SHARED_FAILING_FOR / 10).await;
            call(breaker, Err(()), false).await;
        }
        assert!(breaker.is_open());
    }

    /// As when one statement asks for many requests.
    #[tokio::test(start_paused = true)]
    async fn one_that_is_shared_is_not_opened_by_what_fails_at_one_moment() {
        let breaker = CircuitBreaker::shared(PATIENCE);
        for _ in 0..3 {
            for _ in 0..3 * SHARED_FAILURES {
                assert_eq!(call(&breaker, Err(()), false).await, Some(Err(())));
            }
            advance(SHARED_FAILING_FOR).await;
            assert_eq!(call(&breaker, Ok(1), false).await, Some(Ok(1)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_longer_than_a_short_pause_counts() {
        let breaker = CircuitBreaker::shared(PATIENCE);
        open(&breaker).await;
        let slow = || async {
            tokio::time::sleep(SHARED_PAUSE * 3).await;
            false
        };
        advance(SHARED_PAUSE).await;
        assert_eq!(breaker.call(ready(Ok::<u8, ()>(1)), slow).await, None);
        tokio::time::sleep(SHARED_PAUSE * 3).await;
        yield_now().await;
        let begun = Instant::now();
        assert_eq!(breaker.call(ready(Ok::<u8, ()>(1)), slow).await, None);
        assert!(begun.elapsed() < PATIENCE, "it waited for the probe of a store that was just found to be down");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_succeeds_closes_it() {
        let breaker = CircuitBreaker::new(PAUSE, PATIENCE);
        assert_eq!(call(&breaker, Err(()), true).await, Some(Err(())));
        assert_eq!(call(&breaker, Ok(1), true).await, Some(Ok(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_failure_soon_after_waits_for_the_pause() {
        let breaker = CircuitBreaker::new(PAUSE, PATIENCE);
        call(&breaker, Err(()), true).await;
        assert_eq!(call(&breaker, Err(()), true).await, Some(Err(())));
        assert!(breaker.is_open(), "no probe ran at once");
        advance(PAUSE).await;
        // This request starts the probe, and does not wait for it.
        assert_eq!(call(&breaker, Ok(1), true).await, None);
        assert_eq!(call(&breaker, Ok(1), true).await, Some(Ok(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn while_it_is_open_one_probe_runs_in_each_pause_and_no_request_waits() {
        let breaker = CircuitBreaker::new(PAUSE, PATIENCE);
        call(&breaker, Err(()), false).await;
        let mut probes = 0;
        for _ in 0..10 {
            advance(PAUSE / 2).await;
            let probe = || {
                probes += 1;
                ready(false)
            };
            assert_eq!(breaker.call(ready(Ok::<u8, ()>(1)), probe).await, None);
            yield_now().await;
        }
        assert_eq!(probes, 5);
    }

    /// A silence: two pauses without a failure.
    #[tokio::test(start_paused = true)]
    async fn after_a_silence_the_next_request_waits_for_its_probe() {
        let breaker = CircuitBreaker::new(PAUSE, PATIENCE);
        call(&breaker, Err(()), false).await;
        advance(PAUSE * 2).await;
        assert_eq!(call(&breaker, Ok(1), false).await, None);
        assert_eq!(call(&breaker, Ok(1), true).await, None, "it has just heard of a failure");
        advance(PAUSE * 2).await;
        assert_eq!(call(&breaker, Ok(1), true).await, Some(Ok(1)));
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_a_probe_with_patience_and_the_probe_goes_on() {
        let breaker = CircuitBreaker::new(PAUSE, PATIENCE);
        call(&breaker, Err(()), false).await;
        advance(PAUSE * 2).await;
        let slow = || async {
            tokio::time::sleep(PATIENCE * 2).await;
            true
        };
        let begun = Instant::now();
        assert_eq!(breaker.call(ready(Ok::<u8, ()>(1)), slow).await, None);
        assert_eq!(begun.elapsed(), PATIENCE);
        assert_eq!(call(&breaker, Ok(1), false).await, None, "one waits, the others go on without");
        tokio::time::sleep(PATIENCE * 2).await;
        assert_eq!(call(&breaker, Ok(1), false).await, Some(Ok(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_frozen_between_two_requests_is_no_failure_of_the_store() {
        let breaker = CircuitBreaker::new(PAUSE, PATIENCE);
        call(&breaker, Err(()), false).await;
        advance(PAUSE).await;
        let frozen = || async {
            tokio::time::sleep(PAUSE).await;
            false
        };
        assert_eq!(breaker.call(ready(Ok::<u8, ()>(1)), frozen).await, None);
        yield_now().await;
        advance(PAUSE).await;
        yield_now().await;
        assert_eq!(call(&breaker, Ok(1), true).await, Some(Ok(1)));
    }
}
