//! Rows named on the command line: a column, and what is in it.

use serde::Serialize;

/// A column and a text, in which `*` stands for any text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The name of the column.
    pub column: String,
    /// What its cell has to be.
    pub pattern: String,
}

impl Condition {
    /// Reads `COLUMN=TEXT`.
    pub fn parse(text: &str) -> Option<Condition> {
        let (column, pattern) = text.split_once('=')?;
        let column = column.trim();
        (!column.is_empty()).then(|| Condition { column: column.to_owned(), pattern: pattern.trim().to_owned() })
    }

    /// Whether a cell is such a one, in any case.
    pub fn holds(&self, text: &str) -> bool {
        matches(&self.pattern.to_lowercase(), &text.to_lowercase())
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let cases = [
            ("Total", "TOTAL", true),
            ("Total", "Total geral", false),
            ("Total*", "total geral", true),
            ("*saldo*", "Novo Saldo do dia", true),
            ("*saldo", "Saldo do dia", false),
            ("***END OF FILE***", "***END OF FILE***", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
            ("", "", true),
            ("", "x", false),
            ("*", "", true),
            ("é*", "É tudo", true),
        ];
        for (pattern, text, expected) in cases {
            let condition = Condition::parse(&format!("x={pattern}")).unwrap();
            assert_eq!(condition.holds(text), expected, "{pattern:?} {text:?}");
        }
        assert_eq!(Condition::parse("=x"), None);
        assert_eq!(Condition::parse("x"), None);
    }
}
