//! All that the command prints, as a whole.

use super::*;

/// With a width of its own, whatever terminal the tests run in.
fn help(option: &str) -> String {
    let output = command(Path::new(option), &[]).env("COLUMNS", "100").output().unwrap();
    let (status, out, errors) = told(&output);
    assert_eq!((status, errors.as_str()), (0, ""));
    out
}

#[test]
fn the_help() {
    insta::assert_snapshot!("help", help("--help"));
    insta::assert_snapshot!("short_help", help("-h"));
}

/// What is said of a statement with a good row, a balance, and rows that are refused by the command and by the server.
#[test]
fn the_summary_and_the_refused_rows() {
    let (server, folder) = (Server::start(), Folder::new());
    let rows = "2026-11-01,1.00,good\n2026-11-02,0,zero\n2026-11-03,2.00,unwanted\n2026-11-04,5.00,\"two, words\"\nx,1e3,\u{1b}c\n2026-11-05,9.00,Saldo\n";
    let file = folder.write("a.csv", format!("Extrato\n{HEADER}{rows}"));
    let (status, out, errors) = import_csv(&file, &server, &["--skip", "Texto=Saldo"]);
    let place = folder.path("").display().to_string();
    let all = format!("status {status}\n--- output\n{out}--- errors\n{errors}").replace(&place, "FOLDER/");
    insta::assert_snapshot!("summary", all);
    insta::assert_snapshot!(
        "refused_rows",
        fs::read_to_string(folder.path("a.csv.refused.csv")).unwrap().replace('\r', "<CR>")
    );
    let (status, out, errors) = run(&file, &["--map", MAP, "--dry-run"]);
    insta::assert_snapshot!("dry_run", format!("status {status}\n--- output\n{out}--- errors\n{errors}"));
}

#[test]
fn errors_of_the_command_line_and_of_files() {
    let folder = Folder::new();
    let place = folder.path("").display().to_string();
    let csv = folder.write("a.csv", format!("{HEADER}2026-11-01,1.00,good\n"));
    let ofx = folder.write("a.ofx", "<OFX><STATUS><CODE>2000<SEVERITY>ERROR<MESSAGE>No.</STATUS></OFX>");
    let missing = folder.path("none.csv");
    let cases: [(&Path, &[&str]); 9] = [
        (&csv, &["--dry-run"]),
        (&csv, &["--dry-run", "--map", "date=Dia,amount=Valor"]),
        (&csv, &["--dry-run", "--map", "date=Data"]),
        (&csv, &["--dry-run", "--map", MAP, "--ignore-ids"]),
        (&csv, &["--dry-run", "--map", MAP, "--encoding", "ebcdic"]),
        (&csv, &["--map", MAP, "--url", "http://api.example.com"]),
        (&ofx, &["--dry-run"]),
        (&ofx, &["--dry-run", "--delimiter", ";"]),
        (&missing, &["--dry-run", "--map", MAP]),
    ];
    let said = cases.map(|(file, options)| {
        let (status, out, errors) = run(file, options);
        assert_eq!((status, out.as_str()), (1, ""));
        format!("{}\n{}", options.join(" "), errors.replace(&place, "FOLDER/"))
    });
    insta::assert_snapshot!("errors", said.join("\n"));
}
