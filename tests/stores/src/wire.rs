use std::sync::{Arc, Mutex};

use ledger::LedgerConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf},
    task::JoinHandle,
};

/// A wire to PostgreSQL that keeps what its clients say, message by message. For connections in the clear.
pub struct Wire {
    /// How a client connects through it.
    pub config: LedgerConfig,
    said: Arc<Mutex<Vec<Said>>>,
    listener: JoinHandle<()>,
}

/// A message of a client (PostgreSQL's frontend protocol 3.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What kind it is, such as `P` for Parse; 0 for the first message of a connection, which has no kind.
    pub kind: u8,
    /// What follows its length.
    pub body: Vec<u8>,
}

impl Said {
    /// The text that the message begins with, up to its zero byte, and the message behind it.
    pub fn text(&self) -> (String, Said) {
        let mut parts = self.body.splitn(2, |byte| *byte == 0);
        let text = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        (text, Said { kind: self.kind, body: parts.next().unwrap_or_default().to_vec() })
    }
}

impl Wire {
    /// A wire to the server that this configuration leads to.
    pub async fn to(server: &LedgerConfig) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let config = LedgerConfig { host: "127.0.0.1".to_owned(), port, ..server.clone() };
        let said = Arc::new(Mutex::new(Vec::new()));
        let (server, keeps) = ((server.host.clone(), server.port), Arc::clone(&said));
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), Arc::clone(&keeps)));
            }
        });
        Wire { config, said, listener }
    }

    /// All messages of all clients so far. When a client has an answer, what it asked is among them.
    pub fn said(&self) -> Vec<Said> {
        self.said.lock().expect("nothing panics while it is locked").clone()
    }
}

async fn carry(client: TcpStream, server: (String, u16), said: Arc<Mutex<Vec<Said>>>) -> std::io::Result<()> {
    let (mut from_server, mut to_server) = TcpStream::connect(server).await?.into_split();
    let (mut from_client, mut to_client) = client.into_split();
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut has_kind = false;
    while let Ok((message, bytes)) = read(&mut from_client, has_kind).await {
        said.lock().expect("nothing panics while it is locked").push(message);
        to_server.write_all(&bytes).await?;
        has_kind = true;
    }
    to_server.shutdown().await?;
    answers.abort();
    Ok(())
}

/// The next message, and the bytes that it came as.
async fn read(client: &mut OwnedReadHalf, has_kind: bool) -> std::io::Result<(Said, Vec<u8>)> {
    let mut bytes = vec![0; if has_kind { 5 } else { 4 }];
    client.read_exact(&mut bytes).await?;
    let kind = if has_kind { bytes[0] } else { 0 };
    let head = bytes.len();
    let mut length = [0; 4];
    length.copy_from_slice(&bytes[head - 4..]);
    // A message's length counts itself.
    let body_length = usize::try_from(u32::from_be_bytes(length)).expect("64 bits").saturating_sub(4);
    bytes.resize(head + body_length, 0);
    client.read_exact(&mut bytes[head..]).await?;
    Ok((Said { kind, body: bytes[head..].to_vec() }, bytes))
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
