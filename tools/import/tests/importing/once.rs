//! Nothing is posted twice, in whatever way a file is read.

use cashflow::{EntryId, IdempotencyKey, MerchantId};

use super::*;

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
