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
            let must_replace = must_replace(expected, seen.map_or(Stored::Missing, StoredBalance::seal))?;
            Some(SealDifference { date: *date, expected, seen, must_replace })
        })
        .collect()
}

/// Whether the mark that is there counts as newer than, or the same as, the one that should be; nothing if it is that one.
fn must_replace(expected: Option<SealMark>, seen: Stored<SealMark>) -> Option<bool> {
    match (expected, seen) {
        (None, Stored::Missing) => None,
        (Some(_), Stored::Missing) => Some(false),
        (_, Stored::Malformed) | (None, Stored::Present(_)) => Some(true),
        (Some(expected), Stored::Present(mark)) if mark == expected => None,
        (Some(expected), Stored::Present(mark)) => Some((mark.epoch, mark.number) >= (expected.epoch, expected.number)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use cashflow::parse_date;
    use ledger::NewestSeal;

    use super::*;

    const EPOCH: u32 = 2;

    fn totals(credits: i128, entry_count: u64) -> Totals {
        Totals { credits, debits: 0, entry_count }
    }

    /// The ledger knows totals of 300 from 3 entries.
    #[test]
    fn totals_differ_by_version_first_and_then_by_sums() {
        let seen = |credits, entry_count, epoch| {
            Stored::Present((totals(credits, entry_count), TotalsVersion { epoch, entry_count }))
        };
        let cases = [
            (Stored::Missing, Some(Kind::Missing)),
            (Stored::Malformed, Some(Kind::Wrong)),
            (seen(300, 3, EPOCH), None),
            (seen(299, 3, EPOCH), Some(Kind::Wrong)),
            (seen(200, 2, EPOCH), Some(Kind::Behind)),
            (seen(400, 4, EPOCH), Some(Kind::Ahead)),
            (seen(300, 3, EPOCH - 1), Some(Kind::OlderEpoch)),
            (seen(299, 3, EPOCH - 1), Some(Kind::Behind)),
            (seen(400, 4, EPOCH - 1), Some(Kind::Behind)),
            (seen(300, 3, EPOCH + 1), Some(Kind::Ahead)),
        ];
        for (seen, expected) in cases {
            assert_eq!(totals_kind(EPOCH, totals(300, 3), seen), expected, "{seen:?}");
        }
    }

    #[test]
    fn a_period_without_entries_lacks_no_totals() {
        assert_eq!(totals_kind(EPOCH, Totals::ZERO, Stored::Missing), None);
        assert_eq!(totals_kind(EPOCH, Totals::ZERO, Stored::Malformed), Some(Kind::Wrong));
    }

    #[test]
    fn a_mark_is_replaced_if_the_right_one_would_not_count_as_newer() {
        let mark = |epoch, number, entry_count| SealMark { epoch, number, entry_count };
        let cases = [
            (None, Stored::Missing, None),
            (None, Stored::Malformed, Some(true)),
            (None, Stored::Present(mark(2, 3, 7)), Some(true)),
            (Some(mark(2, 3, 7)), Stored::Missing, Some(false)),
            (Some(mark(2, 3, 7)), Stored::Malformed, Some(true)),
            (Some(mark(2, 3, 7)), Stored::Present(mark(2, 3, 7)), None),
            (Some(mark(2, 3, 7)), Stored::Present(mark(2, 3, 6)), Some(true)),
            (Some(mark(2, 3, 7)), Stored::Present(mark(2, 4, 7)), Some(true)),
            (Some(mark(2, 3, 7)), Stored::Present(mark(2, 2, 7)), Some(false)),
            (Some(mark(2, 3, 7)), Stored::Present(mark(3, 1, 7)), Some(true)),
            (Some(mark(2, 3, 7)), Stored::Present(mark(1, 4, 7)), Some(false)),
        ];
        for (expected, seen, replaced) in cases {
            assert_eq!(must_replace(expected, seen), replaced, "{expected:?} {seen:?}");
        }
    }

    #[test]
    fn where_the_read_model_is_empty_all_that_the_ledger_knows_differs() {
        let date = parse_date("2026-11-22").unwrap();
        let newest_entry_at = "2026-11-22T15:04:05Z".parse().unwrap();
        let known = PeriodTotals { period: Period::Day(date), currency: Currency::BRL, totals: totals(300, 3) };
        let ledger = LedgerMonth {
            epoch: EPOCH,
            totals_at: "2026-11-23T00:00:00Z".parse().unwrap(),
            totals: vec![KnownTotals { totals: known, newest_entry_at }],
            seals: vec![NewestSeal { date, epoch: EPOCH, number: 1, entry_count: 3 }],
        };
        let stored = BTreeMap::new();
        let lacks_totals =
            TotalsDifference { kind: Kind::Missing, expected: known, seen: None, since: Some(newest_entry_at) };
        assert_eq!(totals_differences(&ledger, Currency::BRL, &stored), [lacks_totals]);
        let mark = SealMark { epoch: EPOCH, number: 1, entry_count: 3 };
        let lacks_mark = SealDifference { date, expected: Some(mark), seen: None, must_replace: false };
        assert_eq!(seal_differences(&ledger, &stored), [lacks_mark]);
    }
}
