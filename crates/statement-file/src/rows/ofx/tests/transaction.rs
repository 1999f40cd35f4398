//! What a transaction says.

use super::*;
use crate::rows::Trust;

/// The sign decides the direction.
#[test]
fn a_type_that_contradicts_the_sign_is_refused_until_the_user_decides() {
    let transactions = [
        ("CREDIT", "-1"),
        ("DEBIT", "+2"),
        ("DEP", "-3"),
        ("OTHER", "-4"),
        ("FEE", "5"),
        ("debit", "-6"),
        ("CREDIT", "7"),
    ];
    let rows: String = transactions
        .iter()
        .enumerate()
        .map(|(id, (name, amount))| {
            format!("<STMTTRN><TRNTYPE>{name}<DTPOSTED>20261122<TRNAMT>{amount}<FITID>{id}</STMTTRN>")
        })
        .collect();
    let file = format!("{SGML}{rows}{SGML_END}");
    let shown = |trust| {
        let shown = shown(file.as_bytes(), &Reading { trust, ..reading() });
        shown.into_iter().map(|row| row.replace(" BRL 2026-11-22 - 12-3", "")).collect::<Vec<_>>()
    };
    let advice = "say which of them is right with --trust type or --trust sign";
    let refused = |name: &str, sign: &str| format!("TRNTYPE: is {name}, but the amount is {sign}: {advice}");
    let rest = |fee: &'static str| ["debit 4.00/3", fee, "debit 6.00/5", "credit 7.00/6"];
    assert_eq!(
        shown(None)[..3],
        [refused("CREDIT", "negative"), refused("DEBIT", "positive"), refused("DEP", "negative")]
    );
    assert_eq!(shown(Some(Trust::Type))[..3], ["credit 1.00/0", "debit 2.00/1", "credit 3.00/2"]);
    assert_eq!(shown(Some(Trust::Sign))[..3], ["debit 1.00/0", "credit 2.00/1", "debit 3.00/2"]);
    // A fee may be given back, unless the user says that the sign means nothing.
    assert_eq!(shown(None)[3..], rest("credit 5.00/4"));
    assert_eq!(shown(Some(Trust::Sign))[3..], rest("credit 5.00/4"));
    assert_eq!(shown(Some(Trust::Type))[3..], rest("debit 5.00/4"));
}

/// A row whose type and sign contradict each other is refused.
#[test]
fn a_type_in_the_banks_own_words_is_compared_with_the_sign_too() {
    for (name, amount) in
        [("D", "5"), ("d", "5"), ("DEBITO", "5"), ("D\u{e9}bito", "5"), ("C", "-5"), ("CREDITO", "-5")]
    {
        let row = format!("<STMTTRN><TRNTYPE>{name}<DTPOSTED>20261122<TRNAMT>{amount}<FITID>1</STMTTRN>");
        let file = format!("{SGML}{row}{SGML_END}").replace("CHARSET:1252", "CHARSET:UTF-8");
        let sign = if amount == "5" { "positive" } else { "negative" };
        let shown = shown(file.as_bytes(), &reading());
        assert!(shown[0].contains(&format!("but the amount is {sign}: say which of them is right")), "{shown:?}");
    }
}

#[test]
fn rows_of_two_accounts_with_one_number_are_not_taken_for_repetitions() {
    let statement = |holder: &str| {
        format!(
            "<STMTRS><CURDEF>BRL<BANKACCTFROM>{holder}<ACCTID>12-3</BANKACCTFROM><BANKTRANLIST><STMTTRN><TRNTYPE>OTHER\
             <DTPOSTED>20261122<TRNAMT>5<FITID>1</STMTTRN></BANKTRANLIST></STMTRS>"
        )
    };
    let holders = |first: &str, second: &str| {
        let file = format!("OFXHEADER:100\n\n<OFX>{}{}</OFX>", statement(first), statement(second));
        let mut rows = OfxRows::new(file.as_bytes(), &reading(), None, TODAY).unwrap();
        let [first, second] = [(); 2].map(|()| rows.next_row().unwrap().unwrap().traits.holder);
        first.contradicts(&second)
    };
    assert!(holders("<BANKID>001", "<BANKID>341"));
    assert!(holders("<BANKID>001<ACCTTYPE>CHECKING", "<BANKID>001<ACCTTYPE>savings"));
    assert!(!holders("<BANKID>001<ACCTTYPE>CHECKING", "<BANKID>1<ACCTTYPE>checking"));
    assert!(!holders("<BANKID>001", ""));
}

#[test]
fn on_a_card_statement_positive_amounts_are_debits_if_the_user_says_so() {
    let rows = "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261122<TRNAMT>12.00<FITID>1</STMTTRN>\
                <STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261122<TRNAMT>-300.00<FITID>2</STMTTRN>";
    let inverted = Reading { invert_signs: true, ..reading() };
    let file = format!("{SGML}{rows}{SGML_END}");
    let expected = ["debit 12.00 BRL 2026-11-22 - 12-3/1", "credit 300.00 BRL 2026-11-22 - 12-3/2"];
    assert_eq!(shown(file.as_bytes(), &inverted), expected);
}

#[test]
fn everything_that_is_wrong_with_a_transaction_is_said_at_once() {
    check(
        "<STMTTRN><TRNTYPE>OTHER<DTPOSTED>20261322<TRNAMT>1.23,456<FITID>1</STMTTRN>\
         <STMTTRN><TRNTYPE>OTHER<DTPOSTED>20261122<TRNAMT>0.00<TRNAMT>1.00<FITID></STMTTRN>\
         <STMTTRN><TRNTYPE>OTHER</STMTTRN>\
         <STMTTRN><DTPOSTED>20261122<TRNAMT>1.00<FITID>2<CORRECTFITID>1<CORRECTACTION>DELETE</STMTTRN>",
        &[
            "date: must be a date of the calendar as YYYYMMDD, with a time such as 120000.000[-3:BRT] at most; \
             amount: is not an amount such as -1234.56 or -1234,56",
            "TRNAMT: occurs more than once",
            "DTPOSTED: is missing; TRNAMT: is missing",
            "CORRECTFITID: corrects another transaction: what it means has to be entered by hand",
        ],
    );
}

#[test]
fn a_transaction_without_id_or_texts_is_one_all_the_same() {
    check("<STMTTRN><TRNTYPE>FEE<DTPOSTED>20261122<TRNAMT>-1</STMTTRN>", &["debit 1.00 BRL 2026-11-22 - 12-3/-"]);
}

#[test]
fn ids_can_be_left_out() {
    let file = format!("{SGML}<STMTTRN><DTPOSTED>20261122<TRNAMT>1<FITID>0</STMTTRN>{SGML_END}");
    let without = Reading { ignore_ids: true, ..reading() };
    assert_eq!(shown(file.as_bytes(), &without), ["credit 1.00 BRL 2026-11-22 - 12-3/-"]);
}

#[test]
fn a_description_is_name_and_memo_as_far_as_they_fit() {
    let long = "m".repeat(250);
    for (texts, expected) in [
        ("<NAME>N<MEMO>M", "N - M"),
        ("<NAME>N", "N"),
        ("<MEMO>M", "M"),
        ("<NAME>Same<MEMO>Same", "Same"),
        ("<PAYEE><NAME>P<CITY>C</PAYEE><MEMO>M", "P - M"),
        (&format!("<NAME>Name<MEMO>{long}"), &long),
    ] {
        let row = format!("<STMTTRN><DTPOSTED>20261122<TRNAMT>1<FITID>1{texts}</STMTTRN>");
        check(&row, &[&format!("credit 1.00 BRL 2026-11-22 {expected} 12-3/1")]);
    }
}

/// Nor are currencies, but for that of the amount.
#[test]
fn accounts_inside_a_transaction_are_not_those_of_the_statement() {
    check(
        "<STMTTRN><DTPOSTED>20261122<TRNAMT>1.5<FITID>1<BANKACCTTO><BANKID>9<ACCTID>other</BANKACCTTO>\
         <CURRENCY><CURRATE>5.1<CURSYM>USD</CURRENCY></STMTTRN>\
         <STMTTRN><DTPOSTED>20261122<TRNAMT>2.5<FITID>2<ORIGCURRENCY><CURRATE>5.1<CURSYM>USD</ORIGCURRENCY></STMTTRN>",
        &["credit 1.50 USD 2026-11-22 - 12-3/1", "credit 2.50 BRL 2026-11-22 - 12-3/2"],
    );
}
