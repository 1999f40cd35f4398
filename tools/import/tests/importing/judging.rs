//! Which rows are entries.

use super::*;

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
