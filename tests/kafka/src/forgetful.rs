//! A broker that does what a real one does when all of its cluster are restarted at once: for a moment it names no brokers at all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// The keys of requests, and the versions of them that this broker speaks: the last without compact encoding
/// (kafka.apache.org/protocol).
const PRODUCE: (i16, i16) = (0, 3);
const METADATA: (i16, i16) = (3, 4);
const API_VERSIONS: (i16, i16) = (18, 0);
const INIT_PRODUCER_ID: (i16, i16) = (22, 1);
/// Asked for only to see that it is there.
const FETCH: (i16, i16) = (1, 4);

/// Takes every record of one topic with one partition, and keeps none.
pub struct ForgetfulBroker {
    port: u16,
    names_itself: Arc<AtomicBool>,
    connections: watch::Sender<()>,
    accepting: JoinHandle<()>,
    topic: &'static str,
}

impl ForgetfulBroker {
    /// Listens on a port of this machine.
    pub async fn start(topic: &'static str) -> ForgetfulBroker {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (names_itself, connections) = (Arc::new(AtomicBool::new(true)), watch::Sender::new(()));
        let accepting = tokio::spawn(accept(listener, port, topic, names_itself.clone(), connections.clone()));
        ForgetfulBroker { port, names_itself, connections, accepting, topic }
    }

    /// Where it is.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// From now on it says that there are no brokers, itself included, and takes nothing.
    pub fn forget(&self) {
        self.names_itself.store(false, Ordering::Relaxed);
    }

    /// Ends all connections, and takes none.
    pub async fn stop(&mut self) {
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
        self.connections.send_replace(());
    }

    /// Is another process, which knows that it is there.
    pub async fn start_again(&mut self) {
        self.names_itself.store(true, Ordering::Relaxed);
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("the port is free again");
        let (names_itself, connections) = (self.names_itself.clone(), self.connections.clone());
        self.accepting = tokio::spawn(accept(listener, self.port, self.topic, names_itself, connections));
    }
}

impl Drop for ForgetfulBroker {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    port: u16,
    topic: &'static str,
    names_itself: Arc<AtomicBool>,
    connections: watch::Sender<()>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (names_itself, mut ended) = (names_itself.clone(), connections.subscribe());
        tokio::spawn(async move {
            tokio::select! {
                _ = ended.changed() => {}
                _ = serve(stream, port, topic, &names_itself) => {}
            }
        });
    }
}

async fn serve(mut stream: TcpStream, port: u16, topic: &str, names_itself: &AtomicBool) -> std::io::Result<()> {
    loop {
        let size = stream.read_i32().await?;
        let mut request = vec![0; usize::try_from(size).unwrap_or_default()];
        stream.read_exact(&mut request).await?;
        let number = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
        let (key, version) = (number(0), number(2));
        let mut answer = Answer(request[4..8].to_vec());
        if key == API_VERSIONS.0 {
            // "Not in that version", and which ones there are.
            answer.int16(if version == API_VERSIONS.1 { 0 } else { 35 });
            let known = [PRODUCE, FETCH, METADATA, API_VERSIONS, INIT_PRODUCER_ID];
            answer.array(&known, |answer, (key, version)| {
                answer.int16(*key);
                answer.int16(if *key == API_VERSIONS.0 || *key == METADATA.0 { 0 } else { *version });
                answer.int16(*version);
            });
        } else if key == METADATA.0 {
            answer.metadata(version, port, topic, names_itself.load(Ordering::Relaxed));
        } else if key == INIT_PRODUCER_ID.0 {
            answer.int32(0);
            answer.int16(0);
            answer.int64(7);
            answer.int16(0);
        } else if key == PRODUCE.0 {
            // "Not the leader": who is told so asks for the brokers.
            let error = if names_itself.load(Ordering::Relaxed) { 0 } else { 6 };
            answer.array(&[topic], |answer, topic| {
                answer.text(topic);
                answer.array(&[0], |answer, partition| {
                    answer.int32(*partition);
                    answer.int16(error);
                    answer.int64(0);
                    answer.int64(-1);
                });
            });
            answer.int32(0);
        } else {
            return Ok(());
        }
        stream.write_i32(i32::try_from(answer.0.len()).expect("a short answer")).await?;
        stream.write_all(&answer.0).await?;
    }
}

struct Answer(Vec<u8>);

impl Answer {
    fn int16(&mut self, number: i16) {
        self.0.extend(number.to_be_bytes());
    }

    fn int32(&mut self, number: i32) {
        self.0.extend(number.to_be_bytes());
    }

    fn int64(&mut self, number: i64) {
        self.0.extend(number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.int16(i16::try_from(text.len()).expect("a short text"));
        self.0.extend(text.as_bytes());
    }

    fn array<T>(&mut self, values: &[T], write: impl Fn(&mut Answer, &T)) {
        self.int32(i32::try_from(values.len()).expect("few values"));
        values.iter().for_each(|value| write(self, value));
    }

    /// Version 4, or 0, 1 or 2 with less.
    fn metadata(&mut self, version: i16, port: u16, topic: &str, names_itself: bool) {
        let brokers: &[i32] = if names_itself { &[1] } else { &[] };
        if version >= 3 {
            self.int32(0);
        }
        self.array(brokers, |answer, broker| {
            answer.int32(*broker);
            answer.text("127.0.0.1");
            answer.int32(port.into());
            if version >= 1 {
                answer.int16(-1);
            }
        });
        if version >= 2 {
            self.text("forgetful");
        }
        if version >= 1 {
            self.int32(if names_itself { 1 } else { -1 });
        }
        self.array(&[topic], |answer, topic| {
            answer.int16(0);
            answer.text(topic);
            if version >= 1 {
                answer.0.push(0);
            }
            answer.array(&[0], |answer, partition| {
                // "No leader", while there is none.
                answer.int16(if names_itself { 0 } else { 5 });
                answer.int32(*partition);
                answer.int32(if names_itself { 1 } else { -1 });
                answer.array(&[1], |answer, replica| answer.int32(*replica));
                answer.array(brokers, |answer, replica| answer.int32(*replica));
            });
        });
    }
}
