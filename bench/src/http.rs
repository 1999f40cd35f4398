//! HTTP/1.1 as far as the bench needs it: messages with a `Content-Length` over connections that stay open. A library would
//! cost more for each message than some of what is measured.

use std::io;

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const HEADERS_MAX: usize = 64;
const READ_BYTES: usize = 16 * 1024;

/// One connection, at either end.
pub struct Connection {
    stream: TcpStream,
    read: BytesMut,
}

/// A request as the servers of the bench look at it.
pub struct Request {
    /// The path with its query.
    pub path: String,
    /// The header `X-Amz-Target`, which names the operation of an AWS service.
    pub target: String,
    /// The body.
    pub body: Bytes,
}

impl Connection {
    /// Over a stream that has been opened or accepted.
    pub fn new(stream: TcpStream) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        Ok(Connection { stream, read: BytesMut::with_capacity(READ_BYTES) })
    }

    /// The next request; none when the other end has closed the connection.
    pub async fn read_request(&mut self) -> Result<Option<Request>> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut request = httparse::Request::new(&mut headers);
            if let httparse::Status::Complete(head) = request.parse(&self.read)? {
                let path = request.path.unwrap_or_default().to_owned();
                let target = header(request.headers, "x-amz-target").to_owned();
                let length = content_length(request.headers)?;
                let body = self.read_body(head, length).await?;
                return Ok(Some(Request { path, target, body }));
            }
            if !self.read_more().await? {
                return Ok(None);
            }
        }
    }

    /// The status and the body of the answer to what was sent.
    pub async fn read_response(&mut self) -> Result<(u16, Bytes)> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut response = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(head) = response.parse(&self.read)? {
                let status = response.code.unwrap_or_default();
                let length = content_length(response.headers)?;
                return Ok((status, self.read_body(head, length).await?));
            }
            if !self.read_more().await? {
                bail!("the connection was closed before an answer");
            }
        }
    }

    /// Sends a head, whose last header this completes, and a body.
    pub async fn write(&mut self, head: &str, body: &[u8]) -> Result<()> {
        let mut message = Vec::with_capacity(head.len() + body.len() + 40);
        message.extend_from_slice(head.as_bytes());
        message.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        message.extend_from_slice(body);
        Ok(self.stream.write_all(&message).await?)
    }

    async fn read_body(&mut self, head: usize, length: usize) -> Result<Bytes> {
        self.read.advance(head);
        self.read.reserve(length.saturating_sub(self.read.len()));
        while self.read.len() < length {
            if !self.read_more().await? {
                bail!("the connection was closed within a message");
            }
        }
        Ok(self.read.split_to(length).freeze())
    }

    async fn read_more(&mut self) -> Result<bool> {
        self.read.reserve(READ_BYTES);
        Ok(self.stream.read_buf(&mut self.read).await? > 0)
    }
}

fn header<'a>(headers: &'a [httparse::Header<'_>], name: &str) -> &'a str {
    let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    found.and_then(|header| std::str::from_utf8(header.value).ok()).unwrap_or_default()
}

fn content_length(headers: &[httparse::Header<'_>]) -> Result<usize> {
    match (header(headers, "content-length"), header(headers, "transfer-encoding")) {
        ("", "") => Ok(0),
        (length, "") => length.parse().with_context(|| format!("a content length of {length}")),
        (_, encoding) => bail!("a transfer encoding, {encoding}, which the bench does not know"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Connection, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (Connection::new(client).unwrap(), Connection::new(server).unwrap())
    }

    #[tokio::test]
    async fn requests_and_answers_follow_each_other_on_one_connection() {
        let (mut client, mut server) = pair().await;
        for body in ["", "{}", &"x".repeat(100_000)] {
            let exchange = async {
                client
                    .write("POST /path HTTP/1.1\r\nhost: here\r\nX-Amz-Target: Do.It\r\n", body.as_bytes())
                    .await
                    .unwrap();
                client.read_response().await.unwrap()
            };
            let serve = async {
                let request = server.read_request().await.unwrap().unwrap();
                assert_eq!((request.path.as_str(), request.target.as_str()), ("/path", "Do.It"));
                server.write("HTTP/1.1 202 Accepted\r\n", &request.body).await.unwrap();
            };
            let ((status, answer), ()) = futures::future::join(exchange, serve).await;
            assert_eq!((status, answer.as_ref()), (202, body.as_bytes()));
        }
        drop(client);
        assert!(server.read_request().await.unwrap().is_none());
    }
}
