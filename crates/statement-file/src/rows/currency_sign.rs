//! The signs of currencies as banks write them beside amounts, and which currencies each can stand for.

use cashflow::Currency;

/// Each sign with the currencies that it is written for.
const SIGNS: [(&str, &[&str]); 31] = [
    ("R$", &["BRL"]),
    ("US$", &["USD"]),
    ("U$S", &["USD", "UYU"]),
    ("U$", &["USD"]),
    ("CA$", &["CAD"]),
    ("AU$", &["AUD"]),
    ("NZ$", &["NZD"]),
    ("HK$", &["HKD"]),
    ("NT$", &["TWD"]),
    ("MX$", &["MXN"]),
    ("AR$", &["ARS"]),
    ("C$", &["CAD", "NIO"]),
    ("A$", &["AUD"]),
    ("S$", &["SGD"]),
    ("$", DOLLARS_AND_PESOS),
    ("€", &["EUR"]),
    ("£", &["GBP", "GIP", "FKP", "SHP", "EGP", "LBP", "SYP"]),
    ("¥", &["JPY", "CNY"]),
    ("￥", &["JPY", "CNY"]),
    ("₹", &["INR"]),
    ("₽", &["RUB"]),
    ("₩", &["KRW"]),
    ("₪", &["ILS"]),
    ("₺", &["TRY"]),
    ("₲", &["PYG"]),
    ("S/", &["PEN"]),
    ("zł", &["PLN"]),
    ("Kč", &["CZK"]),
    ("kr", &["SEK", "NOK", "DKK", "ISK"]),
    ("Fr.", &["CHF"]),
    ("Ft", &["HUF"]),
];

const DOLLARS_AND_PESOS: &[&str] = &[
    "USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP", "UYU", "DOP", "CUP", "BBD", "BMD",
    "BND", "BSD", "BZD", "FJD", "GYD", "JMD", "KYD", "LRD", "NAD", "SBD", "SRD", "TTD", "XCD",
];

/// The length of a currency's code.
const CODE_BYTES: usize = 3;

/// The sign or the code that a text begins with, and what is behind it.
pub fn before(text: &str) -> Option<(&str, &str)> {
    let code = text.get(..CODE_BYTES).filter(|code| Currency::parse(code).is_ok());
    let sign = code.or_else(|| {
        SIGNS.iter().map(|(sign, _)| *sign).filter(|sign| text.starts_with(sign)).max_by_key(|sign| sign.len())
    })?;
    Some(text.split_at(sign.len()))
}

/// The sign or the code that a text ends with, and what is before it.
pub fn behind(text: &str) -> Option<(&str, &str)> {
    let code =
        text.len().checked_sub(CODE_BYTES).and_then(|at| text.get(at..)).filter(|code| Currency::parse(code).is_ok());
    let sign = code.or_else(|| {
        SIGNS.iter().map(|(sign, _)| *sign).filter(|sign| text.ends_with(sign)).max_by_key(|sign| sign.len())
    })?;
    let (rest, sign) = text.split_at(text.len() - sign.len());
    Some((sign, rest))
}

/// What a sign says about an amount that is said to be of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It is a sign of that currency.
    Fits,
    /// It can be one, if somebody says that it is this currency.
    IfNamed,
    /// It is one of others.
    Contradicts,
}

/// Compares a sign with a currency.
pub fn compare(sign: &str, currency: Currency) -> Match {
    let code = currency.code();
    match SIGNS.iter().find(|(known, _)| *known == sign) {
        Some((_, codes)) if codes.contains(&code) => Match::Fits,
        // In Brazil it is written for the real, too.
        Some(("$", _)) if currency == Currency::BRL => Match::IfNamed,
        Some(_) => Match::Contradicts,
        None if sign == code => Match::Fits,
        None => Match::Contradicts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_codes_are_found_on_both_sides() {
        for (text, expected) in [
            ("R$ 1", Some(("R$", " 1"))),
            ("US$1", Some(("US$", "1"))),
            ("$1", Some(("$", "1"))),
            ("BRL 1", Some(("BRL", " 1"))),
            ("XYZ 1", None),
            ("1", None),
            ("é", None),
        ] {
            assert_eq!(before(text), expected, "{text}");
        }
        for (text, expected) in [
            ("1 €", Some(("€", "1 "))),
            ("1BRL", Some(("BRL", "1"))),
            ("1 zł", Some(("zł", "1 "))),
            ("1x", None),
            ("ééé", None),
        ] {
            assert_eq!(behind(text), expected, "{text}");
        }
    }

    #[test]
    fn a_sign_fits_its_currencies_and_contradicts_the_others() {
        let compared = |sign, code| compare(sign, Currency::parse(code).unwrap());
        for (sign, code) in [("R$", "BRL"), ("$", "USD"), ("$", "MXN"), ("¥", "JPY"), ("kr", "DKK"), ("EUR", "EUR")] {
            assert_eq!(compared(sign, code), Match::Fits, "{sign} {code}");
        }
        for (sign, code) in [("R$", "USD"), ("US$", "BRL"), ("$", "EUR"), ("€", "BRL"), ("EUR", "BRL")] {
            assert_eq!(compared(sign, code), Match::Contradicts, "{sign} {code}");
        }
        assert_eq!(compared("$", "BRL"), Match::IfNamed);
        for (_, codes) in SIGNS {
            assert!(codes.iter().all(|code| Currency::parse(code).is_ok()), "{codes:?}");
        }
    }
}
