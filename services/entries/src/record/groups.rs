use std::collections::HashSet;

use cashflow::{Entry, EntryId};
use entry_log::Record;

/// The most entries of one transaction: as many as a request may have.
const ENTRIES_MAX: usize = 500;

/// The entries of one record, all of one merchant.
#[derive(Debug)]
pub(crate) struct Request<'r> {
    pub(crate) record: &'r Record,
    pub(crate) entries: Vec<Entry>,
}

impl Request<'_> {
    fn has_reversal(&self) -> bool {
        self.entries.iter().any(|entry| entry.reverses.is_some())
    }
}

/// Groups a merchant's requests, in their order, to be posted in one transaction each.
///
/// An entry that is in a group already begins another one, because the second of them is a repeat or a conflict with what the ledger
/// holds then. A reversal is by itself: its original must be in the ledger, and if it is not, nothing else waits for it.
pub(crate) fn groups(requests: Vec<Request<'_>>) -> Vec<Vec<Request<'_>>> {
    let mut groups: Vec<Vec<Request<'_>>> = Vec::new();
    let mut ids: HashSet<EntryId> = HashSet::new();
    let mut is_open = false;
    for request in requests {
        let has_reversal = request.has_reversal();
        let fits = ids.len() + request.entries.len() <= ENTRIES_MAX;
        let is_new = request.entries.iter().all(|entry| !ids.contains(&entry.id));
        if !(is_open && !has_reversal && fits && is_new) {
            groups.push(Vec::new());
            ids.clear();
        }
        is_open = !has_reversal;
        ids.extend(request.entries.iter().map(|entry| entry.id));
        groups.last_mut().expect("one was pushed").push(request);
    }
    groups
}

#[cfg(test)]
mod tests {
    use entry_log::Origin;
    use jiff::Timestamp;
    use test_builders::{EntryBuilder, entry};

    use super::*;

    fn record() -> Record {
        Record {
            origin: Origin { topic: "fluxo.entries".to_owned(), partition: 0, offset: 0 },
            appended_at: Timestamp::UNIX_EPOCH,
            key: String::new(),
            value: Vec::new(),
            headers: entry_log::Headers::default(),
        }
    }

    /// How many requests are in each group.
    fn sizes(requests: Vec<Vec<EntryBuilder>>) -> Vec<usize> {
        let record = record();
        let request = |entries: Vec<EntryBuilder>| Request {
            record: &record,
            entries: entries.into_iter().map(EntryBuilder::build).collect(),
        };
        groups(requests.into_iter().map(request).collect()).iter().map(Vec::len).collect()
    }

    fn many(name: &str, count: usize) -> Vec<EntryBuilder> {
        (0..count).map(|number| entry(&format!("{name}-{number}"))).collect()
    }

    #[test]
    fn requests_share_a_transaction_up_to_500_entries() {
        assert_eq!(sizes(vec![]), Vec::<usize>::new());
        assert_eq!(sizes(vec![many("a", 1), many("b", 498), many("c", 1), many("d", 1)]), [3, 1]);
        assert_eq!(sizes(vec![many("a", 500), many("b", 500)]), [1, 1]);
    }

    #[test]
    fn an_entry_that_is_in_a_group_begins_another() {
        assert_eq!(sizes(vec![many("a", 1), many("b", 1), many("a", 1), many("c", 1), many("a", 1)]), [2, 2, 1]);
    }

    #[test]
    fn a_reversal_is_by_itself_and_keeps_its_place() {
        let original = entry("a").build();
        let reversal = || vec![entry("r").reversing(&original)];
        assert_eq!(sizes(vec![many("a", 1), many("b", 1), reversal(), many("c", 1), many("d", 1)]), [2, 1, 2]);
        assert_eq!(sizes(vec![reversal(), vec![entry("s").reversing(&original)]]), [1, 1]);
    }
}
