//! How AWS clients are made: the limits of their operations, and whom they and the clients of the stores trust. And how addresses are signed
//! that stores take in the place of a password.
//!
//! Credentials, region and endpoint come from the environment. Trusted are Amazon's authorities or, where the endpoint is somebody
//! else's, those in the file that `AWS_CA_BUNDLE` names (in PEM form). The SDK by itself reads all authorities of the machine at
//! every start, a file for each, for longer than all else that a function does before it is ready (ADR 16).

mod error;
mod roots;
mod signed_address;

use std::time::Duration;

use aws_config::{ConfigLoader, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use settings::SettingError;

pub use error::AwsError;
pub use roots::{Roots, RootsError};
pub use signed_address::{SignedAddress, sign_address};

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
    /// The configuration of clients with these limits.
    ///
    /// # Errors
    /// `AWS_CA_BUNDLE` names no file with certificates.
    pub async fn load_config(self) -> Result<SdkConfig, SettingError> {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(self.attempt_timeout)
            .operation_timeout(self.operation_timeout)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(self.attempts);
        Ok(from_env()?.timeout_config(timeouts).retry_config(retries).load().await)
    }
}

/// The configuration for signing with the environment's credentials, without a client. What looks for credentials has clients of
/// its own, so it matters here as well whom they trust.
///
/// # Errors
/// `AWS_CA_BUNDLE` names no file with certificates.
pub async fn load_signing_config() -> Result<SdkConfig, SettingError> {
    Ok(from_env()?.load().await)
}

fn from_env() -> Result<ConfigLoader, SettingError> {
    let roots = Roots::from_env("AWS_CA_BUNDLE", Roots::amazon)?;
    let trust = TlsContext::builder().with_trust_store(TrustStore::empty().with_pem_certificate(roots.pem()));
    let http_client = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(trust.build().expect("a list of certificates is all there is in it"))
        .build_https();
    Ok(aws_config::from_env().http_client(http_client))
}
