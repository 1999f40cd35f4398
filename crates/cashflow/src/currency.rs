use std::fmt;

/// A currency of ISO 4217 that has a minor unit, such as BRL (2 digits), JPY (0) or KWD (3).
///
/// Codes without a minor unit (gold, "no currency", test codes) name no money that can be posted and are refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    iso: iso_currency::Currency,
    minor_digits: u8,
}

/// The text is not the upper-case code of a currency with a minor unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 currency code in upper case, such as BRL")]
pub struct UnknownCurrency;

impl Currency {
    /// The Brazilian real: the currency of a request that names none.
    pub const BRL: Currency = Currency { iso: iso_currency::Currency::BRL, minor_digits: 2 };

    /// Reads an ISO 4217 alphabetic code in upper case.
    pub fn parse(code: &str) -> Result<Currency, UnknownCurrency> {
        let iso = iso_currency::Currency::from_code(code).ok_or(UnknownCurrency)?;
        let digits = iso.exponent().ok_or(UnknownCurrency)?;
        let minor_digits = u8::try_from(digits).map_err(|_| UnknownCurrency)?;
        Ok(Currency { iso, minor_digits })
    }

    /// The ISO 4217 alphabetic code.
    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    /// How many decimal digits the minor unit has: 2 for BRL, 0 for JPY, 3 for KWD.
    pub fn minor_digits(self) -> u32 {
        u32::from(self.minor_digits)
    }

    /// Writes an amount of minor units as a decimal string in major units: `-1234` BRL is `-12.34`.
    pub fn format_minor(self, minor: i128) -> String {
        let digits = usize::from(self.minor_digits);
        let sign = if minor < 0 { "-" } else { "" };
        let magnitude = minor.unsigned_abs().to_string();
        if digits == 0 {
            return format!("{sign}{magnitude}");
        }
        let padded = format!("{magnitude:0>width$}", width = digits + 1);
        let (major, fraction) = padded.split_at(padded.len() - digits);
        format!("{sign}{major}.{fraction}")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, minor: i128, expected: &str) {
        assert_eq!(Currency::parse(code).unwrap().format_minor(minor), expected);
    }

    #[test]
    fn minor_units_are_written_with_the_digits_of_their_currency() {
        check("BRL", 15_075, "150.75");
        check("BRL", 5, "0.05");
        check("BRL", 0, "0.00");
        check("BRL", -5, "-0.05");
        check("BRL", -123_456, "-1234.56");
        check("JPY", 0, "0");
        check("JPY", -7, "-7");
        check("KWD", 1, "0.001");
        check("CLF", 12_345, "1.2345");
        check("BRL", i128::MAX, "1701411834604692317316873037158841057.27");
        check("BRL", i128::MIN, "-1701411834604692317316873037158841057.28");
    }

    #[test]
    fn only_upper_case_codes_with_a_minor_unit_are_currencies() {
        for code in ["", "brl", "Brl", "BR", "BRLX", "ABC", "XAU", "XXX", "XTS", "R$", "BRL "] {
            assert_eq!(Currency::parse(code), Err(UnknownCurrency), "{code:?}");
        }
        assert_eq!(Currency::parse("BRL"), Ok(Currency::BRL));
    }

    #[test]
    fn a_currency_is_written_as_it_is_read() {
        for code in ["BRL", "JPY", "KWD"] {
            assert_eq!(Currency::parse(code).unwrap().to_string(), code);
        }
    }
}
