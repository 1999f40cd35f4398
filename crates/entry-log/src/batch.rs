use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

use crate::{Record, context::Partition};

/// Records that were read and not handled yet, in the order of each partition.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    records: VecDeque<Due>,
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
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn push(&mut self, record: Record, delay: Duration) {
        self.records.push_back(Due { record, delay });
    }

    /// Puts records back that were taken because they were due.
    pub(crate) fn put_back(&mut self, records: Vec<Record>) {
        for record in records.into_iter().rev() {
            self.records.push_front(Due { record, delay: Duration::ZERO });
        }
    }

    /// Drops what is of partitions that another consumer has now.
    pub(crate) fn drop_revoked(&mut self, revoked: &BTreeSet<Partition>) {
        self.records.retain(|due| !is_of(&due.record, revoked));
    }

    /// How long until one of them is to be handled; nothing if there are none.
    pub(crate) fn due_within(&self, now: Timestamp) -> Option<Duration> {
        self.records.iter().map(|due| due.within(now)).min()
    }

    /// Takes what is to be handled now, up to so many. Of a partition, nothing is taken past a record that still has to wait.
    pub(crate) fn take_due(&mut self, now: Timestamp, most: usize) -> Vec<Record> {
        let mut waits = BTreeSet::new();
        let mut taken = Vec::new();
        for due in std::mem::take(&mut self.records) {
            let partition = partition_of(&due.record);
            if taken.len() < most && due.within(now).is_zero() && !waits.contains(&partition) {
                taken.push(due.record);
            } else {
                waits.insert(partition);
                self.records.push_back(due);
            }
        }
        taken
    }
}

pub(crate) fn is_of(record: &Record, partitions: &BTreeSet<Partition>) -> bool {
    partitions.contains(&partition_of(record))
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

fn partition_of(record: &Record) -> Partition {
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
        assert_eq!(places(&waiting.take_due(at(149), 500)), []);
        assert_eq!(places(&waiting.take_due(at(160), 500)), [(0, 1), (1, 7)]);
        assert_eq!(waiting.due_within(at(180)), Some(Duration::ZERO));
        assert_eq!(places(&waiting.take_due(at(180), 500)), [(0, 2)]);
        assert_eq!(waiting.due_within(at(180)), None);
    }

    /// Clocks of producers differ; the offset that is committed must not pass over a record.
    #[test]
    fn nothing_passes_a_record_of_its_partition_that_still_waits() {
        let mut waiting = waiting(MINUTE, &[(0, 1, 100), (0, 2, 0), (1, 7, 0)]);
        assert_eq!(places(&waiting.take_due(at(100), 500)), [(1, 7)]);
        assert_eq!(waiting.len(), 2);
    }

    #[test]
    fn no_more_are_taken_than_asked_for_and_the_rest_stays_in_order() {
        let mut waiting = waiting(Duration::ZERO, &[(0, 1, 0), (1, 7, 0), (0, 2, 0)]);
        let first = waiting.take_due(at(1), 2);
        assert_eq!(places(&first), [(0, 1), (1, 7)]);
        waiting.put_back(first);
        assert_eq!(places(&waiting.take_due(at(1), 500)), [(0, 1), (1, 7), (0, 2)]);
    }

    #[test]
    fn what_another_consumer_has_now_is_dropped() {
        let mut waiting = waiting(Duration::ZERO, &[(0, 1, 0), (1, 7, 0)]);
        waiting.drop_revoked(&BTreeSet::from([("t".to_owned(), 0)]));
        assert_eq!(places(&waiting.take_due(at(1), 500)), [(1, 7)]);
    }

    #[test]
    fn a_partition_goes_on_behind_its_last_record() {
        let next = next_offsets(&[record(0, 3, 0), record(1, 7, 0), record(0, 4, 0)]);
        assert_eq!(next, BTreeMap::from([(("t".to_owned(), 0), 5), (("t".to_owned(), 1), 8)]));
    }
}
