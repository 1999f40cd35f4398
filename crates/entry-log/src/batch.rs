use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

use crate::{Record, context::Partition};

/// The most records that a handler gets at once. The entries of one merchant among them share a transaction, so a backlog of many
/// merchants is done the sooner the more there are.
pub const RECORDS_MAX: usize = 10_000;

/// The most that waits for a handler, in bytes and but for the last record: an input of entries can have 200 KiB.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Whether so many records, of so many bytes, are all that one handler gets.
pub(crate) fn is_batch_full(records: usize, bytes: usize) -> bool {
    records >= RECORDS_MAX || bytes >= BYTES_MAX
}

/// Records that were read and not handled yet, in the order of each partition.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    records: VecDeque<Due>,
    /// What they take.
    bytes: usize,
}

/// A record, and how old it is when it is handled.
#[derive(Debug)]
struct Due {
    record: Record,
    delay: Duration,
}

impl Due {
    /// How long it still has to wait.
    fn within(&self, now: Timestamp) -> Duration {
        let age = Duration::try_from(now.duration_since(self.record.appended_at)).unwrap_or_default();
        self.delay.saturating_sub(age)
    }
}

impl Waiting {
    /// Whether no more may wait.
    pub(crate) fn is_full(&self) -> bool {
        is_batch_full(self.records.len(), self.bytes)
    }

    pub(crate) fn push(&mut self, record: Record, delay: Duration) {
        self.bytes += record.bytes();
        self.records.push_back(Due { record, delay });
    }

    /// Puts records back that were taken because they were due.
    pub(crate) fn put_back(&mut self, records: Vec<Record>) {
        for record in records.into_iter().rev() {
            self.bytes += record.bytes();
            self.records.push_front(Due { record, delay: Duration::ZERO });
        }
    }

    /// Drops what is of partitions that another consumer has now.
    pub(crate) fn drop_revoked(&mut self, revoked: &BTreeSet<Partition>) {
        // Asked for each record that is read.
        if revoked.is_empty() {
            return;
        }
        self.records.retain(|due| !revoked.contains(&partition_of(&due.record)));
        self.bytes = self.records.iter().map(|due| due.record.bytes()).sum();
    }

    /// How long until one of them is to be handled: the first of a partition, since none passes it. Nothing if there are none.
    pub(crate) fn due_within(&self, now: Timestamp) -> Option<Duration> {
        let mut seen = BTreeSet::new();
        let first = self.records.iter().filter(|due| seen.insert(partition_of(&due.record)));
        first.map(|due| due.within(now)).min()
    }

    /// Takes what is to be handled now. Of a partition, nothing is taken past a record that still has to wait.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Vec<Record> {
        let mut waits = BTreeSet::new();
        let mut taken = Vec::new();
        for due in std::mem::take(&mut self.records) {
            let partition = partition_of(&due.record);
            if taken.len() < RECORDS_MAX && due.within(now).is_zero() && !waits.contains(&partition) {
                self.bytes -= due.record.bytes();
                taken.push(due.record);
            } else {
                waits.insert(partition);
                self.records.push_back(due);
            }
        }
        taken
    }
}

/// Where each partition goes on once these records are handled.
pub(crate) fn next_offsets(records: &[Record]) -> BTreeMap<Partition, i64> {
    let mut next = BTreeMap::new();
    for record in records {
        let offset = next.entry(partition_of(record)).or_insert(0);
        *offset = record.origin.offset.saturating_add(1).max(*offset);
    }
    next
}

pub(crate) fn partition_of(record: &Record) -> Partition {
    (record.origin.topic.clone(), record.origin.partition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Headers, Origin};

    fn record(partition: i32, offset: i64, second: i64) -> Record {
        Record {
            origin: Origin { topic: "t".to_owned(), partition, offset },
            appended_at: at(second),
            key: String::new(),
            value: Vec::new(),
            headers: Headers::default(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn waiting(delay: Duration, records: &[(i32, i64, i64)]) -> Waiting {
        let mut waiting = Waiting::default();
        for (partition, offset, second) in records {
            waiting.push(record(*partition, *offset, *second), delay);
        }
        waiting
    }

    fn places(records: &[Record]) -> Vec<(i32, i64)> {
        records.iter().map(|record| (record.origin.partition, record.origin.offset)).collect()
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_record_is_due_when_it_is_as_old_as_the_delay() {
        let mut waiting = waiting(MINUTE, &[(0, 1, 100), (0, 2, 110), (1, 7, 90)]);
        assert_eq!(waiting.due_within(at(140)), Some(Duration::from_secs(10)));
        assert_eq!(places(&waiting.take_due(at(149))), []);
        assert_eq!(places(&waiting.take_due(at(160))), [(0, 1), (1, 7)]);
        assert_eq!(waiting.due_within(at(180)), Some(Duration::ZERO));
        assert_eq!(places(&waiting.take_due(at(180))), [(0, 2)]);
        assert_eq!(waiting.due_within(at(180)), None);
    }

    /// Clocks of producers differ; the offset that is committed must not pass over a record.
    #[test]
    fn nothing_passes_a_record_of_its_partition_that_still_waits() {
        let mut waiting = waiting(MINUTE, &[(0, 1, 100), (0, 2, 0), (1, 7, 0)]);
        assert_eq!(places(&waiting.take_due(at(100))), [(1, 7)]);
        assert_eq!(waiting.records.len(), 2);
    }

    /// As one that is nothing for the handler is behind one that has to wait.
    #[test]
    fn one_that_is_due_behind_another_waits_with_it() {
        let mut waiting = waiting(MINUTE, &[(0, 1, 100)]);
        waiting.push(record(0, 2, 100), Duration::ZERO);
        assert_eq!(waiting.due_within(at(110)), Some(Duration::from_secs(50)));
        assert_eq!(places(&waiting.take_due(at(160))), [(0, 1), (0, 2)]);
    }

    #[test]
    fn no_more_wait_than_a_handler_gets_and_memory_can_hold() {
        let mut waiting = Waiting::default();
        for offset in 0..RECORDS_MAX as i64 + 2 {
            assert_eq!(waiting.is_full(), offset >= RECORDS_MAX as i64, "{offset}");
            waiting.push(record(0, offset, 0), Duration::ZERO);
        }
        let first = waiting.take_due(at(1));
        assert_eq!((first.len(), waiting.records.len()), (RECORDS_MAX, 2));
        waiting.put_back(first);
        assert_eq!(waiting.take_due(at(1))[0].origin.offset, 0, "the rest stays in order");

        let large = |offset| Record { value: vec![b' '; BYTES_MAX / 4], ..record(1, offset, 0) };
        let mut waiting = Waiting::default();
        (0..4).for_each(|offset| waiting.push(large(offset), Duration::ZERO));
        assert!(waiting.is_full());
        assert_eq!(waiting.take_due(at(1)).len(), 4);
        assert!(!waiting.is_full());
        waiting.put_back((0..4).map(large).collect());
        assert!(waiting.is_full());
        waiting.drop_revoked(&BTreeSet::from([("t".to_owned(), 1)]));
        assert!(!waiting.is_full());

        let trace = Some(" ".repeat(BYTES_MAX));
        waiting.push(Record { headers: Headers { trace, ..Headers::default() }, ..record(1, 0, 0) }, Duration::ZERO);
        assert!(waiting.is_full(), "what travels beside the value takes memory, too");
    }

    #[test]
    fn what_another_consumer_has_now_is_dropped() {
        let mut waiting = waiting(Duration::ZERO, &[(0, 1, 0), (1, 7, 0)]);
        waiting.drop_revoked(&BTreeSet::from([("t".to_owned(), 0)]));
        assert_eq!(places(&waiting.take_due(at(1))), [(1, 7)]);
    }

    #[test]
    fn a_partition_goes_on_behind_its_last_record() {
        let next = next_offsets(&[record(0, 3, 0), record(1, 7, 0), record(0, 4, 0)]);
        assert_eq!(next, BTreeMap::from([(("t".to_owned(), 0), 5), (("t".to_owned(), 1), 8)]));
    }
}
