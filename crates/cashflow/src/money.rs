use crate::Currency;

/// The largest amount of one entry, in hundredths of a major unit: 9 999 999 999 999.99.
const LARGEST_IN_HUNDREDTHS: i128 = 999_999_999_999_999;

/// The amount of one entry: positive, at most 9 999 999 999 999.99 major units, exact in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    minor: i64,
    currency: Currency,
}

/// Why a text or a number of minor units is not an [`Amount`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not plain decimal digits with an optional fraction.
    #[error("must be a decimal string such as \"150.75\": digits, then optionally a point and digits")]
    NotDecimal,
    /// More fraction digits than the currency's minor unit has.
    #[error("has more than the {allowed} fraction digits of {currency}")]
    TooManyFractionDigits {
        /// The currency of the amount.
        currency: Currency,
        /// How many fraction digits it has.
        allowed: u32,
    },
    /// Zero or less: the type of the entry, not a sign, tells the direction.
    #[error("must be greater than zero")]
    NotPositive,
    /// Over the limit for one entry.
    #[error("must be at most 9999999999999.99")]
    TooLarge,
}

impl Amount {
    /// Reads a decimal string in major units, such as `150.75`, without rounding anything.
    pub fn parse(text: &str, currency: Currency) -> Result<Amount, AmountError> {
        Amount::from_minor(parse_digits(text, currency)?, currency)
    }

    /// Takes an amount in minor units, such as `15075` for 150.75 BRL.
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Amount, AmountError> {
        if minor <= 0 {
            return Err(AmountError::NotPositive);
        }
        let scale = 10_i128.pow(currency.minor_digits());
        if i128::from(minor) * 100 > LARGEST_IN_HUNDREDTHS * scale {
            return Err(AmountError::TooLarge);
        }
        Ok(Amount { minor, currency })
    }

    /// The amount in minor units, always positive.
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency of the amount.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The amount as a decimal string in major units, with all digits of its currency.
    pub fn to_decimal(self) -> String {
        self.currency.format_minor(i128::from(self.minor))
    }
}

/// Reads the threshold of an alert: a decimal string in major units, which may be zero or begin with a minus, in minor units. Its
/// magnitude is limited as an amount is.
pub fn parse_threshold(text: &str, currency: Currency) -> Result<i128, AmountError> {
    let magnitude = match parse_digits(text.strip_prefix('-').unwrap_or(text), currency)? {
        0 => 0,
        minor => i128::from(Amount::from_minor(minor, currency)?.minor()),
    };
    Ok(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// Reads a decimal string without a sign, in minor units.
fn parse_digits(text: &str, currency: Currency) -> Result<i64, AmountError> {
    let (major, fraction) = match text.split_once('.') {
        Some((major, fraction)) => (major, Some(fraction)),
        None => (text, None),
    };
    let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = major.len() > 1 && major.starts_with('0');
    if !only_digits(major) || !fraction.is_none_or(only_digits) || leading_zero {
        return Err(AmountError::NotDecimal);
    }
    let fraction = fraction.unwrap_or("");
    let allowed = currency.minor_digits();
    let missing = usize::try_from(allowed)
        .ok()
        .and_then(|allowed| allowed.checked_sub(fraction.len()))
        .ok_or(AmountError::TooManyFractionDigits { currency, allowed })?;
    let digits = format!("{major}{fraction}{:0<missing$}", "");
    digits.parse::<i64>().map_err(|_| AmountError::TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(code: &str, text: &str) -> Result<i64, AmountError> {
        Amount::parse(text, Currency::parse(code).unwrap()).map(Amount::minor)
    }

    #[test]
    fn decimal_strings_become_exact_minor_units() {
        assert_eq!(parse("BRL", "150.75"), Ok(15_075));
        assert_eq!(parse("BRL", "150.7"), Ok(15_070));
        assert_eq!(parse("BRL", "150"), Ok(15_000));
        assert_eq!(parse("BRL", "0.01"), Ok(1));
        assert_eq!(parse("JPY", "150"), Ok(150));
        assert_eq!(parse("KWD", "0.001"), Ok(1));
        assert_eq!(parse("BRL", "9999999999999.99"), Ok(999_999_999_999_999));
        assert_eq!(parse("JPY", "9999999999999"), Ok(9_999_999_999_999));
        assert_eq!(parse("KWD", "9999999999999.990"), Ok(9_999_999_999_999_990));
        assert_eq!(parse("CLF", "9999999999999.9900"), Ok(99_999_999_999_999_900));
    }

    #[test]
    fn a_threshold_may_be_zero_or_less_and_is_exact() {
        let threshold = |text: &str| parse_threshold(text, Currency::BRL);
        assert_eq!(threshold("1000.5"), Ok(100_050));
        assert_eq!(threshold("0"), Ok(0));
        assert_eq!(threshold("-0.00"), Ok(0));
        assert_eq!(threshold("-250.75"), Ok(-25_075));
        assert_eq!(threshold("-9999999999999.99"), Ok(-999_999_999_999_999));
        assert_eq!(threshold("-10000000000000.00"), Err(AmountError::TooLarge));
        for text in ["", "-", "--1", "+1", "- 1", "-1.", "1-", "-01", "1,00"] {
            assert_eq!(threshold(text), Err(AmountError::NotDecimal), "{text:?}");
        }
        assert!(matches!(threshold("-0.001"), Err(AmountError::TooManyFractionDigits { .. })));
    }

    #[test]
    fn anything_but_plain_decimal_digits_is_refused() {
        let refused = [
            "", " ", ".", "-", "1.", ".5", "+1", "-1", "1,50", "1.5.0", "1e3", "0x10", "NaN", "inf", " 1", "1 ",
            "1_000", "01", "00.10", "１", "1\u{0}", "--1", "1.-5",
        ];
        for text in refused {
            assert_eq!(parse("BRL", text), Err(AmountError::NotDecimal), "{text:?}");
        }
    }

    #[test]
    fn amounts_outside_the_limits_are_refused() {
        assert_eq!(parse("BRL", "0"), Err(AmountError::NotPositive));
        assert_eq!(parse("BRL", "0.00"), Err(AmountError::NotPositive));
        assert_eq!(parse("BRL", "10000000000000.00"), Err(AmountError::TooLarge));
        assert_eq!(parse("JPY", "10000000000000"), Err(AmountError::TooLarge));
        assert_eq!(parse("KWD", "9999999999999.991"), Err(AmountError::TooLarge));
        assert_eq!(parse("BRL", &format!("1{}", "0".repeat(30))), Err(AmountError::TooLarge));
        assert_eq!(parse("BRL", &"9".repeat(100_000)), Err(AmountError::TooLarge));
        let too_fine = |code: &str, text: &str| {
            assert!(matches!(parse(code, text), Err(AmountError::TooManyFractionDigits { .. })), "{code} {text}");
        };
        too_fine("BRL", "0.001");
        too_fine("BRL", "1.000");
        too_fine("JPY", "1.0");
        too_fine("KWD", "1.0000");
        assert_eq!(Amount::from_minor(-1, Currency::BRL), Err(AmountError::NotPositive));
    }

    proptest! {
        #[test]
        fn writing_and_reading_an_amount_gives_the_same(minor in 1..=9_999_999_999_999_i64, code in "BRL|JPY|KWD|CLF") {
            let amount = Amount::from_minor(minor, Currency::parse(&code).unwrap()).unwrap();
            prop_assert_eq!(Amount::parse(&amount.to_decimal(), amount.currency()), Ok(amount));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = Amount::parse(&text, Currency::BRL);
        }

        #[test]
        fn every_decimal_in_range_is_read_exactly(major in 0..=9_999_999_999_999_i64, cents in 0..100_i64) {
            prop_assume!(major > 0 || cents > 0);
            prop_assert_eq!(parse("BRL", &format!("{major}.{cents:02}")), Ok(major * 100 + cents));
        }
    }
}
