//! Looking up requests before they are accepted, on a real PostgreSQL as the user who may do nothing else.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Entry, MerchantId};
use ledger::{Ledger, LedgerError, Outcome, Recorded};
use test_builders::{acme, entry, id, merchant};
use test_stores::Database;

#[tokio::test]
async fn what_is_posted_or_overtaken_is_recorded_and_nothing_else() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let (original, winner, overtaken) = (
        entry("1").build(),
        entry("r1").reversing(&entry("1").build()).build(),
        entry("r2").reversing(&entry("1").build()).build(),
    );
    for (entry, outcome) in
        [(&original, Outcome::Posted), (&winner, Outcome::Posted), (&overtaken, Outcome::AlreadyReversed)]
    {
        let posting = ledger.post(&acme(), std::slice::from_ref(entry)).await.unwrap();
        assert_eq!(posting.outcomes, [outcome]);
    }
    let lookup = Ledger::new(database.lookup_config());
    let asked = [original.id, id("never"), winner.id, overtaken.id];
    let mut recorded = lookup.recorded(&acme(), &asked).await.unwrap();
    recorded.sort_by_key(|recorded| asked.iter().position(|id| *id == recorded.entry.id));
    let posted = |entry: Entry| Recorded { entry, is_overtaken: false };
    assert_eq!(recorded, [posted(original), posted(winner), Recorded { entry: overtaken, is_overtaken: true }]);
    assert_eq!(lookup.recorded(&merchant("emca"), &asked).await.unwrap(), []);
    assert_eq!(lookup.recorded(&acme(), &[]).await.unwrap(), []);
}

#[tokio::test]
async fn of_those_who_ask_together_each_gets_its_own() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let [acme, emca, nobody] = ["acme", "emca", "nobody"].map(merchant);
    let sale = |merchant: &MerchantId, key: &str| entry(key).of(merchant).build();
    ledger.post(&acme, &[sale(&acme, "a"), sale(&acme, "b")]).await.unwrap();
    ledger.post(&emca, &[sale(&emca, "a")]).await.unwrap();
    let ids =
        |merchant: &MerchantId, keys: &[&str]| -> Vec<_> { keys.iter().map(|key| sale(merchant, key).id).collect() };
    let asked = [
        (&emca, ids(&emca, &["a", "b"])),
        (&nobody, ids(&nobody, &["a"])),
        (&acme, Vec::new()),
        (&acme, ids(&acme, &["b"])),
        // What is another one's.
        (&emca, ids(&acme, &["a"])),
    ];
    let lookup = Ledger::new(database.lookup_config());
    let asked: Vec<_> = asked.iter().map(|(merchant, ids)| (*merchant, ids.as_slice())).collect();
    let recorded: Vec<_> = lookup.recorded_together(&asked).await.unwrap().into_iter().map(Result::unwrap).collect();
    let found = |entry: Entry| vec![Recorded { entry, is_overtaken: false }];
    assert_eq!(recorded, [found(sale(&emca, "a")), vec![], vec![], found(sale(&acme, "b")), vec![]]);
    assert!(lookup.recorded_together(&[]).await.unwrap().is_empty());
}

/// As after a rollback of a release that knew one currency more.
#[tokio::test]
async fn what_cannot_be_read_fails_for_whom_it_concerns() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let [acme, emca] = ["acme", "emca"].map(merchant);
    let newer = entry("a").of(&acme).build();
    database
        .owner()
        .await
        .execute(
            "INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date, slot, position)
             VALUES ('acme', $1, decode(repeat('00', 32), 'hex'), 'credit', 1, 'XQZ', '2026-11-22', 0, 1)",
            &[newer.id.as_uuid()],
        )
        .await
        .unwrap();
    let known = entry("a").of(&emca).build();
    ledger.post(&emca, std::slice::from_ref(&known)).await.unwrap();
    let lookup = Ledger::new(database.lookup_config());
    let (of_acme, of_emca) = ([newer.id], [known.id]);
    let recorded = lookup.recorded_together(&[(&acme, &of_acme), (&emca, &of_emca)]).await.unwrap();
    assert!(matches!(recorded[0], Err(LedgerError::Inconsistent(_))), "{recorded:?}");
    assert_eq!(recorded[1].as_ref().unwrap()[0].entry, known);
}

#[tokio::test]
async fn the_plan_that_a_session_keeps_reads_one_row_for_each_id() {
    let database = Database::create().await;
    let mut session = database.owner().await;
    let ask = "SELECT * FROM ledger_lookup.recorded('acme', $1)";
    let ids: Vec<_> = (0..500).map(|key| *id(&key.to_string()).as_uuid()).collect();
    // Planned now, when all that the planner knows is that the tables are empty.
    assert_eq!(session.query(ask, &[&ids]).await.unwrap().len(), 0);
    let ledger = Ledger::new(database.config());
    let history: Vec<Entry> = (0..3_000).map(|key| entry(&key.to_string()).build()).collect();
    for batch in history.chunks(500) {
        ledger.post(&acme(), batch).await.unwrap();
    }
    let transaction = session.transaction().await.unwrap();
    assert_eq!(transaction.query(ask, &[&ids]).await.unwrap().len(), 500);
    let rows_read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
                     WHERE relname IN ('entry', 'overtaken_reversal')";
    assert_eq!(transaction.query_one(rows_read, &[]).await.unwrap().get::<_, i64>(0), 500);
}
