//! CSV as RFC 4180 has it, safe to open in a spreadsheet.

/// Characters at the start of a cell that a spreadsheet takes for the start of a formula, with their full-width forms, which
/// some normalise (OWASP, "CSV Injection").
const FORMULA_STARTS: [char; 10] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\t', '\r'];

/// Where one program or another begins a new cell: a spreadsheet takes the separator of its language (`;` in Brazil), whatever
/// the file was written with, and then quotes in the middle of what it takes for a cell mean nothing.
const SEPARATORS: [char; 11] = [',', ';', '\t', '|', '\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];

/// A CSV document of `COLUMNS` columns.
pub(crate) struct Csv<const COLUMNS: usize> {
    text: String,
    /// How many bytes of the text JSON writes as two.
    escapes: usize,
}

impl<const COLUMNS: usize> Csv<COLUMNS> {
    pub(crate) fn with_header(names: [&str; COLUMNS]) -> Csv<COLUMNS> {
        let mut csv = Csv { text: String::new(), escapes: 0 };
        csv.line(names);
        csv
    }

    /// One more line. Free text goes through [`text_cell`] first; numbers must not, a negative one is no formula.
    pub(crate) fn line(&mut self, cells: [&str; COLUMNS]) {
        let start = self.text.len();
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            if cell.contains([',', '"', '\r', '\n']) || cell.starts_with(' ') || cell.ends_with(' ') {
                self.text.push('"');
                self.text.push_str(&cell.replace('"', "\"\""));
                self.text.push('"');
            } else {
                self.text.push_str(cell);
            }
        }
        self.text.push_str("\r\n");
        let line = self.text.bytes().skip(start);
        self.escapes += line.filter(|byte| matches!(byte, b'"' | b'\\' | b'\r' | b'\n')).count();
    }

    /// How long the document is inside the JSON in which a function hands it to the gateway, in bytes.
    pub(crate) fn escaped_bytes(&self) -> usize {
        self.text.len() + self.escapes
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// Free text as a cell of which no spreadsheet takes anything for a formula, whatever separator it splits the file at: an
/// apostrophe in front of it makes it text.
///
/// It stands in front of the whole text if that begins with a formula, spaces left aside, and in front of every character that
/// begins one behind a separator inside the text, spaces and quotes left aside. Who reads the file back takes the apostrophes
/// away at these places.
pub(crate) fn text_cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len() + 1);
    if text.starts_with(FORMULA_STARTS) || text.trim_start().starts_with(FORMULA_STARTS) {
        cell.push('\'');
    }
    let mut is_behind_separator = false;
    for character in text.chars() {
        if is_behind_separator && FORMULA_STARTS.contains(&character) {
            cell.push('\'');
        }
        cell.push(character);
        is_behind_separator =
            SEPARATORS.contains(&character) || (is_behind_separator && (character.is_whitespace() || character == '"'));
    }
    cell
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut csv = Csv::with_header(["a", "b", "c"]);
        csv.line(["1,5", "say \"hi\"", ""]);
        csv.line([" padded ", "çãõ", "-12.00"]);
        assert_eq!(csv.escaped_bytes(), csv.text.len() + 16);
        assert_eq!(csv.into_text(), "a,b,c\r\n\"1,5\",\"say \"\"hi\"\"\",\r\n\" padded \",çãõ,-12.00\r\n");
    }

    #[test]
    fn no_text_is_a_formula() {
        for text in ["=1+1", "+55 11", "-5", "@SUM(A1)", "  =1", "\u{3000}=1", "＝1+1", "＠x", "\t=1"] {
            assert!(text_cell(text).starts_with('\''), "{text}");
        }
        for text in ["", "card sale", "a=b", "5-4", "'quoted", " ", "rent; water", "a, b", "20% | 5-4", "say \"=1\""] {
            assert_eq!(text_cell(text), text);
        }
    }

    #[test]
    fn no_part_of_a_text_is_a_formula_where_it_is_split() {
        for (text, cell) in [
            ("rent;=1+1;x", "rent;'=1+1;x"),
            ("=1;=2", "'=1;'=2"),
            ("a, -5", "a, '-5"),
            ("a|@x|＋1", "a|'@x|'＋1"),
            ("a;\"=1\"", "a;\"'=1\""),
            ("a; \" =1", "a; \" '=1"),
            ("a;;=1", "a;;'=1"),
            ("a\u{2028}=1", "a\u{2028}'=1"),
            ("a\t=1\r\n=2", "a\t'=1\r\n'=2"),
            ("a;'=1", "a;'=1"),
        ] {
            assert_eq!(text_cell(text), cell, "{text:?}");
        }
    }

    /// The cells of a file as a program finds them that splits it at this character. One that knows quotes takes them for such
    /// at the start of a cell only, and two of them for one (RFC 4180).
    fn split(file: &str, separator: char, knows_quotes: bool) -> Vec<String> {
        let mut cells = vec![String::new()];
        let mut is_quoted = false;
        let mut characters = file.chars().peekable();
        while let Some(character) = characters.next() {
            let cell = cells.last_mut().unwrap();
            match character {
                '"' if is_quoted && characters.peek() == Some(&'"') => cell.extend(characters.next()),
                '"' if is_quoted => is_quoted = false,
                '"' if knows_quotes && cell.trim().is_empty() => is_quoted = true,
                _ if !is_quoted && (character == separator || character == '\n') => cells.push(String::new()),
                _ => cell.push(character),
            }
        }
        cells
    }

    proptest! {
        #[test]
        fn no_program_finds_a_formula_in_any_text(
            texts in prop::array::uniform2("[a=+@＝－;,|\t\r\n\u{2028} \u{a0}\"'-]{0,12}|\\PC{0,12}"),
        ) {
            let mut csv = Csv::with_header(["date", "description", "category", "late"]);
            csv.line(["2026-11-22", &text_cell(&texts[0]), &text_cell(&texts[1]), "false"]);
            let file = csv.into_text();
            for separator in [',', ';', '\t', '|', '\u{2028}'] {
                for knows_quotes in [false, true] {
                    for cell in split(&file, separator, knows_quotes) {
                        prop_assert!(!cell.trim_start().starts_with(FORMULA_STARTS), "{separator:?} {knows_quotes} {cell:?} {file:?}");
                    }
                }
            }
        }

        #[test]
        fn nothing_but_apostrophes_is_added_to_a_text(text in "[a=+@＝;,| \"-]{0,12}") {
            prop_assert_eq!(text_cell(&text).replace('\'', ""), text);
        }
    }
}
