use aws_clients::Roots;
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
    /// TLS, and a sign-in with AWS credentials (IAM access control of Amazon MSK).
    Iam {
        /// Whose credentials, and of which region.
        sdk: Box<aws_config::SdkConfig>,
        /// Whom to trust. "Any truststore that trusts Amazon Trust Services also trusts the certificates of Amazon MSK brokers"
        /// (AWS, "Amazon MSK encryption", Amazon MSK Developer Guide).
        roots: Roots,
    },
}

impl KafkaConfig {
    /// Reads `KAFKA_BROKERS`, `KAFKA_SECURITY` (`plaintext` or `iam`), `KAFKA_TOPIC_PREFIX` (default `fluxo`) and, where the brokers'
    /// authority is not Amazon's, `KAFKA_TLS_ROOTS` (a file with certificates in PEM form).
    pub async fn from_env() -> Result<KafkaConfig, SettingError> {
        let security = match required("KAFKA_SECURITY")?.as_str() {
            "plaintext" => Security::Plaintext,
            "iam" => Security::Iam {
                sdk: Box::new(aws_clients::load_signing_config().await?),
                roots: Roots::from_env("KAFKA_TLS_ROOTS", Roots::amazon)?,
            },
            _ => return Err(SettingError::Invalid { name: "KAFKA_SECURITY", expected: "plaintext or iam" }),
        };
        let prefix = optional("KAFKA_TOPIC_PREFIX").map(|prefix| prefix.parse());
        let topics = prefix.unwrap_or_else(|| Ok(Topics::default())).map_err(|_| SettingError::Invalid {
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
            // Connections to all brokers, not only to those that are needed. All brokers that are restarted at once name none for a moment;
            // librdkafka 2.12 then forgets them, needs none, and would never connect again (its issue 5301).
            .set("enable.sparse.connections", "false")
            // A broker that comes back is found within a second, not within ten.
            .set("reconnect.backoff.max.ms", "1000")
            // Idle connections are closed by brokers and load balancers all the time.
            .set("log.connection.close", "false");
        match &self.security {
            Security::Plaintext => client.set("security.protocol", "plaintext"),
            Security::Iam { roots, .. } => client
                .set("security.protocol", "sasl_ssl")
                .set("sasl.mechanism", "OAUTHBEARER")
                .set("ssl.ca.pem", String::from_utf8_lossy(roots.pem())),
        };
        client
    }

    /// What signs a client in, if it has to sign in.
    pub(crate) async fn tokens(&self) -> Option<TokenSource> {
        match &self.security {
            Security::Plaintext => None,
            Security::Iam { sdk, .. } => Some(TokenSource::start(sdk.as_ref().clone()).await),
        }
    }
}
