//! The CSV that Fluxo itself exports (`GET /entries.csv`), read back.

/// The columns of Fluxo's own export. A file with exactly these is taken for one.
pub const COLUMNS: [&str; 12] = [
    "date",
    "id",
    "type",
    "amount",
    "currency",
    "description",
    "category",
    "reverses",
    "posted_at",
    "seal",
    "late",
    "running_balance",
];

/// What each of the columns is, in the words of `--map`.
pub const MAPPING: &str =
    "date=date,id=id,type=type,amount=amount,currency=currency,description=description,category=category";

/// What spreadsheets take for the start of a formula, and the export guards with an apostrophe.
const FORMULA_STARTS: [char; 10] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\t', '\r'];

/// Behind these a spreadsheet may begin a new cell, whatever the file was written with.
const SEPARATORS: [char; 11] = [',', ';', '\t', '|', '\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];

/// A text without the apostrophes that the export has put before formulas: at its beginning, and behind separators inside it,
/// blanks and quotes left aside.
pub fn without_guards(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let first = cell
        .strip_prefix('\'')
        .filter(|rest| rest.starts_with(FORMULA_STARTS) || rest.trim_start().starts_with(FORMULA_STARTS));
    let mut is_behind_separator = false;
    let mut characters = first.unwrap_or(cell).chars().peekable();
    while let Some(character) = characters.next() {
        if is_behind_separator
            && character == '\''
            && characters.peek().is_some_and(|next| FORMULA_STARTS.contains(next))
        {
            is_behind_separator = false;
            continue;
        }
        text.push(character);
        is_behind_separator =
            SEPARATORS.contains(&character) || is_behind_separator && (character.is_whitespace() || character == '"');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the export writes a text.
    fn guarded(text: &str) -> String {
        let mut cell = String::new();
        if text.starts_with(FORMULA_STARTS) || text.trim_start().starts_with(FORMULA_STARTS) {
            cell.push('\'');
        }
        let mut is_behind_separator = false;
        for character in text.chars() {
            if is_behind_separator && FORMULA_STARTS.contains(&character) {
                cell.push('\'');
            }
            cell.push(character);
            is_behind_separator = SEPARATORS.contains(&character)
                || is_behind_separator && (character.is_whitespace() || character == '"');
        }
        cell
    }

    #[test]
    fn guards_are_taken_away_and_other_apostrophes_stay() {
        let cases = [
            ("'=1+1", "=1+1"),
            ("'-5", "-5"),
            ("'  =1", "  =1"),
            ("rent;'=1+1;x", "rent;=1+1;x"),
            ("'=1;'=2", "=1;=2"),
            ("a, '-5", "a, -5"),
            ("a;\"'=1\"", "a;\"=1\""),
            ("'quoted", "'quoted"),
            ("d'avila", "d'avila"),
            ("a'=b", "a'=b"),
            ("a; 'b", "a; 'b"),
            ("", ""),
            ("'", "'"),
        ];
        for (cell, text) in cases {
            assert_eq!(without_guards(cell), text, "{cell:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_exported_comes_back(text in "[a=+@＝;,| \"-]{0,12}|[^'\\p{C}]{0,12}") {
            prop_assert_eq!(without_guards(&guarded(&text)), text);
        }
    }
}
