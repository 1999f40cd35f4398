use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// A JSON value as it was sent. Unlike `serde_json::Value` it keeps a name that occurs twice in one object: of two amounts
/// no one can say which the client meant, so both must be seen to be refused. The value of a number is not kept, because
/// no field is one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool,
    Number,
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// What kind of value it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool => "a boolean",
            Json::Number => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

/// The same text with 0 for every number, in as many characters. The parser makes a float of a number and refuses one that no
/// float holds, such as `1e400`, which is JSON all the same (RFC 8259, section 6): what is wrong with it is that no field is a
/// number.
pub(crate) fn without_values_of_numbers(text: &str) -> String {
    let mut zeroed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        zeroed.push_str(&rest[..start]);
        rest = &rest[start..];
        let (token, behind) =
            rest.split_at(if rest.starts_with('"') { string_bytes(rest) } else { number_bytes(rest) });
        if is_number(token) {
            zeroed.push_str(&format!("{:<1$}", 0, token.len()));
        } else {
            zeroed.push_str(token);
        }
        rest = behind;
    }
    zeroed.push_str(rest);
    zeroed
}

/// How long the string is that the text begins with, with its quotes, or what there is of it.
fn string_bytes(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'"' => return index + 1,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    text.len()
}

fn number_bytes(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_digit() || ['-', '+', '.', 'e', 'E'].contains(&c))).unwrap_or(text.len())
}

/// Whether this is a number of JSON (RFC 8259, section 6), of whatever size.
fn is_number(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (text, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(text, exponent)| (text, Some(exponent)));
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(is_digits)
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Bool)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    #[expect(clippy::disallowed_types, reason = "the parser hands numbers over in this form; the value is not kept")]
    fn visit_f64<E: Error>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element()? {
            array.push(element);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_numbers_lose_their_value_and_nothing_its_place() {
        for (text, expected) in [
            (r#"{"a": 1e400, "b": -0.5}"#, r#"{"a": 0    , "b": 0   }"#),
            (r#"["1e400", "\"1", "\\", 12]"#, r#"["1e400", "\"1", "\\", 0 ]"#),
            ("-1E+999999999999999999999", "0                        "),
            // None of these is a number, which the parser is to say.
            ("01 1. 1e 1e+ -- 1.e5 \"1", "01 1. 1e 1e+ -- 1.e5 \"1"),
        ] {
            assert_eq!(without_values_of_numbers(text), expected);
        }
    }

    proptest! {
        #[test]
        fn what_the_parser_says_does_not_depend_on_the_values_of_numbers(text in "[\\[\\]{}:,\"\\\\ 0-3eE.+-]{0,12}|\\PC{0,12}") {
            let read = |text: &str| serde_json::from_str::<Json>(text).map_err(|error| error.to_string());
            let zeroed = without_values_of_numbers(&text);
            prop_assert_eq!(zeroed.len(), text.len());
            match read(&text) {
                Err(error) if error.starts_with("number out of range") => {}
                expected => prop_assert_eq!(read(&zeroed).is_ok(), expected.is_ok(), "{}", text),
            }
        }
    }
}
