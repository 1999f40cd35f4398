//! Why a row is refused.

use std::fmt;

use cashflow::{Amount, AmountError, Currency, Date, check_entry_date};

use super::{
    currency_sign::{self, Match},
    number::Number,
};

/// One reason why a row is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What is wrong: a field such as `amount`, or `row`.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Reason {
    /// A reason.
    pub fn new(field: impl Into<String>, detail: impl ToString) -> Reason {
        Reason { field: field.into(), detail: detail.to_string() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

/// Collects everything that is wrong with a row.
#[derive(Debug, Default)]
pub(super) struct Reasons(pub(super) Vec<Reason>);

impl Reasons {
    pub(super) fn add(&mut self, field: &str, detail: impl ToString) {
        self.0.push(Reason::new(field, detail));
    }

    /// The value, or a reason and no value.
    pub(super) fn check<T, E: ToString>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(field, error.to_string())).ok()
    }

    pub(super) fn currency(&mut self, code: &str) -> Option<Currency> {
        self.check("currency", Currency::parse(code))
    }

    pub(super) fn amount(&mut self, field: &str, number: &Number, currency: Option<Currency>) -> Option<Amount> {
        let digits = match currency.map(|currency| number.digits_of(currency)) {
            Some(digits) => self.check(field, digits)?,
            None => &number.digits,
        };
        match (Amount::parse(digits, currency.unwrap_or(Currency::BRL)), currency) {
            (Ok(amount), Some(_)) => Some(amount),
            // How many digits an unknown currency has, nobody can say.
            (Ok(_) | Err(AmountError::TooManyFractionDigits { .. }), None) => None,
            (Err(error), _) => {
                self.add(field, error);
                None
            }
        }
    }

    /// Compares the sign of a currency beside the amount with the currency that the row is of.
    pub(super) fn currency_sign(&mut self, field: &str, number: &Number, currency: Option<Currency>, is_named: bool) {
        let (Some(sign), Some(currency)) = (&number.currency_sign, currency) else { return };
        let detail = match currency_sign::compare(sign, currency) {
            Match::Fits => return,
            Match::IfNamed if is_named => return,
            Match::IfNamed => {
                format!("has the sign {sign}, which stands for several currencies: say which with --currency")
            }
            Match::Contradicts => {
                format!("has the sign {sign}, which is not one of {currency}: say the right currency with --currency")
            }
        };
        self.add(field, detail);
    }

    pub(super) fn entry_date(&mut self, date: Option<Date>, today: Date) -> Option<Date> {
        let date = date?;
        self.check("date", check_entry_date(date, today)).map(|()| date)
    }
}
