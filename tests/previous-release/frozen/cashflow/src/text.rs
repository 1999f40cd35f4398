/// The longest description, in characters (Unicode scalar values).
pub const DESCRIPTION_CHARACTERS_MAX: usize = 255;

/// The longest category, in characters (Unicode scalar values).
pub const CATEGORY_CHARACTERS_MAX: usize = 100;

/// What the entry was for, in the merchant's words.
pub type Description = Text<DESCRIPTION_CHARACTERS_MAX>;

/// The merchant's own grouping of entries.
pub type Category = Text<CATEGORY_CHARACTERS_MAX>;

/// Free text of at most `MAX` characters without control characters, kept exactly as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text<const MAX: usize>(String);

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// More characters than allowed.
    #[error("must be at most {max} characters, has {actual}")]
    TooLong {
        /// How many characters are allowed.
        max: usize,
        /// How many there were.
        actual: usize,
    },
    /// A control character (Unicode category Cc), which neither a statement nor a terminal should meet.
    #[error("must not contain control characters, has U+{0:04X}")]
    ControlCharacter(u32),
}

impl<const MAX: usize> Text<MAX> {
    /// Takes the text as it is, neither trimmed nor normalised.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let actual = text.chars().count();
        if actual > MAX {
            return Err(TextError::TooLong { max: MAX, actual });
        }
        match text.chars().find(|c| c.is_control()) {
            Some(control) => Err(TextError::ControlCharacter(u32::from(control))),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
