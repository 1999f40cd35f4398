//! When an attempt is made again, and when an endpoint is left alone.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How long after each attempt that failed the next one is made: three days in all.
const DELAYS: [Duration; 10] = [
    Duration::from_secs(5),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(5 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(14 * HOUR),
    Duration::from_secs(20 * HOUR),
    Duration::from_secs(20 * HOUR),
];

const HOUR: u64 = 60 * 60;

/// When the last attempt at a delivery is made at the latest, if pauses have kept it waiting.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(80);

/// The longest that a receiver may ask for.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * HOUR);

/// So many failures without a success between them, and an endpoint is paused.
const FAILURES_IN_A_ROW: u32 = 8;

/// The first pause; each further one is twice as long, up to the longest.
const PAUSE: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(30 * 60);

/// From here on a receiver is slow, and is left alone for so many times as long as it took.
const SLOW: Duration = Duration::from_secs(5);
const RESTS: u32 = 3;

/// An endpoint at which every attempt has failed for so long is switched off.
const FAILING_FOR: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Failures that lie further apart are not one failure that goes on: nothing was sent between them. It is more than the longest delay.
const FAILURES_APART: SignedDuration = SignedDuration::from_hours(26);

/// What is random in the time of an attempt, so that what failed at once is not tried again at once: up to a fifth later.
#[derive(Debug, Clone, Copy)]
pub struct Jitter(u8);

impl Jitter {
    /// None, for tests.
    pub const NONE: Jitter = Jitter(0);

    /// By chance.
    pub fn random() -> Jitter {
        Jitter(fastrand::u8(..))
    }

    fn of(self, delay: Duration) -> Duration {
        delay + delay * u32::from(self.0) / (5 * 256)
    }
}

/// When to try again after `tries` failed attempts, the first of which was due at `since`; never, if that was the last one.
pub(crate) fn next_attempt(
    tries: u32,
    since: Timestamp,
    now: Timestamp,
    retry_after: Option<Duration>,
    jitter: Jitter,
) -> Option<Timestamp> {
    let delay = *DELAYS.get(usize::try_from(tries.checked_sub(1)?).ok()?)?;
    let last = after(since, TRIED_FOR.unsigned_abs());
    if now >= last {
        return None;
    }
    let delay = jitter.of(delay).max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX));
    Some(after(now, delay).min(last))
}

/// How an endpoint, or the bus, has taken what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// How many attempts have failed since the last success.
    pub failures: u32,
    /// When the first of them did, without a longer time in which nothing was sent.
    pub failing_since: Option<Timestamp>,
    /// When the last of them did.
    pub failed_at: Option<Timestamp>,
    /// How many pauses there have been since the last success.
    pub pauses: u32,
    /// Nothing is sent before.
    pub paused_until: Option<Timestamp>,
}

/// What some attempts, made side by side, say of the receiver's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many it has taken.
    pub successes: u32,
    /// How many failed.
    pub failures: u32,
    /// How long it wants to be left alone, if it does.
    pub throttled: Option<Duration>,
}

impl Health {
    /// Whether nothing may be sent.
    pub fn is_paused(&self, now: Timestamp) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }

    /// Whether only a probe may be sent: no success has followed the last pause.
    pub fn is_probed(&self) -> bool {
        self.pauses > 0
    }

    /// The health after some more attempts.
    #[must_use]
    pub fn after(self, tally: Tally, now: Timestamp, jitter: Jitter) -> Health {
        let mut health = if tally.successes > 0 { Health::default() } else { self };
        if tally.successes == 0 && tally.failures > 0 {
            let goes_on = self.failed_at.is_some_and(|at| now.duration_since(at) <= FAILURES_APART);
            health.failing_since = self.failing_since.filter(|_| goes_on).or(Some(now));
            health.failed_at = Some(now);
            health.failures = self.failures.saturating_add(tally.failures);
        }
        if tally.failures > 0 && (tally.throttled.is_some() || health.failures >= FAILURES_IN_A_ROW) {
            let pause = PAUSE.saturating_mul(1_u32.checked_shl(health.pauses).unwrap_or(u32::MAX)).min(PAUSE_MAX);
            let pause = jitter.of(pause).max(tally.throttled.unwrap_or_default().min(RETRY_AFTER_MAX));
            health.paused_until = Some(after(now, pause));
            health.pauses = health.pauses.saturating_add(1);
        }
        health
    }

    /// The health when attempts that were made side by side took so long: a receiver that needs much of it is left alone for a while,
    /// so that it takes up a quarter of a worker's time at most.
    #[must_use]
    pub fn rested(self, took: Duration, now: Timestamp, jitter: Jitter) -> Health {
        if took < SLOW {
            return self;
        }
        let until = after(now, jitter.of(took * RESTS));
        Health { paused_until: self.paused_until.max(Some(until)), ..self }
    }

    /// Whether it has failed for so long that nothing more is sent to it.
    pub fn is_beyond_hope(&self, now: Timestamp) -> bool {
        self.failing_since.is_some_and(|since| now.duration_since(since) >= FAILING_FOR)
    }
}

/// A moment so long after another, or the last one there is.
pub(crate) fn after(moment: Timestamp, delay: Duration) -> Timestamp {
    moment.saturating_add(delay).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn seconds(number: u64) -> Timestamp {
        after(START, Duration::from_secs(number))
    }

    #[test]
    fn a_slow_receiver_rests_three_times_as_long_as_it_took() {
        let rested = |health: Health, took| health.rested(Duration::from_millis(took), seconds(100), Jitter::NONE);
        assert_eq!(rested(Health::default(), 4_999), Health::default());
        assert_eq!(rested(Health::default(), 5_000).paused_until, Some(seconds(115)));
        // That is no failure, and ends no longer pause.
        assert!(!rested(Health::default(), 5_000).is_probed());
        let paused = Health { paused_until: Some(seconds(300)), pauses: 1, ..Health::default() };
        assert_eq!(rested(paused, 14_000), paused);
    }

    #[test]
    fn attempts_are_made_for_three_days_and_then_no_more() {
        let (mut now, mut tries) = (START, 0);
        let mut times = Vec::new();
        loop {
            times.push(now.as_second());
            tries += 1;
            match next_attempt(tries, START, now, None, Jitter::NONE) {
                Some(next) => now = next,
                None => break,
            }
        }
        let hours = 60 * 60;
        assert_eq!(times.len(), 11);
        assert_eq!(times[..5], [0, 5, 65, 365, 2165]);
        assert_eq!(times[10] / hours, 71);
        let latest = DELAYS.iter().map(|delay| Jitter(u8::MAX).of(*delay)).sum::<Duration>();
        assert!(latest.as_secs() < 4 * 24 * 60 * 60, "{latest:?}");
    }

    #[test]
    fn a_receiver_is_left_alone_for_as_long_as_it_asks_but_not_for_ever() {
        let next = |tries, retry_after| {
            let retry_after = Some(Duration::from_secs(retry_after));
            next_attempt(tries, START, START, retry_after, Jitter::NONE).map(Timestamp::as_second)
        };
        assert_eq!(next(1, 120), Some(120));
        assert_eq!(next(4, 120), Some(30 * 60));
        assert_eq!(next(1, u64::MAX), Some(24 * 60 * 60));
        assert_eq!(next(11, 120), None);
    }

    #[test]
    fn a_delivery_that_pauses_kept_waiting_is_tried_once_more_and_ends() {
        let late = after(START, TRIED_FOR.unsigned_abs());
        assert_eq!(next_attempt(1, START, late, None, Jitter::NONE), None);
        let shortly_before = after(START, Duration::from_secs(79 * HOUR));
        assert_eq!(next_attempt(9, START, shortly_before, None, Jitter::NONE), Some(late));
    }

    #[test]
    fn jitter_only_delays_and_by_a_fifth_at_most() {
        for _ in 0..1_000 {
            let delay = Jitter::random().of(Duration::from_secs(100)).as_millis();
            assert!((100_000..120_000).contains(&delay), "{delay}");
        }
    }

    fn failed(health: Health, failures: u32, now: Timestamp) -> Health {
        health.after(Tally { failures, ..Tally::default() }, now, Jitter::NONE)
    }

    #[test]
    fn pauses_grow_until_a_success_ends_them() {
        let mut health = failed(Health::default(), 7, START);
        assert!(!health.is_paused(START) && !health.is_probed());
        let mut pauses = Vec::new();
        let mut now = START;
        for _ in 0..12 {
            health = failed(health, 1, now);
            let until = health.paused_until.unwrap();
            assert!(health.is_paused(now) && !health.is_paused(until) && health.is_probed());
            pauses.push(until.duration_since(now).as_secs());
            now = until;
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800]);
        let healed = health.after(Tally { successes: 1, failures: 3, throttled: None }, now, Jitter::NONE);
        assert_eq!(healed, Health::default());
    }

    #[test]
    fn a_receiver_that_asks_for_less_is_paused_at_once() {
        let tally =
            |retry_after| Tally { failures: 1, successes: 1, throttled: Some(Duration::from_secs(retry_after)) };
        let until = |retry_after| Health::default().after(tally(retry_after), START, Jitter::NONE).paused_until;
        assert_eq!(until(90), Some(seconds(90)));
        assert_eq!(until(0), Some(seconds(5)));
        assert_eq!(until(u64::MAX), Some(seconds(24 * HOUR)));
    }

    #[test]
    fn an_endpoint_is_given_up_after_five_days_in_which_all_failed() {
        let days = |days: u64| seconds(days * 24 * HOUR);
        let mut health = Health::default();
        for day in 0..5 {
            health = failed(health, 1, days(day));
            assert!(!health.is_beyond_hope(days(day)), "{day}");
        }
        assert!(failed(health, 1, days(5)).is_beyond_hope(days(5)));
        // Two failures, and nothing sent for a week between them.
        let apart = failed(failed(Health::default(), 1, days(0)), 1, days(7));
        assert!(!apart.is_beyond_hope(days(7)));
        let healed = health.after(Tally { successes: 1, ..Tally::default() }, days(5), Jitter::NONE);
        assert!(!failed(healed, 1, days(5)).is_beyond_hope(days(5)));
    }
}
