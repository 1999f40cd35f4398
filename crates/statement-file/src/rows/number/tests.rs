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
        ("(33.52)", None, "-33.52"),
        ("$(0.01)", None, "-0.01"),
        ("($182.77)", None, "-182.77"),
        ("( 1.234,56 )", Some(Decimal::Comma), "-1234.56"),
        ("R$ 29,90", Some(Decimal::Comma), "29.90"),
        ("-R$ 1.234,56", Some(Decimal::Comma), "-1234.56"),
        ("R$ -50,00", Some(Decimal::Comma), "-50.00"),
        ("-\u{a0}R$\u{a0}3,00", Some(Decimal::Comma), "-3.00"),
        ("R$10,00-", Some(Decimal::Comma), "-10.00"),
        ("10.00 BRL", None, "10.00"),
        ("EUR 10.00", None, "10.00"),
        ("10,00 €", Some(Decimal::Comma), "10.00"),
        ("10.00 D", None, "-10.00"),
        ("10.00C", None, "10.00"),
        ("1.234,56 cr", Some(Decimal::Comma), "1234.56"),
        ("10.00DR", None, "-10.00"),
        ("-10.00 DB", None, "-10.00"),
        ("+10.00 C", None, "10.00"),
        ("10,00(-)", Some(Decimal::Comma), "-10.00"),
        ("R$ 10,00 D", Some(Decimal::Comma), "-10.00"),
        ("-01.01", None, "-1.01"),
        ("000150", None, "150"),
        ("0.50", None, "0.50"),
        ("00", None, "0"),
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
        ("R$", None),
        ("R$ R$ 10.00", None),
        ("X$ 10.00", None),
        ("(10.00", None),
        ("10.00)", None),
        ("-(10.00)", None),
        ("(-10.00)", None),
        ("((10.00))", None),
        ("10.00 C D", None),
        ("10.00 X", None),
        ("D 10.00", None),
        ("10.00 (-", None),
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

/// With `--decimal` it is read.
#[test]
fn a_comma_that_may_be_either_separator_is_refused() {
    assert_eq!(read("1,234", None), Err(NumberError::Ambiguous));
    assert_eq!(read("-12,345", None), Err(NumberError::Ambiguous));
}

#[test]
fn a_sign_that_the_mark_of_credit_or_debit_contradicts_is_refused() {
    for text in ["-10.00 C", "+10.00 D", "(10.00) CR", "-10.00CR"] {
        assert_eq!(read(text, None), Err(NumberError::Contradiction), "{text}");
    }
}

#[test]
fn a_zero_before_a_thousands_separator_never_becomes_an_amount() {
    for text in ["0.500", "01.500", "-0.500", "000.500"] {
        assert!(Number::parse(text, Some(Decimal::Comma)).is_err(), "{text}");
    }
}

/// Digits beyond those of the currency that are not zero are one.
#[test]
fn zeros_that_carry_nothing_are_no_fault() {
    let cases = [
        ("500000.00", "JPY", Ok("500000")),
        ("12.3400", "BRL", Ok("12.34")),
        ("1234.000", "BRL", Ok("1234.00")),
        ("0.500", "BRL", Ok("0.50")),
        ("1.5", "JPY", Ok("1.5")),
        ("12.345", "BRL", Ok("12.345")),
        ("1.234", "KWD", Ok("1.234")),
        ("1.000", "KWD", Ok("1.000")),
        // In one country one, in another one thousand.
        ("1.000", "BRL", Err(NumberError::Ambiguous)),
        ("-999.000", "JPY", Err(NumberError::Ambiguous)),
    ];
    for (text, code, expected) in cases {
        let number = Number::parse(text, None).unwrap();
        assert_eq!(number.digits_of(Currency::parse(code).unwrap()), expected, "{text} {code}");
    }
    let given = Number::parse("1.000", Some(Decimal::Point)).unwrap();
    assert_eq!(given.digits_of(Currency::BRL), Ok("1.00"));
    let ofx = Number::parse_ofx("-30.000", None).unwrap();
    assert_eq!((ofx.digits_of(Currency::BRL), ofx.signed_minor(Currency::BRL)), (Ok("30.00"), Some(-3_000)));
    let comma = |decimal| Number::parse_ofx("30,000", decimal).unwrap();
    assert_eq!(comma(None).digits_of(Currency::BRL), Err(NumberError::Ambiguous));
    assert_eq!(comma(Some(Decimal::Comma)).digits_of(Currency::BRL), Ok("30.00"));
    assert_eq!(comma(Some(Decimal::Point)).digits_of(Currency::BRL), Ok("30000"));
}

/// Either sign may separate the fraction, and thousands may be separated.
#[test]
fn ofx_amounts_are_read_where_only_one_reading_is_left() {
    let cases = [
        ("-150.75", Some("-150.75")),
        ("-150,75", Some("-150.75")),
        ("+150.75", Some("150.75")),
        ("150", Some("150")),
        ("-.50", Some("-0.50")),
        (",5", Some("0.5")),
        ("1.234", Some("1.234")),
        ("-01.01", Some("-1.01")),
        ("1,234.56", Some("1234.56")),
        ("-1.234,56", Some("-1234.56")),
        ("1.234.567", Some("1234567")),
        ("1,234,567.89", Some("1234567.89")),
        ("1 234,56", Some("1234.56")),
        ("1'000", Some("1000")),
        ("R$ 1.234,56", Some("1234.56")),
        ("(10.00)", Some("-10.00")),
        ("10.00-", Some("-10.00")),
        ("1,234,56", None),
        ("1.234.56", None),
        ("1,23.45", None),
        ("1.2,3.4", None),
        ("0.123.456", None),
        ("", None),
        ("-", None),
        (".", None),
        ("1.", None),
    ];
    for (text, expected) in cases {
        let read =
            Number::parse_ofx(text, None).ok().map(|n| format!("{}{}", if n.negative { "-" } else { "" }, n.digits));
        assert_eq!(read.as_deref(), expected, "{text:?}");
    }
    let comma = Number::parse_ofx("1.234", Some(Decimal::Comma)).unwrap();
    assert_eq!(comma.digits, "1234");
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
            let number = Number::parse(text, decimal).unwrap();
            Amount::parse(number.digits_of(Currency::BRL).unwrap(), Currency::BRL).unwrap().minor()
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
            Amount::parse(number.digits_of(Currency::BRL).ok()?, Currency::BRL).ok().map(Amount::minor)
        };
        if let (Some(default), Some(comma)) = (amount(None), amount(Some(Decimal::Comma))) {
            prop_assert_eq!(default, comma);
        }
    }

    #[test]
    fn what_stands_around_the_digits_changes_the_sign_and_nothing_else(
        minor in 1..=999_999_999_i64,
        around in prop::sample::select(vec![
            ("", "", false), ("-", "", true), ("", "-", true), ("(", ")", true), ("R$ ", "", false), ("-R$", "", true),
            ("R$ -", "", true), ("", " C", false), ("", "D", true), ("(R$ ", ")", true), ("", " BRL", false), ("00", "", false),
        ]),
    ) {
        let (before, behind, negative) = around;
        let digits = Currency::BRL.format_minor(i128::from(minor));
        for number in [
            Number::parse(&format!("{before}{digits}{behind}"), None).unwrap(),
            Number::parse_ofx(&format!("{before}{digits}{behind}"), None).unwrap(),
        ] {
            prop_assert_eq!(number.negative, negative);
            prop_assert_eq!(number.signed_minor(Currency::BRL), Some(i128::from(if negative { -minor } else { minor })));
        }
    }

    #[test]
    fn any_text_is_an_amount_or_an_error(text in "[-+()0-9., $R€CDBL\u{a0}]{0,12}|\\PC{0,12}") {
        for decimal in [None, Some(Decimal::Comma), Some(Decimal::Point)] {
            for number in [Number::parse(&text, decimal), Number::parse_ofx(&text, decimal)].into_iter().flatten() {
                let plain = number.digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                prop_assert!(plain && number.digits.starts_with(|c: char| c.is_ascii_digit()), "{text:?}");
            }
        }
    }
}
