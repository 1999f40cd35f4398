use std::collections::BTreeMap;

use workflow::{Outcomes, PeriodTotalsState, PostedEntries};

/// The most totals in one message: some 250 KB.
const TOTALS_MAX: usize = 2_000;

/// The totals after several transactions of a merchant: of each period those that cover the most entries.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    /// One for each epoch of the ledger, of which there is rarely more than one.
    epochs: BTreeMap<u32, (PostedEntries, Periods)>,
}

/// By currency and period.
type Periods = BTreeMap<(String, String), PeriodTotalsState>;

impl From<PostedEntries> for Merged {
    fn from(posted: PostedEntries) -> Merged {
        let mut merged = Merged::default();
        merged.add(posted);
        merged
    }
}

impl Merged {
    /// Adds what the ledger answered to one transaction.
    pub(crate) fn add(&mut self, mut posted: PostedEntries) {
        let totals = std::mem::take(&mut posted.totals);
        // They are in the line that the posting has in the log.
        posted.conflicts.clear();
        posted.already_reversed.clear();
        let (merged, periods) = match self.epochs.entry(posted.epoch) {
            std::collections::btree_map::Entry::Vacant(empty) => empty.insert((posted, BTreeMap::new())),
            std::collections::btree_map::Entry::Occupied(held) => {
                let held = held.into_mut();
                add(&mut held.0, &posted);
                held
            }
        };
        debug_assert!(merged.totals.is_empty(), "they are kept by period");
        for totals in totals {
            let key = (totals.currency.clone(), totals.period.clone());
            let newest = periods.entry(key).or_insert_with(|| totals.clone());
            if totals.entry_count > newest.entry_count {
                *newest = totals;
            }
        }
    }

    /// What is appended to the log.
    pub(crate) fn into_messages(self) -> Vec<PostedEntries> {
        let mut messages = Vec::new();
        for (mut head, periods) in self.epochs.into_values() {
            let totals: Vec<PeriodTotalsState> = periods.into_values().collect();
            for part in totals.chunks(TOTALS_MAX) {
                messages.push(PostedEntries { totals: part.to_vec(), ..head.clone() });
                head.outcomes = Outcomes::default();
            }
        }
        messages
    }
}

fn add(merged: &mut PostedEntries, posted: &PostedEntries) {
    merged.outcomes.posted += posted.outcomes.posted;
    merged.outcomes.duplicate += posted.outcomes.duplicate;
    merged.outcomes.conflict += posted.outcomes.conflict;
    merged.outcomes.already_reversed += posted.outcomes.already_reversed;
    merged.totals_at = merged.totals_at.max(posted.totals_at);
    merged.waiting_since = merged.waiting_since.into_iter().chain(posted.waiting_since).min();
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn posted(epoch: u32, second: u8, totals: Value) -> PostedEntries {
        let at = format!("2026-11-22T12:00:{second:02}Z");
        serde_json::from_value(json!({
            "merchant_id": "acme", "epoch": epoch, "totals_at": at, "waiting_since": at, "totals": totals,
            "outcomes": {"applied": 1, "duplicate": 2, "conflict": 3, "already_reversed": 4}, "conflicts": ["a"],
        }))
        .expect("totals")
    }

    fn totals(period: &str, currency: &str, entry_count: u64) -> Value {
        json!({"period": period, "currency": currency, "credits": "1", "debits": "0", "entry_count": entry_count})
    }

    fn merged(all: Vec<PostedEntries>) -> Vec<PostedEntries> {
        let mut merged = Merged::default();
        all.into_iter().for_each(|posted| merged.add(posted));
        merged.into_messages()
    }

    #[test]
    fn of_each_period_and_currency_the_totals_of_most_entries_stay() {
        let [day, month] = ["2026-11-22", "2026-11"];
        let all = merged(vec![
            posted(1, 5, json!([totals(day, "BRL", 7), totals(month, "BRL", 9)])),
            posted(1, 6, json!([totals(day, "BRL", 8), totals(day, "USD", 1), totals(month, "BRL", 8)])),
        ]);
        let [message] = &*all else { panic!("{all:?}") };
        let counts: Vec<_> = message.totals.iter().map(|one| (&*one.currency, &*one.period, one.entry_count)).collect();
        assert_eq!(counts, [("BRL", month, 9), ("BRL", day, 8), ("USD", day, 1)]);
        assert_eq!((message.outcomes.posted, message.outcomes.already_reversed), (2, 8));
        assert_eq!(message.totals_at.to_string(), "2026-11-22T12:00:06Z");
        assert_eq!(message.waiting_since.map(|at| at.to_string()).as_deref(), Some("2026-11-22T12:00:05Z"));
        assert!(message.conflicts.is_empty());
    }

    #[test]
    fn totals_of_two_epochs_are_not_compared_by_their_counts() {
        let day = "2026-11-22";
        let all =
            merged(vec![posted(2, 5, json!([totals(day, "BRL", 1)])), posted(1, 6, json!([totals(day, "BRL", 9)]))]);
        let counts: Vec<_> = all.iter().map(|message| (message.epoch, message.totals[0].entry_count)).collect();
        assert_eq!(counts, [(1, 9), (2, 1)]);
    }

    #[test]
    fn a_message_has_no_more_totals_than_a_record_can_hold() {
        let all = (0..2_001).map(|day| totals(&format!("day-{day}"), "BRL", 1)).collect();
        let messages = merged(vec![posted(1, 5, all)]);
        assert_eq!(messages.iter().map(|message| message.totals.len()).collect::<Vec<_>>(), [2_000, 1]);
        assert_eq!(messages.iter().map(|message| message.outcomes.posted).sum::<u32>(), 1, "counted once");
    }
}
