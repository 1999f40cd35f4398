use std::time::Duration;

use serde::Serialize;
use telemetry::{ReconciliationMetrics, StoreMetrics};

use crate::{RunCursor, compare::Kind};

/// What a run has compared, found and put right.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many months of a merchant and currency were compared.
    pub months_compared: u64,
    /// How many could not be. They are set aside, and later scheduled runs try them again.
    pub failed: u64,
    /// How many months are set aside at the end, by whatever run.
    pub set_aside: Option<u64>,
    /// How many items of the read model are of no merchant, day or year. Nobody reads them.
    pub unknown_items: u64,
    /// Totals that lack entries, one of them of the last minute: its execution is on its way, and brings them up.
    pub in_flight: u64,
    /// Totals that were right but whose version was of an older epoch. Reports keep the former name.
    #[serde(rename = "renewed")]
    pub older_epoch: u64,
    /// Totals that were not there.
    pub missing: u64,
    /// Totals that lacked entries.
    pub behind: u64,
    /// Totals that were not those of their version.
    pub wrong: u64,
    /// Totals that claimed entries which the ledger does not have.
    pub ahead: u64,
    /// Marks of seals that were not those of the newest seals.
    pub seals: u64,
    /// How many totals and marks this run has put right. Who was faster has put right the others.
    pub repaired: u64,
    /// For how long the totals that had been different for the longest time had been so, as far as is known, in seconds.
    pub oldest_age_seconds: u64,
    /// Whether everything was compared. A scheduled run that was not complete is continued by the next one.
    pub complete: bool,
    /// Where a run that was not scheduled has to go on: to be given as `after` with the same request.
    pub next: Option<RunCursor>,
}

impl Report {
    pub(crate) fn count(&mut self, kind: Kind, is_in_flight: bool, age: Duration) {
        if is_in_flight {
            self.in_flight += 1;
            return;
        }
        match kind {
            Kind::Missing => self.missing += 1,
            Kind::Behind => self.behind += 1,
            Kind::OlderEpoch => {
                self.older_epoch += 1;
                return;
            }
            Kind::Wrong => self.wrong += 1,
            Kind::Ahead => self.ahead += 1,
        }
        self.oldest_age_seconds = self.oldest_age_seconds.max(age.as_secs());
    }

    /// What was found of one month, of a run that has compared others before.
    pub(crate) fn add(&mut self, month: &Report) {
        let Report { months_compared, in_flight, older_epoch, missing, behind, wrong, ahead, seals, repaired, .. } =
            month;
        self.months_compared += months_compared;
        self.in_flight += in_flight;
        self.older_epoch += older_epoch;
        self.missing += missing;
        self.behind += behind;
        self.wrong += wrong;
        self.ahead += ahead;
        self.seals += seals;
        self.repaired += repaired;
        self.oldest_age_seconds = self.oldest_age_seconds.max(month.oldest_age_seconds);
    }

    pub(crate) fn metrics(&self) -> ReconciliationMetrics {
        ReconciliationMetrics {
            months_compared: self.months_compared,
            balances_different: self.missing + self.behind + self.wrong + self.ahead,
            balances_repaired: self.repaired,
            oldest_difference_age: self.oldest_age_seconds,
            months_set_aside: self.set_aside,
            stores: StoreMetrics::take(),
        }
    }
}
