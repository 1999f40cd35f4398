//! The single faults of a request. Each has a code for programs beside its sentence for people.

use cashflow::{AmountError, DateError, FIRST_DATE, IdempotencyKeyError, TextError, UnknownCurrency, UnknownEntryType};
use serde::Serialize;

/// The largest amount of an entry in any currency, in major units.
const AMOUNT_MAX: &str = "9999999999999.99";

/// The stable, machine-readable name of what can be wrong with one part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// A field or parameter is missing that must be there.
    Required,
    /// The object has no such field.
    UnknownField,
    /// The route has no such parameter.
    UnknownParameter,
    /// A field or parameter occurs more than once.
    Duplicate,
    /// A JSON value of another type.
    WrongType,
    /// A text of another form: no decimal, no date, no UUID, no instant, no idempotency key.
    InvalidFormat,
    /// None of the values that there are.
    UnknownValue,
    /// An amount that is not greater than zero.
    NotPositive,
    /// An amount above the limit.
    TooLarge,
    /// An amount with more fraction digits than its currency has. The limit is how many it has.
    TooManyFractionDigits,
    /// A date before the limit.
    TooEarly,
    /// A date after the limit.
    TooLate,
    /// A text of more characters than the limit.
    TooLong,
    /// A text with a control character.
    ControlCharacter,
    /// A batch without entries.
    TooFewEntries,
    /// A batch of more entries than the limit.
    TooManyEntries,
    /// An idempotency key that an earlier entry of the same batch has.
    DuplicateKey,
    /// An idempotency key that was used before with another payload.
    KeyReused,
    /// A range of more days than the limit.
    RangeTooLong,
    /// A number below the least or above the limit.
    OutOfRange,
    /// A cursor that was not given out for this list, or does not hold any more.
    InvalidCursor,
    /// A balance token that was not given out to the merchant.
    InvalidToken,
    /// A URL to which nothing is sent.
    NotAdmitted,
}

impl FaultCode {
    /// Every code, for the checks that compare them with the documents.
    pub const ALL: [FaultCode; 23] = [
        FaultCode::Required,
        FaultCode::UnknownField,
        FaultCode::UnknownParameter,
        FaultCode::Duplicate,
        FaultCode::WrongType,
        FaultCode::InvalidFormat,
        FaultCode::UnknownValue,
        FaultCode::NotPositive,
        FaultCode::TooLarge,
        FaultCode::TooManyFractionDigits,
        FaultCode::TooEarly,
        FaultCode::TooLate,
        FaultCode::TooLong,
        FaultCode::ControlCharacter,
        FaultCode::TooFewEntries,
        FaultCode::TooManyEntries,
        FaultCode::DuplicateKey,
        FaultCode::KeyReused,
        FaultCode::RangeTooLong,
        FaultCode::OutOfRange,
        FaultCode::InvalidCursor,
        FaultCode::InvalidToken,
        FaultCode::NotAdmitted,
    ];
}

/// What is wrong with a value, wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    code: FaultCode,
    detail: String,
    limit: Option<String>,
}

impl Flaw {
    /// A flaw, in words that follow the name of the field.
    pub fn new(code: FaultCode, detail: impl ToString) -> Flaw {
        Flaw { code, detail: detail.to_string(), limit: None }
    }

    /// The same with the limit that the value is beyond.
    pub fn beyond(self, limit: impl ToString) -> Flaw {
        Flaw { limit: Some(limit.to_string()), ..self }
    }
}

/// One thing that is wrong with a request, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where in the body, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Which part of the path or query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What is wrong there, for programs.
    pub code: FaultCode,
    /// What is wrong there, for people.
    pub detail: String,
    /// The limit that the value is beyond, if it is beyond one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
}

impl Fault {
    /// A fault in the body.
    pub fn at(pointer: impl Into<String>, flaw: impl Into<Flaw>) -> Fault {
        let Flaw { code, detail, limit } = flaw.into();
        Fault { pointer: Some(pointer.into()), parameter: None, code, detail, limit }
    }

    /// A fault in the path or the query.
    pub fn parameter(name: impl Into<String>, flaw: impl Into<Flaw>) -> Fault {
        let Flaw { code, detail, limit } = flaw.into();
        Fault { pointer: None, parameter: Some(name.into()), code, detail, limit }
    }
}

impl From<AmountError> for Flaw {
    fn from(error: AmountError) -> Flaw {
        match error {
            AmountError::NotDecimal => Flaw::new(FaultCode::InvalidFormat, error),
            AmountError::TooManyFractionDigits { allowed, .. } => {
                Flaw::new(FaultCode::TooManyFractionDigits, error).beyond(allowed)
            }
            AmountError::NotPositive => Flaw::new(FaultCode::NotPositive, error),
            AmountError::TooLarge => Flaw::new(FaultCode::TooLarge, error).beyond(AMOUNT_MAX),
        }
    }
}

impl From<DateError> for Flaw {
    fn from(error: DateError) -> Flaw {
        match error {
            DateError::NotADate => Flaw::new(FaultCode::InvalidFormat, error),
            DateError::TooEarly => Flaw::new(FaultCode::TooEarly, error).beyond(FIRST_DATE),
            DateError::TooLate(last) => Flaw::new(FaultCode::TooLate, error).beyond(last),
        }
    }
}

impl From<TextError> for Flaw {
    fn from(error: TextError) -> Flaw {
        match error {
            TextError::TooLong { max, .. } => Flaw::new(FaultCode::TooLong, error).beyond(max),
            TextError::ControlCharacter(_) => Flaw::new(FaultCode::ControlCharacter, error),
        }
    }
}

impl From<UnknownEntryType> for Flaw {
    fn from(error: UnknownEntryType) -> Flaw {
        Flaw::new(FaultCode::UnknownValue, error)
    }
}

impl From<UnknownCurrency> for Flaw {
    fn from(error: UnknownCurrency) -> Flaw {
        Flaw::new(FaultCode::UnknownValue, error)
    }
}

impl From<IdempotencyKeyError> for Flaw {
    fn from(error: IdempotencyKeyError) -> Flaw {
        Flaw::new(FaultCode::InvalidFormat, error)
    }
}

#[cfg(test)]
mod tests {
    use cashflow::{Amount, Currency};

    use super::*;

    #[test]
    fn the_largest_amount_is_the_one_that_is_named_as_the_limit() {
        assert!(Amount::parse(AMOUNT_MAX, Currency::BRL).is_ok());
        let above = Amount::parse("10000000000000.00", Currency::BRL).unwrap_err();
        assert!(above.to_string().ends_with(AMOUNT_MAX), "{above}");
        assert_eq!(Flaw::from(above).limit.as_deref(), Some(AMOUNT_MAX));
    }
}
