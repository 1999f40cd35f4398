//! Reading a JSON body, member by member, with every fault noted where it is.

use lambda_http::{Request, http::header::CONTENT_TYPE};

use crate::{Code, Fault, Problem, json::Json};

/// The longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The most faults that are listed: more than a batch with every field of every entry wrong, few enough to bound the answer.
const FAULTS_MAX: usize = 5_000;

/// Reads a body that must be there.
pub(crate) fn parse_body(request: &Request) -> Result<Json, Problem> {
    if !is_json(request) {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send the body as application/json."));
    }
    let bytes: &[u8] = request.body();
    if bytes.len() > BODY_BYTES_MAX {
        let detail = format!("The body must be at most {BODY_BYTES_MAX} bytes, has {}.", bytes.len());
        return Err(Problem::new(Code::BodyTooLarge, detail));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::new(Code::MalformedJson, format!("The body is not JSON: {error}.")))
}

fn is_json(request: &Request) -> bool {
    request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.parse::<mime::Mime>().ok()).is_some_and(
        |mime| {
            let charset = mime.get_param(mime::CHARSET);
            mime.essence_str() == "application/json" && charset.is_none_or(|charset| charset == mime::UTF_8)
        },
    )
}

/// Everything that is wrong with a body.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, pointer: impl Into<String>, detail: impl ToString) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(Fault::at(pointer, detail));
        }
    }

    pub(crate) fn none_or_problem(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::with_faults(Code::ValidationFailed, self.0)) }
    }
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
    fn optional(&mut self, name: &'static str) -> Option<&'a Json> {
        self.known.push(name);
        let mut values = self.members.iter().filter(|(member, _)| member == name).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            self.fault(name, "occurs more than once");
        }
        value.filter(|value| **value != Json::Null)
    }

    pub(crate) fn required(&mut self, name: &'static str) -> Option<&'a Json> {
        let value = self.optional(name);
        if value.is_none() {
            self.fault(name, "is required");
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
    pub(crate) fn optional_parsed<T, E: ToString>(
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
                self.fault(name, format!("must be a string, is {}", other.kind()));
                Err(NotText)
            }
        }
    }

    pub(crate) fn check<T, E: ToString>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.fault(name, error.to_string())).ok()
    }

    pub(crate) fn refuse_other_members(&mut self) {
        for (name, _) in self.members {
            if !self.known.contains(&name.as_str()) {
                self.fault(name, "is not a known field");
            }
        }
    }

    pub(crate) fn fault(&mut self, name: &str, detail: impl ToString) {
        // RFC 6901, section 3.
        let name = name.replace('~', "~0").replace('/', "~1");
        self.faults.add(format!("{}/{name}", self.pointer), detail);
    }
}
