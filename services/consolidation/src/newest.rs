use std::collections::BTreeMap;

use cashflow::{MerchantId, Period, PeriodTotals, TotalsVersion};
use entry_log::Record;
use jiff::Timestamp;
use workflow::{PeriodTotalsState, PostedEntries};

/// The newest totals of a period among those of some records, and what to write them with.
#[derive(Debug)]
pub(crate) struct Newest<'r> {
    pub(crate) merchant: MerchantId,
    pub(crate) totals: PeriodTotals,
    pub(crate) epoch: u32,
    pub(crate) totals_at: Timestamp,
    /// Since when the oldest entry has been on its way that made somebody write this period.
    pub(crate) waiting_since: Option<Timestamp>,
    /// Where it was read.
    pub(crate) record: &'r Record,
}

impl Newest<'_> {
    fn version(&self) -> TotalsVersion {
        TotalsVersion { epoch: self.epoch, entry_count: self.totals.totals.entry_count }
    }

    /// These totals alone, as a record of the log has them. The outcomes were counted with the record that they come from.
    pub(crate) fn to_posted_entries(&self) -> PostedEntries {
        PostedEntries {
            merchant_id: self.merchant.to_string(),
            outcomes: Default::default(),
            conflicts: Vec::new(),
            already_reversed: Vec::new(),
            epoch: self.epoch,
            totals_at: self.totals_at,
            waiting_since: self.waiting_since,
            totals: vec![PeriodTotalsState::new(&self.totals)],
            unknown: Default::default(),
        }
    }
}

/// Of each merchant, currency and period the newest totals.
#[derive(Debug, Default)]
pub(crate) struct Coalesced<'r> {
    newest: BTreeMap<(MerchantId, &'static str, Period), Newest<'r>>,
}

impl<'r> Coalesced<'r> {
    pub(crate) fn add(
        &mut self,
        merchant: &MerchantId,
        totals: PeriodTotals,
        posted: &PostedEntries,
        record: &'r Record,
    ) {
        let next = Newest {
            merchant: merchant.clone(),
            totals,
            epoch: posted.epoch,
            totals_at: posted.totals_at,
            waiting_since: posted.waiting_since,
            record,
        };
        let key = (merchant.clone(), totals.currency.code(), totals.period);
        match self.newest.entry(key) {
            std::collections::btree_map::Entry::Vacant(empty) => drop(empty.insert(next)),
            std::collections::btree_map::Entry::Occupied(mut held) => {
                let held = held.get_mut();
                let waiting_since = held.waiting_since.into_iter().chain(next.waiting_since).min();
                if next.version() > held.version() {
                    *held = next;
                }
                held.waiting_since = waiting_since;
            }
        }
    }

    pub(crate) fn into_all(self) -> Vec<Newest<'r>> {
        self.newest.into_values().collect()
    }
}
