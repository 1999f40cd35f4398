//! The command as a user runs it, against an HTTP server that does as the test says.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;

const MAP: &str = "date=Data,amount=Valor,description=Texto";
const HEADER: &str = "Data,Valor,Texto\n";

/// How long a test waits for what takes moments.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that remembers entries by key, as the real one does.
struct Server {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<String, Value>,
    /// How many entries each request had.
    requests: Vec<usize>,
    /// So many requests are answered; the others get no answer.
    answers: Option<usize>,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream.unwrap(), &shared));
            }
        });
        Server { url, state }
    }

    fn entries(&self) -> BTreeMap<String, Value> {
        self.state.lock().unwrap().entries.clone()
    }

    fn requests(&self) -> Vec<usize> {
        self.state.lock().unwrap().requests.clone()
    }

    /// The amounts with a sign, in order.
    fn amounts(&self) -> Vec<String> {
        let signed = |entry: &Value| {
            let sign = if entry["type"] == "debit" { "-" } else { "" };
            format!("{sign}{}", entry["amount"].as_str().unwrap())
        };
        let mut amounts: Vec<String> = self.entries().values().map(signed).collect();
        amounts.sort();
        amounts
    }
}

/// Serves one connection until it ends.
fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut line, mut length) = (String::new(), 0);
        if lines.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let entries = body["entries"].as_array().unwrap();
        let (status, answer) = {
            let mut state = state.lock().unwrap();
            state.requests.push(entries.len());
            if state.answers.is_some_and(|answers| state.requests.len() > answers) {
                drop(state);
                // As a server that hangs: the connection stays open and nothing comes.
                let _ = lines.read(&mut [0]);
                return;
            }
            accept(&mut state, entries)
        };
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        if stream.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

/// Accepts entries as the real server does, but for one whose description it does not like.
fn accept(state: &mut State, entries: &[Value]) -> (u16, Value) {
    let faulty = entries.iter().enumerate().filter(|(_, entry)| entry["description"] == "unwanted");
    let faults: Vec<Value> = faulty
        .map(|(index, _)| json!({"pointer": format!("/entries/{index}/description"), "detail": "is unwanted"}))
        .collect();
    if !faults.is_empty() {
        return (400, json!({"code": "validation_failed", "detail": "The request has faults.", "errors": faults}));
    }
    for entry in entries {
        let key = entry["idempotency_key"].as_str().unwrap().to_owned();
        let known = state.entries.entry(key).or_insert_with(|| entry.clone());
        assert_eq!(known, entry, "one key, two payloads");
    }
    (202, json!({"entries": vec![json!({"id": "i", "status": "accepted"}); entries.len()]}))
}

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

#[test]
fn a_statement_is_imported_once_however_often_it_is_sent() {
    let (server, folder) = (Server::start(), Folder::new());
    let file = folder.write("a.csv", format!("{HEADER}{}2026-11-30,-0.50,fee\n2026-11-30,-0.50,fee\n", rows(1_200)));
    let (status, out, errors) = import_csv(&file, &server, &[]);
    let expected = "1202 rows accepted\n  BRL: credits 720600.00, debits 1.00\n  dates 2026-11-01 to 2026-11-30\n";
    assert_eq!((status, out.as_str()), (0, expected), "{errors}");
    assert_eq!(server.requests(), [500, 500, 202]);
    assert!(errors.ends_with("import: 100 % of the file, 1202 rows accepted\n"), "{errors}");
    assert_eq!(folder.names(), BTreeSet::from(["a.csv".to_owned()]), "nothing is left behind");
    let first = server.entries();
    assert_eq!(first.len(), 1_202);
    let again = folder.write("copy-of-a.csv", fs::read(&file).unwrap());
    assert_eq!(import_csv(&again, &server, &[]).0, 0);
    assert_eq!(server.entries(), first);
}

#[test]
fn overlapping_statements_add_each_row_once() {
    let (server, folder) = (Server::start(), Folder::new());
    let cash = "2026-11-10,5.00,cash sale\n";
    let monday = format!("{HEADER}2026-11-09,1.00,x\n{cash}{cash}");
    let tuesday = format!("{HEADER}{cash}{cash}{cash}2026-11-11,-2.00,y\n");
    for statement in [monday, tuesday] {
        assert_eq!(import_csv(&folder.write("a.csv", statement), &server, &[]).0, 0);
    }
    assert_eq!(server.amounts(), ["-2.00", "1.00", "5.00", "5.00", "5.00"]);
}

#[test]
fn an_ofx_statement_is_imported_by_the_banks_ids() {
    let (server, folder) = (Server::start(), Folder::new());
    let transaction = |id: u32, amount: &str| {
        format!(
            "<STMTTRN>\n<TRNTYPE>OTHER\n<DTPOSTED>20261122120000[-3:BRT]\n<TRNAMT>{amount}\n<FITID>{id}\n<MEMO>A &amp; B\n</STMTTRN>\n"
        )
    };
    let statement = |transactions: &[String]| {
        format!(
            "OFXHEADER:100\nDATA:OFXSGML\n\n<OFX>\n<STMTRS>\n<CURDEF>BRL\n<BANKACCTFROM>\n<ACCTID>1\n</BANKACCTFROM>\n{}</STMTRS>\n</OFX>\n",
            transactions.concat()
        )
    };
    let first = folder.write("1.ofx", statement(&[transaction(1, "-10,50"), transaction(2, "7.00")]));
    let second =
        folder.write("2.OFX", statement(&[transaction(2, "7.00"), transaction(3, "7.00"), transaction(4, "0")]));
    assert_eq!(run(&first, &["--url", &server.url]).0, 0);
    let (status, out, _) = run(&second, &["--url", &server.url]);
    assert_eq!(status, 2, "{out}");
    assert_eq!(server.amounts(), ["-10.50", "7.00", "7.00"]);
    assert!(server.entries().values().all(|entry| entry["description"] == "A & B" && entry["date"] == "2026-11-22"));
    let refused = fs::read_to_string(folder.path("2.OFX.refused.csv")).unwrap();
    assert!(refused.starts_with("refused_line,refused_reasons,ACCTID,"), "{refused}");
    assert!(
        refused
            .contains("\r\n24,amount: must be greater than zero,1,BRL,,OTHER,20261122120000[-3:BRT],0,4,,,A & B,\r\n"),
        "{refused}"
    );
}

#[test]
fn refused_rows_are_kept_with_their_reasons_and_the_rest_is_posted() {
    let (server, folder) = (Server::start(), Folder::new());
    let rest = "2026-11-01,1.00,good\n2026-11-02,0,zero\n2026-11-03,2.00,unwanted\n2026-11-04,3.00,\"good, too\"\nTotal,6.00,\n";
    let file = folder.write("a.csv", format!("{HEADER}{rest}"));
    let (status, out, errors) = import_csv(&file, &server, &[]);
    assert_eq!(status, 2, "{out}{errors}");
    let refused_file = folder.path("a.csv.refused.csv");
    assert!(out.starts_with("2 rows accepted\n"), "{out}");
    assert!(out.ends_with(&format!("3 rows refused, see {}\n", refused_file.display())), "{out}");
    let expected = "refused_line,refused_reasons,Data,Valor,Texto\r\n\
                    3,amount: must be greater than zero,2026-11-02,0,zero\r\n\
                    4,description: is unwanted (says the server),2026-11-03,2.00,unwanted\r\n\
                    6,date: must be a date of the calendar as YYYY-MM-DD,Total,6.00,\r\n";
    assert_eq!(fs::read_to_string(&refused_file).unwrap(), expected);
    assert_eq!(server.amounts(), ["1.00", "3.00"]);

    // Corrected in the file and imported again, only what was refused is added, and the file of refused rows goes.
    fs::write(
        &file,
        format!("{HEADER}{}", rest.replace(",0,", ",4.00,").replace("unwanted", "ok").replace("Total,6.00,\n", "")),
    )
    .unwrap();
    assert_eq!(import_csv(&file, &server, &[]).0, 0);
    assert_eq!(server.amounts(), ["1.00", "2.00", "3.00", "4.00"]);
    assert!(!refused_file.exists());
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let folder = Folder::new();
    let file = folder.write("a.csv", format!("{HEADER}2026-11-01,1.50,a\n2026-11-09,-0.25,b\nx,y,\u{1b}c\n"));
    let mut command = command(&file, &["--map", MAP, "--dry-run"]);
    let (status, out, errors) = told(&command.env_remove("FLUXO_TOKEN").output().unwrap());
    let expected = "line 4 would be refused: date: must be a date of the calendar as YYYY-MM-DD; \
                    amount: is not an amount such as 1234.56 or 1,234.56 (for 1.234,56 say --decimal comma); \
                    description: must not contain control characters, has U+001B\n\
                    2 rows would be sent, 1 refused\n  BRL: credits 1.50, debits 0.25\n  dates 2026-11-01 to 2026-11-09\n";
    assert_eq!((status, out.as_str(), errors.as_str()), (2, expected, ""));
    assert_eq!(folder.names().len(), 1);
}

/// Starts an import whose server answers so many requests, and waits until the journal says so.
fn interrupted(server: &Server, file: &Path, answers: usize) -> Child {
    server.state.lock().unwrap().answers = Some(answers);
    let mut command = command(file, &["--url", &server.url, "--map", MAP]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let journal = PathBuf::from(format!("{}.import-journal", file.display()));
    eventually("the journal", || journal_rows(&journal).filter(|rows| *rows >= 500 * answers as u64));
    child
}

/// Ends it as kill -9 does, and lets the server answer again.
fn kill(server: &Server, mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
    let mut state = server.state.lock().unwrap();
    state.answers = None;
    state.requests.clear();
}

#[test]
fn an_import_that_was_killed_goes_on_where_the_server_had_accepted() {
    let (server, folder) = (Server::start(), Folder::new());
    let bad = "2026-11-01,bad,row\n";
    let file = folder.write("a.csv", format!("{HEADER}{bad}{}{bad}", rows(1_999)));
    kill(&server, interrupted(&server, &file, 2));
    assert!(folder.names().contains("a.csv.import-journal"));
    // The process may have died while it wrote: half a line, and refused rows that the journal does not know.
    append(&folder.path("a.csv.import-journal"), "{\"rows\":99999,\"ref");
    append(&folder.path("a.csv.refused.csv"), "77,torn");
    let (status, out, errors) = import_csv(&file, &server, &[]);
    assert_eq!(status, 2, "{errors}");
    assert!(
        out.starts_with("1999 rows accepted, 1000 of them by an earlier run\n  BRL: credits 1999000.00, debits 0.00\n"),
        "{out}"
    );
    assert!(errors.starts_with("import: going on after 1001 rows that an earlier run has dealt with\n"), "{errors}");
    assert_eq!(server.requests(), [500, 499], "what was accepted is not sent again");
    assert_eq!(server.entries().len(), 1_999);
    let refused = fs::read_to_string(folder.path("a.csv.refused.csv")).unwrap();
    assert_eq!(refused.lines().count(), 3, "{refused}");
    assert!(refused.contains("\r\n2,") && refused.contains("\r\n2002,"), "{refused}");
    assert!(!folder.names().contains("a.csv.import-journal"));
}

fn append(path: &Path, text: &str) {
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn without_its_journal_an_interrupted_import_is_right_all_the_same() {
    let (server, folder) = (Server::start(), Folder::new());
    let file = folder.write("a.csv", format!("{HEADER}{}", rows(1_500)));
    kill(&server, interrupted(&server, &file, 2));
    fs::remove_file(folder.path("a.csv.import-journal")).unwrap();
    assert_eq!(import_csv(&file, &server, &[]).0, 0);
    assert_eq!(server.requests(), [500, 500, 500]);
    assert_eq!(server.entries().len(), 1_500);
}

#[test]
fn the_journal_of_another_import_is_not_used_and_that_is_said() {
    let other_merchant = token("other");
    let cases: [(&str, &[&str], Option<&str>, &str); 3] = [
        ("", &[], Some(&other_merchant), "merchant"),
        ("", &["--account", "2"], None, "mapping or other options"),
        ("2026-11-01,9.99,one more\n", &[], None, "content of the file"),
    ];
    for (more_rows, more_options, other_token, difference) in cases {
        let (server, folder) = (Server::start(), Folder::new());
        let file = folder.write("a.csv", format!("{HEADER}{}", rows(1_000)));
        kill(&server, interrupted(&server, &file, 1));
        append(&file, more_rows);
        let mut command = command(&file, &[&["--url", &server.url, "--map", MAP], more_options].concat());
        if let Some(token) = other_token {
            command.env("FLUXO_TOKEN", token);
        }
        let (status, _, errors) = told(&command.output().unwrap());
        assert_eq!(status, 0, "{errors}");
        assert!(errors.contains(&format!("is of an import with another {difference} and not used")), "{errors}");
        assert_eq!(server.requests()[0], 500, "from the beginning");
    }
}

#[test]
fn a_second_import_of_the_same_file_at_once_is_refused() {
    let (server, folder) = (Server::start(), Folder::new());
    let file = folder.write("a.csv", format!("{HEADER}{}", rows(1_000)));
    let child = interrupted(&server, &file, 1);
    let (status, out, errors) = import_csv(&file, &server, &[]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert_eq!(errors, format!("import: {}: another import of this file is running\n", file.display()));
    kill(&server, child);
    assert_eq!(import_csv(&file, &server, &[]).0, 0);
    assert_eq!(server.entries().len(), 1_000);
}

#[test]
fn a_server_that_stays_away_stops_the_import_and_the_same_command_resumes() {
    let folder = Folder::new();
    let file = folder.write("a.csv", format!("{HEADER}{}", rows(10)));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (status, out, errors) =
        run(&file, &["--url", &format!("http://{nobody}"), "--map", MAP, "--give-up-after", "0"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(errors.starts_with("import: stopped: the server has not taken the rows for 0 s, last: "), "{errors}");
    assert!(errors.ends_with("; nothing is accepted so far, run the same command again to resume\n"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn whatever_is_wrong_is_one_line_and_nothing_is_sent() {
    let (server, folder) = (Server::start(), Folder::new());
    let url = server.url.as_str();
    let file = folder.write("a.csv", format!("{HEADER}{}", rows(1)));
    let empty = folder.write("empty.csv", "");
    let utf16 = folder.write("utf16.csv", b"\xff\xfed\0");
    let no_ofx = folder.write("a.ofx", "no ofx");
    let cases: [(&Path, &[&str], &str); 10] = [
        (&file, &["--url", url], "--map: map the date"),
        (
            &file,
            &["--url", url, "--map", "date=Dia,amount=Valor"],
            "the file has no column \"Dia\"; its columns are \"Data\", \"Valor\", \"Texto\"",
        ),
        (
            &file,
            &["--url", "http://api.example.com", "--map", MAP],
            "--url must be https: over http the token could be read on its way",
        ),
        (&file, &["--map", MAP], "the following required arguments were not provided: --url <URL>"),
        (&file, &["--url", url, "--map", MAP, "--frobnicate"], "unexpected argument '--frobnicate' found"),
        (
            &file,
            &["--url", url, "--map", MAP, "--token-command", "exit 3"],
            "--token-command has failed (exit status: 3)",
        ),
        (&empty, &["--url", url, "--map", MAP], "the file is empty"),
        (&utf16, &["--url", url, "--map", MAP], "the file is UTF-16: save it as UTF-8"),
        (&no_ofx, &["--url", url], "there is no element OFX: is this an OFX file?"),
        (&folder.path("none.csv"), &["--url", url, "--map", MAP], "No such file or directory"),
    ];
    for (file, options, expected) in cases {
        let (status, out, errors) = run(file, options);
        assert_eq!((status, out.as_str()), (1, ""), "{errors}");
        assert!(errors.starts_with("import: ") && errors.contains(expected), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn help_goes_to_standard_output_and_is_no_error() {
    let (status, out, errors) = run(Path::new("--help"), &[]);
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(out.contains("import statement.ofx --url https://api.example.com"), "{out}");
}
