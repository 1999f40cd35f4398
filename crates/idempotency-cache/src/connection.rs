use std::time::Duration;

use futures::future::join_all;
use redis::{
    Client, ConnectionAddr, IntoConnectionInfo, Pipeline, RedisError, RedisResult, TlsCertificates, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cluster::{ClusterClient, ClusterConfig},
    cluster_async::ClusterConnection,
};
use tokio::time::timeout;

use crate::{CONNECT_TIMEOUT, RedisConfig, Topology};

/// How often the cluster's client may send a command again: to the node that a slot has moved to, and to the one that it is
/// just moving to. All within the budget, because nobody waits for the answer after it.
const REDIRECTIONS: u32 = 2;

/// The most it waits before it asks again because a slot is just being moved or has no node.
const RETRY_WAIT_MAX_MS: u64 = 10;

/// A connection that is made when it is first needed, beside the requests, and again when it breaks.
#[derive(Clone)]
pub(crate) enum Connection {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

/// No answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("no answer from Redis within {0:?}")]
    Timeout(Duration),
    /// The command, or the connection.
    #[error("{}", reduced(.0))]
    Redis(RedisError),
}

/// What happened, as far as it says nothing of the data: of what Redis says, its code alone, because the rest may quote the
/// command, with the request that was to be stored ("unknown command …, with args beginning with: …").
fn reduced(error: &RedisError) -> String {
    match error.code() {
        _ if error.is_io_error() => error.to_string(),
        Some(code) => format!("Redis refused: {code}"),
        None => error.category().to_owned(),
    }
}

impl Connection {
    pub(crate) fn new(config: &RedisConfig, budget: Duration) -> Result<Connection, RedisError> {
        let url = config.url.as_str();
        let is_tls = matches!(url.into_connection_info()?.addr(), ConnectionAddr::TcpTls { .. });
        let certificates =
            is_tls.then(|| TlsCertificates { client_tls: None, root_cert: Some(config.roots.pem().to_vec()) });
        match config.topology {
            Topology::Single => Connection::to_one(url, certificates, budget),
            Topology::Cluster => Connection::to_cluster(url, certificates, budget),
        }
    }

    fn to_one(url: &str, certificates: Option<TlsCertificates>, budget: Duration) -> Result<Connection, RedisError> {
        let client = match certificates {
            Some(certificates) => Client::build_with_tls(url, certificates)?,
            None => Client::open(url)?,
        };
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_TIMEOUT.max(budget)))
            .set_response_timeout(Some(budget));
        Ok(Connection::Single(ConnectionManager::new_lazy_with_config(client, config)?))
    }

    fn to_cluster(
        url: &str,
        certificates: Option<TlsCertificates>,
        budget: Duration,
    ) -> Result<Connection, RedisError> {
        let mut builder = ClusterClient::builder([url])
            .retries(REDIRECTIONS)
            .min_retry_wait(1)
            .max_retry_wait(RETRY_WAIT_MAX_MS)
            .overall_response_timeout(None);
        if let Some(certificates) = certificates {
            builder = builder.certs(certificates);
        }
        let config =
            ClusterConfig::new().set_connection_timeout(CONNECT_TIMEOUT.max(budget)).set_response_timeout(budget);
        Ok(Connection::Cluster(builder.build()?.get_pending_async_connection_with_config(config)))
    }

    /// Sends single-key commands at once, and answers each by itself, within a limit of time. In a cluster each finds its own way:
    /// a pipeline goes to one node, and a node that fails takes with it what it holds, and nothing else.
    pub(crate) async fn ask(&self, commands: &Pipeline, limit: Duration) -> Vec<Result<Value, AskError>> {
        match self {
            Connection::Single(connection) => {
                let mut connection = connection.clone();
                match within(limit, commands.query_async::<Vec<Value>>(&mut connection)).await {
                    Ok(values) => values.into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                }
            }
            Connection::Cluster(connection) => {
                join_all(commands.cmd_iter().map(|command| {
                    let mut connection = connection.clone();
                    async move { within(limit, command.query_async(&mut connection)).await }
                }))
                .await
            }
        }
    }
}

async fn within<T>(limit: Duration, answer: impl Future<Output = RedisResult<T>>) -> Result<T, AskError> {
    timeout(limit, answer).await.map_err(|_| AskError::Timeout(limit))?.map_err(AskError::Redis)
}

#[cfg(test)]
mod tests {
    use redis::make_extension_error;

    use super::*;

    #[test]
    fn an_error_tells_nothing_of_what_redis_quotes() {
        let quoting = "unknown command 'SET', with args beginning with: 'fluxo:request:7' 'salary of Ana'";
        let error = AskError::Redis(make_extension_error("ERR".to_owned(), Some(quoting.to_owned())));
        assert_eq!(error.to_string(), "Redis refused: ERR");
        let broken = RedisError::from(std::io::Error::other("connection reset"));
        assert_eq!(AskError::Redis(broken).to_string(), "connection reset");
    }
}
