//! Where rows begin and end, and which columns they have.

use super::*;

#[test]
fn lines_are_counted_in_any_file() {
    let expected = |lines: [u64; 3]| lines.map(|line| format!("{line} credit 1.00 BRL 2026-11-20 -/-/-"));
    let cases = [
        ("d,a,x\n2026-11-20,1,\n2026-11-20,1,\n2026-11-20,1,", [2, 3, 4]),
        ("d,a,x\r\n2026-11-20,1,\r\n2026-11-20,1,\r\n2026-11-20,1,\r\n", [2, 3, 4]),
        ("\u{feff}d,a,x\n\n\n2026-11-20,1,\n,,\n2026-11-20,1,\n2026-11-20,1,\n\n", [4, 6, 7]),
        ("\"d\",a,\"x\r\ny\"\r\n2026-11-20,1,\r\n\r\n2026-11-20,1,\"a\r\nb\"\r\n2026-11-20,1,x", [3, 5, 7]),
    ];
    for (file, lines) in cases {
        check(file, &options("date=d,amount=a"), &expected(lines).each_ref().map(String::as_str));
    }
}

#[test]
fn a_dash_is_an_empty_cell_and_columns_without_a_name_may_be_absent() {
    check(
        "d,c,v,\n2026-11-20,-,2.00\n2026-11-20,1.00,\u{2013},\n2026-11-20,1.00,--,,,\n2026-11-20,1.00,-,x\n2026-11-20,1.00,-,,x\n2026-11-20,1.00\n",
        &options("date=d,credit=c,debit=v"),
        &[
            "2 debit 2.00 BRL 2026-11-20 -/-/-",
            "3 credit 1.00 BRL 2026-11-20 -/-/-",
            "4 credit 1.00 BRL 2026-11-20 -/-/-",
            "5 credit 1.00 BRL 2026-11-20 -/-/-",
            "6 row: has 5 cells, the header has 4",
            "7 row: has 2 cells, the header has 4",
        ],
    );
}

#[test]
fn a_quote_that_is_not_closed_swallows_no_row_in_silence() {
    check(
        "d,a,t,u\n2026-11-20,1,\"5 inch,x\n2026-11-20,2,y,z\n2026-11-20,3,\"v\",w\n2026-11-20,4,\"a\n2026-11-20\",\n",
        &options("date=d,amount=a"),
        &[
            "2 row: has other rows in a quoted cell, which are not read: a quote before them is not closed",
            "5 credit 4.00 BRL 2026-11-20 -/-/-",
        ],
    );
    let to_the_end = "3 row: has other rows in a quoted cell, which are not read: a quote before them is not closed";
    for end in ["", "\n", "\r\n", "\"\n", "\n\"\n", "\n\""] {
        let file = format!("d,a,t\n2026-11-20,1,x\n2026-11-20,2,\"5 inch\n2026-11-20,3,y{end}");
        check(&file, &options("date=d,amount=a"), &["2 credit 1.00 BRL 2026-11-20 -/-/-", to_the_end]);
    }
}

/// It stands in a column without a name, such as the rest of an amount whose comma was taken for a delimiter.
#[test]
fn what_may_belong_to_the_amount_is_not_left_out() {
    let advice = "which has no name in the header and may belong to the amount: name the column there, or put quotes around amounts \
                  that have the delimiter inside";
    let refused = |line: u32, text: &str| format!("{line} row: has {text:?} in column 4, {advice}");
    check(
        "d,t,a,\n2026-11-20,x,1,50\n2026-11-20,y,1,D\n2026-11-20,z,1,+\n2026-11-20,v,1,ok\n2026-11-20,w,1,\n",
        &options("date=d,amount=a,description=t"),
        &[
            &refused(2, "50"),
            &refused(3, "D"),
            &refused(4, "+"),
            "5 credit 1.00 BRL 2026-11-20 v/-/-",
            "6 credit 1.00 BRL 2026-11-20 w/-/-",
        ],
    );
}

#[test]
fn a_second_table_with_other_columns_stops_the_import() {
    let options = options("date=d,amount=a");
    let file = "d,a,t\n2026-11-20,1,x\nd,a,t\n2026-11-20,2,y\na,d,t\n3,2026-11-20,z\n";
    let mut rows = open(file.as_bytes(), &options, &reading(&options)).unwrap();
    let mut lines = Vec::new();
    let error = loop {
        match rows.next_row() {
            Ok(Some(row)) => lines.push((row.line, row.traits.skip)),
            Ok(None) => panic!("{lines:?}"),
            Err(error) => break error.to_string(),
        }
    };
    assert_eq!(lines, [(2, None), (3, Some("it is the header again".to_owned())), (4, None)]);
    assert_eq!(error, "line 5: there is a second header, in another order: put each table into a file of its own");
}

#[test]
fn the_header_is_where_all_mapped_columns_are_named() {
    let options = options("date=d,amount=a");
    check("Saldo:;9\n\nd\nd;a\n2026-11-20;1\n", &options, &["5 credit 1.00 BRL 2026-11-20 -/-/-"]);
    let numbered = CsvOptions { no_header: true, ..super::options("date=2,amount=1") };
    check(
        "1;2026-11-20\n2;2026-11-20\n",
        &numbered,
        &["1 credit 1.00 BRL 2026-11-20 -/-/-", "2 credit 2.00 BRL 2026-11-20 -/-/-"],
    );
    let none = CsvOptions { mapping: None, ..options.clone() };
    let error = open(b"d,a\n", &none, &reading(&none)).unwrap_err().to_string();
    assert_eq!(error, "--map: map the date: --map date=COLUMN");
    // Of several lines that are no header, the one that comes nearest is shown.
    let error = open(b"x\nd;b\n", &options, &reading(&options)).unwrap_err().to_string();
    assert_eq!(error, "the file has no column \"a\"; its columns are \"d\", \"b\"");
}

#[test]
fn columns_that_are_missing_or_double_stop_the_import() {
    let check = |file: &str, expected: &str| {
        let options = options("date=d,amount=a");
        let error = open(file.as_bytes(), &options, &reading(&options)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check("d,b\n", "the file has no column \"a\"; its columns are \"d\", \"b\"");
    check("d,a,a\n", "the file has more than one column \"a\"");
    check("", "the file is empty");
}

#[test]
fn a_quote_that_is_never_closed_does_not_take_in_the_whole_file() {
    let options = options("date=d,amount=a");
    let file = format!("d,a\n\"2026-11-20,1.00\n{}", "2026-11-20,1.00\n".repeat(100_000));
    let mut rows = open(file.as_bytes(), &options, &reading(&options)).unwrap();
    let error = rows.next_row().unwrap_err().to_string();
    assert!(error.contains("is longer than 1048576 bytes: is a quote not closed?"), "{error}");
}
