//! The command as a user runs it, against an HTTP server that does as the test says.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod interruptions;
mod judging;
mod once;
mod output;
mod server;
mod snapshots;
mod the_console;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use server::Server;
use tempfile::TempDir;

const MAP: &str = "date=Data,amount=Valor,description=Texto";
const HEADER: &str = "Data,Valor,Texto\n";

/// How long a test waits for what takes moments.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with statements.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    fn names(&self) -> BTreeSet<String> {
        fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn token(merchant: &str) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(json!({"custom:merchant_id": merchant}).to_string()))
}

fn command(file: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_import"));
    command.arg(file).args(options).env("FLUXO_TOKEN", token("acme")).env_remove("FLUXO_URL").stdin(Stdio::null());
    command
}

/// Imports to the end: exit status, standard output, standard error.
fn run(file: &Path, options: &[&str]) -> (i32, String, String) {
    told(&command(file, options).output().unwrap())
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn import_csv(file: &Path, server: &Server, more: &[&str]) -> (i32, String, String) {
    run(file, &[&["--url", &server.url, "--map", MAP], more].concat())
}

/// Rows that are all different: 1.00, 2.00 and so on.
fn rows(count: usize) -> String {
    (1..=count).map(|n| format!("2026-11-{:02},{n}.00,row {n}\n", n % 28 + 1)).collect()
}

/// Looks until what it sees is there.
fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Some(seen) => return seen,
            None => assert!(Instant::now() < deadline, "{what} within {PATIENCE:?}"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn journal_rows(journal: &Path) -> Option<u64> {
    let text = fs::read_to_string(journal).ok()?;
    let last: Value = serde_json::from_str(text.lines().last()?).ok()?;
    last["rows"].as_u64()
}

/// A statement of one account; each transaction has id, amount and text.
fn ofx(transactions: &[(&str, &str, &str)]) -> String {
    let rows: String = transactions
        .iter()
        .map(|(id, amount, text)| {
            format!("<STMTTRN>\n<DTPOSTED>20261122<TRNAMT>{amount}<FITID>{id}<MEMO>{text}\n</STMTTRN>\n")
        })
        .collect();
    format!(
        "OFXHEADER:100\nCHARSET:1252\n\n<OFX>\n<STMTRS>\n<CURDEF>BRL\n<BANKACCTFROM><ACCTID>1</BANKACCTFROM>\n{rows}\n</STMTRS>\n</OFX>\n"
    )
}

/// What a dry run says of a file, without its sums.
fn dry_run(folder: &Folder, name: &str, content: impl AsRef<[u8]>, options: &[&str]) -> (i32, String) {
    let (status, out, errors) = run(&folder.write(name, content), &[options, &["--dry-run"]].concat());
    let out: Vec<&str> = out.lines().filter(|line| !line.starts_with("  dates")).collect();
    (status, format!("{}{errors}", out.join("\n")))
}
