//! The Lambda Runtime API: hands events to the processes of a function and takes their answers, as Lambda does. A process
//! asks for its next event only when it has answered the last one, so each is one unit of concurrency.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use crate::http::Connection;

const INVOCATIONS: &str = "/2018-06-01/runtime/invocation/";

/// How long a function has for one event. No function of the template has more.
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(30);

/// A server for all processes of one function.
pub struct RuntimeApi {
    address: SocketAddr,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
}

/// Where events and processes meet.
#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    asked: Notify,
    invocations: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Processes that wait for an event.
    idle: VecDeque<oneshot::Sender<Invocation>>,
    /// Events that wait for a process.
    waiting: VecDeque<Invocation>,
    under_way: HashMap<u64, oneshot::Sender<Answer>>,
    first_asked_at: Option<Instant>,
    failed_at_start: Option<Bytes>,
}

struct Invocation {
    event: Bytes,
    answer: oneshot::Sender<Answer>,
}

enum Answer {
    Response(Bytes),
    Error(Bytes),
}

impl RuntimeApi {
    /// Starts the server.
    pub async fn start() -> Result<RuntimeApi> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::default());
        let server = tokio::spawn(accept(listener, desk.clone()));
        Ok(RuntimeApi { address, desk, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands an event to a process, the next one that is free, and waits for its answer.
    pub async fn invoke(&self, event: Bytes) -> Result<Bytes> {
        let (answer, answered) = oneshot::channel();
        self.desk.hand_over(Invocation { event, answer });
        let answer = tokio::time::timeout(INVOCATION_TIMEOUT, answered).await.context("a function did not answer")?;
        match answer.context("a function ended without an answer")? {
            Answer::Response(response) => Ok(response),
            Answer::Error(error) => bail!("a function failed: {}", String::from_utf8_lossy(&error)),
        }
    }

    /// When the first process asked for its first event.
    pub async fn first_asked_at(&self) -> Result<Instant> {
        self.until(|state| state.first_asked_at).await
    }

    /// Waits until so many processes wait for an event.
    pub async fn until_idle(&self, processes: usize) -> Result<()> {
        self.until(|state| (state.idle.len() >= processes).then_some(())).await
    }

    async fn until<T>(&self, ready: impl Fn(&State) -> Option<T>) -> Result<T> {
        loop {
            let asked = self.desk.asked.notified();
            {
                let state = self.desk.state();
                if let Some(error) = &state.failed_at_start {
                    bail!("a function failed at its start: {}", String::from_utf8_lossy(error));
                }
                if let Some(value) = ready(&state) {
                    return Ok(value);
                }
            }
            asked.await;
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    fn hand_over(&self, invocation: Invocation) {
        let mut state = self.state();
        match state.idle.pop_front() {
            // Should it have gone meanwhile, the asker learns it, because the invocation is dropped.
            Some(process) => drop(process.send(invocation)),
            None => state.waiting.push_back(invocation),
        }
    }

    async fn next(&self) -> Option<(u64, Bytes)> {
        let receiver = {
            let mut state = self.state();
            state.first_asked_at.get_or_insert_with(Instant::now);
            let (sender, receiver) = oneshot::channel();
            match state.waiting.pop_front() {
                Some(invocation) => drop(sender.send(invocation)),
                None => state.idle.push_back(sender),
            }
            receiver
        };
        self.asked.notify_waiters();
        let invocation = receiver.await.ok()?;
        let id = self.invocations.fetch_add(1, Ordering::Relaxed);
        self.state().under_way.insert(id, invocation.answer);
        Some((id, invocation.event))
    }

    fn answer(&self, id: u64, answer: Answer) {
        let asker = self.state().under_way.remove(&id);
        if let Some(asker) = asker {
            // Nobody waits any more, if a round has ended meanwhile.
            let _ = asker.send(answer);
        }
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    while let Ok((stream, _)) = listener.accept().await {
        let desk = desk.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(stream, &desk).await {
                eprintln!("bench: runtime API: {error:#}");
            }
        });
    }
}

async fn serve(stream: TcpStream, desk: &Desk) -> Result<()> {
    let mut connection = Connection::new(stream)?;
    while let Ok(Some(request)) = connection.read_request().await {
        match request.path.strip_prefix(INVOCATIONS).map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
            Some(("next", "")) => {
                let Some((id, event)) = desk.next().await else { return Ok(()) };
                if let Err(error) = connection.write(&head_of_event(id), &event).await {
                    desk.answer(id, Answer::Error(format!("the process has gone: {error}").into()));
                    return Ok(());
                }
                continue;
            }
            Some((id, "response")) => desk.answer(id.parse()?, Answer::Response(request.body)),
            Some((id, "error")) => desk.answer(id.parse()?, Answer::Error(request.body)),
            _ => {
                desk.state().failed_at_start = Some(request.body);
                desk.asked.notify_waiters();
            }
        }
        connection.write("HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\n", br#"{"status":"OK"}"#).await?;
    }
    Ok(())
}

fn head_of_event(id: u64) -> String {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + INVOCATION_TIMEOUT;
    format!(
        "HTTP/1.1 200 OK\r\n\
         content-type: application/json\r\n\
         lambda-runtime-aws-request-id: {id}\r\n\
         lambda-runtime-deadline-ms: {}\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:bench\r\n\
         lambda-runtime-trace-id: Root=1-6744e2f8-3c1f0c9d5b7a4e2f8d6b1a90;Parent=53995c3f42cd8ad8;Sampled=0\r\n",
        deadline.as_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process of a function, as the server sees it.
    struct Process(Connection);

    impl Process {
        async fn connect(api: &RuntimeApi) -> Process {
            Process(Connection::new(TcpStream::connect(api.address()).await.unwrap()).unwrap())
        }

        async fn next(&mut self) -> Bytes {
            self.0.write(&format!("GET {INVOCATIONS}next HTTP/1.1\r\nhost: here\r\n"), b"").await.unwrap();
            self.0.read_response().await.unwrap().1
        }

        async fn answer(&mut self, id: u64, kind: &str, body: &[u8]) {
            self.0.write(&format!("POST {INVOCATIONS}{id}/{kind} HTTP/1.1\r\nhost: here\r\n"), body).await.unwrap();
            assert_eq!(self.0.read_response().await.unwrap().0, 202);
        }
    }

    #[tokio::test]
    async fn an_event_goes_to_a_process_and_its_answer_or_error_comes_back() {
        let api = RuntimeApi::start().await.unwrap();
        let mut process = Process::connect(&api).await;
        let work = async {
            assert_eq!(process.next().await, "first");
            process.answer(0, "response", b"done").await;
            assert_eq!(process.next().await, "second");
            process.answer(1, "error", br#"{"errorType":"LedgerUnavailable"}"#).await;
        };
        let ask = async {
            assert_eq!(api.invoke(Bytes::from_static(b"first")).await.unwrap(), "done");
            let error = api.invoke(Bytes::from_static(b"second")).await.unwrap_err().to_string();
            assert!(error.contains("LedgerUnavailable"), "{error}");
        };
        tokio::join!(work, ask);
        api.first_asked_at().await.unwrap();
    }

    #[tokio::test]
    async fn events_wait_for_a_free_process_in_their_order() {
        let api = RuntimeApi::start().await.unwrap();
        let events = [Bytes::from_static(b"first"), Bytes::from_static(b"second")];
        let ask = futures::future::try_join_all(events.iter().map(|event| api.invoke(event.clone())));
        let work = async {
            let mut process = Process::connect(&api).await;
            for id in 0..2 {
                let event = process.next().await;
                process.answer(id, "response", &event).await;
            }
        };
        let (answers, ()) = tokio::join!(ask, work);
        assert_eq!(answers.unwrap(), events);
    }
}
