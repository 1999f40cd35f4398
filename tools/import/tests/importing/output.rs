//! What the command says.

use super::*;

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

#[test]
fn help_goes_to_standard_output_and_is_no_error() {
    let (status, out, errors) = run(Path::new("--help"), &[]);
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(out.contains("import statement.ofx --url https://api.example.com"), "{out}");
}
