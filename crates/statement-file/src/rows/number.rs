//! Amounts as banks write them, read without any guess that could change one.

use cashflow::{Currency, EntryType};
use serde::Serialize;

use super::currency_sign;

/// Which sign separates the fraction; the other one may then separate thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Decimal {
    /// `1.234,56`
    Comma,
    /// `1,234.56`
    Point,
}

/// A number in parts: its direction, and its digits as the domain reads them.
#[derive(Debug, PartialEq, Eq)]
pub struct Number {
    /// Whether it is below zero: a minus, parentheses, or the mark of a debit.
    pub negative: bool,
    /// The mark of a credit or a debit behind it, such as `CR` or `D`.
    pub mark: Option<EntryType>,
    /// The sign or the code of a currency, such as `R$`.
    pub currency_sign: Option<String>,
    /// Digits, optionally followed by a point and digits: no sign, no thousands separators, no zeros in front.
    pub digits: String,
    /// Whether the point may as well separate thousands: `1.000`.
    may_be_thousands: bool,
    /// What it says about the file that it is in, of an OFX amount.
    pub convention: Convention,
}

/// What an OFX amount says, without anybody's word, about which sign separates the fraction in its file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Convention {
    /// Nothing: it has one of the signs in a place where no file has another meaning for it.
    #[default]
    Silent,
    /// A comma separates its fraction, and can do nothing else: `1.234,56`, `10,5`.
    Comma,
    /// It is read by the standard, where a file that uses commas would mean another amount: `5.000`.
    Standard,
}

/// Why a text is not read as an amount.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not digits with separators in their places.
    #[error("is not an amount such as {0}")]
    NotANumber(&'static str),
    /// `1,234` is one thousand and more to some, one and a fraction to others.
    #[error("is ambiguous: say with --decimal whether a comma or a point separates the fraction")]
    Ambiguous,
    /// `-10.00 C`
    #[error("contradicts itself: the sign and the mark of credit or debit behind it disagree")]
    Contradiction,
}

/// What some write between thousands besides the comma or the point: spaces of several kinds, and the apostrophe.
const OTHER_SEPARATORS: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\''];

const MINUS: [char; 2] = ['-', '\u{2212}'];

impl Number {
    /// Reads an amount of a CSV file, such as `-1.234,56`, `(1,234.56)`, `R$ 10.00` or `10.00 D`. Thousands separators must be
    /// the same throughout, and stand before every third digit. Without `decimal` a point separates the fraction, and a text
    /// that would be another amount if a comma did is refused.
    pub fn parse(text: &str, decimal: Option<Decimal>) -> Result<Number, NumberError> {
        let error = || match decimal {
            Some(Decimal::Comma) => NumberError::NotANumber("1234,56 or 1.234,56"),
            Some(Decimal::Point) => NumberError::NotANumber("1234.56 or 1,234.56"),
            None => NumberError::NotANumber("1234.56 or 1,234.56 (for 1.234,56 say --decimal comma)"),
        };
        let parts = Parts::of(text).ok_or_else(error)?;
        let (decimal_sign, thousands_sign) = match decimal {
            Some(Decimal::Comma) => (',', '.'),
            Some(Decimal::Point) | None => ('.', ','),
        };
        let (integer, fraction) = match parts.core.split_once(decimal_sign) {
            Some((integer, fraction)) => (integer, Some(fraction)),
            None => (parts.core, None),
        };
        if !fraction.is_none_or(only_digits) {
            return Err(error());
        }
        let separators: Vec<char> = integer.chars().filter(|c| !c.is_ascii_digit()).collect();
        let digits = match separators.first() {
            None if only_digits(integer) => without_zeros(integer),
            Some(first) if *first == thousands_sign || OTHER_SEPARATORS.contains(first) => {
                ungrouped(integer, *first).ok_or_else(error)?
            }
            _ => return Err(error()),
        };
        if decimal.is_none() && fraction.is_none() && separators == [thousands_sign] {
            return Err(NumberError::Ambiguous);
        }
        let may_be_thousands = decimal.is_none()
            && separators.is_empty()
            && fraction.is_some_and(|fraction| fraction.len() == 3)
            && integer.len() <= 3
            && !integer.starts_with('0');
        parts.number(with_fraction(digits, fraction), may_be_thousands)
    }

    /// Reads an OFX amount (OFX 2.2, section 3.2.9.1): digits, and a point or a comma before the fraction. Thousands are
    /// separated against the standard, which can be read in one way only where two kinds of separators are there, or one
    /// several times; else `decimal` decides. `30.000` is thirty, as the standard says, unless a comma separates fractions in the
    /// same file; those who write `30,000` may mean more.
    pub fn parse_ofx(text: &str, decimal: Option<Decimal>) -> Result<Number, NumberError> {
        if decimal.is_some() {
            return Number::parse(text, decimal);
        }
        let error = || NumberError::NotANumber("-1234.56 or -1234,56");
        // Some banks write less than one without the zero: `-.50`.
        let with_zero = text.find(['.', ',']).filter(|at| !text[..*at].contains(|c: char| c.is_ascii_digit()));
        let with_zero = with_zero.map(|at| format!("{}0{}", &text[..at], &text[at..]));
        let parts = Parts::of(with_zero.as_deref().unwrap_or(text)).ok_or_else(error)?;
        let (points, commas) = (parts.core.matches('.').count(), parts.core.matches(',').count());
        let decimal_sign = match (points, commas) {
            (1, 0) => Some('.'),
            (0, 1) => Some(','),
            (0, _) | (_, 0) => None,
            (1, _) if parts.core.rfind('.') > parts.core.rfind(',') => Some('.'),
            (_, 1) if parts.core.rfind(',') > parts.core.rfind('.') => Some(','),
            _ => return Err(error()),
        };
        let (integer, fraction) = match decimal_sign.and_then(|sign| parts.core.split_once(sign)) {
            Some((integer, fraction)) => (integer, Some(fraction)),
            None => (parts.core, None),
        };
        let digits = match integer.chars().find(|c| !c.is_ascii_digit()) {
            None if only_digits(integer) => without_zeros(integer),
            Some(separator) => ungrouped(integer, separator).ok_or_else(error)?,
            None => return Err(error()),
        };
        if !fraction.is_none_or(only_digits) {
            return Err(error());
        }
        let looks_grouped = fraction.is_some_and(|fraction| fraction.len() == 3)
            && (1..=3).contains(&integer.len())
            && !integer.starts_with('0');
        let convention = match decimal_sign {
            Some('.') if looks_grouped => Convention::Standard,
            Some(',') if !looks_grouped => Convention::Comma,
            // Points between thousands: the fraction that is not there would stand behind a comma.
            None if integer.contains('.') => Convention::Comma,
            _ => Convention::Silent,
        };
        let number = parts.number(with_fraction(digits, fraction), looks_grouped && decimal_sign == Some(','))?;
        Ok(Number { convention, ..number })
    }

    /// Whether it is zero: no movement.
    pub fn is_zero(&self) -> bool {
        self.digits.bytes().all(|b| b == b'0' || b == b'.')
    }

    /// The digits without zeros that carry nothing: those behind the last digit that the currency has.
    pub fn digits_of(&self, currency: Currency) -> Result<&str, NumberError> {
        let Some((integer, fraction)) = self.digits.split_once('.') else { return Ok(&self.digits) };
        let minor_digits = usize::try_from(currency.minor_digits()).unwrap_or(usize::MAX);
        let more_is_zero = fraction.len() > minor_digits && fraction[minor_digits..].bytes().all(|b| b == b'0');
        if !more_is_zero {
            return Ok(&self.digits);
        }
        if self.may_be_thousands {
            return Err(NumberError::Ambiguous);
        }
        let end = if minor_digits == 0 { integer.len() } else { integer.len() + 1 + minor_digits };
        Ok(&self.digits[..end])
    }

    /// The number in minor units of a currency, with its sign; nothing if it has more digits than that.
    pub fn signed_minor(&self, currency: Currency) -> Option<i128> {
        let digits = self.digits_of(currency).ok()?;
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let missing = usize::try_from(currency.minor_digits()).ok()?.checked_sub(fraction.len())?;
        let minor: i128 = format!("{integer}{fraction}{:0<missing$}", "").parse().ok()?;
        Some(if self.negative { -minor } else { minor })
    }
}

/// A text without what stands around the digits.
struct Parts<'a> {
    core: &'a str,
    minus: bool,
    plus: bool,
    mark: Option<EntryType>,
    currency_sign: Option<String>,
}

impl<'a> Parts<'a> {
    /// Takes off what stands before and behind the digits, each at most once: a sign or parentheses, the sign of a currency,
    /// and the mark of credit or debit, which stands behind.
    fn of(text: &'a str) -> Option<Parts<'a>> {
        let mut parts = Parts { core: text.trim(), minus: false, plus: false, mark: None, currency_sign: None };
        let mut is_open = false;
        let mut is_enclosed = false;
        while !parts.core.starts_with(|c: char| c.is_ascii_digit()) {
            let core = parts.core;
            if let Some(rest) = core.strip_prefix('(').filter(|_| !is_open) {
                (parts.core, is_open) = (rest, true);
            } else if let Some(rest) = core.strip_prefix(MINUS) {
                parts.core = parts.signed(rest, true)?;
            } else if let Some(rest) = core.strip_prefix('+') {
                parts.core = parts.signed(rest, false)?;
            } else {
                let (sign, rest) = currency_sign::before(core)?;
                parts.core = parts.of_currency(sign, rest)?;
            }
            parts.core = parts.core.trim_start();
        }
        while !parts.core.ends_with(|c: char| c.is_ascii_digit()) {
            let core = parts.core;
            if let Some(rest) = core.strip_suffix("(-)").filter(|_| !is_open) {
                parts.core = parts.signed(rest, true)?;
            } else if let Some(rest) = core.strip_suffix("(+)").filter(|_| !is_open) {
                parts.core = parts.signed(rest, false)?;
            } else if let Some(rest) = core.strip_suffix(')').filter(|_| is_open && !is_enclosed) {
                (parts.core, is_enclosed) = (rest, true);
            } else if let Some(rest) = core.strip_suffix(MINUS) {
                parts.core = parts.signed(rest, true)?;
            } else if let Some(rest) = core.strip_suffix('+') {
                parts.core = parts.signed(rest, false)?;
            } else if let Some((mark, rest)) = mark_behind(core) {
                if parts.mark.replace(mark).is_some() {
                    return None;
                }
                parts.core = rest;
            } else {
                let (sign, rest) = currency_sign::behind(core)?;
                parts.core = parts.of_currency(sign, rest)?;
            }
            parts.core = parts.core.trim_end();
        }
        // Parentheses are the minus of accountants: with another sign nobody can say which one is meant.
        if is_open != is_enclosed || is_open && (parts.minus || parts.plus) {
            return None;
        }
        parts.minus |= is_open;
        Some(parts)
    }

    fn signed(&mut self, rest: &'a str, is_minus: bool) -> Option<&'a str> {
        let is_first = !self.minus && !self.plus;
        (self.minus, self.plus) = (is_minus, !is_minus);
        is_first.then_some(rest)
    }

    fn of_currency(&mut self, sign: &str, rest: &'a str) -> Option<&'a str> {
        self.currency_sign.replace(sign.to_owned()).is_none().then_some(rest)
    }

    fn number(self, digits: String, may_be_thousands: bool) -> Result<Number, NumberError> {
        let Parts { minus, plus, mark, currency_sign, .. } = self;
        if mark == Some(EntryType::Credit) && minus || mark == Some(EntryType::Debit) && plus {
            return Err(NumberError::Contradiction);
        }
        let negative = minus || mark == Some(EntryType::Debit);
        Ok(Number { negative, mark, currency_sign, digits, may_be_thousands, convention: Convention::Silent })
    }
}

/// The mark of credit or debit at the end of a text, and what is before it.
fn mark_behind(text: &str) -> Option<(EntryType, &str)> {
    let rest = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let mark = match text[rest.len()..].to_ascii_uppercase().as_str() {
        "C" | "CR" => EntryType::Credit,
        "D" | "DR" | "DB" => EntryType::Debit,
        _ => return None,
    };
    Some((mark, rest))
}

/// The digits without their thousands separators, if those stand exactly where they belong. What is grouped has no zero in
/// front: `0.500` is no five hundred.
fn ungrouped(integer: &str, separator: char) -> Option<String> {
    let mut groups = integer.split(separator);
    let first = groups.next()?;
    let well_formed = only_digits(first)
        && first.len() <= 3
        && !first.starts_with('0')
        && groups.all(|group| only_digits(group) && group.len() == 3);
    well_formed.then(|| integer.replace(separator, ""))
}

/// Digits without the zeros in front that carry nothing.
fn without_zeros(digits: &str) -> String {
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() { "0".to_owned() } else { significant.to_owned() }
}

fn only_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn with_fraction(integer: String, fraction: Option<&str>) -> String {
    match fraction {
        Some(fraction) => format!("{integer}.{fraction}"),
        None => integer,
    }
}

#[cfg(test)]
mod tests;
