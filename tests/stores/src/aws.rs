use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;

use crate::from_environment;

/// The configuration of a client of the AWS engine that runs beside the tests.
pub async fn aws_engine() -> SdkConfig {
    aws_at(&from_environment("FLUXO_TEST_AWS_ENDPOINT")).await
}

/// The configuration of a client of an AWS engine at this address, which need not be there.
pub async fn aws_at(endpoint_url: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint_url)
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .load()
        .await
}
