//! A transaction of an OFX file as a row.

use std::io::BufRead;

use ::csv::ByteRecord;
use cashflow::{Currency, DESCRIPTION_CHARACTERS_MAX, Description, EntryRequest, EntryType};

use super::{
    OfxRows,
    date::parse_ofx_date,
    elements::{
        ACCOUNT, AMOUNT, COLUMNS, CORRECTS, CREDIT_TYPES, CURRENCY, DEBIT_TYPES, ID, INNER, MEMO, NAME, POSTED,
        STATEMENT_CURRENCY, TYPE, USUAL_DEBIT_TYPES, Values,
    },
};
use crate::rows::{
    Condition, Content, Convention, Movement, Reasons, Row, Signed, StatementError, Traits, Trust, WORDS_MAX,
    balance::wording, number::Number, sgml::Event, text::misread,
};

impl<R: BufRead> OfxRows<R> {
    /// Reads up to the end of the transaction that begins in this line.
    pub(super) fn read_transaction(&mut self, line: u64) -> Result<(Values, Reasons), StatementError> {
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

    pub(super) fn row(&self, line: u64, values: &Values, reasons: Reasons) -> Row {
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
