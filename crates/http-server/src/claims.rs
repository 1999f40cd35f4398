use std::collections::HashMap;

use serde_json::{Map, Value};

/// The claims of a token as API Gateway hands them to a function: all of them texts, and a list in brackets, with a blank between
/// its members.
pub(crate) fn as_gateway(claims: &Map<String, Value>) -> HashMap<String, String> {
    claims.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(text).collect::<Vec<_>>().join(" ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: Value, expected: &str) {
        assert_eq!(text(&value), expected);
    }

    /// As in `events/register-entry/entry.json`.
    #[test]
    fn claims_are_texts_and_lists_are_in_brackets() {
        check(json!("acme"), "acme");
        check(json!(1_795_470_508), "1795470508");
        check(json!(true), "true");
        check(json!(["clerk", "viewer"]), "[clerk viewer]");
        check(json!(["clerk"]), "[clerk]");
        check(json!([]), "[]");
        let claims = json!({"token_use": "id", "cognito:groups": ["clerk"]});
        let expected = [("token_use", "id"), ("cognito:groups", "[clerk]")];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(as_gateway(claims.as_object().expect("an object")), HashMap::from(expected));
    }
}
