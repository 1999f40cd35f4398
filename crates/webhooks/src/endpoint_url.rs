use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use settings::SettingError;
use url::{Host, Url};

use crate::address::is_global;

/// The longest URL, in characters.
pub const URL_CHARACTERS_MAX: usize = 2_048;

/// Whether receivers on this machine are admitted, in the clear: for a stack on a developer's machine, and never on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loopback {
    /// They are not.
    Refused,
    /// `http://127.0.0.1:PORT` is.
    Admitted,
}

impl Loopback {
    /// From `WEBHOOK_LOOPBACK`: `admitted`, or `refused`, as it is without it.
    pub fn from_env() -> Result<Loopback, SettingError> {
        let name = "WEBHOOK_LOOPBACK";
        match settings::optional(name).as_deref() {
            None | Some("refused") => Ok(Loopback::Refused),
            Some("admitted") => Ok(Loopback::Admitted),
            Some(_) => Err(SettingError::Invalid { name, expected: "refused or admitted" }),
        }
    }
}

/// Where webhooks are sent: `https`, to a public host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// Why something is no URL that webhooks may be sent to. The words follow the name of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointUrlError {
    /// It is longer than [`URL_CHARACTERS_MAX`].
    #[error("must be at most {URL_CHARACTERS_MAX} characters long")]
    TooLong,
    /// It is none (WHATWG URL Standard).
    #[error("must be a URL, such as https://example.com/webhooks")]
    Malformed,
    /// Its scheme is another one.
    #[error("must begin with https://")]
    NotHttps,
    /// It has a name or a password.
    #[error("must have no user name and no password")]
    Credentials,
    /// It has a part that is never sent.
    #[error("must have no fragment")]
    Fragment,
    /// Its host is an address that is not global, or a name that leads to none.
    #[error("must have a public host: no private, local or reserved address or name")]
    NotPublic,
    /// Other services than receivers of webhooks listen there.
    #[error("must have port 443, or one from 1024 that no other protocol is known for")]
    Port,
}

/// Top-level names that lead nowhere or into somebody's own network: RFC 6761 and 6762, 7686, 8375, 9476, and `internal`, which ICANN
/// has reserved.
const SPECIAL_NAMES: [&str; 9] =
    ["alt", "example", "home.arpa", "internal", "invalid", "local", "localhost", "onion", "test"];

/// Ports from 1024 that other protocols are known for: those that browsers do not connect to (Fetch Standard, "bad port"), and those
/// of databases, queues and control planes.
const OTHER_PROTOCOLS: [u16; 53] = [
    1433, 1521, 1719, 1720, 1723, 1883, 2049, 2181, 2375, 2376, 2377, 2379, 2380, 3260, 3306, 3389, 3659, 4045, 4190,
    4222, 4369, 5060, 5061, 5432, 5671, 5672, 5900, 5984, 6000, 6379, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679,
    6697, 7000, 7199, 8125, 9001, 9042, 9092, 9200, 9300, 10080, 10250, 10255, 11211, 27017, 27018,
];

impl EndpointUrl {
    /// Reads a URL, and refuses every one that must not be sent to. Whether a name leads to public addresses shows only when it is
    /// resolved, for each attempt.
    pub fn parse(text: &str, loopback: Loopback) -> Result<EndpointUrl, EndpointUrlError> {
        if text.chars().count() > URL_CHARACTERS_MAX {
            return Err(EndpointUrlError::TooLong);
        }
        // Browsers read more than what is one: without slashes, with backslashes, blanks or ends of lines.
        let is_odd = |character: char| character == '\\' || character.is_whitespace() || character.is_control();
        let url = Url::parse(text).map_err(|_| EndpointUrlError::Malformed)?;
        if text.contains(is_odd) || (matches!(url.scheme(), "http" | "https") && !text.contains("://")) {
            return Err(EndpointUrlError::Malformed);
        }
        // As it is kept, with what is not ASCII encoded.
        if url.as_str().len() > URL_CHARACTERS_MAX {
            return Err(EndpointUrlError::TooLong);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointUrlError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(EndpointUrlError::Fragment);
        }
        if loopback == Loopback::Admitted
            && url.scheme() == "http"
            && url.host() == Some(Host::Ipv4(Ipv4Addr::LOCALHOST))
            && url.port() != Some(0)
        {
            return Ok(EndpointUrl(url));
        }
        if url.scheme() != "https" {
            return Err(EndpointUrlError::NotHttps);
        }
        if !url.host().is_some_and(|host| is_public(&host)) {
            return Err(EndpointUrlError::NotPublic);
        }
        match url.port() {
            None => Ok(EndpointUrl(url)),
            Some(port) if port >= 1024 && !OTHER_PROTOCOLS.contains(&port) => Ok(EndpointUrl(url)),
            Some(_) => Err(EndpointUrlError::Port),
        }
    }

    /// The URL, as it is normalised.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is one that only a developer's machine admits, in the clear.
    pub(crate) fn is_loopback(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The host: a name, or an address.
    pub(crate) fn host(&self) -> Destination<'_> {
        match self.0.host() {
            Some(Host::Ipv4(address)) => Destination::Address(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Destination::Address(IpAddr::V6(address)),
            Some(Host::Domain(name)) => Destination::Name(name),
            // What was parsed has a host.
            None => Destination::Name(""),
        }
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }

    /// Host and port, as in the header `Host` (RFC 9110, section 7.2).
    pub(crate) fn authority(&self) -> &str {
        self.0.authority()
    }

    /// Path and query, as in the request line.
    pub(crate) fn path_and_query(&self) -> &str {
        &self.0[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

/// Where a URL leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination<'a> {
    Name(&'a str),
    Address(IpAddr),
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn is_public(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => is_global(IpAddr::V4(*address)),
        Host::Ipv6(address) => is_global(IpAddr::V6(*address)),
        // A dot at the end would be another name to certificates, and one without any dot is looked for in the machine's own domains.
        Host::Domain(name) => {
            let is_below =
                |parent: &str| name.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            name.contains('.') && !name.ends_with('.') && !SPECIAL_NAMES.iter().copied().any(is_below)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(urls: &[&str], expected: Result<(), EndpointUrlError>) {
        for url in urls {
            assert_eq!(EndpointUrl::parse(url, Loopback::Refused).map(drop), expected, "{url}");
        }
    }

    #[test]
    fn public_https_urls_are_admitted() {
        check(&["https://example.com/webhooks?a=b", "HTTPS://Example.COM", "https://hooks.example.com:8443/"], Ok(()));
        check(
            &["https://8.8.8.8/", "https://[2606:4700::1111]/", "https://bücher.example.com", "https://a.b:443/"],
            Ok(()),
        );
    }

    #[test]
    fn what_only_browsers_read_as_a_url_is_none() {
        let refused = Err(EndpointUrlError::Malformed);
        check(&["https:example.com", "https:/example.com", "https:\\\\example.com/", " https://example.com/"], refused);
        check(
            &["https://exa\tmple.com/", "https://example.com/\r\nX: y", "https://example.com/\0", "https://a.b/ c"],
            refused,
        );
    }

    /// Whatever is taken is taken again when it is sent to.
    #[test]
    fn a_url_is_as_long_as_it_is_kept() {
        let url = |count| format!("https://example.com/{}", "é".repeat(count));
        let kept = EndpointUrl::parse(&url(300), Loopback::Refused).unwrap();
        assert_eq!(EndpointUrl::parse(kept.as_str(), Loopback::Refused), Ok(kept));
        check(&[&url(700)], Err(EndpointUrlError::TooLong));
        let port_0 = EndpointUrl::parse("http://127.0.0.1:0/", Loopback::Admitted);
        assert_eq!(port_0, Err(EndpointUrlError::NotHttps));
    }

    #[test]
    fn addresses_that_are_not_global_are_refused_in_every_notation() {
        let refused = Err(EndpointUrlError::NotPublic);
        check(&["https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/"], refused);
        check(&["https://0177.0.0.1/", "https://0x7f.1/", "https://127.0.0.1./", "https://0/"], refused);
        check(&["https://169.254.169.254/latest/meta-data/", "https://2852039166/", "https://0xa9fea9fe/"], refused);
        check(&["https://0251.0376.0251.0376/", "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/"], refused);
        check(
            &["https://10.0.0.1/", "https://192.168.1.1/", "https://100.64.0.1/", "https://255.255.255.255/"],
            refused,
        );
        check(&["https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/"], refused);
        check(&["https://[64:ff9b::169.254.169.254]/", "https://[fd00:ec2::254]/", "https://[fe80::1]/"], refused);
        check(&["https://[2002:7f00:1::]/", "https://[2001:0:1::1]/", "https://[ff02::1]/"], refused);
    }

    #[test]
    fn names_of_private_networks_are_refused() {
        let refused = Err(EndpointUrlError::NotPublic);
        check(&["https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://a.localhost/"], refused);
        check(
            &["https://printer.local/", "https://db.internal/", "https://router.home.arpa/", "https://home.arpa/"],
            refused,
        );
        check(
            &["https://intranet/", "https://example.com./", "https://x.onion/", "https://a.test/", "https://a.invalid"],
            refused,
        );
        check(&["https://ip-10-0-0-1.ec2.internal/", "https://a.example/", "https://x.alt/"], refused);
    }

    #[test]
    fn what_is_no_plain_https_url_is_refused() {
        check(
            &["http://example.com/", "ftp://example.com/", "http://127.0.0.1:8080/"],
            Err(EndpointUrlError::NotHttps),
        );
        check(&["gopher://example.com/", "file:///etc/passwd", "data:,x"], Err(EndpointUrlError::NotHttps));
        check(
            &["https://a@example.com/", "https://a:b@example.com/", "https://:b@example.com/"],
            Err(EndpointUrlError::Credentials),
        );
        check(&["https://example.com@127.0.0.1/"], Err(EndpointUrlError::Credentials));
        check(&["https://example.com/#a", "https://example.com/#"], Err(EndpointUrlError::Fragment));
        check(
            &["", "example.com", "//example.com", "https://", "https://[fe80::1%25eth0]/"],
            Err(EndpointUrlError::Malformed),
        );
        check(&["https://exa mple.com/", "https://[::1", "https://256.256.256.256/"], Err(EndpointUrlError::Malformed));
        check(&[&format!("https://example.com/{}", "a".repeat(URL_CHARACTERS_MAX))], Err(EndpointUrlError::TooLong));
    }

    #[test]
    fn ports_of_other_protocols_are_refused() {
        let refused = Err(EndpointUrlError::Port);
        check(
            &[
                "https://example.com:22/",
                "https://example.com:25/",
                "https://example.com:80/",
                "https://example.com:0/",
            ],
            refused,
        );
        check(&["https://example.com:1023/", "https://example.com:5432/", "https://example.com:6379/"], refused);
        check(&["https://example.com:9001/", "https://example.com:11211/"], refused);
        check(&["https://example.com:1024/", "https://example.com:65535/"], Ok(()));
        assert!(OTHER_PROTOCOLS.is_sorted() && OTHER_PROTOCOLS[0] >= 1024);
    }

    #[test]
    fn only_a_developers_machine_admits_loopback_and_nothing_else() {
        let parse = |url| EndpointUrl::parse(url, Loopback::Admitted).map(|url| url.is_loopback());
        assert_eq!(parse("http://127.0.0.1:8080/a?b"), Ok(true));
        assert_eq!(parse("https://example.com/"), Ok(false));
        for other in ["http://localhost:8080/", "http://127.0.0.2:8080/", "http://[::1]:8080/", "http://example.com/"] {
            assert_eq!(parse(other), Err(EndpointUrlError::NotHttps), "{other}");
        }
        for other in ["https://127.0.0.1:8080/", "https://10.0.0.1/", "https://localhost/"] {
            assert_eq!(parse(other), Err(EndpointUrlError::NotPublic), "{other}");
        }
    }

    #[test]
    fn a_request_is_made_of_its_parts() {
        let url = EndpointUrl::parse("https://Example.com:8443/a%20b/ü?c=d&e", Loopback::Refused).unwrap();
        assert_eq!((url.authority(), url.path_and_query()), ("example.com:8443", "/a%20b/%C3%BC?c=d&e"));
        assert_eq!((url.host(), url.port()), (Destination::Name("example.com"), 8443));
        let url = EndpointUrl::parse("https://example.com", Loopback::Refused).unwrap();
        assert_eq!((url.authority(), url.path_and_query(), url.port()), ("example.com", "/", 443));
    }
}
