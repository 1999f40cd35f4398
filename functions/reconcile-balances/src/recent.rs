//! What was recorded since the last scheduled run, window by window.
//!
//! A window is read as a whole, so it must not have more entries than the ledger can list in time: it is halved until it has
//! not. A cursor is saved after each batch of months, so that the next run goes on where this one ended.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use ledger::{MonthKey, MonthPage, Watermark, WindowCursor};

use crate::{
    ReconcileBalances, RunError,
    batch::BATCH_MAX,
    run::{Clock, Run},
};

/// Each scheduled run looks once more at what was recorded this long before the run before: entries whose transaction ended
/// after it looked. An entry gets its time in the statement that posts it, which the database ends after ten seconds.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

/// How long the first window of a run is. The next are longer while little was recorded, shorter while there was much.
const WINDOW: SignedDuration = SignedDuration::from_secs(60);
const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(1);
/// What is in a window this short is listed however much it is.
const WINDOW_MIN: SignedDuration = SignedDuration::from_millis(1);

/// How many entries a window may have. 300,000 take up to 1.8 s to list, and a listing has 4 s.
const WINDOW_ENTRIES_MAX: u32 = 50_000;

/// How many months of a window are listed at once.
const LISTED_MAX: u16 = 5_000;

/// How many compared months a run keeps in memory, so as not to compare them again in the next window.
const REMEMBERED_MAX: usize = 100_000;

/// How many of the months that are set aside are tried before anything else. If all of them take as long as a month may, that
/// is less than a minute.
const RETRIED_FIRST: usize = 32;

/// A window of time: what was recorded from `since` on and before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    since: Timestamp,
    until: Timestamp,
}

impl Window {
    fn length(self) -> SignedDuration {
        self.until.duration_since(self.since)
    }

    /// Its first half; none if it is as short as can be.
    fn halved(self) -> Option<Window> {
        let length = self.length();
        (length > WINDOW_MIN).then(|| Window { since: self.since, until: self.since + length / 2 })
    }
}

impl ReconcileBalances {
    /// First some of the months that are set aside, so that those after the cursor never keep them waiting for ever; then what
    /// was recorded; then the others that are set aside.
    pub(crate) async fn reconcile_recent(&self, clock: Clock<'_>, run: &mut Run) -> Result<(), RunError> {
        let watermark = self.ledger.reconciliation_watermark().await?;
        let now = watermark.now;
        self.retry_set_aside(now, RETRIED_FIRST, clock, run).await?;
        run.report.complete = self.reconcile_recorded(watermark, clock, run).await?;
        if run.report.complete {
            self.retry_set_aside(now, usize::MAX, clock, run).await?;
        }
        Ok(())
    }

    /// Answers whether it came to the end.
    async fn reconcile_recorded(
        &self,
        watermark: Watermark,
        clock: Clock<'_>,
        run: &mut Run,
    ) -> Result<bool, RunError> {
        let Watermark { until, mut cursor, now } = watermark;
        // Entries recorded before this can be seen by now. Those after it are looked at once more by the next run, whatever
        // becomes of this one, so no cursor is saved among them.
        let settled = now - OVERLAP;
        let mut walk =
            Walk { compared: HashSet::new(), length: WINDOW, length_max: WINDOW_MAX, since: until - OVERLAP };
        while walk.since < now {
            let end = if walk.since < settled { settled } else { now };
            let (window, after) = match cursor.take() {
                Some(WindowCursor { until, after }) => (Window { since: walk.since, until }, Some(after)),
                None => (self.next_window(&mut walk, end).await?, None),
            };
            let Some(until) = self.reconcile_window(window, after, settled, &mut walk, clock, run).await? else {
                return Ok(false);
            };
            if until <= settled {
                self.ledger.save_reconciliation_watermark(until + OVERLAP).await?;
            }
            walk.since = until;
            if walk.since < now && (!clock.has_time() || run.has_failed_too_often()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The window that comes next and ends by `end`, as long as the ledger can list it.
    async fn next_window(&self, walk: &mut Walk, end: Timestamp) -> Result<Window, RunError> {
        let mut window = Window { since: walk.since, until: end.min(walk.since + walk.length) };
        loop {
            let Window { since, until } = window;
            let counted = self.ledger.entries_recorded_between(since, until, WINDOW_ENTRIES_MAX + 1).await;
            match (counted, window.halved()) {
                (Ok(count), _) if count <= u64::from(WINDOW_ENTRIES_MAX) => {
                    let is_small = count <= u64::from(WINDOW_ENTRIES_MAX / 4);
                    walk.length = if is_small { walk.length_max.min(walk.length * 2) } else { window.length() };
                    return Ok(window);
                }
                (Ok(_), Some(halved)) => window = halved,
                (Err(error), Some(halved)) if error.is_timeout() => {
                    walk.length_max = halved.length();
                    window = halved;
                }
                (Ok(_), None) => return Ok(window),
                (Err(error), _) => return Err(error.into()),
            }
            walk.length = window.length();
        }
    }

    /// The months of a window from the one after a given one on. Answers where the window ended, which may be earlier than it
    /// should have been; none if this run is over before that.
    async fn reconcile_window(
        &self,
        mut window: Window,
        mut after: Option<MonthKey>,
        settled: Timestamp,
        walk: &mut Walk,
        clock: Clock<'_>,
        run: &mut Run,
    ) -> Result<Option<Timestamp>, RunError> {
        loop {
            let Window { since, until } = window;
            let listed = self.ledger.months_recorded_between(since, until, after.as_ref(), LISTED_MAX).await;
            let MonthPage { months, is_last } = match (listed, window.halved()) {
                // What was compared of the whole was compared of its half as well.
                (Err(error), Some(halved)) if error.is_timeout() => {
                    window = halved;
                    walk.length = halved.length();
                    walk.length_max = walk.length;
                    continue;
                }
                (listed, _) => listed?,
            };
            after = months.last().cloned();
            let months: Vec<MonthKey> = months.into_iter().filter(|key| !walk.compared.contains(key)).collect();
            for batch in months.chunks(BATCH_MAX) {
                let came_to = self.reconcile_batch(batch, clock, run).await?;
                walk.remember(&batch[..came_to]);
                if let Some(last) = batch[..came_to].last()
                    && until <= settled
                {
                    let cursor = WindowCursor { until, after: last.clone() };
                    self.ledger.save_window_cursor(since + OVERLAP, &cursor).await?;
                }
                if came_to < batch.len() || run.has_failed_too_often() {
                    return Ok(None);
                }
            }
            if is_last {
                return Ok(Some(until));
            }
        }
    }

    /// Up to so many of the months that are set aside and were not tried since `before`, while there is time.
    async fn retry_set_aside(
        &self,
        before: Timestamp,
        months_max: usize,
        clock: Clock<'_>,
        run: &mut Run,
    ) -> Result<(), RunError> {
        let mut retried = 0;
        while run.finds_months_set_aside && retried < months_max && !run.has_failed_too_often() {
            let MonthPage { months, is_last } = self.ledger.months_set_aside(before, BATCH_MAX as u16).await?;
            let came_to = self.reconcile_batch(&months, clock, run).await?;
            retried += came_to;
            if is_last || came_to < months.len() {
                break;
            }
        }
        Ok(())
    }
}

/// How far a run has come.
struct Walk {
    /// Whatever was recorded by the start of the run is covered when a month is compared, however often it comes up.
    compared: HashSet<MonthKey>,
    /// How long the next window is to be.
    length: SignedDuration,
    /// How long it may be: half of what took too long before.
    length_max: SignedDuration,
    /// Where the next window begins.
    since: Timestamp,
}

impl Walk {
    fn remember(&mut self, keys: &[MonthKey]) {
        if self.compared.len() + keys.len() <= REMEMBERED_MAX {
            self.compared.extend(keys.iter().cloned());
        }
    }
}
