//! What a ledger says after it was dumped and restored into another cluster, where transactions are counted anew: the same.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use cashflow::{Currency, Seal, SealDigest, SealedEntry, StatementLine, StatementPosition};
use jiff::{SignedDuration, Timestamp};
use ledger::{BalanceAsOf, Ledger, LedgerConfig, Sealing, Tls};
use test_builders::{TODAY, acme};
use test_stores::{Database, POST_NINE, PostgresServer};

const ROLE: &str = "fluxo_test_function";

async fn page(ledger: &Ledger, after: Option<&StatementPosition>) -> (Vec<StatementLine>, Option<StatementPosition>) {
    let page = ledger.statement(&acme(), Currency::BRL, (TODAY, TODAY), after, 2).await.unwrap();
    (page.lines, page.next)
}

async fn pages(ledger: &Ledger, mut after: Option<StatementPosition>) -> Vec<StatementLine> {
    let mut all = Vec::new();
    loop {
        let (lines, next) = page(ledger, after.as_ref()).await;
        all.extend(lines);
        after = next;
        if after.is_none() {
            return all;
        }
    }
}

/// The digest of what a seal covers, computed from the statement.
fn digest(lines: &[StatementLine], number: u32) -> String {
    let mut covered: Vec<_> = lines
        .iter()
        .filter(|line| line.posted.seal.is_some_and(|first| first <= number))
        .map(|line| &line.posted.entry)
        .collect();
    covered.sort_by_key(|entry| entry.id.to_string());
    let mut digest = SealDigest::new(Currency::BRL, TODAY);
    for entry in covered {
        digest.add(&SealedEntry {
            id: entry.id,
            entry_type: entry.entry_type,
            amount_minor: entry.amount.minor(),
            description: None,
            category: None,
            reverses: None,
        });
    }
    digest.finish().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn seal(ledger: &Ledger) -> Seal {
    match ledger.seal(&acme(), Currency::BRL, TODAY).await.unwrap() {
        Sealing::Sealed(seal) => seal,
        Sealing::Unchanged(seal) => panic!("nothing new since {seal:?}"),
    }
}

/// Copies a ledger into the database of another server as `pg_dump` and `psql` do.
fn dump_and_restore(from: &LedgerConfig, to: &LedgerConfig) {
    let programs = env::var("FLUXO_TEST_POSTGRES_PROGRAMS").unwrap();
    let command = |name: &str, of: &LedgerConfig, user: &str| {
        let mut command = Command::new(Path::new(&programs).join(name));
        let ledger::Authentication::Password(password) = &of.authentication else { panic!("no password") };
        command.args([
            "--host",
            &of.host,
            "--port",
            &of.port.to_string(),
            "--username",
            user,
            "--dbname",
            &of.database,
        ]);
        command.env("PGPASSWORD", password).stdin(Stdio::null());
        command
    };
    let dump = command("pg_dump", from, &from.user).arg("--no-owner").output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), dump.stdout).unwrap();
    let mut restore = command("psql", to, "postgres");
    restore
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--file"])
        .arg(file.path());
    let restored = restore.output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
}

#[tokio::test]
async fn a_ledger_that_was_moved_to_another_cluster_says_what_it_said() {
    let database = Database::create().await;
    let owner = database.owner().await;
    // Transactions are counted far here, and anew there.
    for _ in 0..2_000 {
        owner.execute("SELECT pg_current_xact_id()", &[]).await.unwrap();
    }
    let ledger = Ledger::new(database.config());
    let writer = ledger::connect(&database.config()).await.unwrap();
    for _ in 0..4 {
        writer.batch_execute(POST_NINE).await.unwrap();
    }
    let first = seal(&ledger).await;
    writer.batch_execute(POST_NINE).await.unwrap();
    let set_back = "ALTER TABLE entry DISABLE TRIGGER entry_is_append_only;
        UPDATE entry SET recorded_at = recorded_at - INTERVAL '1 hour';
        ALTER TABLE entry ENABLE TRIGGER entry_is_append_only";
    owner.batch_execute(set_back).await.unwrap();
    let whole = pages(&ledger, None).await;
    let marks =
        |lines: &[StatementLine]| lines.iter().map(|line| (line.posted.seal, line.posted.late)).collect::<Vec<_>>();
    assert_eq!(marks(&whole), [[(Some(1), false); 4].as_slice(), &[(None, true)]].concat());
    let (_, cursor) = page(&ledger, None).await;
    let instants =
        [whole[1].posted.posted_at, whole[4].posted.posted_at, Timestamp::now() - SignedDuration::from_mins(1)];
    let as_of = async |ledger: &Ledger| {
        let mut balances = Vec::new();
        for instant in instants {
            let BalanceAsOf::Known(balance) =
                ledger.balance_as_of(&acme(), Currency::BRL, TODAY, instant).await.unwrap()
            else {
                panic!("{instant} is not settled")
            };
            balances.push(balance);
        }
        balances
    };
    let known = as_of(&ledger).await;

    let server = PostgresServer::start("host all all all trust", None).await;
    let roles = format!(
        "CREATE ROLE ledger_writer NOLOGIN; CREATE ROLE ledger_lookup NOLOGIN; CREATE ROLE ledger_maintainer NOLOGIN; CREATE ROLE {ROLE} LOGIN IN ROLE ledger_writer"
    );
    server.run(&roles).await;
    let target = server.config(ROLE, "", Tls::Off);
    dump_and_restore(&database.owner_config(), &target);
    let there = server.superuser("postgres").await;
    let counts = "SELECT (SELECT min(posted_xid) FROM entry) > pg_current_xact_id()";
    assert!(
        there.query_one(counts, &[]).await.unwrap().get::<_, bool>(0),
        "the cluster has counted too far to mean anything"
    );

    let moved = Ledger::new(target.clone());
    for epoch in [1, 2] {
        there.execute("UPDATE ledger_epoch SET epoch = $1", &[&epoch]).await.unwrap();
        assert_eq!(pages(&moved, None).await, whole);
        assert_eq!(pages(&moved, cursor.clone()).await, whole[2..]);
        assert_eq!(
            moved.seals(&acme(), Currency::BRL, TODAY, None, 10).await.unwrap().seals,
            std::slice::from_ref(&first)
        );
        assert_eq!(digest(&whole, 1), first.sha256);
        assert_eq!(as_of(&moved).await, known);
    }

    // What is posted there is on no page of a statement that was begun here, and late, until the day is sealed again.
    for slot in 0..8 {
        let post = POST_NINE.replace("NULL\n    )", &format!("{slot}::smallint\n    )"));
        there.batch_execute(&post).await.unwrap();
    }
    assert_eq!(pages(&moved, cursor.clone()).await, whole[2..]);
    let longer = pages(&moved, None).await;
    assert_eq!(marks(&longer[..5]), marks(&whole));
    assert_eq!(marks(&longer[5..]), [(None, true); 8]);
    let second = seal(&moved).await;
    let sealed = pages(&moved, None).await;
    assert_eq!(marks(&sealed[4..]), [(Some(2), false); 9]);
    assert_eq!((digest(&sealed, 1), digest(&sealed, 2)), (first.sha256, second.sha256));
}
