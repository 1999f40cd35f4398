use rdkafka::ClientConfig;
use settings::{SettingError, optional, required};

use crate::{Topics, iam_token::TokenSource};

/// Where the cluster is and how to get in.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// `host:port,…` of some of its brokers.
    pub brokers: String,
    /// How the connections are protected.
    pub security: Security,
    /// The names of the topics.
    pub topics: Topics,
}

/// How the connections to the brokers are protected.
#[derive(Debug, Clone)]
pub enum Security {
    /// In the clear, with no sign-in: for a broker on the same machine.
    Plaintext,
    /// TLS, and a sign-in with the AWS credentials of the environment (IAM access control of Amazon MSK).
    Iam(Box<aws_config::SdkConfig>),
}

impl KafkaConfig {
    /// Reads `KAFKA_BROKERS`, `KAFKA_SECURITY` (`plaintext` or `iam`) and `KAFKA_TOPIC_PREFIX` (default `fluxo`).
    pub async fn from_env() -> Result<KafkaConfig, SettingError> {
        let security = match required("KAFKA_SECURITY")?.as_str() {
            "plaintext" => Security::Plaintext,
            "iam" => Security::Iam(Box::new(aws_clients::load_signing_config().await?)),
            _ => return Err(SettingError::Invalid { name: "KAFKA_SECURITY", expected: "plaintext or iam" }),
        };
        let prefix = optional("KAFKA_TOPIC_PREFIX").unwrap_or_else(|| "fluxo".to_owned());
        let topics = prefix.parse().map_err(|_| SettingError::Invalid {
            name: "KAFKA_TOPIC_PREFIX",
            expected: "1 to 64 letters, digits, hyphens and underscores",
        })?;
        Ok(KafkaConfig { brokers: required("KAFKA_BROKERS")?, security, topics })
    }

    /// What producers and consumers have in common.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "fluxo")
            .set("socket.keepalive.enable", "true")
            // A broker that hangs is given up after this, not after a minute.
            .set("socket.timeout.ms", "10000")
            // A broker that comes back is found within a second, not within ten.
            .set("reconnect.backoff.max.ms", "1000")
            // Idle connections are closed by brokers and load balancers all the time.
            .set("log.connection.close", "false");
        match self.security {
            Security::Plaintext => client.set("security.protocol", "plaintext"),
            Security::Iam(_) => client.set("security.protocol", "sasl_ssl").set("sasl.mechanism", "OAUTHBEARER"),
        };
        client
    }

    /// What signs a client in, if it has to sign in.
    pub(crate) async fn tokens(&self) -> Option<TokenSource> {
        match &self.security {
            Security::Plaintext => None,
            Security::Iam(sdk) => Some(TokenSource::start(sdk.as_ref().clone()).await),
        }
    }
}
