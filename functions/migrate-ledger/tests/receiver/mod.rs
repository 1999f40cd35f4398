use std::sync::{Arc, Mutex};

use test_stores::Identity;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// Where answers go in a test: a server of HTTP, as S3 is one for CloudFormation.
pub struct Receiver {
    address: String,
    received: Arc<Mutex<Vec<Received>>>,
    server: JoinHandle<()>,
}

/// What came.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub content_type: Option<String>,
    pub body: String,
}

impl Receiver {
    /// Answers one request after the other with these statuses.
    pub async fn start(statuses: &[u16]) -> Receiver {
        Receiver::serve(statuses, None).await
    }

    /// The same over TLS.
    pub async fn start_with_tls(statuses: &[u16], identity: &Identity) -> Receiver {
        Receiver::serve(statuses, Some(identity.acceptor())).await
    }

    async fn serve(statuses: &[u16], tls: Option<TlsAcceptor>) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = format!("{scheme}://localhost:{}/answer?signature=secret", listener.local_addr().unwrap().port());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (keeps, statuses) = (Arc::clone(&received), statuses.to_vec());
        let server = tokio::spawn(async move {
            for status in statuses {
                let (client, _) = listener.accept().await.unwrap();
                match &tls {
                    None => answer(client, status, &keeps).await,
                    Some(tls) => {
                        if let Ok(client) = tls.accept(client).await {
                            answer(client, status, &keeps).await;
                        }
                    }
                }
            }
        });
        Receiver { address, received, server }
    }

    /// The `ResponseURL` that leads here.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn answer(mut client: impl AsyncRead + AsyncWrite + Unpin, status: u16, keeps: &Mutex<Vec<Received>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let mut body = vec![0; header("content-length").unwrap().parse().unwrap()];
    client.read_exact(&mut body).await.unwrap();
    keeps.lock().unwrap().push(Received {
        method: head.split(' ').next().unwrap().to_owned(),
        content_type: header("content-type"),
        body: String::from_utf8(body).unwrap(),
    });
    let response = format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    client.write_all(response.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}
