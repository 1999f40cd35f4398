use std::{
    cell::RefCell,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::*;
use crate::batch::token::tests::token;

/// A request as the server of a test sees it.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    authorization: String,
    keys: Vec<String>,
}

/// An HTTP server that gives these answers, one a connection, and then ends. It tells what it was asked.
fn serve(answers: Vec<String>) -> (Endpoint, mpsc::Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint::parse(&format!("http://{}/base/", listener.local_addr().unwrap())).unwrap();
    let (sender, requests) = mpsc::channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            sender.send(read_request(&stream)).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (endpoint, requests)
}

fn read_request(stream: &TcpStream) -> Request {
    let mut lines = BufReader::new(stream);
    let (mut authorization, mut length) = (String::new(), 0);
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "POST /base/entries/batch HTTP/1.1\r\n");
    while line != "\r\n" {
        line.clear();
        lines.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => authorization = value.to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-type") => {
                assert_eq!(value, "application/json");
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let keys = body["entries"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect();
    Request { authorization, keys }
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn accepted(count: usize) -> String {
    answer(202, "Content-Type: application/json\r\n", &accepted_body(count))
}

fn accepted_body(count: usize) -> String {
    format!("{{\"entries\":[{}]}}", vec!["{\"id\":\"i\",\"status\":\"accepted\"}"; count].join(","))
}

fn problem(status: u16, code: &str, errors: &str) -> String {
    answer(status, "", &format!("{{\"code\":\"{code}\",\"detail\":\"Because.\",\"errors\":[{errors}]}}"))
}

fn limits() -> Limits {
    Limits {
        request: Duration::from_secs(20),
        first_pause: Duration::from_millis(2),
        longest_pause: Duration::from_millis(8),
        ..Limits::new(Duration::from_secs(20))
    }
}

fn tokens() -> Tokens {
    Tokens::new(None, Some(token("acme", 1))).unwrap()
}

struct Sent {
    result: Result<Vec<Verdict>, String>,
    /// The keys of every request.
    requests: Vec<Vec<String>>,
    notes: Vec<String>,
}

/// Sends the entries "a", "b" and so on to a server that answers so.
fn send(count: usize, answers: &[String]) -> Sent {
    send_with(count, answers, tokens(), limits())
}

fn send_with(count: usize, answers: &[String], tokens: Tokens, limits: Limits) -> Sent {
    let (endpoint, requests) = serve(answers.to_vec());
    let notes = RefCell::new(Vec::new());
    let note = |text: &str| notes.borrow_mut().push(text.to_owned());
    let entries: Vec<String> = ('a'..='z').take(count).map(|key| format!("\"{key}\"")).collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let mut sender = Sender::new(&endpoint, tokens, limits, &note).unwrap();
    let result = sender.send(&entries).map_err(|error| error.to_string());
    drop(sender);
    Sent { result, requests: requests.try_iter().map(|request| request.keys).collect(), notes: notes.into_inner() }
}

fn new() -> Verdict {
    Verdict::Accepted { known: false }
}

fn refused(field: &str, detail: &str) -> Verdict {
    Verdict::Refused(vec![Reason::new(field, detail)])
}

#[test]
fn an_accepted_batch_is_one_request() {
    let sent = send(3, &[accepted(3)]);
    assert_eq!(sent.result, Ok(vec![new(), new(), new()]));
    assert_eq!(sent.requests, [["a", "b", "c"]]);
    let replay = answer(202, "Idempotent-Replayed: true\r\n", &accepted_body(1));
    assert_eq!(send(1, &[replay]).result, Ok(vec![Verdict::Accepted { known: true }]));
    assert_eq!(send(0, &[]).result, Ok(vec![]));
}

#[test]
fn a_server_that_is_away_for_a_while_is_asked_again() {
    let torn = accepted(2).replace("Content-Length: ", "Content-Length: 9");
    let half = answer(202, "", "{\"entries\":[{\"id\":\"i\",\"sta");
    let fewer = accepted(1);
    let answers = [
        problem(503, "temporarily_unavailable", ""),
        answer(502, "", "<html>"),
        answer(504, "", "{\"message\":\"Endpoint request timed out\"}"),
        answer(500, "", "{\"message\":\"Internal Server Error\"}"),
        answer(429, "Retry-After: 0\r\n", "{\"message\":\"Too Many Requests\"}"),
        String::new(),
        "HTTP/1.1 2".to_owned(),
        torn,
        half,
        fewer,
        accepted(2),
    ];
    let sent = send(2, &answers);
    assert_eq!(sent.result, Ok(vec![new(), new()]));
    assert_eq!(sent.requests, vec![["a", "b"]; answers.len()]);
    assert_eq!(sent.notes.len(), answers.len() - 1);
    assert_eq!(sent.notes[0], "503 temporarily_unavailable: Because.; trying again in 1 s");
    assert_eq!(sent.notes[1], "502; trying again in 1 s");
}

#[test]
fn a_batch_that_is_too_large_is_sent_in_halves() {
    let too_large = || problem(413, "batch_too_large", "");
    let sent = send(5, &[too_large(), too_large(), accepted(1), accepted(1), accepted(3)]);
    assert_eq!(sent.result, Ok(vec![new(); 5]));
    assert_eq!(sent.requests, [&["a", "b", "c", "d", "e"][..], &["a", "b"], &["a"], &["b"], &["c", "d", "e"]]);
    let sent = send(2, &[too_large(), too_large(), accepted(1)]);
    assert_eq!(sent.result, Ok(vec![refused("row", "413 batch_too_large: Because."), new()]));
}

#[test]
fn the_good_rest_of_a_batch_is_sent() {
    let fault = |pointer: &str| format!("{{\"pointer\":\"{pointer}\",\"detail\":\"is bad\"}}");
    let invalid = [fault("/entries/1/amount"), fault("/entries/1/date"), fault("/entries/3")].join(",");
    let sent = send(
        4,
        &[
            problem(400, "validation_failed", &invalid),
            problem(422, "idempotency_key_reused", &fault("/entries/1/idempotency_key")),
            accepted(1),
        ],
    );
    let says = "is bad (says the server)";
    assert_eq!(
        sent.result,
        Ok(vec![
            new(),
            Verdict::Refused(vec![Reason::new("amount", says), Reason::new("date", says)]),
            refused("idempotency_key", says),
            refused("row", says),
        ])
    );
    assert_eq!(sent.requests, [&["a", "b", "c", "d"][..], &["a", "c"], &["a"]]);
    // Nothing is left to send.
    let sent = send(1, &[problem(400, "validation_failed", &fault("/entries/0/amount"))]);
    assert_eq!((sent.result, sent.requests.len()), (Ok(vec![refused("amount", says)]), 1));
}

#[test]
fn what_no_repetition_mends_stops_at_once() {
    let cases = [
        (problem(403, "clerk_required", ""), "the server forbids it: 403 clerk_required: Because."),
        (answer(400, "", "{}"), "400"),
        (
            problem(400, "validation_failed", "{\"pointer\":\"/entries/7/amount\",\"detail\":\"x\"}"),
            "400 validation_failed: Because.",
        ),
        (answer(200, "", "hello"), "200"),
        (answer(409, "", "{\"message\":\"no\"}"), "409: no"),
    ];
    for (answer, expected) in cases {
        let sent = send(1, &[answer]);
        assert_eq!((sent.result, sent.requests.len()), (Err(expected.to_owned()), 1));
    }
    let elsewhere = send(1, &[answer(404, "", "{\"message\":\"Not Found\"}")]).result.unwrap_err();
    assert!(elsewhere.starts_with("there is no Fluxo at http://127.0.0.1:"), "{elsewhere}");
    let redirect = send(1, &[answer(308, "Location: https://other.example/\r\n", "")]).result.unwrap_err();
    assert!(redirect.contains("redirects to https://other.example/"), "{redirect}");
}

#[test]
fn a_server_that_stays_away_is_given_up() {
    let briefly = Limits { give_up_after: Duration::from_millis(60), ..limits() };
    let answers = vec![answer(503, "", ""); 100];
    let sent = send_with(1, &answers, tokens(), briefly);
    assert_eq!(sent.result, Err("the server has not taken the rows for 0 s, last: 503".to_owned()));
    assert!(sent.requests.len() > 2);
    // One that asks for more time than there is, at once.
    let sent = send_with(1, &[answer(503, "Retry-After: 3600\r\n", "")], tokens(), briefly);
    assert_eq!((sent.requests.len(), sent.result.is_err()), (1, true));
}

#[test]
fn a_refused_connection_and_a_server_that_says_nothing_are_repeated_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let briefly = Limits { request: Duration::from_millis(50), give_up_after: Duration::from_millis(200), ..limits() };
    let notes = RefCell::new(Vec::new());
    let note = |text: &str| notes.borrow_mut().push(text.to_owned());
    let mut sender = Sender::new(&endpoint, tokens(), briefly, &note).unwrap();
    assert!(matches!(sender.send(&["1"]), Err(SendError::GaveUp { .. })));
    assert!(notes.borrow().iter().any(|note| note.contains("timeout")), "{notes:?}");
    drop(listener);
    notes.borrow_mut().clear();
    assert!(matches!(sender.send(&["1"]), Err(SendError::GaveUp { .. })));
    assert!(notes.borrow().iter().any(|note| note.to_lowercase().contains("refused")), "{notes:?}");
}

#[test]
fn a_server_that_cannot_prove_who_it_is_gets_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint::parse(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(accepted(1).as_bytes()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let mut sender = Sender::new(&endpoint, tokens(), limits(), &|_| {}).unwrap();
    let error = sender.send(&["1"]).unwrap_err();
    assert!(matches!(error, SendError::Failed(_)), "{error}");
}

#[test]
fn a_host_that_does_not_exist_is_said_at_once() {
    let endpoint = Endpoint::parse("https://no-such-host.invalid").unwrap();
    let mut sender = Sender::new(&endpoint, tokens(), limits(), &|_| {}).unwrap();
    let error = sender.send(&["1"]).unwrap_err();
    assert!(matches!(error, SendError::Failed(_)), "{error}");
}

#[test]
fn a_token_that_has_expired_is_renewed_once_for_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("count");
    // Each run prints another token.
    let command = format!(
        "echo x >> '{0}'; printf 'e30.'; printf '{{\"custom:merchant_id\":\"acme\",\"n\":%d}}' $(wc -l < '{0}') | base64 -w0 | tr '/+' '_-'; echo .c2ln",
        file.display()
    );
    let tokens = || Tokens::new(Some(command.clone()), None).unwrap();
    let expired = || answer(401, "", "{\"message\":\"Unauthorized\"}");
    let (endpoint, requests) = serve(vec![expired(), answer(503, "", ""), expired(), accepted(1)]);
    let mut sender = Sender::new(&endpoint, tokens(), limits(), &|_| {}).unwrap();
    assert_eq!(sender.send(&["\"a\""]).unwrap(), [new()]);
    let used: Vec<String> = requests.try_iter().map(|request| request.authorization).collect();
    assert_eq!(used.len(), 4);
    assert!(used[0] != used[1] && used[1] == used[2] && used[2] != used[3], "{used:?}");

    let sent = send_with(1, &[expired(), expired()], tokens(), limits());
    assert_eq!(
        sent.result,
        Err("the server does not accept the token (401: Unauthorized), although --token-command has just printed it"
            .to_owned())
    );
    let sent = send(1, &[expired()]);
    let expected = "the server does not accept the token (401: Unauthorized): put a new one into FLUXO_TOKEN, or give --token-command";
    assert_eq!((sent.result, sent.requests.len()), (Err(expected.to_owned()), 1));
}
