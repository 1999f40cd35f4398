//! OFX files, 1.x and 2.x: the transactions of all statements in them, bank accounts and credit cards alike.

use std::{
    collections::{BTreeMap, HashSet},
    io::BufRead,
};

use ::csv::ByteRecord;
use cashflow::{Currency, DESCRIPTION_CHARACTERS_MAX, Date, Description, EntryRequest, EntryType, parse_date};

use super::{
    Condition, Content, Encoding, Holder, Movement, Reading, Reasons, Row, Shape, Signed, StatementError, Traits,
    Trust, WORDS_MAX,
    balance::wording,
    csv::listed,
    number::{Convention, Number},
    sgml::{Event, Events},
    text::{NotText, misread},
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
const TYPE: usize = 3;
const POSTED: usize = 4;
const AMOUNT: usize = 5;
const ID: usize = 6;
const NAME: usize = 8;
const MEMO: usize = 9;
const CORRECTS: usize = 10;

/// Elements inside a transaction that have others inside, whose names must not be taken for the transaction's own.
const INNER: [&str; 6] = ["PAYEE", "BANKACCTTO", "CCACCTTO", "CURRENCY", "ORIGCURRENCY", "IMAGEDATA"];

/// Elements that have others inside. Text of their own is a mistake of the bank, and must not hide what is inside.
const AGGREGATES: [&str; 24] = [
    "OFX",
    "STMTTRN",
    "BANKTRANLIST",
    "STMTRS",
    "CCSTMTRS",
    "INVSTMTRS",
    "STMTTRNRS",
    "CCSTMTTRNRS",
    "INVSTMTTRNRS",
    "BANKMSGSRSV1",
    "CREDITCARDMSGSRSV1",
    "INVSTMTMSGSRSV1",
    "BANKACCTFROM",
    "CCACCTFROM",
    "INVACCTFROM",
    "LEDGERBAL",
    "AVAILBAL",
    "STATUS",
    "SIGNONMSGSRSV1",
    "SONRS",
    "INVTRANLIST",
    "INVBANKTRAN",
    "STMTTRNP",
    "BANKTRANLISTP",
];

/// What else moves money or securities, is not read, and must not go without a word.
const NOT_READ: [&str; 23] = [
    "STMTTRNP",
    "BUYDEBT",
    "BUYMF",
    "BUYOPT",
    "BUYOTHER",
    "BUYSTOCK",
    "CLOSUREOPT",
    "INCOME",
    "INVEXPENSE",
    "JRNLFUND",
    "JRNLSEC",
    "MARGININTEREST",
    "REINVEST",
    "RETOFCAP",
    "SELLDEBT",
    "SELLMF",
    "SELLOPT",
    "SELLOTHER",
    "SELLSTOCK",
    "SPLIT",
    "TRANSFER",
    "PAYMENTRS",
    "LOANSTMTTRN",
];

/// Types that name a direction (OFX 2.2, section 11.4.4.3). All others go with either sign.
/// Behind those of the standard stand what Brazilian banks write instead.
const CREDIT_TYPES: [&str; 6] = ["CREDIT", "DEP", "DIRECTDEP", "C", "CREDITO", "CR\u{c9}DITO"];
const DEBIT_TYPES: [&str; 5] = ["DEBIT", "DIRECTDEBIT", "D", "DEBITO", "D\u{c9}BITO"];

/// Types that are debits as a rule; a fee can be given back, and a payment is a credit to a card. Where no amount of a statement
/// has a minus, the bank means the type, and everywhere, if the user says that the type counts.
const USUAL_DEBIT_TYPES: [&str; 7] = ["FEE", "SRVCHG", "CHECK", "CASH", "POS", "REPEATPMT", "PAYMENT"];

/// The rows of an OFX file.
#[derive(Debug)]
pub struct OfxRows<R> {
    events: Events<R>,
    reading: Reading,
    only: Vec<(usize, String)>,
    skip: Vec<(usize, Condition)>,
    keep: Vec<(usize, Condition)>,
    /// The account of statements that name none.
    account: Option<String>,
    today: Date,
    /// Account and currency of the statement that the next transaction is in.
    statement: Values,
    /// Whose statement that is.
    holder: Holder,
    /// Whether a statement names its account, and --account another one.
    names_another_account: bool,
    /// How many statements have begun.
    statements: u32,
    /// Those in which no amount has a minus.
    unsigned: HashSet<u32>,
    transactions: u64,
    in_account: bool,
    in_balance: bool,
    /// Whether it is a card's.
    is_card: bool,
    /// An element that moves money or securities, which is not read.
    inside: Option<&'static str>,
    status: Option<Status>,
    balances: Vec<(u32, i128)>,
    not_read: BTreeMap<&'static str, u64>,
}

/// What the bank says about a request, as far as it is read (OFX 2.2, section 3.1.5).
#[derive(Debug, Default)]
struct Status {
    line: u64,
    code: String,
    severity: String,
    message: String,
}

/// The values of [`COLUMNS`], as far as they are there.
type Values = [Option<Result<String, NotText>>; COLUMNS.len()];

impl<R: BufRead> OfxRows<R> {
    /// Reads the header.
    pub fn new(file: R, reading: &Reading, account: Option<&str>, today: Date) -> Result<OfxRows<R>, StatementError> {
        let find = |name: &str| {
            COLUMNS
                .iter()
                .position(|column| *column == name)
                .ok_or_else(|| StatementError::NoColumn { name: name.to_owned(), columns: listed(&COLUMNS) })
        };
        let only = reading.only.iter().map(|(name, value)| Ok((find(name)?, value.clone())));
        let conditions = |conditions: &[Condition]| -> Result<Vec<_>, StatementError> {
            conditions.iter().map(|condition| Ok((find(&condition.column)?, condition.clone()))).collect()
        };
        Ok(OfxRows {
            only: only.collect::<Result<_, StatementError>>()?,
            skip: conditions(&reading.skip)?,
            keep: conditions(&reading.keep)?,
            events: Events::new(file, reading.encoding)?,
            reading: reading.clone(),
            account: account.map(str::to_owned),
            today,
            statement: Values::default(),
            holder: Holder::default(),
            names_another_account: false,
            statements: 0,
            unsigned: HashSet::new(),
            transactions: 0,
            in_account: false,
            in_balance: false,
            is_card: false,
            inside: None,
            status: None,
            balances: Vec::new(),
            not_read: BTreeMap::new(),
        })
    }

    /// Says in which statements no amount has a minus.
    pub fn assume_unsigned(&mut self, statements: HashSet<u32>) {
        self.unsigned = statements;
    }

    /// The next transaction that is picked.
    pub fn next_row(&mut self) -> Result<Option<Row>, StatementError> {
        while let Some((event, line)) = self.events.next_event()? {
            match event {
                Event::Open(name) => {
                    if let Some(row) = self.opened(&name, None, line)? {
                        return Ok(Some(row));
                    }
                }
                Event::Value(name, value) if AGGREGATES.contains(&name.as_str()) => {
                    if let Some(row) = self.opened(&name, Some(value), line)? {
                        return Ok(Some(row));
                    }
                }
                Event::Close(name) => match name.as_str() {
                    "BANKACCTFROM" | "CCACCTFROM" | "INVACCTFROM" => self.in_account = false,
                    "LEDGERBAL" | "AVAILBAL" => self.in_balance = false,
                    "STATUS" => self.check_status()?,
                    name if self.inside == Some(name) => self.inside = None,
                    _ => {}
                },
                Event::Value(name, _) if name == "TRNAMT" && self.inside.is_none() => {
                    let fault = "there is an amount (TRNAMT) outside of a transaction (STMTTRN)".to_owned();
                    return Err(StatementError::Ofx { line, fault });
                }
                Event::Value(name, value) => self.value(&name, value),
            }
        }
        if self.statements == 0 && self.transactions == 0 {
            return Err(StatementError::Ofx {
                line: 1,
                fault: "the file has no statement (STMTRS, CCSTMTRS)".to_owned(),
            });
        }
        Ok(None)
    }

    /// An element with others inside begins, and has text of its own if it should not.
    fn opened(
        &mut self,
        name: &str,
        text: Option<Result<String, NotText>>,
        line: u64,
    ) -> Result<Option<Row>, StatementError> {
        match name {
            "OFX" | "STMTRS" | "CCSTMTRS" | "INVSTMTRS" => {
                self.statement = Values::default();
                self.holder = Holder::default();
                self.statements += u32::from(name != "OFX");
                self.is_card = name == "CCSTMTRS";
            }
            "BANKACCTFROM" | "CCACCTFROM" | "INVACCTFROM" => self.in_account = true,
            "LEDGERBAL" | "AVAILBAL" => self.in_balance = true,
            "STATUS" => self.status = Some(Status { line, ..Status::default() }),
            "STMTTRN" => {
                self.transactions += 1;
                let (values, mut reasons) = self.read_transaction(line)?;
                // A loose sign is an accident; what may be a value belongs somewhere.
                let is_loose = |text: &String| text.chars().any(char::is_alphanumeric);
                if text.is_some_and(|text| text.as_ref().map_or(true, is_loose)) {
                    reasons.add("row", "has text before its first element");
                }
                let is_picked =
                    self.only.iter().all(|(column, value)| matches!(&values[*column], Some(Ok(text)) if text == value));
                if is_picked {
                    return Ok(Some(self.row(line, &values, reasons)));
                }
            }
            _ => {
                if let Some(name) = NOT_READ.iter().find(|other| **other == name) {
                    *self.not_read.entry(name).or_default() += 1;
                    self.inside = Some(name);
                }
            }
        }
        Ok(None)
    }

    fn value(&mut self, name: &str, value: Result<String, NotText>) {
        if let Some(status) = &mut self.status {
            let text = value.clone().unwrap_or_default();
            match name {
                "CODE" => status.code = text,
                "SEVERITY" => status.severity = text,
                "MESSAGE" | "MESSAGE2" => status.message = text,
                _ => {}
            }
        }
        match name {
            "ACCTID" if self.in_account => {
                self.names_another_account |=
                    self.account.as_ref().is_some_and(|account| value.as_ref().is_ok_and(|text| text != account));
                self.statement[ACCOUNT] = Some(value);
            }
            "BANKID" if self.in_account => {
                self.holder.bank = value.ok().map(|text| text.trim_start_matches('0').to_owned());
            }
            "ACCTTYPE" if self.in_account => self.holder.kind = value.ok().map(|text| text.to_ascii_uppercase()),
            "CURDEF" => self.statement[STATEMENT_CURRENCY] = Some(value),
            "BALAMT" if self.in_balance => {
                let code = match &self.statement[STATEMENT_CURRENCY] {
                    Some(Ok(code)) => Some(code.as_str()),
                    _ => self.reading.currency.as_deref(),
                };
                let currency = code.and_then(|code| Currency::parse(code).ok());
                let number = value.ok().and_then(|text| Number::parse_ofx(&text, self.reading.decimal).ok());
                let minor = number.zip(currency).and_then(|(number, currency)| number.signed_minor(currency));
                self.balances.extend(minor.map(|minor| (self.statements, minor)));
            }
            _ => {}
        }
    }

    /// An error of the bank stands where a statement should.
    fn check_status(&mut self) -> Result<(), StatementError> {
        match self.status.take() {
            Some(Status { line, code, severity, message }) if severity.eq_ignore_ascii_case("ERROR") => {
                Err(StatementError::Bank { line, code, message })
            }
            _ => Ok(()),
        }
    }

    /// What has been passed over so far.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.events.misdeclared() > 0 {
            notes.push(
                "the header says that texts are Windows-1252, but they are UTF-8 and are read as that (see --encoding)"
                    .to_owned(),
            );
        }
        if self.names_another_account {
            notes.push("the file names its account (ACCTID), and that counts: --account is not used".to_owned());
        }
        if let Some(line) = self.events.text_behind() {
            notes.push(format!("what begins in line {line}, behind the end of the statement, is not read"));
        }
        for (name, count) in &self.not_read {
            notes.push(format!("{count} elements {name} are not read: only STMTTRN are entries"));
        }
        notes
    }

    /// The balances that the statements name, so far.
    pub fn balances(&self) -> &[(u32, i128)] {
        &self.balances
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
                Event::Value(name, _) if INNER.contains(&name.as_str()) && name != "CURRENCY" => inner = Some(name),
                Event::Value(name, _) if name == "STMTTRN" => return Err(not_closed()),
                Event::Value(name, value) => {
                    let column = match (inner.as_deref(), name.as_str()) {
                        // The amount is in this currency; ORIGCURRENCY only tells what it was converted from.
                        (Some("CURRENCY"), "CURSYM") => Some(CURRENCY),
                        (Some("PAYEE"), "NAME") => Some(NAME),
                        (None, "ACCTID" | "CURDEF") | (Some(_), _) => None,
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
        let cells: Vec<&str> = values
            .iter()
            .map(|value| match value {
                Some(Ok(text)) => text.as_str(),
                Some(Err(_)) => "\u{fffd}",
                None => "",
            })
            .collect();
        let named = |(column, condition): &&(usize, Condition)| condition.holds(cells[*column]);
        let skip = self.skip.iter().find(named);
        let words = [cells[NAME], cells[MEMO]].into_iter().max_by_key(|text| wording(text)).unwrap_or_default();
        let (content, signed, convention) = self.read(values, reasons);
        let traits = Traits {
            skip: skip.map(|(_, condition)| format!("--skip {}={}", condition.column, condition.pattern)),
            keep: self.keep.iter().any(|condition| named(&condition)),
            wording: wording(words),
            words: words.chars().take(WORDS_MAX).collect(),
            has_id: Some(!cells[ID].is_empty()),
            signed,
            statement: self.statements,
            holder: self.holder.clone(),
            has_minus: cells[AMOUNT].contains(['-', '\u{2212}', '(']),
            usual_debit: self.usual_debit(cells[TYPE], signed),
            convention,
        };
        Row { line, cells: ByteRecord::from(cells), content, traits }
    }

    fn read(&self, values: &Values, mut reasons: Reasons) -> (Content, Option<Signed>, Convention) {
        if values[CORRECTS].is_some() {
            reasons.add("CORRECTFITID", "corrects another transaction: what it means has to be entered by hand");
        }
        let account = self.read_account(values, &mut reasons);
        let id = optional(values, ID, &mut reasons);
        let date = required(values, POSTED, &mut reasons)
            .and_then(|text| reasons.check("date", parse_ofx_date(&text)))
            .and_then(|date| reasons.entry_date(Some(date), self.today));
        let currency = self.read_currency(values, &mut reasons);
        let number = required(values, AMOUNT, &mut reasons)
            .and_then(|text| reasons.check("amount", Number::parse_ofx(&text, self.reading.decimal)));
        let entry_type = number.as_ref().and_then(|number| self.read_direction(values, number, &mut reasons));
        let signed = number.as_ref().zip(currency).and_then(|(number, currency)| {
            let minor = number.signed_minor(currency)?.abs();
            let is_debit = entry_type.map_or(number.negative, |entry_type| entry_type == EntryType::Debit);
            Some((currency, if is_debit { -minor } else { minor }))
        });
        let convention = number.as_ref().map(|number| number.convention).unwrap_or_default();
        let amount = number.as_ref().and_then(|number| {
            reasons.currency_sign("amount", number, currency, true);
            reasons.amount("amount", number, currency)
        });
        let description = read_description(values, &mut reasons);
        let movement = || {
            let request = EntryRequest {
                entry_type: entry_type?,
                amount: amount?,
                date,
                description: description?,
                category: None,
            };
            let (id, ignored_id) = if self.reading.ignore_ids { (None, id?) } else { (id?, None) };
            let misread =
                request.description.as_ref().filter(|text| self.events.misdeclared() > 0 && !text.as_str().is_ascii());
            let misread = misread.and_then(|text| Description::parse(&misread_text(text)).ok());
            Some(Movement { request, date: date?, account: Some(account?), id, ignored_id, entry_id: None, misread })
        };
        let content = match movement() {
            Some(movement) if reasons.0.is_empty() => Ok(movement),
            _ => Err(reasons.0),
        };
        (content, signed, convention)
    }

    fn is_usual_debit(&self, name: &str) -> bool {
        USUAL_DEBIT_TYPES.contains(&name) && !(self.is_card && name == "PAYMENT")
    }

    /// The type of a transaction that would be a credit by its sign, and as a rule is none.
    fn usual_debit(&self, name: &str, signed: Option<Signed>) -> Option<String> {
        let name = name.to_ascii_uppercase();
        let is_positive = signed.is_some_and(|(_, minor)| minor > 0);
        let is_open = self.reading.trust.is_none() && !self.reading.invert_signs;
        (self.is_usual_debit(&name) && is_positive && is_open).then_some(name)
    }

    fn read_account(&self, values: &Values, reasons: &mut Reasons) -> Option<String> {
        let account = optional(values, ACCOUNT, reasons)?.or_else(|| self.account.clone());
        if account.is_none() {
            reasons.add(COLUMNS[ACCOUNT], "is missing: name the account with --account");
        }
        account
    }

    /// The sign decides, unless TRNTYPE names the other direction: then nobody but the user can say which one is wrong.
    fn read_direction(&self, values: &Values, number: &Number, reasons: &mut Reasons) -> Option<EntryType> {
        let is_debit = number.negative != (self.reading.invert_signs && number.mark.is_none());
        let by_sign = if is_debit { EntryType::Debit } else { EntryType::Credit };
        let named = optional(values, TYPE, reasons)?.unwrap_or_default().to_uppercase();
        let by_type = match named.as_str() {
            name if CREDIT_TYPES.contains(&name) => EntryType::Credit,
            name if DEBIT_TYPES.contains(&name) => EntryType::Debit,
            name if self.is_usual_debit(name)
                && (self.unsigned.contains(&self.statements) || self.reading.trust == Some(Trust::Type)) =>
            {
                EntryType::Debit
            }
            _ => by_sign,
        };
        match self.reading.trust {
            _ if by_type == by_sign => Some(by_sign),
            Some(Trust::Type) => Some(by_type),
            Some(Trust::Sign | Trust::Reversal) => Some(by_sign),
            None => {
                let sign = if number.negative { "negative" } else { "positive" };
                let detail = format!(
                    "is {named}, but the amount is {sign}: say which of them is right with --trust type or --trust sign"
                );
                reasons.add(COLUMNS[TYPE], detail);
                None
            }
        }
    }

    fn read_currency(&self, values: &Values, reasons: &mut Reasons) -> Option<Currency> {
        let of_transaction = optional(values, CURRENCY, reasons)?;
        let of_statement = optional(values, STATEMENT_CURRENCY, reasons)?;
        match of_transaction.or(of_statement).as_ref().or(self.reading.currency.as_ref()) {
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

fn misread_text(text: &Description) -> String {
    misread(text.as_str())
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
    use proptest::prelude::*;

    use super::*;
    use crate::rows::Format;

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
    fn the_sign_decides_the_direction_and_a_type_that_contradicts_it_is_refused_until_the_user_decides() {
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

    #[test]
    fn a_type_in_the_banks_own_words_that_contradicts_the_sign_is_refused_too() {
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
        let status =
            |severity: &str| format!("<STATUS><CODE>15500<SEVERITY>{severity}<MESSAGE>Signon invalid</STATUS>");
        let file = |severity: &str| {
            format!("OFXHEADER:100\n\n<OFX><SIGNONMSGSRSV1><SONRS>{}</SONRS></SIGNONMSGSRSV1></OFX>", status(severity))
        };
        let expected = "line 3: the file has no statement, but an error of the bank: 15500 Signon invalid";
        assert_eq!(shown(file("ERROR").as_bytes(), &reading()), [expected]);
        assert_eq!(
            shown(file("INFO").as_bytes(), &reading()),
            ["line 1: the file has no statement (STMTRS, CCSTMTRS)"]
        );
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
}
