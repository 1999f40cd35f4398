use std::{net::SocketAddr, str::FromStr, time::Duration};

use aws_clients::Roots;
use settings::{SettingError, optional, required};
use url::Url;

/// How many requests may be in work at once, unless `HTTP_CONCURRENCY` says otherwise: each has up to 256 KiB of a body.
const CONCURRENCY: usize = 128;

/// For how long a process goes on as before once it is told to end, so that nobody sends it anything more when it stops listening.
const DRAIN: Duration = Duration::from_secs(5);

/// How long a client may take for the headers of a request. A connection that is not used ends after it, too, so it is above the
/// minute after which load balancers end theirs.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(75);

/// How long a client may take for a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer may take: below the 30 s after which API Gateway gives up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);

/// How long a client may take nothing of an answer: as long as API Gateway, which takes what it gets at once, waits for the whole.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a process listens.
#[derive(Debug, Clone, Copy)]
pub struct Listen {
    /// For the API.
    pub public: SocketAddr,
    /// For probes and metrics.
    pub internal: SocketAddr,
}

/// How a service answers requests.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Where it listens.
    pub listen: Listen,
    /// How many requests it works on at once.
    pub concurrency: usize,
    /// How long it waits for what.
    pub patience: Patience,
    /// Whose tokens count.
    pub tokens: TokenConfig,
}

/// How long a service waits for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the headers of a request, on a new connection or between two requests.
    pub headers: Duration,
    /// For a body.
    pub body: Duration,
    /// For an answer.
    pub answer: Duration,
    /// For the client to take anything of an answer, whether it does not read or is gone without a word.
    pub unread: Duration,
    /// Between being told to end and refusing connections.
    pub drain: Duration,
}

/// Whose tokens count.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// The claim `iss`.
    pub issuer: String,
    /// The client ids, one of which a token must be for.
    pub audience: Vec<String>,
    /// Where the issuer's public keys are.
    pub key_set: Url,
    /// Whom to trust there over TLS.
    pub roots: Roots,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            headers: HEADERS_TIMEOUT,
            body: BODY_TIMEOUT,
            answer: ANSWER_TIMEOUT,
            unread: UNREAD_TIMEOUT,
            drain: DRAIN,
        }
    }
}

impl Listen {
    /// From `LISTEN` (default `0.0.0.0:8080`) and `LISTEN_INTERNAL` (default `0.0.0.0:9090`).
    pub fn from_env() -> Result<Listen, SettingError> {
        let expected = "an address and a port, such as 0.0.0.0:8080";
        Ok(Listen {
            public: optional_as("LISTEN", expected, SocketAddr::from(([0, 0, 0, 0], 8080)))?,
            internal: optional_as("LISTEN_INTERNAL", expected, SocketAddr::from(([0, 0, 0, 0], 9090)))?,
        })
    }
}

impl HttpConfig {
    /// From `LISTEN`, `LISTEN_INTERNAL`, `HTTP_CONCURRENCY`, `DRAIN_SECONDS`, and what [`TokenConfig::from_env`] reads.
    pub fn from_env() -> Result<HttpConfig, SettingError> {
        let seconds = optional_as("DRAIN_SECONDS", "a number of seconds", DRAIN.as_secs())?;
        let name = "HTTP_CONCURRENCY";
        let expected = "a number from 2 to 10000";
        let concurrency = optional_as(name, expected, CONCURRENCY)?;
        if !(2..=10_000).contains(&concurrency) {
            return Err(SettingError::Invalid { name, expected });
        }
        Ok(HttpConfig {
            listen: Listen::from_env()?,
            concurrency,
            patience: Patience { drain: Duration::from_secs(seconds), ..Patience::default() },
            tokens: TokenConfig::from_env()?,
        })
    }
}

impl TokenConfig {
    /// From `JWT_ISSUER`, `JWT_AUDIENCE` (client ids, with commas between), `JWKS_URL` (default: where Cognito has the keys of that
    /// issuer) and, where the authority of that server is not Amazon's, `JWKS_TLS_ROOTS` (a file with certificates in PEM form).
    pub fn from_env() -> Result<TokenConfig, SettingError> {
        let issuer = required("JWT_ISSUER")?;
        let name = "JWT_AUDIENCE";
        let audience: Vec<String> =
            required(name)?.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect();
        if audience.is_empty() {
            return Err(SettingError::Invalid { name, expected: "client ids with commas between" });
        }
        let url =
            optional("JWKS_URL").unwrap_or_else(|| format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')));
        let key_set = url.parse().map_err(|_| SettingError::Invalid { name: "JWKS_URL", expected: "a URL" })?;
        Ok(TokenConfig { issuer, audience, key_set, roots: Roots::from_env("JWKS_TLS_ROOTS", Roots::amazon)? })
    }
}

fn optional_as<T: FromStr>(name: &'static str, expected: &'static str, default: T) -> Result<T, SettingError> {
    match optional(name) {
        Some(text) => text.parse().map_err(|_| SettingError::Invalid { name, expected }),
        None => Ok(default),
    }
}
