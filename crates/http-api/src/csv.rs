//! CSV as RFC 4180 has it, safe to open in a spreadsheet.

/// Characters at the start of a cell that a spreadsheet takes for the start of a formula, with their full-width forms, which
/// some normalise (OWASP, "CSV Injection").
const FORMULA_STARTS: [char; 9] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\t'];

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

/// Free text as a cell that no spreadsheet takes for a formula: an apostrophe in front makes it text.
pub(crate) fn text_cell(text: &str) -> String {
    if text.trim_start().starts_with(FORMULA_STARTS) || text.starts_with(FORMULA_STARTS) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
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
            assert_eq!(text_cell(text), format!("'{text}"));
        }
        for text in ["", "card sale", "a=b", "5-4", "'quoted", " "] {
            assert_eq!(text_cell(text), text);
        }
    }
}
