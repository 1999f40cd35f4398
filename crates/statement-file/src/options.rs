//! The options of reading, by the names that the command gives them. Reasons name them; a page shows its own fields instead.

/// The words of a type column for a credit, unless others are given.
pub const CREDIT_WORDS: [&str; 6] = ["credit", "cr", "c", "crédito", "credito", "entrada"];

/// The words of a type column for a debit, unless others are given.
pub const DEBIT_WORDS: [&str; 8] = ["debit", "dr", "db", "d", "débito", "debito", "saída", "saida"];

/// The options that a reason may name, without the hyphens.
pub const OPTIONS: [&str; 14] = [
    "account",
    "credit-word",
    "currency",
    "date-format",
    "debit-word",
    "decimal",
    "delimiter",
    "encoding",
    "ignore-ids",
    "keep",
    "map",
    "negative-debits",
    "skip",
    "trust",
];

/// The options that a reason names, each once: those that decide what it is about.
pub fn options_named_in(detail: &str) -> Vec<&'static str> {
    let words =
        detail.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter_map(|word| word.strip_prefix("--"));
    let mut named: Vec<&'static str> =
        words.filter_map(|word| OPTIONS.into_iter().find(|name| *name == word)).collect();
    named.sort_unstable();
    named.dedup();
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_that_a_reason_names_are_found() {
        for (detail, expected) in [
            ("is ambiguous: say with --decimal whether a comma or a point separates the fraction", vec!["decimal"]),
            ("say with --skip or --keep whether it is an entry", vec!["keep", "skip"]),
            ("with --trust type or --trust sign", vec!["trust"]),
            ("(see --negative-debits and --trust)", vec!["negative-debits", "trust"]),
            ("is empty --nonsense -decimal", vec![]),
        ] {
            assert_eq!(options_named_in(detail), expected, "{detail}");
        }
    }
}
