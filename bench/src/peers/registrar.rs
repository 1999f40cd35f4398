//! Bare registrars: what `register-entry` asks of Redis and Step Functions for a new entry, and nothing else: a GET, the
//! reservation, a StartExecution, a SET. The ledger, which the function asks as well, they do not ask.

use std::{net::SocketAddr, path::Path};

use anyhow::{Result, ensure};
use redis::aio::MultiplexedConnection;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};
use uuid::Uuid;

use crate::{aws_stub::STATE_MACHINE_ARN, http::Connection};

const MEMORY_SECONDS: &str = "86400";
const RESERVATION_SECONDS: &str = "30";

/// The key and the reservation that Redis gets, and the execution's name: as long as the function's own.
struct Entry {
    key: String,
    reservation: String,
    name: String,
}

impl Entry {
    fn new() -> Entry {
        let id = Uuid::new_v4();
        Entry {
            key: format!("fluxo:bench:1-1f0c9a7e:request:{id}"),
            reservation: format!("reserved {}", "0".repeat(64)),
            name: format!("{id}-16d8d9c4591d57a214f05325"),
        }
    }
}

/// A client with plain sockets: what the stores can do.
pub struct PlainRegistrar {
    redis: UnixStream,
    step_functions: Connection,
    input: String,
    response: String,
}

impl PlainRegistrar {
    /// Opens a connection to each.
    pub async fn connect(
        redis: &Path,
        step_functions: SocketAddr,
        input: String,
        response: String,
    ) -> Result<PlainRegistrar> {
        Ok(PlainRegistrar {
            redis: UnixStream::connect(redis).await?,
            step_functions: Connection::new(TcpStream::connect(step_functions).await?)?,
            input,
            response,
        })
    }

    /// Registers a new entry.
    pub async fn register(&mut self) -> Result<()> {
        let entry = Entry::new();
        self.redis(&["GET", &entry.key], b"$-1\r\n").await?;
        let reserve = ["SET", &entry.key, &entry.reservation, "NX", "GET", "EX", RESERVATION_SECONDS];
        self.redis(&reserve, b"$-1\r\n").await?;
        let body = json!({"stateMachineArn": STATE_MACHINE_ARN, "name": entry.name, "input": self.input}).to_string();
        let head = "POST / HTTP/1.1\r\n\
                    host: 127.0.0.1\r\n\
                    content-type: application/x-amz-json-1.0\r\n\
                    x-amz-target: AWSStepFunctions.StartExecution\r\n";
        self.step_functions.write(head, body.as_bytes()).await?;
        let (status, _) = self.step_functions.read_response().await?;
        ensure!(status == 200, "Step Functions answered {status}");
        let response = std::mem::take(&mut self.response);
        self.redis(&["SET", &entry.key, &response, "EX", MEMORY_SECONDS], b"+OK\r\n").await?;
        self.response = response;
        Ok(())
    }

    async fn redis(&mut self, words: &[&str], expected: &[u8]) -> Result<()> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command += &format!("${}\r\n{word}\r\n", word.len());
        }
        self.redis.write_all(command.as_bytes()).await?;
        let mut answer = [0; 64];
        let length = self.redis.read(&mut answer).await?;
        ensure!(&answer[..length] == expected, "Redis answered {}", String::from_utf8_lossy(&answer[..length]));
        Ok(())
    }
}

/// A client with the libraries that the function uses: what any program in Rust has to pay for the same calls.
pub struct LibraryRegistrar {
    redis: MultiplexedConnection,
    step_functions: aws_sdk_sfn::Client,
    input: String,
    response: String,
}

impl LibraryRegistrar {
    /// Opens the connection to Redis.
    pub async fn connect(
        redis_url: &str,
        step_functions: aws_sdk_sfn::Client,
        input: String,
        response: String,
    ) -> Result<LibraryRegistrar> {
        let redis = redis::Client::open(redis_url)?.get_multiplexed_async_connection().await?;
        Ok(LibraryRegistrar { redis, step_functions, input, response })
    }

    /// Registers a new entry.
    pub async fn register(&mut self) -> Result<()> {
        let entry = Entry::new();
        let remembered: Option<String> = redis::cmd("GET").arg(&entry.key).query_async(&mut self.redis).await?;
        ensure!(remembered.is_none(), "a new entry is known already");
        let mut reserve = redis::cmd("SET");
        reserve.arg(&entry.key).arg(&entry.reservation).arg("NX").arg("GET").arg("EX").arg(RESERVATION_SECONDS);
        let reserved: Option<String> = reserve.query_async(&mut self.redis).await?;
        ensure!(reserved.is_none(), "a new entry is reserved already");
        let start = self.step_functions.start_execution().state_machine_arn(STATE_MACHINE_ARN);
        start.name(entry.name).input(&self.input).send().await?;
        let mut set = redis::cmd("SET");
        set.arg(&entry.key).arg(&self.response).arg("EX").arg(MEMORY_SECONDS);
        let () = set.query_async(&mut self.redis).await?;
        Ok(())
    }
}
