//! The server that the command talks to.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use cashflow::{EntryId, IdempotencyKey, MerchantId};
use serde_json::{Value, json};

/// A server that remembers entries by key, as the real one does.
pub struct Server {
    pub url: String,
    pub state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub struct State {
    pub entries: BTreeMap<String, Value>,
    /// How many entries each request had.
    pub requests: Vec<usize>,
    /// So many requests are answered; the others get no answer.
    pub answers: Option<usize>,
    /// The entries that were asked for.
    pub lookups: Vec<String>,
    /// How it answers when it is asked for an entry, if not as the real server does.
    pub lookup_status: Option<u16>,
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream.unwrap(), &shared));
            }
        });
        Server { url, state }
    }

    pub fn entries(&self) -> BTreeMap<String, Value> {
        self.state.lock().unwrap().entries.clone()
    }

    pub fn requests(&self) -> Vec<usize> {
        self.state.lock().unwrap().requests.clone()
    }

    /// The amounts with a sign, in order.
    pub fn amounts(&self) -> Vec<String> {
        let signed = |entry: &Value| {
            let sign = if entry["type"] == "debit" { "-" } else { "" };
            format!("{sign}{}", entry["amount"].as_str().unwrap())
        };
        let mut amounts: Vec<String> = self.entries().values().map(signed).collect();
        amounts.sort();
        amounts
    }
}

/// Serves one connection until it ends.
fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut line, mut length) = (String::new(), 0);
        if lines.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let asked_for = line.strip_prefix("GET /entries/").map(|rest| rest.split(' ').next().unwrap().to_owned());
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).unwrap();
        let (status, answer) = if let Some(id) = asked_for {
            find(&mut state.lock().unwrap(), id)
        } else {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let entries = body["entries"].as_array().unwrap();
            let mut state = state.lock().unwrap();
            state.requests.push(entries.len());
            if state.answers.is_some_and(|answers| state.requests.len() > answers) {
                drop(state);
                // As a server that hangs: the connection stays open and nothing comes.
                let _ = lines.read(&mut [0]);
                return;
            }
            accept(&mut state, entries)
        };
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        if stream.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

/// Answers as the real server does who looks for an entry.
fn find(state: &mut State, id: String) -> (u16, Value) {
    let acme = MerchantId::parse("acme").unwrap();
    let is_it = |key: &str| EntryId::derive(&acme, &IdempotencyKey::parse(key).unwrap()).to_string() == id;
    let found = state.entries.iter().find(|(key, _)| is_it(key)).map(|(_, entry)| entry.clone());
    state.lookups.push(id);
    match (state.lookup_status, found) {
        (Some(status), _) => (status, json!({"message": "No."})),
        (None, Some(entry)) => (200, entry),
        (None, None) => (404, json!({"code": "entry_not_found"})),
    }
}

/// Accepts entries as the real server does, but for one whose description it does not like.
fn accept(state: &mut State, entries: &[Value]) -> (u16, Value) {
    let faulty = entries.iter().enumerate().filter(|(_, entry)| entry["description"] == "unwanted");
    let faults: Vec<Value> = faulty
        .map(|(index, _)| json!({"pointer": format!("/entries/{index}/description"), "detail": "is unwanted"}))
        .collect();
    if !faults.is_empty() {
        return (400, json!({"code": "validation_failed", "detail": "The request has faults.", "errors": faults}));
    }
    let key = |entry: &Value| entry["idempotency_key"].as_str().unwrap().to_owned();
    let is_reused = |entry: &Value| state.entries.get(&key(entry)).is_some_and(|known| known != entry);
    let reused: Vec<Value> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| is_reused(entry))
        .map(|(index, _)| {
            json!({"pointer": format!("/entries/{index}/idempotency_key"), "detail": "was used before with another payload"})
        })
        .collect();
    if !reused.is_empty() {
        return (422, json!({"code": "idempotency_key_reused", "detail": "Keys were used.", "errors": reused}));
    }
    for entry in entries {
        state.entries.entry(key(entry)).or_insert_with(|| entry.clone());
    }
    (202, json!({"entries": vec![json!({"id": "i", "status": "accepted"}); entries.len()]}))
}
