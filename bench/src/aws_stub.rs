//! Takes what functions send to Step Functions and SQS and says that it has been accepted.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::http::Connection;

/// The state machine that executions are started of.
pub const STATE_MACHINE_ARN: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:record-entries";

/// The executions that were started.
#[derive(Clone, Default)]
pub struct Started(Arc<Executions>);

#[derive(Default)]
struct Executions {
    count: AtomicU64,
    kept: Mutex<Option<Vec<String>>>,
}

impl Started {
    /// How many there were so far.
    pub fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// Keeps their inputs from now on.
    pub fn keep(&self) {
        *self.kept() = Some(Vec::new());
    }

    /// The inputs of those that were started since; keeps none any more.
    pub fn take(&self) -> Vec<String> {
        self.kept().take().unwrap_or_default()
    }

    fn kept(&self) -> MutexGuard<'_, Option<Vec<String>>> {
        self.0.kept.lock().expect("nobody panics while holding it")
    }

    fn add(&self, request: &[u8]) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        if let Some(inputs) = &mut *self.kept() {
            let request: Value = serde_json::from_slice(request).unwrap_or_default();
            inputs.push(request["input"].as_str().unwrap_or_default().to_owned());
        }
    }
}

/// Serves until the runtime ends.
pub async fn serve(listener: TcpListener, started: Started) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, started.clone()));
    }
}

async fn answer(stream: TcpStream, started: Started) {
    let Ok(mut connection) = Connection::new(stream) else { return };
    while let Ok(Some(request)) = connection.read_request().await {
        let body = match request.target.rsplit('.').next() {
            Some("StartExecution") => {
                started.add(&request.body);
                r#"{"executionArn":"arn:aws:states:us-east-1:000000000000:execution:record-entries:started","startDate":1795359845.0}"#
            }
            Some("SendMessage") => r#"{"MessageId":"059f36b4-87a3-44ab-83d2-661975830a7d"}"#,
            _ => "{}",
        };
        if connection
            .write("HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n", body.as_bytes())
            .await
            .is_err()
        {
            return;
        }
    }
}
