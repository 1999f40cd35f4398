use std::collections::HashSet;

use cashflow::{Entry, EntryId, MerchantId};
use entry_log::Record;

/// The most entries of one transaction: as many as a request may have.
const ENTRIES_MAX: usize = 500;

/// The most merchants of one transaction. Beyond some, one more saves nothing, and has the others wait for it.
const MERCHANTS_MAX: usize = 32;

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

/// What one merchant has to have posted.
#[derive(Debug)]
pub(crate) struct Batch<'r> {
    pub(crate) merchant: MerchantId,
    /// In this order, each in a transaction of its own if they are posted by themselves.
    pub(crate) groups: Vec<Vec<Request<'r>>>,
}

impl Batch<'_> {
    /// All its entries.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.groups.iter().flatten().flat_map(|request| request.entries.iter().cloned()).collect()
    }

    fn entry_count(&self) -> usize {
        self.groups.iter().flatten().map(|request| request.entries.len()).sum()
    }

    /// Whether others can be posted in the same transaction: it has one of its own, and nothing in it depends on what the ledger has.
    fn is_one_transaction(&self) -> bool {
        self.groups.len() == 1 && !self.groups.iter().flatten().any(Request::has_reversal)
    }
}

/// Puts merchants together whose batches are posted in one transaction. Others stay by themselves.
pub(crate) fn together<'r>(batches: impl IntoIterator<Item = Batch<'r>>) -> Vec<Vec<Batch<'r>>> {
    let mut together = Vec::new();
    let (mut open, mut entry_count) = (Vec::new(), 0);
    for batch in batches {
        if !batch.is_one_transaction() {
            together.push(vec![batch]);
            continue;
        }
        let count = batch.entry_count();
        if open.len() == MERCHANTS_MAX || entry_count + count > ENTRIES_MAX {
            together.push(std::mem::take(&mut open));
            entry_count = 0;
        }
        entry_count += count;
        open.push(batch);
    }
    together.push(open);
    together.retain(|batches| !batches.is_empty());
    together
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
    use test_builders::{EntryBuilder, entry, merchant};

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

    /// How many merchants share each transaction; of each is given how many entries its groups have.
    fn shares(merchants: &[&[usize]]) -> Vec<usize> {
        let record = record();
        let batch = |number: usize, sizes: &[usize]| Batch {
            merchant: merchant(&format!("m{number}")),
            groups: sizes
                .iter()
                .map(|size| {
                    let entries = many("e", *size).into_iter().map(EntryBuilder::build).collect();
                    vec![Request { record: &record, entries }]
                })
                .collect(),
        };
        let batches = merchants.iter().enumerate().map(|(number, sizes)| batch(number, sizes));
        together(batches).iter().map(Vec::len).collect()
    }

    #[test]
    fn merchants_share_a_transaction_up_to_500_entries_and_32_merchants() {
        assert_eq!(shares(&[]), Vec::<usize>::new());
        assert_eq!(shares(&[&[1][..]; 70]), [32, 32, 6]);
        assert_eq!(shares(&[&[200], &[299], &[1], &[1]]), [3, 1]);
        assert_eq!(shares(&[&[500], &[500]]), [1, 1]);
    }

    #[test]
    fn a_merchant_with_several_transactions_or_a_reversal_has_them_by_itself() {
        assert_eq!(shares(&[&[1], &[1, 1], &[1]]), [1, 2]);
        let (record, original) = (record(), entry("a").build());
        let groups = |entries: EntryBuilder| vec![vec![Request { record: &record, entries: vec![entries.build()] }]];
        let batches = [("m1", entry("r").reversing(&original)), ("m2", entry("b")), ("m3", entry("c"))]
            .map(|(name, entry)| Batch { merchant: merchant(name), groups: groups(entry) });
        assert_eq!(together(batches).iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
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
