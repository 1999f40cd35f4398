//! What Step Functions answers to a start, as its API Reference says, from a server that answers so. The engine of the other tests
//! refuses what AWS answers here.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sfn::Client;
use executions::{Start, StateMachine, StateMachineError};
use serde_json::{Value, json};
use test_stores::aws_at;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const ARN: &str = "arn:aws:states:sa-east-1:123456789012:stateMachine:record-entries";

/// Starts an execution at a server that answers once, so.
async fn start(status: &str, answer: &Value) -> Result<Start, StateMachineError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = answer.to_string();
    let response = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let server = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 64 * 1024];
        let mut read = 0;
        while !is_whole(&request[..read]) {
            read += connection.read(&mut request[read..]).await.unwrap();
        }
        connection.write_all(response.as_bytes()).await.unwrap();
        connection.shutdown().await.unwrap();
    };
    let state_machine = StateMachine::new(Client::new(&aws_at(&url).await), ARN);
    tokio::join!(state_machine.start("an-execution", "{}".to_owned(), None), server).0
}

/// Whether a request has arrived up to the end of its input, which is the last thing that it names.
fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
    request.len() >= head + 4 + length.unwrap_or(0_usize)
}

/// An execution that started so long before now.
async fn started(age: Duration) -> Start {
    let seconds = (SystemTime::now() - age).duration_since(UNIX_EPOCH).unwrap();
    let start_date: Value = format!("{}.{:03}", seconds.as_secs(), seconds.subsec_millis()).parse().unwrap();
    let arn = format!("{}:an-execution", ARN.replace("stateMachine", "execution"));
    start("200 OK", &json!({"executionArn": arn, "startDate": start_date})).await.unwrap()
}

#[tokio::test]
async fn a_start_answered_with_the_date_of_an_earlier_one_was_started_before() {
    assert_eq!(started(Duration::from_secs(2)).await, Start::StartedBefore);
    assert_eq!(started(Duration::from_secs(90 * 24 * 60 * 60)).await, Start::StartedBefore);
}

#[tokio::test]
async fn a_start_answered_with_the_date_of_now_is_a_new_one() {
    assert_eq!(started(Duration::ZERO).await, Start::Started);
    // A clock that is a little behind.
    assert_eq!(started(Duration::from_millis(500)).await, Start::Started);
}

#[tokio::test]
async fn a_name_whose_execution_has_ended_was_started_before() {
    let refusal = json!({"__type": "com.amazonaws.swf.service.v2.model#ExecutionAlreadyExists", "message": "exists"});
    assert_eq!(start("400 Bad Request", &refusal).await.unwrap(), Start::StartedBefore);
}
