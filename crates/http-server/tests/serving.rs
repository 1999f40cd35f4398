//! What clients of a service see, over real connections. Its handler only shows what it gets: what the functions answer is for
//! their own tests.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use http_server::{
    Door, HttpConfig, KEYS_PAUSE, KEYS_REFRESH, KeySet, KeySource, Listen, Part, Patience, Probes, Route, Routes,
    Served, Tokens, serve, serve_probes,
};
use lambda_http::{Body, Request, RequestExt, Response, request::RequestContext};
use serde_json::{Value, json};
use telemetry::{Exposition, Metrics, Telemetry};
use test_events::EmittedMetrics;
use test_tokens::Issuer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(30);

/// What the handlers work with: the ones that hang wait for a permit.
struct State(Semaphore);

/// Shows the request.
async fn show(request: &Request) -> Response<Body> {
    let context = request.request_context_ref();
    let Some(RequestContext::ApiGatewayV2(context)) = context else { panic!("a context of an HTTP API") };
    let claims = &context.authorizer.as_ref().unwrap().jwt.as_ref().unwrap().claims;
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let shown = json!({
        "path": request.uri().path(), "query": request.uri().query(), "method": request.method().as_str(),
        "id": request.path_parameters().first("id"), "claims": claims, "key": header("idempotency-key"),
        "bytes": request.body().as_ref(), "request_id": context.request_id,
        "trace": request.lambda_context_ref().unwrap().xray_trace_id,
    });
    Response::new(Body::Text(shown.to_string()))
}

/// Answers when there is a permit.
async fn hang(state: &State, request: &Request) -> Response<Body> {
    state.0.acquire().await.unwrap().forget();
    show(request).await
}

/// How many large answers are made, and the most of them at once.
static LARGE: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// One of them.
struct Counted;

impl Counted {
    fn new() -> Counted {
        let now = LARGE[0].fetch_add(1, Ordering::SeqCst) + 1;
        LARGE[1].fetch_max(now, Ordering::SeqCst);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LARGE[0].fetch_sub(1, Ordering::SeqCst);
    }
}

/// More than what a connection holds that nobody reads.
const EXPORT_BYTES: usize = 16 * 1024 * 1024;

static ROUTES: &[Route<State>] = &[
    Route { name: "POST /entries", part: Part::Any, handle: |_, request| Box::pin(show(request)) },
    Route { name: "POST /entries/batch", part: Part::Any, handle: |_, request| Box::pin(show(request)) },
    Route { name: "GET /entries/{id}", part: Part::Half, handle: |_, request| Box::pin(show(request)) },
    Route { name: "GET /entries.csv", part: Part::Any, handle: |_, _| Box::pin(async { panic!("a defect") }) },
    Route { name: "GET /hanging", part: Part::Half, handle: |state, request| Box::pin(hang(state, request)) },
    Route { name: "POST /slow", part: Part::Most, handle: |state, request| Box::pin(hang(state, request)) },
    Route {
        name: "GET /export",
        part: Part::Few,
        handle: |_, _| Box::pin(async { Response::new(vec![b'x'; EXPORT_BYTES].into()) }),
    },
    Route {
        name: "GET /large",
        part: Part::Few,
        handle: |state, request| {
            Box::pin(async {
                let _counted = Counted::new();
                hang(state, request).await
            })
        },
    },
];

struct World {
    issuer: Issuer,
    address: SocketAddr,
    internal: SocketAddr,
    exposition: Exposition,
    log: EmittedMetrics,
    end: oneshot::Sender<()>,
    served: JoinHandle<Served>,
}

impl World {
    async fn new() -> World {
        World::with(Patience { drain: Duration::ZERO, ..Patience::default() }, 4).await
    }

    async fn with(patience: Patience, concurrency: usize) -> World {
        let issuer = Issuer::start().await;
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = HttpConfig {
            listen: Listen { public: local, internal: local },
            concurrency,
            patience,
            tokens: issuer.config(),
        };
        let (exposition, log) = (Exposition::default(), EmittedMetrics::default());
        let keys = KeySet::start(KeySource::new(&config.tokens), KEYS_REFRESH, KEYS_PAUSE);
        let telemetry = Telemetry::new(Metrics::exposed(&exposition, log.clone()), None);
        let door = Door::new(&config, Tokens::new(&config.tokens, keys.clone()), None, telemetry);
        let routes = Routes::new(ROUTES, State(Semaphore::new(0)), door);
        let probes = Probes::new(&exposition, move || keys.is_known());
        let (listener, internal) = (TcpListener::bind(local).await.unwrap(), TcpListener::bind(local).await.unwrap());
        let (address, internal_address) = (listener.local_addr().unwrap(), internal.local_addr().unwrap());
        let (end, ended) = oneshot::channel();
        tokio::spawn(serve_probes(internal, probes.clone()));
        let shutdown = async { ended.await.unwrap_or_default() };
        let served = tokio::spawn(serve(listener, routes, probes, patience, shutdown));
        let world = World { issuer, address, internal: internal_address, exposition, log, end, served };
        let ready = async {
            while get(world.internal, "/readyz").await.status != 200 {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(BOUND, ready).await.expect("it becomes ready");
        world
    }

    fn token(&self) -> String {
        self.issuer.token(&json!({}))
    }

    /// Sends a request with a token and these lines of headers.
    async fn send(&self, line: &str, headers: &[&str], body: &[u8]) -> Answer {
        let token = format!("Authorization: Bearer {}", self.token());
        let headers = [&[token.as_str()], headers].concat();
        exchange(self.address, &request(line, &headers, body)).await
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn message(&self) -> (u16, String) {
        (self.status, self.json()["message"].as_str().unwrap_or_default().to_owned())
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

fn request(line: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let head = format!("{line} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n{headers}{length}\r\n");
    [head.as_bytes(), body].concat()
}

/// Sends these bytes and reads until the connection ends.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // What is refused is not read to its end.
    let _ = stream.write_all(bytes).await;
    read(&mut stream).await
}

async fn read(stream: &mut TcpStream) -> Answer {
    let mut text = Vec::new();
    let _ = timeout(BOUND, stream.read_to_end(&mut text)).await.expect("an answer, or the end");
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    exchange(address, &request(&format!("GET {path}"), &[], b"")).await
}

#[tokio::test]
async fn a_handler_gets_what_api_gateway_would_hand_it() {
    let world = World::new().await;
    let headers = ["Idempotency-Key: sale-1", "x-request-id: JKJaXmPLvHcESHA=", "X-Amzn-Trace-Id: Root=1-2-3"];
    let answer = world.send("POST /entries?a=b%20c", &headers, b"{}").await;
    let shown = answer.json();
    assert_eq!((answer.status, &shown["path"], &shown["query"]), (200, &json!("/entries"), &json!("a=b%20c")));
    assert_eq!((&shown["method"], &shown["key"], &shown["bytes"]), (&json!("POST"), &json!("sale-1"), &json!(b"{}")));
    assert_eq!((&shown["request_id"], &shown["trace"]), (&json!("JKJaXmPLvHcESHA="), &json!("Root=1-2-3")));
    let claims = &shown["claims"];
    assert_eq!((&claims["custom:merchant_id"], &claims["cognito:groups"]), (&json!("acme"), &json!("[clerk]")));
    assert!(claims["exp"].is_string(), "{claims}");
    let long = format!("X-Amzn-Trace-Id: {}", "x".repeat(257));
    assert_eq!(world.send("POST /entries", &[&long], b"{}").await.json()["trace"], Value::Null);
    // The gateway tells its clients its id of a request; without one, the service tells its own.
    assert_eq!(answer.header("apigw-requestid"), None);
    let answer = world.send("POST /entries", &[], b"{}").await;
    assert_eq!(answer.header("apigw-requestid"), answer.json()["request_id"].as_str());
}

#[tokio::test]
async fn headers_of_one_name_are_joined_as_the_gateway_joins_them() {
    let world = World::new().await;
    let answer = world.send("POST /entries", &["Idempotency-Key: a", "Idempotency-Key: b"], b"{}").await;
    assert_eq!(answer.json()["key"], "a,b");
}

/// The same bytes, so that the handler can refuse them by name.
#[tokio::test]
async fn bytes_that_are_not_utf_8_reach_the_handler_as_they_are() {
    let world = World::new().await;
    let answer = world.send("POST /entries", &[], b"{\"a\": \"\xff\xfe\"}").await;
    assert_eq!(answer.json()["bytes"], json!(b"{\"a\": \"\xff\xfe\"}"));
    let chunked = ["Transfer-Encoding: chunked"];
    let token = format!("Authorization: {}", world.token());
    let head = request("POST /entries", &[&[token.as_str()], &chunked[..]].concat(), b"");
    let answer = exchange(world.address, &[&head[..], b"2\r\n\xff{\r\n1\r\n}\r\n0\r\n\r\n"].concat()).await;
    assert_eq!(answer.json()["bytes"], json!(b"\xff{}"));
}

#[tokio::test]
async fn a_path_is_found_as_the_gateway_finds_it() {
    let world = World::new().await;
    // The most special path of this method, with its variable part decoded.
    assert_eq!(world.send("GET /entries/batch", &[], b"").await.json()["id"], "batch");
    assert_eq!(world.send("GET /entries/a%2Fb%20c", &[], b"").await.json()["id"], "a/b c");
    for line in [
        "GET /entries",
        "PUT /entries",
        "POST /entries/",
        "HEAD /entries/1",
        "OPTIONS /entries",
        "GET /metrics",
        "GET /",
    ] {
        let answer = world.send(line, &[], b"").await;
        assert_eq!(answer.status, 404, "{line}");
        if !line.starts_with("HEAD") {
            assert_eq!(answer.body, "{\"message\":\"Not Found\"}", "{line}");
        }
    }
    assert_eq!(world.send("GET /entries/%ff", &[], b"").await.message(), (400, "Bad Request".to_owned()));
}

#[tokio::test]
async fn without_a_token_that_counts_nobody_gets_in() {
    let world = World::new().await;
    let expired = world.issuer.token(&json!({"exp": 1}));
    let (token, expired) = (format!("Authorization: {}", world.token()), format!("Authorization: {expired}"));
    for headers in [vec![], vec!["Authorization: Bearer x"], vec![&expired], vec![&token, &token]] {
        let answer = exchange(world.address, &request("POST /entries", &headers, b"{}")).await;
        assert_eq!(answer.message(), (401, "Unauthorized".to_owned()), "{headers:?}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    // A path that does not exist is not found, whoever asks.
    assert_eq!(get(world.address, "/nothing").await.message(), (404, "Not Found".to_owned()));
}

/// 256 KiB and one byte are refused by the contract, and what the gateway would refuse in its form.
#[tokio::test]
async fn a_body_that_is_too_long_is_not_read() {
    let world = World::new().await;
    let longest = vec![b' '; 256 * 1024];
    assert_eq!(world.send("POST /entries", &[], &longest).await.status, 200);
    let token = format!("Authorization: {}", world.token());
    let declared = |length: usize| format!("Content-Length: {length}");
    for (headers, code) in [
        (vec![token.clone(), declared(longest.len() + 1)], "body_too_large"),
        (vec![token.clone(), "Transfer-Encoding: chunked".to_owned()], "body_too_large"),
        (vec![token.clone(), declared(10 * 1024 * 1024 + 1)], ""),
    ] {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let head = request("POST /entries", &headers, b"");
        // Of the chunk only as much as makes it too long.
        let chunk = if headers[1].starts_with('T') { [&b"50000\r\n"[..], &longest, b"  "].concat() } else { vec![] };
        let answer = exchange(world.address, &[head, chunk].concat()).await;
        assert_eq!((answer.status, answer.header("connection")), (413, Some("close")), "{headers:?}");
        assert_eq!(answer.json()["code"].as_str().unwrap_or_default(), code);
        if code.is_empty() {
            assert_eq!(answer.message().1, "Request Entity Too Large");
        }
    }
    let refused = "fluxo_requests_refused_total{code=\"body_too_large\"} 2";
    assert!(world.exposition.text().contains(refused), "{}", world.exposition.text());
}

#[tokio::test]
async fn headers_have_a_limit() {
    let world = World::new().await;
    let long = format!("X-Long: {}", "x".repeat(17 * 1024));
    assert_eq!(world.send("POST /entries", &[&long], b"{}").await.status, 431);
    let many: Vec<String> = (0..200).map(|number| format!("X-{number}: 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(world.send("POST /entries", &many, b"{}").await.status, 431);
}

#[tokio::test]
async fn a_client_that_is_slow_is_not_waited_for() {
    let short = Duration::from_millis(100);
    let patience = Patience { headers: short, body: short, drain: Duration::ZERO, ..Patience::default() };
    let world = World::with(patience, 4).await;
    let begun = Instant::now();
    let mut slow = TcpStream::connect(world.address).await.unwrap();
    slow.write_all(b"POST /entries HTTP/1.1\r\nHost: api\r\nX-Slow: ").await.unwrap();
    let answer = read(&mut slow).await;
    assert!(answer.status == 0 || answer.status == 408, "{answer:?}");
    let token = format!("Authorization: {}", world.token());
    let head = request("POST /entries", &[&token, "Content-Length: 10"], b"");
    let answer = exchange(world.address, &[&head[..], b"{"].concat()).await;
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    assert!(begun.elapsed() < BOUND);
    // Meanwhile and after it, others are answered.
    assert_eq!(world.send("POST /entries", &[], b"{}").await.status, 200);
}

/// The half that may wait for a store is full; the rest goes on. Then everything is.
#[tokio::test]
async fn what_hangs_takes_half_of_the_places_and_no_more() {
    let patience = Patience { answer: Duration::from_millis(1_500), drain: Duration::ZERO, ..Patience::default() };
    let world = World::with(patience, 4).await;
    let token = format!("Authorization: {}", world.token());
    let hanging = request("GET /hanging", &[&token], b"");
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(&hanging).await.unwrap();
        streams.push(stream);
    }
    let full = async {
        loop {
            let answer = world.send("GET /entries/1", &[], b"").await;
            if answer.status == 503 {
                return answer;
            }
        }
    };
    let refused = timeout(BOUND, full).await.expect("the half is full");
    assert_eq!((refused.message().1.as_str(), refused.header("retry-after")), ("Service Unavailable", Some("1")));
    assert_eq!(world.send("POST /entries", &[], b"{}").await.status, 200);
    // They end with the patience, and their places are free again.
    for stream in &mut streams {
        let answer = read(stream).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    }
    assert_eq!(world.send("GET /entries/1", &[], b"").await.status, 200);
}

/// While the log hangs, who needs none is answered.
#[tokio::test]
async fn what_waits_for_the_log_leaves_a_quarter_of_the_places() {
    let world = World::with(Patience { drain: Duration::ZERO, ..Patience::default() }, 8).await;
    let token = format!("Authorization: {}", world.token());
    let slow = request("POST /slow", &[&token, "Content-Length: 0"], b"");
    let (tell, mut told) = mpsc::unbounded_channel();
    for _ in 0..16 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(&slow).await.unwrap();
        let tell = tell.clone();
        tokio::spawn(async move { tell.send(read(&mut stream).await.status) });
    }
    for _ in 6..16 {
        assert_eq!(timeout(BOUND, told.recv()).await.unwrap(), Some(503));
    }
    assert_eq!(world.send("GET /entries/1", &[], b"").await.status, 200);
    assert!(told.try_recv().is_err(), "six of eight are in work");
}

/// As many as may be at once. Each has begun to come.
async fn exports_that_nobody_reads(world: &World) -> Vec<TcpStream> {
    let token = format!("Authorization: {}", world.token());
    let export = request("GET /export", &[&token], b"");
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(&export).await.unwrap();
        assert!(stream.read(&mut [0; 16]).await.unwrap() > 0);
        streams.push(stream);
    }
    streams
}

/// An answer that its client does not read is in memory for as long.
#[tokio::test]
async fn an_answer_of_megabytes_has_its_place_until_it_is_read() {
    let world = World::with(Patience { drain: Duration::ZERO, ..Patience::default() }, 64).await;
    let mut streams = exports_that_nobody_reads(&world).await;
    assert_eq!(world.send("GET /export", &[], b"").await.status, 503);
    assert_eq!(world.send("GET /entries/1", &[], b"").await.status, 200);
    drop(streams.pop());
    let again = async {
        loop {
            let answer = world.send("GET /export", &[], b"").await;
            if answer.status == 200 {
                return answer;
            }
        }
    };
    let answer = timeout(BOUND, again).await.expect("a place is free");
    assert_eq!((answer.body.len(), answer.header("content-length")), (EXPORT_BYTES, Some("16777216")));
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_loses_its_place_and_its_connection() {
    let patience = Patience { unread: Duration::from_secs(1), drain: Duration::ZERO, ..Patience::default() };
    let world = World::with(patience, 64).await;
    let streams = exports_that_nobody_reads(&world).await;
    let again = async { while world.send("GET /export", &[], b"").await.status != 200 {} };
    timeout(BOUND, again).await.expect("a place is free");
    for mut stream in streams {
        let rest = async { while matches!(stream.read(&mut [0; 4096]).await, Ok(1..)) {} };
        timeout(BOUND, rest).await.expect("the connection ends");
    }
}

/// One merchant's exports must not take the memory in which the requests of all others are.
#[tokio::test]
async fn answers_of_megabytes_are_few_at_once_whatever_places_there_are() {
    let patience = Patience { answer: Duration::from_millis(1_500), drain: Duration::ZERO, ..Patience::default() };
    let world = World::with(patience, 64).await;
    let token = format!("Authorization: {}", world.token());
    let large = request("GET /large", &[&token], b"");
    let mut streams = Vec::new();
    for _ in 0..16 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(&large).await.unwrap();
        streams.push(stream);
    }
    assert_eq!(world.send("GET /entries/1", &[], b"").await.status, 200);
    for stream in &mut streams {
        assert_eq!(read(stream).await.status, 503);
    }
    assert_eq!(LARGE[1].load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_defect_in_a_handler_is_answered_and_ends_nothing_else() {
    let world = World::new().await;
    assert_eq!(world.send("GET /entries.csv", &[], b"").await.status, 500);
    assert_eq!(world.send("POST /entries", &[], b"{}").await.status, 200);
}

/// The probes say that it ends, what is in work is answered, and then nobody listens any more.
#[tokio::test]
async fn a_service_that_is_told_to_end_answers_what_it_has_begun() {
    let world = World::with(Patience { drain: Duration::from_secs(1), ..Patience::default() }, 4).await;
    let token = format!("Authorization: {}", world.token());
    // A request whose body comes only after the service was told to end.
    let mut begun = TcpStream::connect(world.address).await.unwrap();
    begun.write_all(&request("POST /entries", &[&token, "Content-Length: 2"], b"")).await.unwrap();
    let mut idle = TcpStream::connect(world.address).await.unwrap();
    let head = format!("POST /entries HTTP/1.1\r\nHost: api\r\n{token}\r\nContent-Length: 2\r\n\r\n{{}}");
    idle.write_all(head.as_bytes()).await.unwrap();
    assert!(idle.read(&mut [0; 4096]).await.unwrap() > 0, "answered, and the connection stays");
    world.end.send(()).unwrap();
    let ending = async {
        while get(world.internal, "/readyz").await.body != "ending\n" {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(BOUND, ending).await.expect("it says so");
    assert_eq!(get(world.internal, "/readyz").await.status, 503);
    assert_eq!(get(world.internal, "/livez").await.status, 200);
    // It is still asked meanwhile, by who has not heard of it.
    assert_eq!(get(world.address, "/nothing").await.status, 404);
    let mut late = TcpStream::connect(world.address).await.unwrap();
    late.write_all(head.as_bytes()).await.unwrap();
    let answer = read(&mut late).await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")), "the next request goes elsewhere");
    let refused = async {
        while TcpStream::connect(world.address).await.is_ok() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(BOUND, refused).await.expect("it stops listening");
    assert_eq!(read(&mut idle).await.status, 0, "a connection without a request is closed");
    assert!(!world.served.is_finished(), "it waits for what has begun");
    begun.write_all(b"{}").await.unwrap();
    assert_eq!(read(&mut begun).await.status, 200);
    assert_eq!(timeout(BOUND, world.served).await.unwrap().unwrap(), Served::Everything);
}

#[tokio::test]
async fn the_probes_tell_how_it_is_and_what_it_did() {
    let world = World::new().await;
    assert_eq!(world.send("POST /entries", &[], b"{}").await.status, 200);
    assert_eq!(get(world.address, "/nothing").await.status, 404);
    assert_eq!(get(world.internal, "/livez").await.body, "alive\n");
    assert_eq!(get(world.internal, "/readyz").await.body, "ready\n");
    let metrics = get(world.internal, "/metrics").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let expected = [
        "fluxo_answers_total{status=\"2xx\"} 1",
        "fluxo_answers_total{status=\"4xx\"} 1",
        "fluxo_request_latency_seconds_count{route=\"POST /entries\"} 1",
    ];
    for line in expected {
        assert!(metrics.body.contains(line), "{line} is not in {}", metrics.body);
    }
    assert!(!world.log.text().contains("_aws"), "{}", world.log.text());
}

/// Who cannot verify tokens yet gets none to verify.
#[tokio::test]
async fn without_the_issuers_keys_it_is_not_ready() {
    let exposition = Exposition::default();
    let internal = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = internal.local_addr().unwrap();
    tokio::spawn(serve_probes(internal, Probes::new(&exposition, || false)));
    let answer = get(address, "/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "starting\n"));
    assert_eq!(get(address, "/livez").await.status, 200);
}
