//! Amounts, dates, names.

use cashflow::{
    Amount, AmountError, Currency, Date, DateError, EntryId, FIRST_DATE, Fingerprint, IdempotencyKey, MerchantId,
    Month, Period, check_entry_date, parse_date,
};

use crate::text_line;

/// Checks what holds of every amount.
pub(crate) fn assert_amount(amount: Amount) {
    let currency = amount.currency();
    assert_currency(currency);
    assert!(amount.minor() > 0, "{amount:?}");
    let largest = 999_999_999_999_999 * 10_i128.pow(currency.minor_digits());
    assert!(i128::from(amount.minor()) * 100 <= largest, "{amount:?}");
    let shown = amount.to_decimal();
    let fraction = shown.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    assert_eq!(fraction, usize::try_from(currency.minor_digits()).expect("few digits"), "{shown}");
    assert_eq!(Amount::parse(&shown, currency), Ok(amount));
}

/// Checks what holds of every currency.
pub(crate) fn assert_currency(currency: Currency) {
    assert!(currency.code().len() == 3 && currency.code().bytes().all(|byte| byte.is_ascii_uppercase()));
    assert_eq!(Currency::parse(currency.code()), Ok(currency));
}

/// Checks what holds of every date that is accepted.
pub(crate) fn assert_date(date: Date) {
    assert!(date >= FIRST_DATE, "{date}");
    assert_eq!(parse_date(&date.to_string()), Ok(date));
}

/// A line with a currency (of another text: BRL), then an amount.
pub(crate) fn amount(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (code, text) = text_line(text);
    let currency = Currency::parse(code).inspect(|currency| assert_eq!(currency.code(), code)).unwrap_or(Currency::BRL);
    assert_currency(currency);
    match Amount::parse(text, currency) {
        Ok(amount) => {
            assert_amount(amount);
            // The text and the amount differ in nothing but zeros at the end.
            let trimmed = |text: &str| match text.split_once('.') {
                Some((major, fraction)) => format!("{major}.{}", fraction.trim_end_matches('0')),
                None => format!("{text}."),
            };
            assert_eq!(trimmed(text), trimmed(&amount.to_decimal()));
        }
        Err(AmountError::NotDecimal) => {
            let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
            assert!(!is_decimal || text.is_empty() || text.starts_with('0'), "{text:?}");
        }
        Err(AmountError::NotPositive) => assert!(text.bytes().all(|byte| matches!(byte, b'0' | b'.')), "{text:?}"),
        Err(AmountError::TooLarge) => assert!(text.len() >= 13, "{text:?}"),
        Err(AmountError::TooManyFractionDigits { allowed, .. }) => assert_eq!(allowed, currency.minor_digits()),
    }
}

/// A date or a month.
pub(crate) fn date(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let date = parse_date(text);
    if let Ok(date) = date {
        assert_date(date);
        assert_eq!(date.to_string(), text);
        match check_entry_date(date, crate::TODAY) {
            Ok(()) => assert!(date <= Date::constant(2027, 11, 22), "{date}"),
            Err(DateError::TooLate(last)) => assert!(last == Date::constant(2027, 11, 22) && date > last, "{date}"),
            Err(error) => panic!("{date} {error}"),
        }
        // Every date can be today.
        assert_eq!(check_entry_date(date, date), Ok(()));
    }
    let month = Month::parse(text);
    if let Ok(month) = month {
        assert_eq!(month.to_string(), text);
        assert_eq!(Month::of(month.first_day()), month);
        assert!(month.next().is_none_or(|next| next > month), "{text}");
    }
    match Period::parse(text) {
        Ok(period) => {
            assert_eq!(period.to_string(), text);
            let expected = date.map(Period::Day).or(month.map(Period::Month));
            assert_eq!(expected, Ok(period));
        }
        Err(_) => assert!(date.is_err() && month.is_err(), "{text}"),
    }
}

/// Checks what holds of every key: the quoted form (RFC 8941, section 3.3.3) and the bare one are the same key.
pub(crate) fn assert_key(key: &IdempotencyKey) {
    let text = key.as_str();
    assert!((1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    assert_eq!(IdempotencyKey::parse(text).as_ref(), Ok(key));
    let quoted = quoted(key);
    assert_eq!(IdempotencyKey::parse_header(&quoted).as_ref(), Ok(key), "{quoted}");
    if !text.starts_with('"') {
        assert_eq!(IdempotencyKey::parse_header(text).as_ref(), Ok(key));
    }
    let merchant = MerchantId::parse("acme").expect("a merchant");
    let id = EntryId::derive(&merchant, key);
    assert_eq!(EntryId::parse(&id.to_string()), Some(id));
    assert_ne!(EntryId::derive(&MerchantId::parse("emca").expect("a merchant"), key), id);
}

/// The key in its quoted form, of which there is only one.
pub(crate) fn quoted(key: &IdempotencyKey) -> String {
    format!("\"{}\"", key.as_str().replace('\\', "\\\\").replace('"', "\\\""))
}

/// The value of an `Idempotency-Key` header.
pub(crate) fn idempotency_key(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = IdempotencyKey::parse(text) {
        assert_eq!(key.as_str(), text);
        assert_key(&key);
    }
    if let Ok(key) = IdempotencyKey::parse_header(text) {
        assert_key(&key);
        let trimmed = text.trim_matches([' ', '\t']);
        assert!(trimmed == key.as_str() || trimmed == quoted(&key), "{text:?}");
        let padded = format!(" {text}\t");
        assert_eq!(IdempotencyKey::parse_header(&padded), Ok(key), "{padded:?}");
    }
}

/// A merchant, an entry id or a fingerprint: each has one spelling only.
pub(crate) fn identity(data: &[u8]) {
    if let Ok(fingerprint) = Fingerprint::from_bytes(data) {
        assert_eq!(fingerprint.as_bytes(), data);
        assert_eq!(Fingerprint::parse(&fingerprint.to_string()), Ok(fingerprint));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(merchant) = MerchantId::parse(text) {
        assert!((1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
        assert_eq!(merchant.as_str(), text);
    }
    if let Some(id) = EntryId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(fingerprint) = Fingerprint::parse(text) {
        assert_eq!(fingerprint.to_string(), text);
        assert_eq!(Fingerprint::from_bytes(fingerprint.as_bytes()), Ok(fingerprint));
    }
}
