//! Where rows are sent to.

use cashflow::EntryId;
use url::{Host, Url};

/// The base URL of an API, to which a token may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
}

/// Why a text is not the URL of an API to send a token to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL.
    #[error("is not a URL such as https://api.example.com")]
    NotAUrl,
    /// The token would travel in the clear.
    #[error("must be https: over http the token could be read on its way (http is for addresses of this machine)")]
    InTheClear,
    /// There is something in it that no base URL has.
    #[error("must have no user, query or fragment")]
    Unexpected,
}

impl Endpoint {
    /// Reads a base URL.
    pub fn parse(text: &str) -> Result<Endpoint, EndpointError> {
        let base = Url::parse(text.trim()).map_err(|_| EndpointError::NotAUrl)?;
        let host = base.host().ok_or(EndpointError::NotAUrl)?;
        match base.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            "http" => return Err(EndpointError::InTheClear),
            _ => return Err(EndpointError::NotAUrl),
        }
        let is_plain = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none();
        if is_plain { Ok(Endpoint { base }) } else { Err(EndpointError::Unexpected) }
    }

    /// The base URL in one form.
    pub fn as_str(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Where an entry is looked at.
    pub fn entry_url(&self, id: EntryId) -> String {
        format!("{}/entries/{id}", self.as_str())
    }

    /// Where batches are posted.
    pub fn batch_url(&self) -> String {
        format!("{}/entries/batch", self.as_str())
    }

    /// Whether its name leads to an address at this moment.
    pub fn has_address(&self) -> bool {
        self.base.socket_addrs(|| None).is_ok_and(|addresses| !addresses.is_empty())
    }

    /// Whether it is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.base.host().is_some_and(|host| is_loopback(&host))
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
