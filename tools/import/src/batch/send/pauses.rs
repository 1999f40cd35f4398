//! How long to wait between attempts, and for how long in all.

use std::time::{Duration, Instant};

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To connect.
    pub connect: Duration,
    /// One request, from connecting to the last byte of the answer. API Gateway gives up after 30 s.
    pub request: Duration,
    /// The pause after the first failure; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause that is chosen here; the server may ask for a longer one.
    pub longest_pause: Duration,
    /// How long one request is repeated.
    pub give_up_after: Duration,
}

impl Limits {
    /// The limits of real life.
    pub fn new(give_up_after: Duration) -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(35),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            give_up_after,
        }
    }
}

/// The pauses between the attempts of one request: growing, with jitter, bounded in all.
pub(super) struct Pauses {
    limits: Limits,
    first_failure: Option<Instant>,
    ceiling: Duration,
}

impl Pauses {
    pub(super) fn new(limits: Limits) -> Pauses {
        Pauses { limits, first_failure: None, ceiling: limits.first_pause }
    }

    /// How long to wait now, or nothing when it is time to give up.
    pub(super) fn next(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        let waited = self.first_failure.get_or_insert_with(Instant::now).elapsed();
        let left = self.limits.give_up_after.checked_sub(waited).filter(|left| !left.is_zero())?;
        let asked = retry_after.unwrap_or_default();
        if asked > left {
            return None;
        }
        // At least half of it, so that it grows; the rest by chance, so that clients do not come back all at once.
        let half = self.ceiling / 2;
        let chance = Duration::from_micros(fastrand::u64(0..=u64::try_from(half.as_micros()).unwrap_or(u64::MAX)));
        self.ceiling = (self.ceiling * 2).min(self.limits.longest_pause);
        Some((half + chance).max(asked).min(left))
    }
}

#[cfg(test)]
mod tests;
