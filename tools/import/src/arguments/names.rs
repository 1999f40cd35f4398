//! The words of the command line for what a statement may be like.

use clap::ValueEnum;
use statement_file::{Decimal, Encoding, Trust};

/// A format by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatName {
    /// Comma-separated values, or with another delimiter
    Csv,
    /// Open Financial Exchange 1.x or 2.x
    Ofx,
}

/// Which sign separates the fraction, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DecimalName {
    /// `1.234,56`
    Comma,
    /// `1,234.56`
    Point,
}

impl From<DecimalName> for Decimal {
    fn from(name: DecimalName) -> Decimal {
        match name {
            DecimalName::Comma => Decimal::Comma,
            DecimalName::Point => Decimal::Point,
        }
    }
}

/// What counts where sign and type contradict each other, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TrustName {
    /// The type or the column; the sign says nothing
    Type,
    /// The sign: a minus is a debit, a plus a credit
    Sign,
    /// Both: a minus turns the type over, as in a reversal (CSV)
    Reversal,
}

impl From<TrustName> for Trust {
    fn from(name: TrustName) -> Trust {
        match name {
            TrustName::Type => Trust::Type,
            TrustName::Sign => Trust::Sign,
            TrustName::Reversal => Trust::Reversal,
        }
    }
}

/// An encoding by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EncodingName {
    /// UTF-8, with or without a byte order mark.
    #[value(name = "utf-8", alias = "utf8")]
    Utf8,
    /// Windows-1252, of which ISO 8859-1 is a part.
    #[value(name = "windows-1252", alias = "latin1", alias = "iso-8859-1")]
    Windows1252,
    /// ISO 8859-15, which has the euro sign and seven letters in other places.
    #[value(name = "iso-8859-15", alias = "latin9")]
    Iso8859_15,
}

impl From<EncodingName> for Encoding {
    fn from(name: EncodingName) -> Encoding {
        match name {
            EncodingName::Utf8 => Encoding::Utf8,
            EncodingName::Windows1252 => Encoding::Windows1252,
            EncodingName::Iso8859_15 => Encoding::Iso8859_15,
        }
    }
}
