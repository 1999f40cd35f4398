//! Amounts as banks write them, read without any guess that could change one.

use clap::ValueEnum;
use serde::Serialize;

/// Which sign separates the fraction; the other one may then separate thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
pub enum Decimal {
    /// `1.234,56`
    Comma,
    /// `1,234.56`
    Point,
}

/// A number in two parts: its sign, and its digits as the domain reads them.
#[derive(Debug, PartialEq, Eq)]
pub struct Number {
    /// Whether it has a minus.
    pub negative: bool,
    /// Digits, optionally followed by a point and digits: no sign, no thousands separators.
    pub digits: String,
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
}

/// What some write between thousands besides the comma or the point: spaces of several kinds, and the apostrophe.
const OTHER_SEPARATORS: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\''];

impl Number {
    /// Reads an amount of a CSV file, such as `-1.234,56`. The sign may lead or trail. Thousands separators must be the same
    /// throughout, and stand before every third digit. Without `decimal` a point separates the fraction, and a text that
    /// would be another amount if a comma did is refused.
    pub fn parse(text: &str, decimal: Option<Decimal>) -> Result<Number, NumberError> {
        let error = || match decimal {
            Some(Decimal::Comma) => NumberError::NotANumber("1234,56 or 1.234,56"),
            Some(Decimal::Point) => NumberError::NotANumber("1234.56 or 1,234.56"),
            None => NumberError::NotANumber("1234.56 or 1,234.56 (for 1.234,56 say --decimal comma)"),
        };
        let (negative, unsigned) = split_sign(text).ok_or_else(error)?;
        let (decimal_sign, thousands_sign) = match decimal {
            Some(Decimal::Comma) => (',', '.'),
            Some(Decimal::Point) | None => ('.', ','),
        };
        let (integer, fraction) = match unsigned.split_once(decimal_sign) {
            Some((integer, fraction)) => (integer, Some(fraction)),
            None => (unsigned, None),
        };
        if !fraction.is_none_or(only_digits) {
            return Err(error());
        }
        let separators: Vec<char> = integer.chars().filter(|c| !c.is_ascii_digit()).collect();
        let integer = match separators.first() {
            None if only_digits(integer) => integer.to_owned(),
            Some(first) if *first == thousands_sign || OTHER_SEPARATORS.contains(first) => {
                ungrouped(integer, *first).ok_or_else(error)?
            }
            _ => return Err(error()),
        };
        if decimal.is_none() && fraction.is_none() && separators == [thousands_sign] {
            return Err(NumberError::Ambiguous);
        }
        Ok(Number { negative, digits: with_fraction(integer, fraction) })
    }

    /// Reads an OFX amount (OFX 2.2, section 3.2.9.1): an optional sign, digits, and a point or a comma before the fraction.
    /// There are no thousands separators.
    pub fn parse_ofx(text: &str) -> Result<Number, NumberError> {
        let error = || NumberError::NotANumber("-1234.56 or -1234,56");
        let (negative, unsigned) = match text.strip_prefix(['-', '+']) {
            Some(unsigned) => (text.starts_with('-'), unsigned),
            None => (false, text),
        };
        let (integer, fraction) = match unsigned.split_once(['.', ',']) {
            Some((integer, fraction)) => (integer, Some(fraction)),
            None => (unsigned, None),
        };
        // Some banks write less than one without the zero: `-.50`.
        let integer = if integer.is_empty() && fraction.is_some() { "0" } else { integer };
        if !only_digits(integer) || !fraction.is_none_or(only_digits) {
            return Err(error());
        }
        Ok(Number { negative, digits: with_fraction(integer.to_owned(), fraction) })
    }

    /// Whether it is zero: no movement.
    pub fn is_zero(&self) -> bool {
        self.digits.bytes().all(|b| b == b'0' || b == b'.')
    }
}

/// The sign and what is left without it, if there is at most one.
fn split_sign(text: &str) -> Option<(bool, &str)> {
    let (negative, unsigned) = if let Some(rest) = text.strip_prefix(['-', '\u{2212}']) {
        (true, rest)
    } else if let Some(rest) = text.strip_prefix('+') {
        (false, rest)
    } else if let Some(rest) = text.strip_suffix(['-', '\u{2212}']) {
        (true, rest)
    } else {
        (false, text)
    };
    let unsigned = unsigned.trim();
    unsigned.starts_with(|c: char| c.is_ascii_digit()).then_some((negative, unsigned))
}

/// The digits without their thousands separators, if those stand exactly where they belong.
fn ungrouped(integer: &str, separator: char) -> Option<String> {
    let mut groups = integer.split(separator);
    let first = groups.next()?;
    let well_formed =
        only_digits(first) && first.len() <= 3 && groups.all(|group| only_digits(group) && group.len() == 3);
    well_formed.then(|| integer.replace(separator, ""))
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
mod tests {
    use cashflow::{Amount, Currency};
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, decimal: Option<Decimal>) -> Result<String, NumberError> {
        Number::parse(text, decimal).map(|n| format!("{}{}", if n.negative { "-" } else { "" }, n.digits))
    }

    #[test]
    fn amounts_are_read_as_their_convention_says() {
        let cases = [
            ("150.75", None, "150.75"),
            ("-150.75", None, "-150.75"),
            ("+150.75", None, "150.75"),
            ("150.75-", None, "-150.75"),
            ("\u{2212}150.75", None, "-150.75"),
            ("- 150.75", None, "-150.75"),
            ("150", None, "150"),
            ("1,234.56", None, "1234.56"),
            ("1,234,567", None, "1234567"),
            ("1 234 567.89", None, "1234567.89"),
            ("1\u{a0}234,56", Some(Decimal::Comma), "1234.56"),
            ("1'234.50", None, "1234.50"),
            ("150,75", Some(Decimal::Comma), "150.75"),
            ("-1.234,56", Some(Decimal::Comma), "-1234.56"),
            ("1.234.567,89", Some(Decimal::Comma), "1234567.89"),
            ("1.234", Some(Decimal::Comma), "1234"),
            ("1,234", Some(Decimal::Point), "1234"),
            ("1,234.56", Some(Decimal::Point), "1234.56"),
            ("1.234", Some(Decimal::Point), "1.234"),
            ("9999999999999.99", None, "9999999999999.99"),
        ];
        for (text, decimal, expected) in cases {
            assert_eq!(read(text, decimal).as_deref(), Ok(expected), "{text:?} {decimal:?}");
        }
    }

    #[test]
    fn what_is_not_clearly_an_amount_is_refused() {
        let cases = [
            ("", None),
            ("-", None),
            ("--1", None),
            ("-1-", None),
            ("+1-", None),
            ("1.", None),
            (".5", None),
            ("1e3", None),
            ("abc", None),
            ("R$ 10.00", None),
            ("(10.00)", None),
            ("10.00 D", None),
            ("150,75", None),
            ("1.234,56", None),
            ("1.234.567", None),
            ("12,34.56", None),
            ("1234,567.00", None),
            ("1,2345.00", None),
            ("1,234 567.00", None),
            ("1,,234.00", None),
            (",234.00", None),
            ("1.23,456", None),
            ("150.75", Some(Decimal::Comma)),
            ("1,234.56", Some(Decimal::Comma)),
            ("1.23", Some(Decimal::Comma)),
            ("1,2,3", Some(Decimal::Comma)),
            ("1,23", Some(Decimal::Point)),
            ("1.234,56", Some(Decimal::Point)),
            ("１２", None),
            ("1\t234", None),
        ];
        for (text, decimal) in cases {
            assert!(matches!(read(text, decimal), Err(NumberError::NotANumber(_))), "{text:?} {decimal:?}");
        }
    }

    #[test]
    fn a_comma_that_may_be_either_separator_is_refused_until_the_convention_is_given() {
        assert_eq!(read("1,234", None), Err(NumberError::Ambiguous));
        assert_eq!(read("-12,345", None), Err(NumberError::Ambiguous));
    }

    #[test]
    fn a_zero_before_a_thousands_separator_never_becomes_an_amount() {
        let number = Number::parse("0.500", Some(Decimal::Comma)).unwrap();
        assert!(Amount::parse(&number.digits, Currency::BRL).is_err());
    }

    #[test]
    fn ofx_amounts_have_either_decimal_sign_and_no_thousands() {
        let cases = [
            ("-150.75", Some("-150.75")),
            ("-150,75", Some("-150.75")),
            ("+150.75", Some("150.75")),
            ("150", Some("150")),
            ("-.50", Some("-0.50")),
            ("1.234", Some("1.234")),
            ("1,234.56", None),
            ("1.234,56", None),
            ("", None),
            ("-", None),
            (".", None),
            ("150-", None),
            ("1 000", None),
        ];
        for (text, expected) in cases {
            let read =
                Number::parse_ofx(text).ok().map(|n| format!("{}{}", if n.negative { "-" } else { "" }, n.digits));
            assert_eq!(read.as_deref(), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_is_read_back_from_both_conventions(minor in 1..=999_999_999_999_999_i64) {
            let cents = format!("{:02}", minor % 100);
            let mut grouped = (minor / 100).to_string();
            let mut at = grouped.len();
            while at > 3 {
                at -= 3;
                grouped.insert(at, '.');
            }
            let amount = |text: &str, decimal| {
                Amount::parse(&Number::parse(text, decimal).unwrap().digits, Currency::BRL).unwrap().minor()
            };
            prop_assert_eq!(amount(&format!("{grouped},{cents}"), Some(Decimal::Comma)), minor);
            prop_assert_eq!(amount(&format!("{},{cents}", minor / 100), Some(Decimal::Comma)), minor);
            let point = format!("{}.{cents}", grouped.replace('.', ","));
            prop_assert_eq!(amount(&point, Some(Decimal::Point)), minor);
            prop_assert_eq!(amount(&point, None), minor);
        }

        #[test]
        fn without_a_convention_no_text_has_another_amount_under_the_other_one(text in "[-]?[0-9.,]{1,10}") {
            let amount = |decimal| {
                let number = Number::parse(&text, decimal).ok()?;
                Amount::parse(&number.digits, Currency::BRL).ok().map(Amount::minor)
            };
            if let (Some(default), Some(comma)) = (amount(None), amount(Some(Decimal::Comma))) {
                prop_assert_eq!(default, comma);
            }
        }
    }
}
