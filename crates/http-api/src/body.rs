//! Reading a JSON body, member by member, with every fault noted where it is.

use lambda_http::{
    Request,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use crate::{
    Code, Fault, FaultCode, Flaw, Problem,
    json::{Json, without_values_of_numbers},
    problem::FAULTS_MAX,
};

/// The longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The most of a header that a refusal quotes, in characters.
const QUOTED_MAX: usize = 100;

/// Reads a body that must be there. A byte order mark in front of it is left aside (RFC 8259, section 8.1).
pub(crate) fn parse_body(request: &Request) -> Result<Json, Problem> {
    refuse_other_media_type(request)?;
    refuse_encoded(request)?;
    let bytes: &[u8] = request.body();
    if bytes.len() > BODY_BYTES_MAX {
        let detail = format!("The body must be at most {BODY_BYTES_MAX} bytes, has {}.", bytes.len());
        return Err(Problem::new(Code::BodyTooLarge, detail));
    }
    let malformed = |detail: String| Problem::new(Code::MalformedJson, detail);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        malformed(format!("The body is not UTF-8: its first {} bytes are, and the next is not.", error.valid_up_to()))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(&without_values_of_numbers(text))
        .map_err(|error| malformed(format!("The body is not JSON: {error}.")))
}

/// The body must be declared as JSON, once: the gateway joins headers of one name with a comma. JSON has no charset but UTF-8
/// (RFC 8259, section 8.1), so one may be named, and no other.
fn refuse_other_media_type(request: &Request) -> Result<(), Problem> {
    let refused = |detail: String| Err(Problem::new(Code::UnsupportedMediaType, detail));
    let mut values = request.headers().get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return refused("Send the body as application/json, with one Content-Type header.".to_owned());
    };
    let value = value.to_str().unwrap_or_default();
    let mime = match without_blanks(value).parse::<mime::Mime>() {
        Ok(mime) if mime.essence_str() == "application/json" => mime,
        Ok(_) | Err(_) => {
            let detail = format!("Send the body as application/json; Content-Type is \"{}\".", beginning(value));
            return refused(detail);
        }
    };
    let is_utf_8 = |charset: &str| ["utf-8", "utf8"].iter().any(|name| charset.eq_ignore_ascii_case(name));
    let charsets = mime.params().filter(|(name, _)| *name == mime::CHARSET).map(|(_, charset)| charset.as_str());
    match charsets.map(|charset| charset.trim_matches('"')).find(|charset| !is_utf_8(charset)) {
        Some(other) => refused(format!("Send the body in UTF-8; its charset is given as \"{}\".", beginning(other))),
        None => Ok(()),
    }
}

/// A media type without the blanks around its semicolons and without empty parameters, which RFC 9110, section 5.6.6, allows and
/// the parser does not.
fn without_blanks(media_type: &str) -> String {
    let mut is_quoted = false;
    let parts = media_type.split(|c: char| {
        is_quoted ^= c == '"';
        c == ';' && !is_quoted
    });
    let mut parts = parts.map(|part| part.trim_matches([' ', '\t']));
    let essence = parts.next().unwrap_or_default();
    parts.filter(|part| !part.is_empty()).fold(essence.to_owned(), |joined, part| joined + ";" + part)
}

/// Nothing is decompressed here.
fn refuse_encoded(request: &Request) -> Result<(), Problem> {
    let values = request.headers().get_all(CONTENT_ENCODING).iter();
    let mut encodings = values.flat_map(|value| value.to_str().unwrap_or("?").split(',')).map(str::trim);
    match encodings.find(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")) {
        Some(other) => {
            let detail = format!("Send the body as it is; its Content-Encoding is given as \"{}\".", beginning(other));
            Err(Problem::new(Code::UnsupportedMediaType, detail))
        }
        None => Ok(()),
    }
}

fn beginning(text: &str) -> &str {
    text.char_indices().nth(QUOTED_MAX).map_or(text, |(end, _)| &text[..end])
}

/// Everything that is wrong with a body.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, pointer: impl Into<String>, flaw: impl Into<Flaw>) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(Fault::at(pointer, flaw));
        }
    }

    pub(crate) fn none_or_problem(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::with_faults(Code::ValidationFailed, self.0)) }
    }
}

/// A value of another type than this one.
pub(crate) fn wrong_type(expected: &str, value: &Json) -> Flaw {
    Flaw::new(FaultCode::WrongType, format!("must be {expected}, is {}", value.kind()))
}

/// The members of one object, each to be asked for once; what nobody asked for is unknown.
pub(crate) struct Object<'a, 'f> {
    pointer: &'f str,
    members: &'a [(String, Json)],
    known: Vec<&'static str>,
    faults: &'f mut Faults,
}

/// The member is there and is not a string; the fault is noted.
pub(crate) struct NotText;

impl<'a, 'f> Object<'a, 'f> {
    pub(crate) fn new(pointer: &'f str, members: &'a [(String, Json)], faults: &'f mut Faults) -> Object<'a, 'f> {
        Object { pointer, members, known: Vec::new(), faults }
    }

    /// The member, if it is there and not `null`.
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<&'a Json> {
        self.known.push(name);
        let mut values = self.members.iter().filter(|(member, _)| member == name).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            self.fault(name, Flaw::new(FaultCode::Duplicate, "occurs more than once"));
        }
        value.filter(|value| **value != Json::Null)
    }

    pub(crate) fn required(&mut self, name: &'static str) -> Option<&'a Json> {
        let value = self.optional(name);
        if value.is_none() {
            self.fault(name, Flaw::new(FaultCode::Required, "is required"));
        }
        value
    }

    pub(crate) fn required_text(&mut self, name: &'static str) -> Option<&'a str> {
        let value = self.required(name)?;
        self.text(name, value).ok()
    }

    pub(crate) fn optional_text(&mut self, name: &'static str) -> Result<Option<&'a str>, NotText> {
        self.optional(name).map(|value| self.text(name, value)).transpose()
    }

    /// A member that may be left out: nothing if it is not what it should be, which is noted.
    pub(crate) fn optional_parsed<T, E: Into<Flaw>>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        match self.optional_text(name) {
            Ok(Some(text)) => self.check(name, parse(text)).map(Some),
            Ok(None) => Some(None),
            Err(NotText) => None,
        }
    }

    fn text(&mut self, name: &'static str, value: &'a Json) -> Result<&'a str, NotText> {
        match value {
            Json::String(text) => Ok(text),
            other => {
                self.fault(name, wrong_type("a string", other));
                Err(NotText)
            }
        }
    }

    pub(crate) fn check<T, E: Into<Flaw>>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.fault(name, error)).ok()
    }

    pub(crate) fn refuse_other_members(&mut self) {
        for (name, _) in self.members {
            if !self.known.contains(&name.as_str()) {
                self.fault(name, Flaw::new(FaultCode::UnknownField, "is not a known field"));
            }
        }
    }

    pub(crate) fn fault(&mut self, name: &str, flaw: impl Into<Flaw>) {
        // RFC 6901, section 3.
        let name = name.replace('~', "~0").replace('/', "~1");
        self.faults.add(format!("{}/{name}", self.pointer), flaw);
    }

    /// A fault of an element of an array.
    pub(crate) fn fault_below(&mut self, name: &'static str, index: usize, flaw: impl Into<Flaw>) {
        self.faults.add(format!("{}/{name}/{index}", self.pointer), flaw);
    }
}
