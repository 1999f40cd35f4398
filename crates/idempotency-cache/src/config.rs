use std::fmt;

use aws_clients::Roots;
use settings::{SettingError, optional, required};

/// Where the cache is.
#[derive(Clone)]
pub struct RedisConfig {
    /// `redis://`, `rediss://` for TLS, `redis+unix://`. May carry a user and a password.
    pub url: String,
    /// Whether that is one server or a cluster.
    pub topology: Topology,
    /// Whom to trust over TLS.
    pub roots: Roots,
    /// What every key begins with: it names the stack and the generation of its ledger.
    pub key_prefix: String,
}

/// Whether there is one Redis server or a cluster of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// One server, or something that looks like one.
    Single,
    /// Servers that tell which of them has which key: Redis or Valkey in cluster mode, such as ElastiCache Serverless.
    Cluster,
}

impl RedisConfig {
    /// One server at this URL, and keys that belong to no stack.
    pub fn single(url: impl Into<String>) -> RedisConfig {
        let key_prefix = "fluxo".to_owned();
        RedisConfig { url: url.into(), topology: Topology::Single, roots: Roots::amazon(), key_prefix }
    }

    /// Reads `REDIS_URL`; `REDIS_KEY_PREFIX`; `REDIS_CLUSTER`, `true` if that is a node or the endpoint of a cluster, `false` or nothing if not; and,
    /// where the server's authority is not Amazon's, `REDIS_TLS_ROOTS` (a file with certificates in PEM form).
    pub fn from_env() -> Result<RedisConfig, SettingError> {
        let topology = match optional("REDIS_CLUSTER").as_deref() {
            Some("true") => Topology::Cluster,
            Some("false") | None => Topology::Single,
            Some(_) => return Err(SettingError::Invalid { name: "REDIS_CLUSTER", expected: "true or false" }),
        };
        let roots = Roots::from_env("REDIS_TLS_ROOTS", Roots::amazon)?;
        let (url, key_prefix) = (required("REDIS_URL")?, required("REDIS_KEY_PREFIX")?);
        Ok(RedisConfig { url, topology, roots, key_prefix })
    }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URL, which may carry a password.
        f.debug_struct("RedisConfig").field("topology", &self.topology).finish_non_exhaustive()
    }
}
