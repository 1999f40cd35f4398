//! What posting for several merchants in one transaction does, on a real PostgreSQL with the rights that the functions have.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{sync::Arc, time::Duration};

use cashflow::{Entry, MerchantId, Period, PeriodTotals};
use ledger::{Ledger, Outcome, PostError, Posting};
use test_builders::{entry, merchant};
use test_stores::Database;
use tokio::{sync::Barrier, task::JoinSet, time::timeout};

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(60);

type Batch = (MerchantId, Vec<Entry>);

async fn post_together(ledger: &Ledger, batches: &[Batch]) -> Result<Vec<Posting>, PostError> {
    let batches: Vec<_> = batches.iter().map(|(merchant, entries)| (merchant, entries.as_slice())).collect();
    ledger.post_together(&batches).await?.into_iter().collect()
}

fn sale(merchant: &MerchantId, key: &str, amount: &str, date: &str) -> Entry {
    entry(key).of(merchant).credit(amount).on(date).build()
}

fn sorted(posting: &Posting) -> Vec<PeriodTotals> {
    let mut totals = posting.after.totals.clone();
    totals.sort_by_key(|totals| (totals.currency.code(), totals.period.to_string()));
    totals
}

async fn one<T: for<'a> tokio_postgres::types::FromSql<'a>>(database: &Database, question: &str) -> T {
    database.owner().await.query_one(question, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn each_merchant_is_answered_as_if_it_were_posted_by_itself() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    // In no order, with one key and day of several of them, and one that is known.
    let [zeta, acme, mid] = ["zeta", "acme", "mid"].map(merchant);
    ledger.post(&mid, &[sale(&mid, "before", "7.00", "2026-11-01")]).await.unwrap();
    let batches: Vec<Batch> = vec![
        (zeta.clone(), vec![sale(&zeta, "a", "1.00", "2026-11-22"), sale(&zeta, "b", "2.00", "2026-12-01")]),
        (
            acme.clone(),
            vec![
                sale(&acme, "a", "10.00", "2026-11-22"),
                entry("b").of(&acme).debit("4.00").on("2026-11-22").build(),
                entry("c").of(&acme).currency("JPY").credit("500").on("2026-11-22").build(),
            ],
        ),
        (mid.clone(), vec![sale(&mid, "a", "30.00", "2026-11-22")]),
    ];
    let together = post_together(&ledger, &batches).await.unwrap();
    assert_eq!(one::<i64>(&database, "SELECT count(DISTINCT xmin::text) FROM entry").await, 2, "two transactions");
    for ((merchant, entries), posting) in batches.iter().zip(together) {
        assert_eq!(posting.outcomes, vec![Outcome::Posted; entries.len()]);
        let again = ledger.post(merchant, entries).await.unwrap();
        assert_eq!(again.outcomes, vec![Outcome::Duplicate; entries.len()]);
        assert_eq!((sorted(&posting), posting.after.epoch), (sorted(&again), again.after.epoch), "{merchant}");
        assert!(posting.after.totals_at <= again.after.totals_at);
    }
}

#[tokio::test]
async fn what_was_known_before_is_told_from_what_is_posted_now() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let [acme, emca, mace] = ["acme", "emca", "mace"].map(merchant);
    let of_acme = vec![sale(&acme, "a", "1.00", "2026-11-22"), sale(&acme, "b", "2.00", "2026-11-22")];
    let of_emca = vec![sale(&emca, "a", "5.00", "2026-11-22")];
    let of_mace = vec![sale(&mace, "a", "9.00", "2026-11-22"), sale(&mace, "b", "3.00", "2026-11-22")];
    ledger.post(&acme, &of_acme[..1]).await.unwrap();
    ledger.post(&mace, &[sale(&mace, "a", "7.00", "2026-11-20")]).await.unwrap();
    let batches = [(acme, of_acme), (emca, of_emca), (mace, of_mace)];
    let outcomes = |postings: Vec<Posting>| postings.into_iter().map(|posting| posting.outcomes).collect::<Vec<_>>();
    let first = post_together(&ledger, &batches).await.unwrap();
    let day = Period::parse("2026-11-22").unwrap();
    let counts: Vec<u64> = first
        .iter()
        .map(|posting| posting.after.totals.iter().find(|totals| totals.period == day).unwrap().totals.entry_count)
        .collect();
    assert_eq!(counts, [2, 1, 1]);
    let (posted, duplicate, conflict) = (Outcome::Posted, Outcome::Duplicate, Outcome::Conflict);
    assert_eq!(outcomes(first), [vec![duplicate, posted], vec![posted], vec![conflict, posted]]);
    let second = post_together(&ledger, &batches).await.unwrap();
    assert_eq!(outcomes(second), [vec![duplicate; 2], vec![duplicate], vec![conflict, duplicate]]);
    assert_eq!(one::<i64>(&database, "SELECT count(*) FROM entry").await, 5);
    assert_eq!(one::<i64>(&database, "SELECT sum(entry_count)::bigint FROM daily_total").await, 5);
    assert_eq!(one::<i64>(&database, "SELECT count(*) FROM entry_conflict").await, 1);
}

#[tokio::test]
async fn if_one_entry_is_refused_nothing_of_anybody_is_posted() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    database.owner().await.batch_execute("ALTER TABLE entry ADD CHECK (amount_minor <> 666)").await.unwrap();
    let [acme, emca] = ["acme", "emca"].map(merchant);
    let batches = [
        (acme.clone(), vec![sale(&acme, "a", "1.00", "2026-11-22")]),
        (emca.clone(), vec![sale(&emca, "a", "1.00", "2026-11-22"), sale(&emca, "b", "6.66", "2026-11-22")]),
    ];
    let error = post_together(&ledger, &batches).await.unwrap_err();
    assert!(matches!(error, PostError::Refused(_)), "{error:?}");
    for table in ["entry", "daily_total", "posting_position"] {
        assert_eq!(one::<i64>(&database, &format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
}

#[tokio::test]
async fn nobody_or_nothing_to_post_is_no_failure() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    assert!(post_together(&ledger, &[]).await.unwrap().is_empty());
}

/// Each has the merchants in another order, and some of their entries are those of others. One posts for single merchants.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_post_for_the_same_merchants_at_once_do_not_wait_in_a_ring() {
    const WORKERS: usize = 6;
    let database = Database::create().await;
    let merchants: Vec<MerchantId> = (0..8).map(|number| merchant(&format!("m{number}"))).collect();
    let start = Arc::new(Barrier::new(WORKERS));
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let ledger = Ledger::new(database.config());
        let (merchants, start) = (merchants.clone(), Arc::clone(&start));
        workers.spawn(async move {
            ledger.warm_up().await;
            for round in 0..15 {
                let mut order = merchants.clone();
                order.rotate_left(worker);
                if worker % 2 == 1 {
                    order.reverse();
                }
                let entries = |merchant: &MerchantId| -> Vec<Entry> {
                    let keys = [format!("shared-{round}"), format!("{worker}-{round}")];
                    keys.iter().map(|key| sale(merchant, key, "1.00", "2026-11-22")).collect()
                };
                let batches: Vec<Batch> = order.iter().map(|merchant| (merchant.clone(), entries(merchant))).collect();
                start.wait().await;
                if worker == 0 {
                    for (merchant, entries) in &batches {
                        ledger.post(merchant, entries).await.unwrap();
                    }
                } else {
                    post_together(&ledger, &batches).await.unwrap();
                }
            }
        });
    }
    timeout(BOUND, workers.join_all()).await.expect("somebody waits for ever");
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(one::<i64>(&database, deadlocks).await, 0);
    let expected = i64::try_from(15 * 8 * (WORKERS + 1)).unwrap();
    assert_eq!(one::<i64>(&database, "SELECT count(*) FROM entry").await, expected);
    let sums = "SELECT (sum(entry_count) || ' ' || sum(credits))::text FROM daily_total";
    assert_eq!(one::<String>(&database, sums).await, format!("{expected} {}", expected * 100));
}
