//! Imports that are interrupted, and go on.

use std::{io::Write, net::TcpListener, process::Child};

use super::*;

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

fn append(path: &Path, text: &str) {
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
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
