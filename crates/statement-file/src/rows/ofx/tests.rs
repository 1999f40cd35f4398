mod transaction;

use cashflow::Description;
use proptest::prelude::*;

use super::*;
use crate::rows::{Format, Movement};

const TODAY: Date = jiff::civil::date(2026, 11, 22);

const SGML: &str = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n\n<OFX>\n<SIGNONMSGSRSV1><SONRS>\
    <STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261122<LANGUAGE>POR</SONRS></SIGNONMSGSRSV1>\n<BANKMSGSRSV1>\n<STMTTRNRS>\n\
    <TRNUID>1\n<STMTRS>\n<CURDEF>BRL\n<BANKACCTFROM>\n<BANKID>001\n<ACCTID>12-3\n</BANKACCTFROM>\n<BANKTRANLIST>\n\
    <DTSTART>20261101<DTEND>20261130\n";
const SGML_END: &str = "</BANKTRANLIST>\n<LEDGERBAL><BALAMT>1<DTASOF>20261122</LEDGERBAL>\n</STMTRS>\n</STMTTRNRS>\n</BANKMSGSRSV1>\n</OFX>\n";

fn reading() -> Reading {
    Reading {
        format: Format::Ofx,
        encoding: None,
        decimal: None,
        currency: None,
        only: Vec::new(),
        skip: Vec::new(),
        keep: Vec::new(),
        invert_signs: false,
        trust: None,
        ignore_ids: false,
    }
}

fn shown(file: &[u8], reading: &Reading) -> Vec<String> {
    let mut rows = OfxRows::new(file, reading, None, TODAY).unwrap();
    let mut shown = Vec::new();
    loop {
        match rows.next_row() {
            Ok(Some(row)) => shown.push(show(&row)),
            Ok(None) => return shown,
            Err(error) => {
                shown.push(error.to_string());
                return shown;
            }
        }
    }
}

fn show(row: &Row) -> String {
    match &row.content {
        Ok(Movement { request, date, account, id, .. }) => format!(
            "{} {} {} {date} {} {}/{}",
            request.entry_type,
            request.amount.to_decimal(),
            request.amount.currency(),
            request.description.as_ref().map_or("-", Description::as_str),
            account.as_deref().unwrap_or("-"),
            id.as_deref().unwrap_or("-"),
        ),
        Err(reasons) => reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

fn check(transactions: &str, expected: &[&str]) {
    assert_eq!(shown(format!("{SGML}{transactions}{SGML_END}").as_bytes(), &reading()), expected, "{transactions}");
}

#[test]
fn text_behind_an_opening_tag_hides_nothing() {
    let row = |text: &str| {
        format!("<STMTTRN>{text}\n<TRNTYPE>OTHER<DTPOSTED>20261122<TRNAMT>1<FITID>{}</STMTTRN>", text.len())
    };
    check(
        &format!("{}{}", row("."), row("")),
        &["credit 1.00 BRL 2026-11-22 - 12-3/1", "credit 1.00 BRL 2026-11-22 - 12-3/0"],
    );
    check(&row("-50.00"), &["row: has text before its first element"]);
    let file = format!("{SGML}{}{SGML_END}", row(""))
        .replace("<BANKACCTFROM>\n", "<BANKACCTFROM>-\n")
        .replace("<STMTRS>", "<STMTRS>x");
    assert_eq!(shown(file.as_bytes(), &reading()), ["credit 1.00 BRL 2026-11-22 - 12-3/0"]);
    check(
        "<STMTTRN><DTPOSTED>20261122<TRNAMT>1<PAYEE>.<NAME>P</PAYEE></STMTTRN>",
        &["credit 1.00 BRL 2026-11-22 P 12-3/-"],
    );
    check(
        "<STMTTRN/><STMTTRN><DTPOSTED>20261122<TRNAMT>1</STMTTRN>",
        &["line 20: the transaction has no end (</STMTTRN>)"],
    );
}

#[test]
fn every_document_of_a_file_is_read_with_its_own_account_and_encoding() {
    let row = |id: &str| format!("<STMTTRN><DTPOSTED>20261122<TRNAMT>1<FITID>{id}<MEMO>").into_bytes();
    let utf8 = SGML.replace("CHARSET:1252", "CHARSET:NONE").replace("12-3", "99");
    let file = [
        SGML.as_bytes(),
        &row("1"),
        b"S\xe3o</STMTTRN>",
        SGML_END.as_bytes(),
        b"\n\0\n",
        utf8.as_bytes(),
        &row("2"),
        "São</STMTTRN>".as_bytes(),
        SGML_END.as_bytes(),
    ]
    .concat();
    let expected = ["credit 1.00 BRL 2026-11-22 São 12-3/1", "credit 1.00 BRL 2026-11-22 São 99/2"];
    assert_eq!(shown(&file, &reading()), expected);
    // Nothing of a document is taken over into the next one.
    let without = format!("{SGML}{SGML_END}<OFX><STMTTRN><DTPOSTED>20261122<TRNAMT>1<FITID>1</STMTTRN></OFX>");
    assert_eq!(
        shown(without.as_bytes(), &reading()),
        [
            "ACCTID: is missing: name the account with --account; currency: the statement names none (CURDEF): say which with --currency"
        ]
    );
}

#[test]
fn texts_in_utf8_are_read_as_that_although_the_header_says_windows_1252() {
    let row = |memo: &[u8]| [b"<STMTTRN><DTPOSTED>20261122<TRNAMT>1<MEMO>", memo, b"</STMTTRN>"].concat();
    let read = |reading: &Reading, memos: &[&[u8]]| {
        let rows: Vec<u8> = memos.iter().flat_map(|memo| row(memo)).collect();
        let file = [SGML.as_bytes(), &rows, SGML_END.as_bytes()].concat();
        let mut rows = OfxRows::new(&file[..], reading, None, TODAY).unwrap();
        let mut read = Vec::new();
        while let Some(row) = rows.next_row().unwrap() {
            let movement = row.content.unwrap();
            let text = |text: Option<Description>| text.map(|text| text.as_str().to_owned()).unwrap_or_default();
            read.push((text(movement.request.description), text(movement.misread)));
        }
        (read, rows.notes().len())
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let manutencao = "manutenção".as_bytes();
    assert_eq!(read(&reading(), &[manutencao, b"x"]), (vec![pair("manutenção", "manutenÃ§Ã£o"), pair("x", "")], 1));
    assert_eq!(read(&reading(), &[b"manuten\xe7\xe3o"]), (vec![pair("manutenção", "")], 0));
    let given = Reading { encoding: Some(Encoding::Windows1252), ..reading() };
    assert_eq!(read(&given, &[manutencao]), (vec![pair("manutenÃ§Ã£o", "")], 0));
}

#[test]
fn an_error_of_the_bank_stops_the_import_with_code_and_message() {
    let status = |severity: &str| format!("<STATUS><CODE>15500<SEVERITY>{severity}<MESSAGE>Signon invalid</STATUS>");
    let file = |severity: &str| {
        format!("OFXHEADER:100\n\n<OFX><SIGNONMSGSRSV1><SONRS>{}</SONRS></SIGNONMSGSRSV1></OFX>", status(severity))
    };
    let expected = "line 3: the file has no statement, but an error of the bank: 15500 Signon invalid";
    assert_eq!(shown(file("ERROR").as_bytes(), &reading()), [expected]);
    assert_eq!(shown(file("INFO").as_bytes(), &reading()), ["line 1: the file has no statement (STMTRS, CCSTMTRS)"]);
    let inner = format!("{SGML}{SGML_END}").replace("<TRNUID>1", &format!("<TRNUID>1{}", status("ERROR")));
    assert!(shown(inner.as_bytes(), &reading())[0].contains("15500 Signon invalid"));
    check("", &[]);
}

#[test]
fn an_account_that_the_file_does_not_name_is_named_by_the_user() {
    let row = "<STMTTRN><DTPOSTED>20261122<TRNAMT>1<FITID>1</STMTTRN>";
    let file = format!(
        "<OFX><STMTRS><CURDEF>BRL{row}</STMTRS><STMTRS><CURDEF>BRL<BANKACCTFROM><ACCTID>7</BANKACCTFROM>{row}</STMTRS></OFX>"
    );
    let mut rows = OfxRows::new(file.as_bytes(), &reading(), Some("mine"), TODAY).unwrap();
    let mut accounts = Vec::new();
    while let Some(row) = rows.next_row().unwrap() {
        accounts.push(row.content.unwrap().account.unwrap());
    }
    assert_eq!(accounts, ["mine", "7"]);
}

#[test]
fn what_is_not_read_is_said() {
    let file = format!("{SGML}<STMTTRNP><TRNAMT>1</STMTTRNP><STMTTRNP></STMTTRNP>{SGML_END}\nbye");
    let mut rows = OfxRows::new(file.as_bytes(), &reading(), None, TODAY).unwrap();
    assert!(rows.next_row().unwrap().is_none());
    let lines = file.lines().count();
    let expected = [
        format!("what begins in line {lines}, behind the end of the statement, is not read"),
        "2 elements STMTTRNP are not read: only STMTTRN are entries".to_owned(),
    ];
    assert_eq!(rows.notes(), expected);
}

#[test]
fn xml_with_several_accounts_is_read_and_picked_from() {
    let statement = |messages: &str, account: &str, currency: &str, id: &str| {
        format!(
            "<{messages}MSGSRSV1><X><STMTRS><CURDEF>{currency}</CURDEF><{messages}ACCTFROM><ACCTID>{account}</ACCTID></{messages}ACCTFROM>\
             <BANKTRANLIST><STMTTRN><TRNTYPE>CREDIT</TRNTYPE><DTPOSTED>20261122</DTPOSTED><TRNAMT>1.00</TRNAMT>\
             <FITID>{id}</FITID><NAME>Café &amp; Pão</NAME></STMTTRN></BANKTRANLIST></STMTRS></X></{messages}MSGSRSV1>"
        )
    };
    let file = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?OFX OFXHEADER=\"200\" VERSION=\"211\"?>\n<OFX>{}{}</OFX>",
        statement("BANK", "1", "BRL", "a"),
        statement("CC", "2", "USD", "b"),
    );
    let first = "credit 1.00 BRL 2026-11-22 Café & Pão 1/a";
    let second = "credit 1.00 USD 2026-11-22 Café & Pão 2/b";
    assert_eq!(shown(file.as_bytes(), &reading()), [first, second]);
    let only = vec![("ACCTID".to_owned(), "2".to_owned())];
    assert_eq!(shown(file.as_bytes(), &Reading { only, ..reading() }), [second]);
    let only = vec![("ACCOUNT".to_owned(), "2".to_owned())];
    let error = OfxRows::new(file.as_bytes(), &Reading { only, ..reading() }, None, TODAY).unwrap_err().to_string();
    assert!(error.starts_with("the file has no column \"ACCOUNT\"; its columns are \"ACCTID\""), "{error}");
}

#[test]
fn a_statement_without_currency_needs_one_given() {
    let file = "<OFX><STMTRS><BANKACCTFROM><ACCTID>1</BANKACCTFROM><STMTTRN><DTPOSTED>20261122<TRNAMT>1<FITID>1</STMTTRN></STMTRS></OFX>";
    assert_eq!(
        shown(file.as_bytes(), &reading()),
        ["currency: the statement names none (CURDEF): say which with --currency"]
    );
    let given = Reading { currency: Some("EUR".to_owned()), ..reading() };
    assert_eq!(shown(file.as_bytes(), &given), ["credit 1.00 EUR 2026-11-22 - 1/1"]);
}

#[test]
fn the_encoding_is_that_of_the_header_or_the_one_given() {
    let row = b"<STMTTRN><DTPOSTED>20261122<TRNAMT>1<FITID>1<MEMO>S\xe3o</STMTTRN>";
    let file = |header: &str| [header.as_bytes(), row, SGML_END.as_bytes()].concat();
    assert_eq!(shown(&file(SGML), &reading()), ["credit 1.00 BRL 2026-11-22 São 12-3/1"]);
    let utf8 = SGML.replace("CHARSET:1252", "CHARSET:NONE");
    assert_eq!(shown(&file(&utf8), &reading()), ["MEMO: is not UTF-8 text: see --encoding"]);
    let given = Reading { encoding: Some(Encoding::Windows1252), ..reading() };
    assert_eq!(shown(&file(&utf8), &given), ["credit 1.00 BRL 2026-11-22 São 12-3/1"]);
}

#[test]
fn a_transaction_that_does_not_end_stops_the_import() {
    let good = "<STMTTRN><DTPOSTED>20261122<TRNAMT>1<FITID>1</STMTTRN>\n";
    let torn = format!("{good}<STMTTRN><DTPOSTED>20261122<TRNAMT>1");
    check(&torn, &["credit 1.00 BRL 2026-11-22 - 12-3/1", "line 21: the transaction has no end (</STMTTRN>)"]);
    let cut = format!("{SGML}{torn}");
    assert!(shown(cut.as_bytes(), &reading())[1].ends_with("it is not complete"));
}

proptest! {
    #[test]
    fn of_any_transactions_none_vanishes(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "<TRNAMT>", "<FITID>", "<MEMO>", "<NAME>", "<DTPOSTED>20261122", "<PAYEE>", "</PAYEE>", "<CURRENCY>", "</CURRENCY>", "1.5", "-2",
            "x", "&amp;", "<![CDATA[", "]]>", "<!--", "-->", "<", ">", "\n", ".", "<MEMO/>", "\0", "é", "</MEMO>", "</STMTTRN>", "<STMTTRN>",
        ]), 0..12),
    ) {
        let row = "<STMTTRN><DTPOSTED>20261122<TRNAMT>1<FITID>9</STMTTRN>";
        let file = format!("{SGML}<STMTTRN>{}</STMTTRN>{row}{SGML_END}", pieces.concat());
        let shown = shown(file.as_bytes(), &reading());
        let has_stopped = shown.iter().any(|row| row.starts_with("line "));
        let is_open_comment = ["<!--", "<![CDATA["].iter().any(|mark| file.contains(mark));
        prop_assert!(has_stopped || is_open_comment || shown.len() >= 2, "{shown:?} {file}");
    }
}
