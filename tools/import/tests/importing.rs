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
use cashflow::{EntryId, IdempotencyKey, MerchantId};
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
    /// The entries that were asked for.
    lookups: Vec<String>,
    /// How it answers when it is asked for an entry, if not as the real server does.
    lookup_status: Option<u16>,
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
        let asked_for = line.strip_prefix("GET /entries/").map(|rest| rest.split(' ').next().unwrap().to_owned());
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).unwrap();
        let (status, answer) = if let Some(id) = asked_for {
            find(&mut state.lock().unwrap(), id)
        } else {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let entries = body["entries"].as_array().unwrap();
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

/// Answers as the real server does who looks for an entry.
fn find(state: &mut State, id: String) -> (u16, Value) {
    let acme = MerchantId::parse("acme").unwrap();
    let is_it = |key: &str| EntryId::derive(&acme, &IdempotencyKey::parse(key).unwrap()).to_string() == id;
    let found = state.entries.iter().find(|(key, _)| is_it(key)).map(|(_, entry)| entry.clone());
    state.lookups.push(id);
    match (state.lookup_status, found) {
        (Some(status), _) => (status, json!({"message": "No."})),
        (None, Some(entry)) => (200, entry),
        (None, None) => (404, json!({"code": "entry_not_found"})),
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
    let key = |entry: &Value| entry["idempotency_key"].as_str().unwrap().to_owned();
    let is_reused = |entry: &Value| state.entries.get(&key(entry)).is_some_and(|known| known != entry);
    let reused: Vec<Value> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| is_reused(entry))
        .map(|(index, _)| {
            json!({"pointer": format!("/entries/{index}/idempotency_key"), "detail": "was used before with another payload"})
        })
        .collect();
    if !reused.is_empty() {
        return (422, json!({"code": "idempotency_key_reused", "detail": "Keys were used.", "errors": reused}));
    }
    for entry in entries {
        state.entries.entry(key(entry)).or_insert_with(|| entry.clone());
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

/// The same command resumes it.
#[test]
fn a_server_that_stays_away_stops_the_import() {
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
    let utf16 = folder.write("utf16.csv", b"\xff\xfed\0,\0a");
    let marked = folder.write("marked.csv", "\u{feff}d,a\n");
    let declined = folder.write(
        "declined.ofx",
        "OFXHEADER:100\n\n<OFX><SONRS><STATUS><CODE>15500<SEVERITY>ERROR<MESSAGE>Signon invalid</STATUS></SONRS></OFX>",
    );
    let torn = folder.write("torn.ofx", ofx(&[("1", "5.00", "x")]).replace("</STMTRS>", "<STMTTRN>"));
    let unwritable: &[&str] = &["--url", url, "--map", MAP, "--encoding", "windows-1252"];
    let no_ofx = folder.write("a.ofx", "no ofx");
    let cases: [(&Path, &[&str], &str); 16] = [
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
        (&utf16, &["--url", url, "--map", MAP], "the file is not UTF-16 throughout: save it as UTF-8"),
        (&utf16, unwritable, "the file is UTF-16, not what --encoding says: leave that out"),
        (&marked, unwritable, "the file is UTF-8 (it has its byte order mark), not what --encoding says"),
        (&file, &["--url", url, "--map", MAP, "--skip", "Total=x"], "the file has no column \"Total\""),
        (&file, &["--url", url, "--map", MAP, "--skip-lines", "9"], "the file is empty"),
        (&declined, &["--url", url], "an error of the bank: 15500 Signon invalid"),
        // Its first transaction is whole, and not posted before all is read.
        (&torn, &["--url", url], "line 12: the transaction has no end (</STMTTRN>)"),
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

#[test]
fn an_id_of_several_rows_refuses_them_all_before_anything_is_posted() {
    let (server, folder) = (Server::start(), Folder::new());
    let file = folder.write(
        "a.ofx",
        ofx(&[("S", "-250.00", "light"), ("U", "7.00", "x"), ("S", "-31.90", "phone"), ("S", "-9.50", "fee")]),
    );
    let (status, out, _) = run(&file, &["--url", &server.url]);
    assert_eq!(status, 2, "{out}");
    assert_eq!(server.amounts(), ["7.00"]);
    let refused = fs::read_to_string(folder.path("a.ofx.refused.csv")).unwrap();
    assert_eq!(
        refused.matches("so no row with it is posted: if they are different rows, say --ignore-ids").count(),
        3,
        "{refused}"
    );
}

#[test]
fn no_way_to_import_a_file_a_second_time_posts_a_row_twice() {
    let rows = [
        ("S", "-250.00", "light"),
        ("U", "7.00", "x"),
        ("S", "-31.90", "phone"),
        ("S", "-9.50", "fee"),
        ("V", "7.00", "x"),
        ("", "-1.00", "y"),
    ];
    let all = ["-1.00", "-250.00", "-31.90", "-9.50", "7.00", "7.00"];
    let (with, without): (&[&str], &[&str]) = (&[], &["--ignore-ids"]);
    for ways in [[with, without, with], [without, with, without]] {
        let (server, folder) = (Server::start(), Folder::new());
        for (number, options) in ways.iter().enumerate() {
            // Beside nothing that an earlier import may have left.
            let file = folder.write(&format!("{number}.ofx"), ofx(&rows));
            let (status, out, errors) = run(&file, &[&["--url", server.url.as_str()], *options].concat());
            assert_eq!(status, if options.is_empty() { 2 } else { 0 }, "{out}{errors}");
        }
        assert_eq!(server.amounts(), all, "{ways:?}");
    }
}

/// It was posted by its id, and is known when the ids are ignored.
#[test]
fn a_row_whose_id_became_shared_is_not_posted_again() {
    let (server, folder) = (Server::start(), Folder::new());
    let noon = folder.write("noon.ofx", ofx(&[("S", "-2.00", "a")]));
    let night = folder.write("night.ofx", ofx(&[("S", "-1.00", "b"), ("S", "-2.00", "a"), ("S", "-2.00", "a")]));
    assert_eq!(run(&noon, &["--url", &server.url]).0, 0);
    for _ in 0..2 {
        assert_eq!(run(&night, &["--url", &server.url, "--ignore-ids"]).0, 0);
        assert_eq!(server.amounts(), ["-1.00", "-2.00", "-2.00"]);
    }
}

#[test]
fn csv_rows_with_ids_are_known_without_them_too() {
    let (server, folder) = (Server::start(), Folder::new());
    let file = folder.write("a.csv", "d,a,n\n2026-11-22,5.00,1\n2026-11-22,5.00,2\n");
    let map = ["--url", &server.url, "--map", "date=d,amount=a,id=n"];
    assert_eq!(run(&file, &map).0, 0);
    let (status, out, _) = run(&file, &[&map[..], &["--ignore-ids"]].concat());
    assert_eq!((status, server.amounts().len()), (0, 2));
    assert!(out.starts_with("2 rows accepted; the server knew at least 2 of them before\n"), "{out}");
}

#[test]
fn a_reversed_entry_counts_for_nothing_when_rows_are_looked_for() {
    let (server, folder) = (Server::start(), Folder::new());
    let file = folder.write("a.ofx", ofx(&[("U", "7.00", "x")]));
    assert_eq!(run(&file, &["--url", &server.url, "--ignore-ids"]).0, 0);
    for entry in server.state.lock().unwrap().entries.values_mut() {
        entry["reversed_by"] = json!("cce9a8b1-ffc4-5ec2-a179-137f352a2673");
    }
    assert_eq!(run(&file, &["--url", &server.url]).0, 0);
    assert_eq!(server.amounts(), ["7.00", "7.00"]);
}

/// Where rows have no ids, it takes none.
#[test]
fn looking_for_rows_takes_two_questions_a_day() {
    let (server, folder) = (Server::start(), Folder::new());
    let csv = folder.write("a.csv", format!("{HEADER}{}", rows(100)));
    assert_eq!(import_csv(&csv, &server, &[]).0, 0);
    assert_eq!(server.state.lock().unwrap().lookups.len(), 0);
    let ids: Vec<String> = (0..100).map(|id| id.to_string()).collect();
    let day: Vec<(&str, &str, &str)> = ids.iter().map(|id| (id.as_str(), "1.00", "x")).collect();
    assert_eq!(run(&folder.write("a.ofx", ofx(&day)), &["--url", &server.url]).0, 0);
    assert_eq!(server.state.lock().unwrap().lookups.len(), 2);
}

/// That is said.
#[test]
fn a_server_that_cannot_say_what_it_has_takes_rows_all_the_same() {
    for (status, options, expected) in [
        (501, &[][..], "the server does not say which rows it has already"),
        (501, &["--ignore-ids"], "does not say which"),
        (503, &[], "if they were, they would be posted twice"),
    ] {
        let (server, folder) = (Server::start(), Folder::new());
        server.state.lock().unwrap().lookup_status = Some(status);
        let file = folder.write("a.ofx", ofx(&[("U", "7.00", "x")]));
        let (ended, _, errors) = run(&file, &[&["--url", &server.url, "--give-up-after", "1"], options].concat());
        assert_eq!((ended, server.amounts().len()), (0, 1), "{errors}");
        assert!(errors.contains(expected), "{errors}");
    }
    // Where it is likely that rows are there, nothing is posted before that is known.
    let (server, folder) = (Server::start(), Folder::new());
    server.state.lock().unwrap().lookup_status = Some(503);
    let file = folder.write("a.ofx", ofx(&[("U", "7.00", "x")]));
    let (ended, _, errors) = run(&file, &["--url", &server.url, "--give-up-after", "1", "--ignore-ids"]);
    assert_eq!((ended, server.amounts().len()), (1, 0), "{errors}");
}

/// It can be left out.
#[test]
fn a_row_that_the_bank_has_changed_is_refused_in_words() {
    let (server, folder) = (Server::start(), Folder::new());
    let first = folder.write("1.ofx", ofx(&[("B1", "-5.00", "provisional"), ("B2", "-6.00", "ok")]));
    let second = folder.write("2.ofx", ofx(&[("B1", "-5.20", "final"), ("B2", "-6.00", "ok"), ("B3", "-7.00", "new")]));
    assert_eq!(run(&first, &["--url", &server.url]).0, 0);
    for options in [&[][..], &["--ignore-ids"]] {
        let (status, out, _) = run(&second, &[&["--url", server.url.as_str()], options].concat());
        assert_eq!(status, 2, "{out}");
        let refused = fs::read_to_string(folder.path("2.ofx.refused.csv")).unwrap();
        assert!(refused.contains("id: B1 was imported before with other values, which stand (entry "), "{refused}");
        assert!(refused.contains("leave the row out with --skip 'FITID=B1'"), "{refused}");
    }
    assert_eq!(run(&second, &["--url", &server.url, "--skip", "FITID=B1"]).0, 0);
    assert_eq!(server.amounts(), ["-5.00", "-6.00", "-7.00"]);
}

#[test]
fn texts_posted_in_the_wrong_encoding_are_not_posted_again() {
    for id in ["", "A1"] {
        let (server, folder) = (Server::start(), Folder::new());
        let file = folder.write("a.ofx", ofx(&[(id, "7.00", "manutenção")]));
        // As they were read before: the encoding of the header, whatever the texts are.
        assert_eq!(run(&file, &["--url", &server.url, "--encoding", "windows-1252"]).0, 0);
        let (status, out, errors) = run(&file, &["--url", &server.url]);
        assert_eq!((status, server.amounts().len()), (0, 1), "{out}{errors}");
    }
}

/// Elsewhere it is.
#[test]
fn an_export_is_not_imported_into_where_it_comes_from() {
    let (server, folder) = (Server::start(), Folder::new());
    let file = folder.write("a.csv", format!("{HEADER}2026-11-22,5.00,=1+1;=2\n2026-11-22,-3.00,rent\n"));
    assert_eq!(import_csv(&file, &server, &[]).0, 0);
    let acme = MerchantId::parse("acme").unwrap();
    let lines: String = server
        .entries()
        .iter()
        .map(|(key, entry)| {
            let id = EntryId::derive(&acme, &IdempotencyKey::parse(key).unwrap());
            let text = if entry["description"] == "rent" { "rent" } else { "'=1+1;'=2" };
            let (kind, amount) = (entry["type"].as_str().unwrap(), entry["amount"].as_str().unwrap());
            format!("2026-11-22,{id},{kind},{amount},BRL,{text},,,2026-11-22T15:04:06Z,,false,1.00\r\n")
        })
        .collect();
    let header = "date,id,type,amount,currency,description,category,reverses,posted_at,seal,late,running_balance\r\n";
    let export = folder.write("export.csv", format!("{header}{lines}"));
    let (status, out, _) = run(&export, &["--url", &server.url]);
    assert_eq!(status, 0);
    assert!(out.starts_with("2 rows accepted; the server knew at least 2 of them before\n"), "{out}");
    assert_eq!(server.amounts(), ["-3.00", "5.00"]);
    // Entries that were reversed are there as well.
    for entry in server.state.lock().unwrap().entries.values_mut() {
        entry["reversed_by"] = json!("cce9a8b1-ffc4-5ec2-a179-137f352a2673");
    }
    assert_eq!(run(&export, &["--url", &server.url]).0, 0);
    assert_eq!(server.amounts(), ["-3.00", "5.00"]);
    // While nobody can say whether they are, nothing is posted.
    for status in [501, 503] {
        server.state.lock().unwrap().lookup_status = Some(status);
        let (ended, _, errors) = run(&export, &["--url", &server.url, "--give-up-after", "1"]);
        assert_eq!((ended, server.amounts().len()), (1, 2), "{errors}");
    }

    let elsewhere = Server::start();
    let mut command = command(&export, &["--url", &elsewhere.url]);
    assert_eq!(told(&command.env("FLUXO_TOKEN", token("other")).output().unwrap()).0, 0);
    let texts: BTreeSet<String> =
        elsewhere.entries().values().map(|entry| entry["description"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, BTreeSet::from(["=1+1;=2".to_owned(), "rent".to_owned()]));
}

/// What a dry run says of a file, without its sums.
fn dry_run(folder: &Folder, name: &str, content: impl AsRef<[u8]>, options: &[&str]) -> (i32, String) {
    let (status, out, errors) = run(&folder.write(name, content), &[options, &["--dry-run"]].concat());
    let out: Vec<&str> = out.lines().filter(|line| !line.starts_with("  dates")).collect();
    (status, format!("{}{errors}", out.join("\n")))
}

#[test]
fn balances_are_skipped_and_listed_and_what_only_may_be_one_is_refused() {
    let folder = Folder::new();
    let balances = ofx(&[
        ("", "1500.00", "Saldo Anterior"),
        ("1", "-40.00", "Pix"),
        ("", "1460.00", "Saldo do dia"),
        ("2", "100.00", "Pix"),
    ]);
    let (status, out) = dry_run(&folder, "a.ofx", balances, &[]);
    let expected = "line 8 would be skipped: \"Saldo Anterior\" is a balance\n\
                    line 14 would be skipped: \"Saldo do dia\" is a balance\n\
                    2 rows would be sent, 0 refused, 2 skipped\n  BRL: credits 100.00, debits 40.00";
    assert_eq!((status, out.as_str()), (0, expected));

    // Balances with ids of their own are known by their amounts; newest first or oldest first.
    for texts in [
        [("1", "10.00", "Saldo inicial"), ("2", "-4.00", "x"), ("3", "6.00", "Saldo final")],
        [("3", "6.00", "SALDO ATUAL"), ("2", "-4.00", "x"), ("1", "10.00", "SALDO ANTERIOR")],
    ] {
        let (status, out) = dry_run(&folder, "b.ofx", ofx(&texts), &[]);
        assert_eq!(status, 0, "{out}");
        assert!(out.contains("1 row would be sent, 0 refused, 2 skipped\n  BRL: credits 0.00, debits 4.00"), "{out}");
    }

    // What can be read in two ways is refused with the options that decide it.
    let doubtful = ofx(&[
        ("1", "500.00", "Saldo inicial"),
        ("2", "-4.00", "Pagamento saldo devedor cartao"),
        ("3", "-300.00", "Saldo devedor cartao 123"),
    ]);
    let (status, out) = dry_run(&folder, "c.ofx", &doubtful, &[]);
    assert_eq!(status, 2, "{out}");
    assert!(out.starts_with("line 8 would be refused: row: \"Saldo inicial\" may be a balance or a total: say with --skip or --keep whether it is an entry\n2 rows"), "{out}");
    let (status, out) = dry_run(&folder, "c.ofx", &doubtful, &["--keep", "MEMO=saldo inicial"]);
    assert!(status == 0 && out.contains("credits 500.00, debits 304.00"), "{out}");
    let (status, out) = dry_run(&folder, "c.ofx", &doubtful, &["--skip", "MEMO=saldo*"]);
    assert!(status == 0 && out.contains("line 8 would be skipped: --skip MEMO=saldo*"), "{out}");
    assert!(out.contains("1 row would be sent, 0 refused, 2 skipped"), "{out}");
    let (status, out) = dry_run(&folder, "c.ofx", &doubtful, &["--skip", "FITID=1", "--keep", "MEMO=saldo*"]);
    assert!(status == 2 && out.contains("row: is named by both --skip and --keep"), "{out}");
}

#[test]
fn types_count_where_no_amount_of_a_statement_has_a_minus() {
    let folder = Folder::new();
    let rows = |fee: &str, other: &str| {
        ofx(&[("1", fee, "fee"), ("2", other, "x")]).replacen("<STMTTRN>", "<STMTTRN><TRNTYPE>FEE", 1)
    };
    let (status, out) = dry_run(&folder, "a.ofx", rows("5.00", "-1.00"), &[]);
    assert!(status == 0 && out.contains("credits 5.00, debits 1.00"), "{out}");
    let (status, out) = dry_run(&folder, "a.ofx", rows("5.00", "1.00"), &[]);
    let expected = "TRNTYPE: is FEE, but the amount is positive, as all of the statement are: say which of them is right with --trust type or --trust sign";
    assert!(status == 2 && out.contains(expected), "{out}");
    let (_, out) = dry_run(&folder, "a.ofx", rows("5.00", "1.00"), &["--trust", "type"]);
    assert!(out.contains("credits 1.00, debits 5.00"), "{out}");
    let (_, out) = dry_run(&folder, "a.ofx", rows("5.00", "1.00"), &["--trust", "sign"]);
    assert!(out.contains("credits 6.00, debits 0.00"), "{out}");
    let (status, out) = dry_run(&folder, "b.ofx", ofx(&[("1", "5.00", "x")]).replacen("<STMTTRN>", "<STMTRN>", 1), &[]);
    assert!(status == 1 && out.contains("there is an amount (TRNAMT) outside of a transaction (STMTTRN)"), "{out}");
}

/// Two statements of one account that overlap, and two accounts of one number.
#[test]
fn rows_of_two_statements_in_one_file_are_posted_once_or_refused() {
    let folder = Folder::new();
    let statement = |holder: &str, description: &str| {
        ofx(&[("1", "5.00", description)]).replace("<ACCTID>", &format!("{holder}<ACCTID>"))
    };
    let two = |first: &str, second: &str| {
        let end = second.find("<OFX>").unwrap();
        format!("{first}{}", &second[end..])
    };
    let overlapping = two(&statement("", "x"), &statement("", "x"));
    let (status, out) = dry_run(&folder, "a.ofx", &overlapping, &[]);
    assert!(status == 0 && out.contains("again"), "{out}");
    let (status, out) = dry_run(&folder, "a.ofx", &overlapping, &["--ignore-ids"]);
    assert!(status == 2 && out.contains("in another statement of the file"), "{out}");
    let (status, out) = dry_run(&folder, "a.ofx", two(&statement("", "x"), &statement("", "y")), &["--ignore-ids"]);
    assert!(status == 0 && out.contains("2 rows would be sent"), "{out}");
    let accounts = two(&statement("<ACCTTYPE>CHECKING", "x"), &statement("<ACCTTYPE>SAVINGS", "x"));
    let (status, out) = dry_run(&folder, "b.ofx", &accounts, &[]);
    assert!(status == 2 && out.contains("0 rows would be sent, 2 refused"), "{out}");
}

#[test]
fn an_account_that_is_not_used_because_the_file_names_one_is_said() {
    let folder = Folder::new();
    let file = folder.write("a.ofx", ofx(&[("1", "5.00", "x")]));
    let (_, _, err) = run(&file, &["--dry-run", "--account", "other"]);
    assert!(err.contains("the file names its account (ACCTID), and that counts: --account is not used"), "{err}");
}

/// By the standard `5.000` is five. In a file whose fractions stand behind a comma it may be five thousand.
#[test]
fn a_point_before_three_digits_is_ambiguous_beside_commas() {
    let folder = Folder::new();
    let rows = |other: &str| ofx(&[("1", "5.000", "x"), ("2", other, "y")]);
    for comma in ["-10,50", "-1.234,56", "-1.234.567", "0,5"] {
        let (status, out) = dry_run(&folder, "a.ofx", rows(comma), &[]);
        assert!(status == 2 && out.contains("amount: is ambiguous: say with --decimal"), "{comma}: {out}");
    }
    for silent in ["-10.50", "-1,234.56", "7", "6.000"] {
        let (status, out) = dry_run(&folder, "a.ofx", rows(silent), &[]);
        assert!(status == 0 && out.contains("2 rows would be sent"), "{silent}: {out}");
    }
    for (decimal, credits) in [("comma", "credits 5000.00"), ("point", "credits 5.00")] {
        let (_, out) = dry_run(&folder, "a.ofx", rows("-10"), &["--decimal", decimal]);
        assert!(out.contains(credits), "{out}");
    }
}

#[test]
fn balances_in_csv_are_known_by_their_words_and_amounts() {
    let folder = Folder::new();
    let brazilian =
        ["--map", "date=Data,amount=Valor,description=Hist", "--decimal", "comma", "--date-format", "%d/%m/%Y"];
    let rows = "Data;Hist;Valor\n31/12/2025;Saldo Anterior;1.000,00\n02/01/2026;Pix;-50,00\n02/01/2026;Pix;80,00\n00/00/0000;Saldo do dia;1.030,00\n31/01/2026;S A L D O;1.030,00\n";
    let (status, out) = dry_run(&folder, "a.csv", rows, &brazilian);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("2 rows would be sent, 0 refused, 3 skipped\n  BRL: credits 80.00, debits 50.00"), "{out}");

    // In somebody's own cash book it is an entry, perhaps: its amount agrees with nothing.
    let rows = "Data;Hist;Valor\n01/01/2026;Saldo inicial;500,00\n02/01/2026;Pix;-50,00\n31/01/2026;Total;450,00\n";
    let (status, out) = dry_run(&folder, "b.csv", rows, &brazilian);
    assert_eq!(status, 2, "{out}");
    assert_eq!(out.matches("may be a balance or a total").count(), 1, "{out}");
    assert!(out.contains("line 4 would be skipped: \"Total\" is a balance"), "{out}");
    let (status, out) = dry_run(
        &folder,
        "b.csv",
        rows,
        &[&brazilian[..], &["--keep", "Hist=Saldo inicial", "--skip", "Hist=Total"]].concat(),
    );
    assert!(status == 0 && out.contains("credits 500.00, debits 50.00"), "{out}");
}

#[test]
fn rows_that_can_never_be_entries_are_named_and_do_not_count_as_refused() {
    let folder = Folder::new();
    let rows = format!("{HEADER}2026-11-01,1.00,x\n2026-11-01,0.00,nothing\nTotal,1.00,\n***END OF FILE***\n");
    let map = ["--map", MAP];
    assert_eq!(dry_run(&folder, "a.csv", &rows, &map).0, 2);
    let skip = ["--skip", "Data=total", "--skip", "Data=***END OF FILE***", "--skip", "Valor=0.00"];
    let (status, out) = dry_run(&folder, "a.csv", &rows, &[&map[..], &skip].concat());
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("1 row would be sent, 0 refused, 3 skipped"), "{out}");
    // When they are sent, they are listed as well.
    let server = Server::start();
    let (status, out, _) = import_csv(&folder.path("a.csv"), &server, &skip);
    assert_eq!(status, 0);
    let expected = "3 rows skipped:\n  line 3 skipped: --skip Valor=0.00\n  line 4 skipped: --skip Data=total\n  line 5 skipped: --skip Data=***END OF FILE***\n";
    assert!(out.ends_with(expected), "{out}");
}

#[test]
fn csv_files_are_read_as_banks_and_spreadsheets_write_them() {
    let folder = Folder::new();
    let utf16 = |text: &str, is_little: bool| -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    };
    let plain = "d;t;a\n2026-01-05;Pão;-1,50\n2026-01-06;x;2,00\n";
    let map: &[&str] = &["--map", "date=d,amount=a,description=t", "--decimal", "comma"];
    let lines = format!("Extrato\nConta;1\n\n{plain}");
    let cases: [(Vec<u8>, &[&str]); 12] = [
        (plain.into(), map),
        (plain.replace(';', "\t").into(), map),
        (plain.replace(';', "|").into(), map),
        (format!("sep=;\r\n{plain}").into(), map),
        (format!("\u{feff}\"sep=;\"\n{plain}").into(), map),
        (utf16(&format!("\u{feff}{plain}"), true), map),
        (utf16(&format!("\u{feff}{plain}"), false), map),
        (utf16(plain, true), map),
        (lines.clone().into(), map),
        (lines.into(), &[map, &["--skip-lines", "3"]].concat()),
        (plain.replace("d;t;a", "d;t;a;;").replace("2,00", "2,00;;;").into(), map),
        (format!("{plain}\0\0\0\0").into(), map),
    ];
    for (content, options) in cases {
        let (status, out) = dry_run(&folder, "a.csv", &content, options);
        assert_eq!(status, 0, "{out} {content:?}");
        assert!(out.contains("2 rows would be sent, 0 refused\n  BRL: credits 2.00, debits 1.50"), "{out}");
    }
    let without_header = ["--no-header", "--map", "date=1,amount=3,description=2", "--decimal", "comma"];
    let (status, out) = dry_run(&folder, "a.csv", plain.trim_start_matches("d;t;a\n"), &without_header);
    assert!(status == 0 && out.contains("credits 2.00, debits 1.50"), "{out}");
    let (status, out) = dry_run(&folder, "a.csv", "sep=;\nd;a\n", &["--map", "date=d,amount=a", "--delimiter", ","]);
    assert!(status == 1 && out.contains("the file says that its delimiter is ';'"), "{out}");
    let (status, out) = dry_run(&folder, "a.csv", format!("{plain}{plain}"), map);
    assert!(status == 0 && out.contains("line 4 would be skipped: it is the header again"), "{out}");
    let (_, out) = dry_run(&folder, "a.csv", plain, &[map, &["--encoding", "windows-1252"]].concat());
    assert!(out.contains("import: all texts beyond ASCII look like UTF-8"), "{out}");
    let (_, out) = dry_run(&folder, "a.csv", format!("Extrato\n\n{plain}"), map);
    assert!(out.contains("import: the header is in line 3; lines 1 to 2 before it are not read"), "{out}");
}

#[test]
fn help_goes_to_standard_output_and_is_no_error() {
    let (status, out, errors) = run(Path::new("--help"), &[]);
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(out.contains("import statement.ofx --url https://api.example.com"), "{out}");
}
