//! Entries of sealed days: told once each, whichever of entry, seal and reader comes first.

use std::collections::BTreeMap;

use cashflow::{DayRestated, EntryId, Event, EventContent};
use ledger::{Connection, Ledger};
use test_stores::Database;

use crate::reader::{cut, post_nine_in, read_all};

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A day that is being sealed: from what there is to seal until the seal is visible.
struct Sealing {
    session: Connection,
    /// The number of the next seal and the positions that it covers, while it is being made.
    next: Option<(i32, Vec<i64>)>,
    is_added: bool,
}

impl Sealing {
    async fn new(database: &Database) -> Sealing {
        let session = ledger::connect(&database.config()).await.unwrap();
        Sealing { session, next: None, is_added: false }
    }

    /// Begins, adds the seal, commits: one step each time.
    async fn step(&mut self) {
        match (&self.next, self.is_added) {
            (None, _) => {
                self.session.batch_execute("BEGIN").await.unwrap();
                let row = "SELECT coalesce(seal_number, 0) + 1, positions FROM ledger.day_to_seal('acme', 'BRL', '2026-11-22')";
                let row = self.session.query_one(row, &[]).await.unwrap();
                self.next = Some((row.get(0), row.get(1)));
            }
            (Some((number, positions)), false) => {
                let add = "SELECT FROM ledger.add_seal('acme', 'BRL', '2026-11-22', $1, '0', '0', 0, $2, sha256(''))";
                self.session.query_one(add, &[number, positions]).await.unwrap();
                self.is_added = true;
            }
            (Some(_), true) => {
                self.session.batch_execute("COMMIT").await.unwrap();
                (self.next, self.is_added) = (None, false);
            }
        }
    }

    async fn end(&mut self) {
        while self.next.is_some() {
            self.step().await;
        }
    }
}

fn restated(events: &[Event]) -> BTreeMap<EntryId, u32> {
    let mut found = BTreeMap::new();
    for event in events {
        if let EventContent::DayRestated(DayRestated { entry, seal, .. }) = event.content {
            assert_eq!(found.insert(entry, seal), None, "{entry} was told twice");
        }
    }
    found
}

/// By the seals themselves: whatever the first one does not cover.
async fn expected(owner: &Connection) -> Vec<EntryId> {
    let late = "SELECT entry.id FROM entry JOIN day_seal USING (merchant_id, currency, date)
        WHERE day_seal.number = 1 AND entry.position > day_seal.positions[entry.slot + 1] ORDER BY entry.id";
    owner.query(late, &[]).await.unwrap().iter().map(|row| EntryId::from_uuid(row.get(0))).collect()
}

/// Each order in which entry, seal and cut can become visible.
#[tokio::test]
async fn a_late_entry_is_told_once_in_every_order() {
    // E: an entry is posted. C: the feed is cut. S: the next step of sealing.
    for order in
        ["SSSEC", "SESSC", "SECSSC", "SESCSC", "ECSSSEC", "SECSSECSSS", "SSSESECSSC", "ESECSCSEC", "SESECSSCSSSC"]
    {
        let database = Database::create().await;
        let (owner, session) = (database.owner().await, ledger::connect(&database.config()).await.unwrap());
        let mut sealing = Sealing::new(&database).await;
        post_nine_in(&session, 0).await;
        for (number, step) in (0..).zip(order.chars()) {
            match step {
                'E' => drop(post_nine_in(&session, number % 8).await),
                'C' => drop(cut(&session, 1_000).await),
                _ => sealing.step().await,
            }
        }
        sealing.end().await;
        let told = restated(&read_all(&Ledger::new(database.config()), 100).await);
        let expected = expected(&owner).await;
        assert!(!expected.is_empty(), "{order} makes nothing late");
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), expected, "{order}");
    }
}

#[tokio::test]
async fn entries_seals_and_cuts_in_any_order_tell_each_late_entry_once() {
    for seed in 0..3 {
        let mut chance = Chance(seed);
        let database = Database::create().await;
        let owner = database.owner().await;
        let mut sealing = Sealing::new(&database).await;
        let reader = ledger::connect(&database.config()).await.unwrap();
        // Transactions that overlap, one in each slot.
        let mut writers: Vec<(Connection, bool)> = Vec::new();
        for _ in 0..4 {
            writers.push((ledger::connect(&database.config()).await.unwrap(), false));
        }
        for _ in 0..150 {
            match chance.below(4) {
                0 => sealing.step().await,
                1 => drop(cut(&reader, i32::try_from(1 + chance.below(6)).unwrap()).await),
                _ => {
                    let slot = chance.below(4);
                    let (writer, is_open) = &mut writers[usize::try_from(slot).unwrap()];
                    if *is_open {
                        writer.batch_execute("COMMIT").await.unwrap();
                    } else {
                        writer.batch_execute("BEGIN").await.unwrap();
                        post_nine_in(writer, u8::try_from(slot).unwrap()).await;
                    }
                    *is_open = !*is_open;
                }
            }
        }
        for (writer, is_open) in &writers {
            if *is_open {
                writer.batch_execute("COMMIT").await.unwrap();
            }
        }
        sealing.end().await;
        let told = restated(&read_all(&Ledger::new(database.config()), 7).await);
        let expected = expected(&owner).await;
        assert!(expected.len() > 20, "{} late entries", expected.len());
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), expected, "{seed}");
        // Each names a seal that there is and that does not cover the entry.
        let names = "SELECT count(*) FROM feed_event JOIN day_seal ON day_seal.number = (data ->> 'seal')::int
            JOIN entry ON entry.id = (data ->> 'entry_id')::uuid
            WHERE feed_event.type = 'day.restated' AND entry.position > day_seal.positions[entry.slot + 1]";
        let count: i64 = owner.query_one(names, &[]).await.unwrap().get(0);
        assert_eq!(usize::try_from(count).unwrap(), told.len());
    }
}
