//! One attempt at a delivery: a request to an address that was looked at, of bounded size and time.
//!
//! A name is resolved once for an attempt. Every address that it has must be global, and the connection goes to one of those that were
//! looked at, so that a name which leads elsewhere a moment later leads nowhere. Nothing follows a redirect. Of the answer nothing
//! is kept but its status and `Retry-After`.

use std::{
    fmt,
    future::pending,
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1,
    header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

use crate::{
    Loopback, Network, SignedHeaders,
    address::is_global,
    endpoint_url::{Destination, EndpointUrl},
    schedule::RETRY_AFTER_MAX,
};

/// What an attempt may take, from looking up the name to the end of the answer's headers ("Standard Webhooks", request timeouts: 15
/// to 30 s).
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// How many of a name's addresses are tried.
const ADDRESSES_MAX: usize = 4;

/// The most that is read of the head of an answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The most headers of an answer.
const HEADERS_MAX: usize = 64;

/// The most that is read of the body of an answer, which says nothing that matters, and for how long: a receiver that is cut off in
/// the middle of it may take the delivery for failed.
const BODY_BYTES_MAX: usize = 16 * 1024;
const BODY_PATIENCE: Duration = Duration::from_secs(1);

/// What it calls itself.
const SENDER: &str = "Fluxo-Webhooks/1";

/// Sends webhooks.
#[derive(Clone)]
pub struct Sender {
    network: Arc<dyn Network>,
    tls: TlsConnector,
    loopback: Loopback,
    attempt_timeout: Duration,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The status of the answer, or why there is none.
    pub answer: Result<u16, NoAnswer>,
    /// How long the receiver wants to be left alone.
    pub retry_after: Option<Duration>,
    /// What it took.
    pub took: Duration,
}

/// Why an attempt got no answer. What exactly went wrong is not told: it would tell what there is in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// The URL, or an address that its name has, is not one to send to.
    RefusedAddress,
    /// The name has no address.
    NoSuchHost,
    /// No connection came about.
    ConnectionFailed,
    /// The receiver's certificate is not valid for its name, or TLS failed otherwise.
    TlsFailed,
    /// It took longer than [`ATTEMPT_TIMEOUT`].
    TimedOut,
    /// What came back is no HTTP, too long, or was cut off.
    MalformedAnswer,
}

impl NoAnswer {
    /// As the API shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            NoAnswer::RefusedAddress => "refused_address",
            NoAnswer::NoSuchHost => "no_such_host",
            NoAnswer::ConnectionFailed => "connection_failed",
            NoAnswer::TlsFailed => "tls_failed",
            NoAnswer::TimedOut => "timed_out",
            NoAnswer::MalformedAnswer => "malformed_answer",
        }
    }
}

/// What comes of an attempt, as "Standard Webhooks" has it ("Delivery success and failure").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered,
    /// It is tried again. Some failures ask for fewer requests, after a time of which the receiver may say how long it is.
    TryAgain {
        /// For how long the receiver is to be left alone, if at all; zero if it did not say.
        throttled: Option<Duration>,
    },
    /// The receiver will never have it.
    Failed,
    /// The receiver wants no more of them at all.
    Gone,
}

impl Attempt {
    /// What comes of it: 2xx is success; redirects are not followed and tried again as all other failures are, but for those that the
    /// receiver says are its sender's, which are final. Of those, 408, 425 and 429 are not.
    pub fn outcome(&self) -> Outcome {
        let asked = self.retry_after;
        match self.answer {
            Ok(200..=299) => Outcome::Delivered,
            Ok(410) => Outcome::Gone,
            Ok(429 | 502 | 504) => Outcome::TryAgain { throttled: Some(asked.unwrap_or_default()) },
            Ok(408 | 425) => Outcome::TryAgain { throttled: asked },
            Ok(400..=499) => Outcome::Failed,
            Ok(_) => Outcome::TryAgain { throttled: asked },
            Err(_) => Outcome::TryAgain { throttled: None },
        }
    }

    /// The kind of failure, as the API shows it, where the status of an answer does not say it.
    pub fn error(&self) -> Option<&'static str> {
        match self.answer {
            Ok(_) => None,
            Err(reason) => Some(reason.as_str()),
        }
    }
}

impl Sender {
    /// Sends through the Internet, to receivers whose certificates come from an authority that Mozilla trusts.
    pub fn new(loopback: Loopback) -> Sender {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Sender::through(Arc::new(crate::Internet), roots, loopback, ATTEMPT_TIMEOUT)
    }

    /// Sends through this network, to receivers whom these authorities vouch for, and waits for so long.
    pub fn through(
        network: Arc<dyn Network>,
        roots: RootCertStore,
        loopback: Loopback,
        attempt_timeout: Duration,
    ) -> Sender {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has these versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Sender { network, tls: TlsConnector::from(Arc::new(tls)), loopback, attempt_timeout }
    }

    /// Sends a body, in JSON, to this URL.
    pub async fn send(&self, url: &str, headers: &SignedHeaders, body: String) -> Attempt {
        let start = Instant::now();
        let answered = OnceLock::new();
        let exchange = timeout(self.attempt_timeout, self.exchange(url, headers, body, &answered));
        let ended = exchange.await.unwrap_or(Err(NoAnswer::TimedOut));
        // An answer that came in time counts, however long its body takes.
        match answered.into_inner() {
            Some((status, retry_after)) => Attempt { answer: Ok(status), retry_after, took: start.elapsed() },
            None => {
                let reason = ended.err().unwrap_or(NoAnswer::MalformedAnswer);
                Attempt { answer: Err(reason), retry_after: None, took: start.elapsed() }
            }
        }
    }

    async fn exchange(
        &self,
        url: &str,
        headers: &SignedHeaders,
        body: String,
        answered: &OnceLock<(u16, Option<Duration>)>,
    ) -> Result<(), NoAnswer> {
        // What was admitted when the endpoint was made may be refused by now.
        let url = EndpointUrl::parse(url, self.loopback).map_err(|_| NoAnswer::RefusedAddress)?;
        let stream = self.connect(&url).await?;
        let request = request(&url, headers, body).ok_or(NoAnswer::RefusedAddress)?;
        if url.is_loopback() {
            return ask(stream, request, answered).await;
        }
        let name = match url.host() {
            Destination::Address(address) => ServerName::from(address),
            Destination::Name(name) => ServerName::try_from(name.to_owned()).map_err(|_| NoAnswer::RefusedAddress)?,
        };
        let stream = self.tls.connect(name, stream).await.map_err(|_| NoAnswer::TlsFailed)?;
        ask(stream, request, answered).await
    }

    /// A connection to one of the addresses of the URL's host, all of which are global.
    async fn connect(&self, url: &EndpointUrl) -> Result<TcpStream, NoAnswer> {
        let mut addresses = match url.host() {
            Destination::Address(address) => vec![address],
            Destination::Name(name) => self.network.resolve(name).await.map_err(|_| NoAnswer::NoSuchHost)?,
        };
        if !url.is_loopback() && !addresses.iter().copied().all(is_global) {
            return Err(NoAnswer::RefusedAddress);
        }
        if addresses.is_empty() {
            return Err(NoAnswer::NoSuchHost);
        }
        // A function outside of a VPC has no way to addresses of IPv6.
        addresses.sort_by_key(IpAddr::is_ipv6);
        for address in addresses.into_iter().take(ADDRESSES_MAX) {
            if let Ok(stream) = self.network.connect(SocketAddr::new(address, url.port())).await {
                return Ok(stream);
            }
        }
        Err(NoAnswer::ConnectionFailed)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({:?}, {:?})", self.network, self.loopback)
    }
}

fn request(url: &EndpointUrl, headers: &SignedHeaders, body: String) -> Option<Request<Full<Bytes>>> {
    let request = Request::post(url.path_and_query())
        .header(HOST, url.authority())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, SENDER)
        .header(CONNECTION, "close")
        .header("webhook-id", &headers.id)
        .header("webhook-timestamp", &headers.timestamp)
        .header("webhook-signature", &headers.signature);
    request.body(Full::new(Bytes::from(body))).ok()
}

/// Sends the request and notes the answer's status and how long the receiver wants to be left alone.
async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    answered: &OnceLock<(u16, Option<Duration>)>,
) -> Result<(), NoAnswer> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let malformed = |_| NoAnswer::MalformedAnswer;
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(malformed)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(malformed)?;
        let _ = answered.set((response.status().as_u16(), retry_after(response.headers(), Timestamp::now())));
        drain(response).await;
        Ok(())
    };
    let connected = async {
        // How it ends shows in the exchange.
        let _ = connection.await;
        pending::<()>().await;
    };
    tokio::select! {
        answer = exchange => answer,
        () = connected => Err(NoAnswer::MalformedAnswer),
    }
}

async fn drain(response: Response<Incoming>) {
    let body = Limited::new(response.into_body(), BODY_BYTES_MAX);
    let read = async {
        let mut body = body;
        while let Some(Ok(_)) = body.frame().await {}
    };
    let _ = timeout(BODY_PATIENCE, read).await;
}

/// Seconds, or a moment (RFC 9110, section 10.2.3). What is beyond numbers is for ever, which is [`RETRY_AFTER_MAX`] here.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs));
    }
    let moment = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(moment.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, retry_after: Option<u64>) -> Outcome {
        let retry_after = retry_after.map(Duration::from_secs);
        Attempt { answer: Ok(status), retry_after, took: Duration::ZERO }.outcome()
    }

    fn again(seconds: Option<u64>) -> Outcome {
        Outcome::TryAgain { throttled: seconds.map(Duration::from_secs) }
    }

    #[test]
    fn statuses_mean_what_the_specification_says() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(outcome(status, None), Outcome::Delivered, "{status}");
        }
        for status in [400, 401, 403, 404, 405, 409, 411, 413, 422, 451, 499] {
            assert_eq!(outcome(status, Some(9)), Outcome::Failed, "{status}");
        }
        for status in [101, 300, 301, 302, 303, 304, 307, 308, 408, 425, 500, 501, 503, 505, 599, 600, 999] {
            assert_eq!(outcome(status, None), again(None), "{status}");
            assert_eq!(outcome(status, Some(9)), again(Some(9)), "{status}");
        }
        for status in [429, 502, 504] {
            assert_eq!(outcome(status, None), again(Some(0)), "{status}");
            assert_eq!(outcome(status, Some(9)), again(Some(9)), "{status}");
        }
        assert_eq!(outcome(410, None), Outcome::Gone);
        let unanswered = Attempt { answer: Err(NoAnswer::TimedOut), retry_after: None, took: Duration::ZERO };
        assert_eq!(unanswered.outcome(), again(None));
    }

    #[test]
    fn retry_after_is_seconds_or_a_moment() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        let read = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, now).map(|after| after.as_secs())
        };
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37));
        assert_eq!(read("Sun, 06 Nov 1994 08:48:00 GMT"), Some(0));
        assert_eq!(read("99999999999999999999999"), Some(RETRY_AFTER_MAX.as_secs()));
        for other in ["", "soon", "-1", "+1", "1.5"] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
