//! What the ledger does with reversals, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::sync::Arc;

use cashflow::{Amount, Currency, Entry, EntryType, RecordedEntry};
use ledger::{Ledger, Outcome, PostError, Posting};
use test_builders::{acme, entry, merchant};
use test_stores::Database;
use tokio::{sync::Barrier, task::JoinSet};

async fn post(ledger: &Ledger, entries: &[Entry]) -> Posting {
    ledger.post(&acme(), entries).await.unwrap()
}

async fn net(database: &Database) -> i64 {
    let net =
        "SELECT coalesce(sum(CASE type WHEN 'credit' THEN amount_minor ELSE -amount_minor END), 0)::bigint FROM entry";
    database.owner().await.query_one(net, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_reversal_is_an_entry_of_its_own_that_names_the_original() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let sale = entry("sale").build();
    post(&ledger, std::slice::from_ref(&sale)).await;
    let refund = entry("refund").reversing(&sale).on("2026-11-23").build();
    let posting = post(&ledger, std::slice::from_ref(&refund)).await;
    assert_eq!(posting.outcomes, [Outcome::Posted]);
    assert_eq!(net(&database).await, 0);
    // The repeat of it is a duplicate like any other.
    assert_eq!(post(&ledger, std::slice::from_ref(&refund)).await.outcomes, [Outcome::Duplicate]);

    let Some(found) = ledger.find(&acme(), refund.id).await.unwrap() else { panic!("not found") };
    let RecordedEntry::Posted(posted, conflicts) = found.recorded else { panic!("not posted") };
    assert_eq!((posted.entry, conflicts), (refund.clone(), vec![]));
    let Some(found) = ledger.find(&acme(), sale.id).await.unwrap() else { panic!("not found") };
    let RecordedEntry::Posted(posted, _) = found.recorded else { panic!("not posted") };
    assert_eq!(posted.reversed_by, Some(refund.id));
}

#[tokio::test]
async fn a_second_reversal_is_not_posted_and_the_rest_of_its_batch_is() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let sale = entry("sale").build();
    post(&ledger, std::slice::from_ref(&sale)).await;
    post(&ledger, &[entry("refund").reversing(&sale).build()]).await;
    let other = entry("other").build();
    let second = entry("second-refund").reversing(&sale).build();
    for outcome in [Outcome::Posted, Outcome::Duplicate] {
        let posting = post(&ledger, &[second.clone(), other.clone()]).await;
        assert_eq!(posting.outcomes, [Outcome::AlreadyReversed, outcome]);
    }
    assert_eq!(net(&database).await, 1_000);

    let Some(found) = ledger.find(&acme(), second.id).await.unwrap() else { panic!("not found") };
    assert!(
        matches!(found.recorded, RecordedEntry::AlreadyReversed(kept, conflicts) if (&kept, conflicts.len()) == (&second, 0))
    );
    assert!(found.balance_token.is_none());
}

#[tokio::test]
async fn an_overtaken_reversal_alone_still_answers_totals_to_consolidate() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let sale = entry("sale").build();
    post(&ledger, std::slice::from_ref(&sale)).await;
    post(&ledger, &[entry("refund").reversing(&sale).build()]).await;
    let posting = post(&ledger, &[entry("second").reversing(&sale).build()]).await;
    assert_eq!(posting.outcomes, [Outcome::AlreadyReversed]);
    assert_eq!(posting.after.totals.len(), 2);
}

#[tokio::test]
async fn two_reversals_of_one_entry_in_one_batch_are_one_reversal() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let sale = entry("sale").build();
    post(&ledger, std::slice::from_ref(&sale)).await;
    let posting = post(&ledger, &[entry("one").reversing(&sale).build(), entry("two").reversing(&sale).build()]).await;
    let mut outcomes = posting.outcomes;
    outcomes.sort_by_key(|outcome| *outcome == Outcome::AlreadyReversed);
    assert_eq!(outcomes, [Outcome::Posted, Outcome::AlreadyReversed]);
    assert_eq!(net(&database).await, 0);
}

/// Each batch keeps its other entries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_reversals_at_once_one_is_posted() {
    const WORKERS: usize = 12;
    let database = Database::create().await;
    let sale = entry("sale").build();
    post(&Ledger::new(database.config()), std::slice::from_ref(&sale)).await;
    let start = Arc::new(Barrier::new(WORKERS));
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let ledger = Ledger::new(database.config());
        let batch =
            [entry(&format!("refund-{worker}")).reversing(&sale).build(), entry(&format!("other-{worker}")).build()];
        let start = Arc::clone(&start);
        workers.spawn(async move {
            start.wait().await;
            ledger.post(&acme(), &batch).await.expect("no batch fails").outcomes
        });
    }
    let outcomes = workers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcomes| outcomes[0] == Outcome::Posted).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcomes| outcomes[0] == Outcome::AlreadyReversed).count(), WORKERS - 1);
    assert!(outcomes.iter().all(|outcomes| outcomes[1] == Outcome::Posted));
    assert_eq!(net(&database).await, 1_000 * i64::try_from(WORKERS).unwrap());
}

#[tokio::test]
async fn the_database_itself_refuses_what_no_reversal_can_be() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let sale = entry("sale").build();
    let refund = entry("refund").reversing(&sale).build();
    post(&ledger, std::slice::from_ref(&sale)).await;
    post(&ledger, std::slice::from_ref(&refund)).await;
    let other = entry("other").build();
    post(&ledger, std::slice::from_ref(&other)).await;

    let of_reversal = entry("of-reversal").reversing(&refund).build();
    let not_mirrored = Entry { entry_type: EntryType::Credit, ..entry("not-mirrored").reversing(&other).build() };
    let other_amount = Amount::parse("9.99", Currency::BRL).unwrap();
    let of_other_amount = Entry { amount: other_amount, ..entry("other-amount").reversing(&other).build() };
    for refused in [of_reversal, not_mirrored, of_other_amount] {
        let error = ledger.post(&acme(), std::slice::from_ref(&refused)).await.unwrap_err();
        assert!(matches!(error, PostError::Refused(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_reversal_is_not_posted_before_its_original_and_is_posted_after_it() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let sale = entry("sale").build();
    let refund = entry("refund").reversing(&sale).build();
    let error = ledger.post(&acme(), std::slice::from_ref(&refund)).await.unwrap_err();
    assert!(matches!(error, PostError::OriginalNotPosted(_)), "{error:?}");
    assert_eq!(post(&ledger, std::slice::from_ref(&sale)).await.outcomes, [Outcome::Posted]);
    assert_eq!(post(&ledger, std::slice::from_ref(&refund)).await.outcomes, [Outcome::Posted]);

    // Another merchant's entry is not there, however often it is asked for.
    let emca = merchant("emca");
    let of_another_merchant = entry("of-another").reversing(&sale).build();
    let error = ledger.post(&emca, std::slice::from_ref(&of_another_merchant)).await.unwrap_err();
    assert!(matches!(error, PostError::OriginalNotPosted(_)), "{error:?}");
}

#[tokio::test]
async fn the_key_of_an_overtaken_reversal_posts_nothing_else() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let sale = entry("sale").build();
    post(&ledger, std::slice::from_ref(&sale)).await;
    post(&ledger, &[entry("refund").reversing(&sale).build()]).await;
    let overtaken = entry("second-refund").reversing(&sale).build();
    post(&ledger, std::slice::from_ref(&overtaken)).await;

    let other = entry("other").build();
    let reversal_of_other = Entry { id: overtaken.id, ..entry("of-other").reversing(&other).build() };
    post(&ledger, std::slice::from_ref(&other)).await;
    let entry_under_its_key = Entry { id: overtaken.id, ..entry("later").build() };
    for _ in 0..2 {
        let batch = [entry_under_its_key.clone(), entry("beside").build()];
        assert_eq!(post(&ledger, &batch).await.outcomes[0], Outcome::Conflict);
        // Alone, it still answers totals to consolidate.
        let alone = post(&ledger, std::slice::from_ref(&reversal_of_other)).await;
        assert_eq!((alone.outcomes, alone.after.totals.len()), (vec![Outcome::Conflict], 2));
        // The repeat of the reversal itself is what it was.
        assert_eq!(post(&ledger, std::slice::from_ref(&overtaken)).await.outcomes, [Outcome::AlreadyReversed]);
    }
    let Some(found) = ledger.find(&acme(), overtaken.id).await.unwrap() else { panic!("not found") };
    let RecordedEntry::AlreadyReversed(kept, conflicts) = found.recorded else { panic!("posted") };
    assert_eq!(kept, overtaken);
    let conflicts: Vec<Entry> = conflicts.into_iter().map(|conflict| conflict.entry).collect();
    assert_eq!(conflicts, [entry_under_its_key, reversal_of_other]);
}

/// Two requests under one key at the same time: one is posted while the other is kept as overtaken.
#[tokio::test]
async fn a_lookup_of_an_entry_shows_the_overtaken_reversal_under_its_key() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let sale = entry("sale").build();
    post(&ledger, std::slice::from_ref(&sale)).await;
    post(&ledger, &[entry("refund").reversing(&sale).build()]).await;
    let overtaken = entry("second-refund").reversing(&sale).on("2026-11-23").build();
    let posted = Entry { id: overtaken.id, ..entry("later").build() };
    post(&ledger, std::slice::from_ref(&posted)).await;
    let keep =
        "SELECT ledger.keep_overtaken('acme', ARRAY[$1::uuid], ARRAY[$2::bytea], ARRAY['debit'], ARRAY[1000::bigint],
                ARRAY['BRL'], ARRAY['2026-11-23'], ARRAY[NULL], ARRAY[NULL], ARRAY[$3::uuid])";
    let fingerprint = overtaken.fingerprint.as_bytes().as_slice();
    let kept: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [overtaken.id.as_uuid(), &fingerprint, sale.id.as_uuid()];
    database.owner().await.execute(keep, &kept).await.unwrap();

    let Some(found) = ledger.find(&acme(), posted.id).await.unwrap() else { panic!("not found") };
    let RecordedEntry::Posted(found, conflicts) = found.recorded else { panic!("not posted") };
    assert_eq!(found.entry, posted);
    assert_eq!(conflicts.iter().map(|conflict| &conflict.entry).collect::<Vec<_>>(), [&overtaken]);
    // Each request is answered as before when it is repeated.
    assert_eq!(post(&ledger, std::slice::from_ref(&posted)).await.outcomes, [Outcome::Duplicate]);
    assert_eq!(post(&ledger, std::slice::from_ref(&overtaken)).await.outcomes, [Outcome::AlreadyReversed]);
}

#[tokio::test]
async fn a_conflict_is_kept_with_what_it_conflicts_with_and_not_without() {
    let database = Database::create().await;
    let keep = "SELECT ledger.keep_conflicts('acme', ARRAY[gen_random_uuid()], ARRAY[sha256('1')], ARRAY['debit'], ARRAY[1::bigint],
                ARRAY['BRL'], ARRAY['2026-11-23'], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL]::uuid[])";
    let error = database.owner().await.execute(keep, &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "23000", "{error:?}");
}
