use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

/// How long the operations of AWS clients may take, and how often they are tried.
#[derive(Debug, Clone, Copy)]
pub struct AwsLimits {
    /// The most one attempt may take.
    pub attempt_timeout: Duration,
    /// The most all attempts and the pauses between them may take.
    pub operation_timeout: Duration,
    /// How many attempts there are; 1 where somebody else tries again.
    pub attempts: u32,
}

impl AwsLimits {
    /// The configuration of clients with these limits: credentials, region and endpoint come from the environment.
    pub async fn load_config(self) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(self.attempt_timeout)
            .operation_timeout(self.operation_timeout)
            .build();
        aws_config::from_env()
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(self.attempts))
            .load()
            .await
    }
}
