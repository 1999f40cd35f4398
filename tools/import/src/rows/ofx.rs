//! OFX files, 1.x and 2.x: the transactions of all statements in them, bank accounts and credit cards alike.

use std::io::BufRead;

use ::csv::ByteRecord;
use cashflow::{Currency, DESCRIPTION_CHARACTERS_MAX, Date, Description, EntryRequest, EntryType, parse_date};

use super::{
    Encoding, Movement, Reading, Reason, Reasons, Row, Shape, StatementError,
    csv::listed,
    number::Number,
    sgml::{Event, Events},
    text::NotText,
};

/// The elements of a transaction that are read; `--only` picks by them, and refused rows show them.
const COLUMNS: [&str; 11] = [
    "ACCTID",
    "CURDEF",
    "CURRENCY",
    "TRNTYPE",
    "DTPOSTED",
    "TRNAMT",
    "FITID",
    "CHECKNUM",
    "NAME",
    "MEMO",
    "CORRECTFITID",
];

const ACCOUNT: usize = 0;
const STATEMENT_CURRENCY: usize = 1;
const CURRENCY: usize = 2;
const POSTED: usize = 4;
const AMOUNT: usize = 5;
const ID: usize = 6;
const NAME: usize = 8;
const MEMO: usize = 9;
const CORRECTS: usize = 10;

/// Elements inside a transaction that have others inside, whose names must not be taken for the transaction's own.
const INNER: [&str; 6] = ["PAYEE", "BANKACCTTO", "CCACCTTO", "CURRENCY", "ORIGCURRENCY", "IMAGEDATA"];

/// The rows of an OFX file.
#[derive(Debug)]
pub struct OfxRows<R> {
    events: Events<R>,
    default_currency: Option<String>,
    only: Vec<(usize, String)>,
    ignore_ids: bool,
    today: Date,
    /// Account and currency of the statement that the next transaction is in.
    statement: Values,
    in_account: bool,
}

/// The values of [`COLUMNS`], as far as they are there.
type Values = [Option<Result<String, NotText>>; COLUMNS.len()];

impl<R: BufRead> OfxRows<R> {
    /// Reads the header.
    pub fn new(file: R, reading: &Reading, ignore_ids: bool, today: Date) -> Result<OfxRows<R>, StatementError> {
        let find = |name: &str| {
            COLUMNS
                .iter()
                .position(|column| *column == name)
                .ok_or_else(|| StatementError::NoColumn { name: name.to_owned(), columns: listed(&COLUMNS) })
        };
        let only = reading.only.iter().map(|(name, value)| Ok((find(name)?, value.clone())));
        Ok(OfxRows {
            only: only.collect::<Result<_, StatementError>>()?,
            events: Events::new(file, reading.encoding)?,
            default_currency: reading.currency.clone(),
            ignore_ids,
            today,
            statement: Values::default(),
            in_account: false,
        })
    }

    /// The next transaction that is picked.
    pub fn next_row(&mut self) -> Result<Option<Row>, StatementError> {
        while let Some((event, line)) = self.events.next_event()? {
            match event {
                Event::Open(name) => match name.as_str() {
                    "STMTRS" | "CCSTMTRS" | "INVSTMTRS" => self.statement = Values::default(),
                    "BANKACCTFROM" | "CCACCTFROM" | "INVACCTFROM" => self.in_account = true,
                    "STMTTRN" => {
                        let (values, reasons) = self.read_transaction(line)?;
                        let is_picked = self
                            .only
                            .iter()
                            .all(|(column, value)| matches!(&values[*column], Some(Ok(text)) if text == value));
                        if is_picked {
                            return Ok(Some(self.row(line, &values, reasons)));
                        }
                    }
                    _ => {}
                },
                Event::Close(name) => match name.as_str() {
                    "BANKACCTFROM" | "CCACCTFROM" | "INVACCTFROM" => self.in_account = false,
                    _ => {}
                },
                Event::Value(name, value) => match name.as_str() {
                    "ACCTID" if self.in_account => self.statement[ACCOUNT] = Some(value),
                    "CURDEF" => self.statement[STATEMENT_CURRENCY] = Some(value),
                    _ => {}
                },
            }
        }
        Ok(None)
    }

    /// How many bytes have been read.
    pub fn offset(&self) -> u64 {
        self.events.offset()
    }

    /// How refused rows are to be written: a table of the elements that are read.
    pub fn shape() -> Shape {
        Shape { header: ByteRecord::from(COLUMNS.to_vec()), delimiter: b',', encoding: Encoding::Utf8 }
    }

    /// Reads up to the end of the transaction that begins in this line.
    fn read_transaction(&mut self, line: u64) -> Result<(Values, Reasons), StatementError> {
        let mut values = self.statement.clone();
        let mut reasons = Reasons::default();
        let mut inner: Option<String> = None;
        let not_closed = || StatementError::Ofx { line, fault: "the transaction has no end (</STMTTRN>)".to_owned() };
        while let Some((event, _)) = self.events.next_event()? {
            match event {
                Event::Close(name) if name == "STMTTRN" => return Ok((values, reasons)),
                Event::Open(name) if name == "STMTTRN" => return Err(not_closed()),
                Event::Close(name) if name == "BANKTRANLIST" => return Err(not_closed()),
                Event::Open(name) if INNER.contains(&name.as_str()) => inner = Some(name),
                Event::Close(name) if inner.as_deref() == Some(&name) => inner = None,
                Event::Open(_) | Event::Close(_) => {}
                Event::Value(name, value) => {
                    let column = match (inner.as_deref(), name.as_str()) {
                        // The amount is in this currency; ORIGCURRENCY only tells what it was converted from.
                        (Some("CURRENCY"), "CURSYM") => Some(CURRENCY),
                        (Some("PAYEE"), "NAME") => Some(NAME),
                        (None, "ACCTID" | "CURDEF" | "CURRENCY") | (Some(_), _) => None,
                        (None, name) => COLUMNS.iter().position(|column| *column == name),
                    };
                    if let Some(column) = column
                        && values[column].replace(value).is_some()
                    {
                        reasons.add(COLUMNS[column], "occurs more than once");
                    }
                }
            }
        }
        Err(not_closed())
    }

    fn row(&self, line: u64, values: &Values, reasons: Reasons) -> Row {
        let cells = values.iter().map(|value| match value {
            Some(Ok(text)) => text.as_str(),
            Some(Err(_)) => "\u{fffd}",
            None => "",
        });
        let cells = ByteRecord::from(cells.collect::<Vec<_>>());
        Row { line, cells, content: self.read(values, reasons) }
    }

    fn read(&self, values: &Values, mut reasons: Reasons) -> Result<Movement, Vec<Reason>> {
        if values[CORRECTS].is_some() {
            reasons.add("CORRECTFITID", "corrects another transaction: what it means has to be entered by hand");
        }
        let account = required(values, ACCOUNT, &mut reasons);
        let id = optional(values, ID, &mut reasons).map(|id| id.filter(|_| !self.ignore_ids));
        let date = required(values, POSTED, &mut reasons)
            .and_then(|text| reasons.check("date", parse_ofx_date(&text)))
            .and_then(|date| reasons.entry_date(Some(date), self.today));
        let currency = self.read_currency(values, &mut reasons);
        let number =
            required(values, AMOUNT, &mut reasons).and_then(|text| reasons.check("amount", Number::parse_ofx(&text)));
        let amount = number.as_ref().and_then(|number| reasons.amount("amount", &number.digits, currency));
        let description = read_description(values, &mut reasons);
        let movement = || {
            // The sign decides; TRNTYPE only says what kind of movement it was (OFX 2.2, section 11.4.4.3).
            let entry_type = if number?.negative { EntryType::Debit } else { EntryType::Credit };
            let request = EntryRequest { entry_type, amount: amount?, date, description: description?, category: None };
            Some(Movement { request, date: date?, account: Some(account?), id: id? })
        };
        match movement() {
            Some(movement) if reasons.0.is_empty() => Ok(movement),
            _ => Err(reasons.0),
        }
    }

    fn read_currency(&self, values: &Values, reasons: &mut Reasons) -> Option<Currency> {
        let of_transaction = optional(values, CURRENCY, reasons)?;
        let of_statement = optional(values, STATEMENT_CURRENCY, reasons)?;
        match of_transaction.or(of_statement).as_ref().or(self.default_currency.as_ref()) {
            Some(code) => reasons.currency(code),
            None => {
                reasons.add("currency", "the statement names none (CURDEF): say which with --currency");
                None
            }
        }
    }
}

/// The text of an element that must be there.
fn required(values: &Values, column: usize, reasons: &mut Reasons) -> Option<String> {
    let value = optional(values, column, reasons)?;
    if value.is_none() {
        reasons.add(COLUMNS[column], "is missing");
    }
    value
}

/// The text of an element, if it is there and not empty; nothing at all if it cannot be read.
fn optional(values: &Values, column: usize, reasons: &mut Reasons) -> Option<Option<String>> {
    match &values[column] {
        Some(value) => {
            reasons.check(COLUMNS[column], value.as_ref()).map(|text| Some(text.clone()).filter(|t| !t.is_empty()))
        }
        None => Some(None),
    }
}

/// Who and what for: NAME and MEMO. If both together are too long for a description, what for.
fn read_description(values: &Values, reasons: &mut Reasons) -> Option<Option<Description>> {
    let (name, memo) = (optional(values, NAME, reasons)?, optional(values, MEMO, reasons)?);
    let text = match (name, memo) {
        (Some(name), Some(memo)) if name != memo => {
            let both = format!("{name} - {memo}");
            if both.chars().count() > DESCRIPTION_CHARACTERS_MAX { memo } else { both }
        }
        (name, memo) => match memo.or(name) {
            Some(text) => text,
            None => return Some(None),
        },
    };
    reasons.check("description", Description::parse(&text)).map(Some)
}

/// The text is not an OFX date.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a date of the calendar as YYYYMMDD, with a time such as 120000.000[-3:BRT] at most")]
struct NotADate;

/// Reads an OFX date (OFX 2.2, section 3.2.8): `20261122`, `20261122120000`, `20261122120000.000[-3:BRT]`. The day is taken
/// as the bank wrote it: its own day, whatever the zone.
fn parse_ofx_date(text: &str) -> Result<Date, NotADate> {
    let is_ascii_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (clock, zone) = match text.split_once('[') {
        Some((clock, zone)) => (clock.trim_end(), Some(zone)),
        None => (text, None),
    };
    let zone_is_good = zone.is_none_or(|zone| {
        let hours = zone.strip_suffix(']').map(|zone| zone.split_once(':').map_or(zone, |(hours, _)| hours));
        hours.is_some_and(|hours| {
            let hours = hours.strip_prefix(['-', '+']).unwrap_or(hours);
            hours.split('.').all(is_ascii_digits) && hours.len() <= 5
        })
    });
    let (digits, fraction) = match clock.split_once('.') {
        Some((digits, fraction)) => (digits, Some(fraction)),
        None => (clock, None),
    };
    let is_shaped = is_ascii_digits(digits)
        && matches!(digits.len(), 8 | 12 | 14)
        && fraction.is_none_or(|fraction| is_ascii_digits(fraction) && fraction.len() <= 6 && digits.len() == 14);
    if !zone_is_good || !is_shaped || (zone.is_some() && digits.len() == 8 && fraction.is_some()) {
        return Err(NotADate);
    }
    let two = |at: usize| digits.get(at..at + 2).and_then(|two| two.parse::<u8>().ok()).unwrap_or(0);
    if two(8) > 23 || two(10) > 59 || two(12) > 60 {
        return Err(NotADate);
    }
    let day = format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..8]);
    // A date before 1900 is one of the calendar; that it is too early is said by the check of the entry's date.
    match parse_date(&day) {
        Ok(date) => Ok(date),
        Err(_) => day.parse().map_err(|_| NotADate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Format;

    const TODAY: Date = jiff::civil::date(2026, 11, 22);

    const SGML: &str = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n\n<OFX>\n<SIGNONMSGSRSV1><SONRS>\
        <STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261122<LANGUAGE>POR</SONRS></SIGNONMSGSRSV1>\n<BANKMSGSRSV1>\n<STMTTRNRS>\n\
        <TRNUID>1\n<STMTRS>\n<CURDEF>BRL\n<BANKACCTFROM>\n<BANKID>001\n<ACCTID>12-3\n</BANKACCTFROM>\n<BANKTRANLIST>\n\
        <DTSTART>20261101<DTEND>20261130\n";
    const SGML_END: &str = "</BANKTRANLIST>\n<LEDGERBAL><BALAMT>1<DTASOF>20261122</LEDGERBAL>\n</STMTRS>\n</STMTTRNRS>\n</BANKMSGSRSV1>\n</OFX>\n";

    fn reading() -> Reading {
        Reading { format: Format::Ofx { ignore_ids: false }, encoding: None, currency: None, only: Vec::new() }
    }

    fn shown(file: &[u8], reading: &Reading) -> Vec<String> {
        let mut rows = OfxRows::new(file, reading, reading.format == Format::Ofx { ignore_ids: true }, TODAY).unwrap();
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
            Ok(Movement { request, date, account, id }) => format!(
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
    fn the_sign_decides_the_direction_whatever_the_type_says() {
        check(
            "<STMTTRN>\n<TRNTYPE>CREDIT\n<DTPOSTED>20261120120000[-3:BRT]\n<TRNAMT>-150,75\n<FITID>A1\n<MEMO>Compra &amp; cia\n</STMTTRN>\n\
             <STMTTRN><TRNTYPE>DEBIT</TRNTYPE><DTPOSTED>20261121</DTPOSTED><TRNAMT>+20.00</TRNAMT><FITID>A2</FITID><NAME>Bob<MEMO>Pix</STMTTRN>\n",
            &["debit 150.75 BRL 2026-11-20 Compra & cia 12-3/A1", "credit 20.00 BRL 2026-11-21 Bob - Pix 12-3/A2"],
        );
    }

    #[test]
    fn the_day_is_the_one_that_the_bank_wrote() {
        let cases = [
            ("20261122", Some("2026-11-22")),
            ("202611221200", Some("2026-11-22")),
            ("20261122235959", Some("2026-11-22")),
            ("20261122235959.123", Some("2026-11-22")),
            ("20261122003000[0:GMT]", Some("2026-11-22")),
            ("20261122120000[-3:BRT]", Some("2026-11-22")),
            ("20261122120000.000[-03:EST]", Some("2026-11-22")),
            ("20261122120000[+5.30:IST]", Some("2026-11-22")),
            ("20261122120000[-3]", Some("2026-11-22")),
            ("20261122[-3:BRT]", Some("2026-11-22")),
            ("18991231", Some("1899-12-31")),
            ("20260230", None),
            ("2026-11-22", None),
            ("22112026", None),
            ("20261122250000", None),
            ("20261122126100", None),
            ("20261122120000[-3:BRT", None),
            ("20261122120000[BRT]", None),
            ("2026112", None),
            ("202611221", None),
            ("20261122.5", None),
            ("", None),
            ("２0261122", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_ofx_date(text).ok().map(|date| date.to_string()).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn everything_that_is_wrong_with_a_transaction_is_said_at_once() {
        check(
            "<STMTTRN><TRNTYPE>OTHER<DTPOSTED>20261322<TRNAMT>1.234,56<FITID>1</STMTTRN>\
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
        let without = Reading { format: Format::Ofx { ignore_ids: true }, ..reading() };
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

    #[test]
    fn accounts_and_currencies_inside_a_transaction_are_not_those_of_the_statement() {
        check(
            "<STMTTRN><DTPOSTED>20261122<TRNAMT>1.5<FITID>1<BANKACCTTO><BANKID>9<ACCTID>other</BANKACCTTO>\
             <CURRENCY><CURRATE>5.1<CURSYM>USD</CURRENCY></STMTTRN>\
             <STMTTRN><DTPOSTED>20261122<TRNAMT>2.5<FITID>2<ORIGCURRENCY><CURRATE>5.1<CURSYM>USD</ORIGCURRENCY></STMTTRN>",
            &["credit 1.50 USD 2026-11-22 - 12-3/1", "credit 2.50 BRL 2026-11-22 - 12-3/2"],
        );
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
        let error =
            OfxRows::new(file.as_bytes(), &Reading { only, ..reading() }, false, TODAY).unwrap_err().to_string();
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
}
