use std::{fmt, str::FromStr};

use lambda_http::Request;
use settings::SettingError;
use subtle::ConstantTimeEq;

/// The header that the console's distribution adds to each request for the API. "If a header is present, CloudFront overwrites the
/// header value" (AWS: "Add custom headers to origin requests").
const HEADER: &str = "x-fluxo-edge";

/// The shortest key, in characters.
const KEY_LENGTH_MIN: usize = 32;

/// Tells requests that came through the console's distribution, and so past its web ACL, from those that came to the API's own
/// address. Log lines say which; nothing else depends on it.
#[derive(Clone)]
pub struct EdgeKey(String);

/// The key is shorter than 32 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTooShort;

impl FromStr for EdgeKey {
    type Err = KeyTooShort;

    fn from_str(key: &str) -> Result<EdgeKey, KeyTooShort> {
        if key.len() < KEY_LENGTH_MIN { Err(KeyTooShort) } else { Ok(EdgeKey(key.to_owned())) }
    }
}

impl EdgeKey {
    /// The key in `EDGE_KEY`; a stack without a console has none.
    pub fn from_env() -> Result<Option<EdgeKey>, SettingError> {
        let name = "EDGE_KEY";
        let expected = "a secret of at least 32 characters";
        let key = settings::optional(name).map(|key| key.parse()).transpose();
        key.map_err(|KeyTooShort| SettingError::Invalid { name, expected })
    }

    /// Whether the request came through the distribution. It takes as long for any key of this length.
    pub(crate) fn is_in(&self, request: &Request) -> bool {
        request.headers().get(HEADER).is_some_and(|given| given.as_bytes().ct_eq(self.0.as_bytes()).into())
    }
}

/// Without the key.
impl fmt::Debug for EdgeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EdgeKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdefghijklmnopqrstuv";

    fn is_edge(given: Option<&str>) -> bool {
        let mut request = Request::default();
        if let Some(given) = given {
            request.headers_mut().insert(HEADER, given.parse().unwrap());
        }
        KEY.parse::<EdgeKey>().unwrap().is_in(&request)
    }

    #[test]
    fn a_request_is_from_the_edge_with_the_whole_key_only() {
        assert!(is_edge(Some(KEY)));
        for other in [None, Some(""), Some(&KEY[1..]), Some("0123456789abcdefghijklmnopqrstuw")] {
            assert!(!is_edge(other), "{other:?}");
        }
        assert!(!is_edge(Some(&format!("{KEY}0"))));
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused_and_none_is_shown() {
        assert_eq!("short".parse::<EdgeKey>().unwrap_err(), KeyTooShort);
        assert_eq!(format!("{:?}", KEY.parse::<EdgeKey>().unwrap()), "EdgeKey");
    }
}
