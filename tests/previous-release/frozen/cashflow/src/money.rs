use crate::Currency;

/// The largest amount of one entry, in hundredths of a major unit: 9 999 999 999 999.99.
const LARGEST_IN_HUNDREDTHS: i128 = 999_999_999_999_999;

/// No amount within the limit is longer than this, in any currency; it keeps messages and work bounded.
const LONGEST_TEXT: usize = 32;

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
        if text.len() > LONGEST_TEXT {
            return Err(AmountError::TooLarge);
        }
        let digits = format!("{major}{fraction}{:0<missing$}", "");
        let minor = digits.parse::<i64>().map_err(|_| AmountError::TooLarge)?;
        Amount::from_minor(minor, currency)
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
