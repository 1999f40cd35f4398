use std::{error::Error, fmt};

/// The most of an error that is shown, in characters. What is longer quotes something.
const CHARACTERS_MAX: usize = 1_000;

/// An error followed by its causes, for logs, executions and queues: of an error that is a field of its own, JSON shows the first
/// line only.
///
/// An error of `serde_json` is shown as where and in which way the text is wrong, because its message may quote the text. The
/// errors of stores are reduced where they enter the program: `PostgresError` in `ledger`, `AwsError` in `aws-clients`.
#[derive(Debug, Clone, Copy)]
pub struct Causes<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = shown(self.0);
        let mut source = self.0.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&shown(error));
            source = error.source();
        }
        match text.char_indices().nth(CHARACTERS_MAX) {
            Some((end, _)) => write!(f, "{}…", &text[..end]),
            None => f.write_str(&text),
        }
    }
}

fn shown(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<serde_json::Error>() {
        Some(error) => shown_json(error),
        None => error.to_string(),
    }
}

/// Says what is missing, because that name is one of ours; everything else that the message names can be of the text.
fn shown_json(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let what = match (message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')), error.classify()) {
        (Some((field, _)), _) => format!("JSON without the field `{field}`"),
        (None, serde_json::error::Category::Data) => "JSON of another form".to_owned(),
        (None, serde_json::error::Category::Eof) => "JSON that is cut off".to_owned(),
        (None, serde_json::error::Category::Syntax) => "no JSON".to_owned(),
        (None, serde_json::error::Category::Io) => "JSON that cannot be read".to_owned(),
    };
    // A value that was parsed before has no lines any more.
    match error.line() {
        0 => what,
        line => format!("{what}, at line {line} column {}", error.column()),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Input {
        #[expect(dead_code, reason = "only its reading fails")]
        amount: u64,
    }

    fn check(json: &str, expected: &str) {
        let error = serde_json::from_str::<Input>(json).map(drop).unwrap_err();
        assert_eq!(Causes(&error).to_string(), expected, "{error}");
    }

    #[test]
    fn an_error_of_json_quotes_nothing_of_the_text() {
        check(r#"{"amount": "rent"}"#, "JSON of another form, at line 1 column 17");
        check(r#"{"rent": 1}"#, "JSON of another form, at line 1 column 7");
        check("{}", "JSON without the field `amount`, at line 1 column 2");
        check("rent", "no JSON, at line 1 column 1");
        check(r#"{"amount"#, "JSON that is cut off, at line 1 column 8");
        let parsed = serde_json::from_value::<Input>(serde_json::json!({"amount": "rent"})).map(drop).unwrap_err();
        assert_eq!(Causes(&parsed).to_string(), "JSON of another form");
    }

    #[test]
    fn what_is_shown_of_an_error_has_a_bounded_length() {
        let error = std::io::Error::other("ç".repeat(5_000));
        assert_eq!(Causes(&error).to_string().chars().count(), CHARACTERS_MAX + 1);
    }
}
