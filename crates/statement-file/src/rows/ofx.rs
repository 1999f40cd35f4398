//! OFX files, 1.x and 2.x: the transactions of all statements in them, bank accounts and credit cards alike.

mod date;
mod elements;
mod transaction;

use std::{
    collections::{BTreeMap, HashSet},
    io::BufRead,
};

use ::csv::ByteRecord;
use cashflow::{Currency, Date};

use self::elements::{ACCOUNT, AGGREGATES, COLUMNS, NOT_READ, STATEMENT_CURRENCY, Values};
use super::{
    Condition, Encoding, Holder, Reading, Row, Shape, StatementError,
    csv::listed,
    number::Number,
    sgml::{Event, Events},
    text::NotText,
};

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
}

#[cfg(test)]
mod tests;
