//! What the read model should hold of a month, and where it holds something else. No IO.

use std::collections::{BTreeMap, BTreeSet};

use balances::{SealMark, Stored, StoredBalance};
use cashflow::{Currency, Date, Period, PeriodTotals, Totals, TotalsVersion};
use jiff::Timestamp;
use ledger::{KnownTotals, LedgerMonth};

/// Totals that are not what the ledger says.
#[derive(Debug, PartialEq)]
pub(crate) struct TotalsDifference<'a> {
    pub(crate) kind: Kind,
    /// What the ledger says.
    pub(crate) expected: PeriodTotals,
    /// The item, if there is one.
    pub(crate) seen: Option<&'a StoredBalance>,
    /// Since when they are known to differ, if anything tells.
    pub(crate) since: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// There are none.
    Missing,
    /// They are of an older version.
    Behind,
    /// The totals are right, but their version is of an older epoch, so that a delayed write of it could still replace them.
    OlderEpoch,
    /// They are of this version and not its totals, or no totals at all.
    Wrong,
    /// They claim a version that the ledger has not come to.
    Ahead,
}

/// The mark of a seal that is not the one of the day's newest seal.
#[derive(Debug, PartialEq)]
pub(crate) struct SealDifference<'a> {
    pub(crate) date: Date,
    /// What it should be; none if the day has no seal.
    pub(crate) expected: Option<SealMark>,
    /// The item, if there is one.
    pub(crate) seen: Option<&'a StoredBalance>,
    /// Whether the mark that is there counts as newer than, or the same as, the one that should be.
    pub(crate) must_replace: bool,
}

/// The differences in totals, in the order of their periods.
///
/// The read model must have been read before the ledger: what it holds is then nothing that the ledger has still to come to.
pub(crate) fn totals_differences<'a>(
    ledger: &LedgerMonth,
    currency: Currency,
    stored: &'a BTreeMap<Period, StoredBalance>,
) -> Vec<TotalsDifference<'a>> {
    let known: BTreeMap<Period, &KnownTotals> =
        ledger.totals.iter().map(|known| (known.totals.period, known)).collect();
    let periods: BTreeSet<&Period> = known.keys().chain(stored.keys()).collect();
    periods
        .into_iter()
        .filter_map(|period| {
            // An item without entries in the ledger: of days that a restored ledger does not know any more.
            let known = known.get(period);
            let totals = known.map_or(Totals::ZERO, |known| known.totals.totals);
            let seen = stored.get(period);
            let kind = totals_kind(ledger.epoch, totals, seen.map_or(Stored::Missing, StoredBalance::totals))?;
            let since = match kind {
                // The execution of the newest entry should have brought them up, whatever became of those before.
                Kind::Missing | Kind::Behind => known.map(|known| known.newest_entry_at),
                Kind::Wrong | Kind::Ahead => seen.and_then(StoredBalance::updated_at),
                Kind::OlderEpoch => None,
            };
            Some(TotalsDifference { kind, expected: PeriodTotals { period: *period, currency, totals }, seen, since })
        })
        .collect()
}

fn totals_kind(epoch: u32, expected: Totals, seen: Stored<(Totals, TotalsVersion)>) -> Option<Kind> {
    let version = TotalsVersion { epoch, entry_count: expected.entry_count };
    match seen {
        Stored::Missing if expected.entry_count == 0 => None,
        Stored::Missing => Some(Kind::Missing),
        Stored::Malformed => Some(Kind::Wrong),
        Stored::Present((totals, seen)) if seen == version => (totals != expected).then_some(Kind::Wrong),
        Stored::Present((totals, seen)) if seen < version && totals == expected => Some(Kind::OlderEpoch),
        Stored::Present((_, seen)) if seen < version => Some(Kind::Behind),
        Stored::Present(_) => Some(Kind::Ahead),
    }
}

/// The differences in the marks of seals, in the order of their days.
pub(crate) fn seal_differences<'a>(
    ledger: &LedgerMonth,
    stored: &'a BTreeMap<Period, StoredBalance>,
) -> Vec<SealDifference<'a>> {
    let marks: BTreeMap<Date, SealMark> = ledger
        .seals
        .iter()
        .map(|seal| (seal.date, SealMark { epoch: seal.epoch, number: seal.number, entry_count: seal.entry_count }))
        .collect();
    let stored_days = stored.iter().filter_map(|(period, item)| match period {
        Period::Day(date) => Some((*date, item)),
        Period::Month(_) => None,
    });
    let stored: BTreeMap<Date, &StoredBalance> = stored_days.collect();
    let dates: BTreeSet<&Date> = marks.keys().chain(stored.keys()).collect();
    dates
        .into_iter()
        .filter_map(|date| {
            let (expected, seen) = (marks.get(date).copied(), stored.get(date).copied());
            let must_replace = match (expected, seen.map_or(Stored::Missing, StoredBalance::seal)) {
                (None, Stored::Missing) => return None,
                (Some(_), Stored::Missing) => false,
                (_, Stored::Malformed) | (None, Stored::Present(_)) => true,
                (Some(expected), Stored::Present(mark)) if mark == expected => return None,
                (Some(expected), Stored::Present(mark)) => {
                    (mark.epoch, mark.number) >= (expected.epoch, expected.number)
                }
            };
            Some(SealDifference { date: *date, expected, seen, must_replace })
        })
        .collect()
}
