//! What the functions of the release before call while a stack is deployed: it answers as it did, and both releases agree.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{Currency, Entry, EntryId, RecordedEntry, Seal};
use ledger::{Connection, Ledger, NotSealed, Outcome, Sealing};
use test_builders::{TODAY, acme, entry};
use test_stores::{Database, POST_NINE};
use tokio_postgres::Row;

/// Seals as the release before does; tells whether it made the seal, and its number.
async fn seal(session: &Connection) -> (bool, i32) {
    let row = session.query_one("SELECT * FROM ledger.seal('acme', 'BRL', '2026-11-22')", &[]).await.unwrap();
    (row.get("is_new"), row.get("number"))
}

async fn seal_now(ledger: &Ledger) -> Result<Sealing, NotSealed> {
    ledger.seal(&acme(), Currency::BRL, TODAY).await
}

#[tokio::test]
async fn a_statement_is_read_page_by_page_as_before() {
    let database = Database::create().await;
    let session = ledger::connect(&database.config()).await.unwrap();
    for _ in 0..5 {
        session.batch_execute(POST_NINE).await.unwrap();
    }
    let statement =
        "SELECT * FROM ledger.statement('acme', 'BRL', '2026-11-22', '2026-11-22', $1, $2, '2026-11-22', $3, $4, 2)";
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let (snapshot, balance, xid, id): (Option<&str>, Option<&str>, &str, uuid::Uuid) = match rows.last() {
            Some(row) => (Some(row.get("snapshot")), Some("0"), row.get("posted_xid"), row.get("id")),
            None => (None, None, "0", uuid::Uuid::nil()),
        };
        let page = session.query(statement, &[&snapshot, &balance, &xid, &id]).await.unwrap();
        // What comes after the first page is on none.
        session.batch_execute(POST_NINE).await.unwrap();
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    let mut ids: Vec<uuid::Uuid> = rows.iter().map(|row| row.get("id")).collect();
    assert_eq!(ids.len(), 5);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    assert!(rows.iter().all(|row| !row.get::<_, bool>("late")));
    session.query_one("SELECT key FROM ledger.cursor_key('acme')", &[]).await.unwrap();
}

#[tokio::test]
async fn both_releases_seal_a_day_in_turns_and_each_knows_the_others_seals() {
    let database = Database::create().await;
    let (session, ledger) = (ledger::connect(&database.config()).await.unwrap(), Ledger::new(database.config()));
    session.batch_execute(POST_NINE).await.unwrap();
    assert_eq!(seal(&session).await, (true, 1));
    let Ok(Sealing::Unchanged(first)) = seal_now(&ledger).await else { panic!("another seal") };
    session.batch_execute(POST_NINE).await.unwrap();
    let Ok(Sealing::Sealed(second)) = seal_now(&ledger).await else { panic!("no seal") };
    assert_eq!(seal(&session).await, (false, 2));
    session.batch_execute(POST_NINE).await.unwrap();
    assert_eq!(seal(&session).await, (true, 3));

    let page = ledger.seals(&acme(), Currency::BRL, TODAY, None, 10).await.unwrap();
    let numbers: Vec<u32> = page.seals.iter().map(|seal: &Seal| seal.number).collect();
    assert_eq!((numbers, &page.seals[1], &page.seals[2]), (vec![3, 2, 1], &second, &first));
    assert!(page.seals[0].positions.covers(&second.positions) && second.positions.covers(&first.positions));
    let lines = ledger.statement(&acme(), Currency::BRL, (TODAY, TODAY), None, 10).await.unwrap().lines;
    assert_eq!(lines.iter().map(|line| line.posted.seal).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);

    let listed = session.query("SELECT * FROM ledger.seals('acme', 'BRL', '2026-11-22', 100)", &[]).await.unwrap();
    let listed: Vec<(i32, &str)> = listed.iter().map(|row| (row.get("number"), row.get("sha256"))).collect();
    let expected: Vec<(i32, &str)> =
        page.seals.iter().map(|seal| (i32::try_from(seal.number).unwrap(), seal.sha256.as_str())).collect();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn a_repeated_batch_is_compared_with_what_is_stored() {
    let database = Database::create().await;
    let session = ledger::connect(&database.config()).await.unwrap();
    let id: uuid::Uuid = session.query_one(POST_NINE, &[]).await.unwrap().get(0);
    let stored = session
        .query_one("SELECT * FROM ledger.stored('acme', ARRAY[$1::uuid], ARRAY[NULL]::uuid[])", &[&id])
        .await
        .unwrap();
    assert_eq!((stored.get::<_, uuid::Uuid>("id"), stored.get::<_, Vec<u8>>("fingerprint")), (id, vec![0; 32]));
}

/// Whichever release records an entry that is not posted, both read it, with the reason.
#[tokio::test]
async fn what_one_release_refuses_the_other_knows() {
    let database = Database::create().await;
    let (session, ledger) = (ledger::connect(&database.config()).await.unwrap(), Ledger::new(database.config()));
    let posted: uuid::Uuid = session.query_one(POST_NINE, &[]).await.unwrap().get(0);
    let overtaken = uuid::Uuid::from_u128(9);
    let others = "ARRAY[sha256('')], ARRAY['debit'], ARRAY[9::bigint], ARRAY['BRL'], ARRAY['2026-11-22'], ARRAY[NULL], ARRAY[NULL]";
    for (function, id) in [("keep_conflicts", &posted), ("keep_overtaken", &overtaken)] {
        let keep = format!("SELECT FROM ledger.{function}('acme', ARRAY[$1::uuid], {others}, ARRAY[$2::uuid])");
        session.execute(&keep, &[id, &posted]).await.unwrap();
    }
    let find = async |id| ledger.find(&acme(), EntryId::from_uuid(id)).await.unwrap().unwrap().recorded;
    assert!(matches!(find(posted).await, RecordedEntry::Posted(_, conflicts) if conflicts.len() == 1));
    assert!(matches!(find(overtaken).await, RecordedEntry::AlreadyReversed(_, conflicts) if conflicts.is_empty()));

    let other = Entry { id: EntryId::from_uuid(posted), ..entry("other").build() };
    assert_eq!(ledger.post(&acme(), &[other]).await.unwrap().outcomes, [Outcome::Conflict]);
    for (function, id, count) in [("conflicts", &posted, 2), ("overtaken", &overtaken, 1)] {
        let read = format!("SELECT amount_minor FROM ledger.{function}('acme', $1)");
        assert_eq!(session.query(&read, &[id]).await.unwrap().len(), count, "{function}");
    }
}

#[tokio::test]
async fn a_refusal_for_an_unknown_reason_is_not_dropped_in_silence() {
    let database = Database::create().await;
    let session = ledger::connect(&database.config()).await.unwrap();
    for reason in ["'of another kind'", "NULL"] {
        let record = format!(
            "SELECT FROM ledger.record_refused(
                'acme', ARRAY[{reason}], ARRAY[gen_random_uuid()], ARRAY[sha256('')], ARRAY['debit'], ARRAY[9::bigint],
                ARRAY['BRL'], ARRAY['2026-11-22'], ARRAY[NULL], ARRAY[NULL], ARRAY[NULL::uuid])"
        );
        let error = session.execute(&record, &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "22023", "{error:?}");
    }
}

/// A call that waits for the migration goes on with what it was when it began, and that does not know of positions.
#[tokio::test]
async fn an_entry_that_waited_for_the_migration_is_numbered_like_any_other() {
    let database = Database::create().await;
    let (owner, ledger) = (database.owner().await, Ledger::new(database.config()));
    owner.batch_execute(POST_NINE).await.unwrap();
    let insert = "
        INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date)
        SELECT 'acme', gen_random_uuid(), sha256(''), 'credit', 9, 'BRL', '2026-11-22' FROM generate_series(1, 2);
        INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
        VALUES ('acme', 'BRL', '2026-11-22', '2000-01-01', 0, 18, 0, 2)
        ON CONFLICT (merchant_id, currency, date, posted_on, slot) DO UPDATE SET entry_count = 4";
    owner.batch_execute(insert).await.unwrap();
    let Ok(Sealing::Sealed(seal)) = seal_now(&ledger).await else { panic!("not sealed") };
    assert_eq!(seal.totals.entry_count, 3);
    owner.batch_execute(insert).await.unwrap();
    let lines = ledger.statement(&acme(), Currency::BRL, (TODAY, TODAY), None, 10).await.unwrap().lines;
    assert_eq!(lines.iter().map(|line| line.posted.late).collect::<Vec<_>>(), [false, false, false, true, true]);
}
