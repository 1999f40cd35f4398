use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::{KeySet, TokenConfig};

/// How far the clocks of the issuer and of this machine may be apart.
const LEEWAY_S: u64 = 5;

/// Says whether a token counts, as the JWT authorizer of API Gateway does: signed with RS256 by a key of the issuer, for one of our
/// clients, at this time ("Control access to HTTP APIs with JWT authorizers", API Gateway Developer Guide).
#[derive(Debug)]
pub struct Tokens {
    keys: KeySet,
    issuer: String,
    audience: Vec<String>,
    validation: Validation,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its token is missing or does not count.
    Unauthorized,
    /// The issuer's keys are not known yet, so nobody can say.
    NoKeys,
}

impl Tokens {
    /// Tokens of this issuer, with these keys.
    pub fn new(config: &TokenConfig, keys: KeySet) -> Tokens {
        // RS256 and nothing else: neither none, nor a public key taken for a shared secret.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "iss"]);
        validation.set_issuer(&[&config.issuer]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_S;
        // Here, because it depends on which of two claims a token has.
        validation.validate_aud = false;
        Tokens { keys, issuer: config.issuer.clone(), audience: config.audience.clone(), validation }
    }

    /// Whether tokens can be verified.
    pub fn is_ready(&self) -> bool {
        self.keys.is_known()
    }

    /// The claims of the token in this value of the header `Authorization`.
    pub async fn claims(&self, authorization: &str) -> Result<Map<String, Value>, Refusal> {
        let token = bearer(authorization);
        let header = decode_header(token).map_err(|_| Refusal::Unauthorized)?;
        // A token that demands more than is understood here is refused (RFC 7515, section 4.1.11).
        if header.alg != Algorithm::RS256 || header.crit.is_some() {
            return Err(Refusal::Unauthorized);
        }
        let id = header.kid.ok_or(Refusal::Unauthorized)?;
        let Some(key) = self.keys.key(&id).await else {
            return Err(if self.keys.is_known() { Refusal::Unauthorized } else { Refusal::NoKeys });
        };
        let claims =
            decode::<Map<String, Value>>(token, &key, &self.validation).map_err(|_| Refusal::Unauthorized)?.claims;
        let is_for_us = self.is_of_issuer(&claims) && self.is_for_a_client(&claims) && !is_of_the_future(&claims);
        if is_for_us { Ok(claims) } else { Err(Refusal::Unauthorized) }
    }

    fn is_of_issuer(&self, claims: &Map<String, Value>) -> bool {
        // One issuer, and not a list with ours in it.
        claims.get("iss").and_then(Value::as_str) == Some(&self.issuer)
    }

    /// `client_id` counts only if there is no `aud`: access tokens have none.
    fn is_for_a_client(&self, claims: &Map<String, Value>) -> bool {
        let is_client = |id: &Value| id.as_str().is_some_and(|id| self.audience.iter().any(|client| client == id));
        match claims.get("aud") {
            Some(Value::Array(ids)) => ids.iter().any(is_client),
            Some(id) => is_client(id),
            None => claims.get("client_id").is_some_and(is_client),
        }
    }
}

fn is_of_the_future(claims: &Map<String, Value>) -> bool {
    let latest = jsonwebtoken::get_current_timestamp().saturating_add(LEEWAY_S);
    claims.get("iat").is_some_and(|iat| iat.as_u64().is_none_or(|iat| iat > latest))
}

/// The gateway takes a token with or without `Bearer` before it.
fn bearer(authorization: &str) -> &str {
    match authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => authorization.trim(),
    }
}
