use std::{
    error::Error,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use url::Url;

/// How long a signed address is taken for the token of whoever signed it. RDS says so ("IAM database authentication for MariaDB, MySQL,
/// and PostgreSQL"); of Amazon MSK it is `DEFAULT_TOKEN_EXPIRY_SECONDS` of AWS's libraries.
const AGE_MAX: Duration = Duration::from_secs(15 * 60);

/// An address that is signed as a request of it would be. Stores that know IAM take it in the place of a password.
#[derive(Debug, Clone)]
pub struct SignedAddress {
    /// With the signature in its query.
    pub url: Url,
    /// When it ends to be one.
    pub ends_at: SystemTime,
}

/// Signs an address of this service with the credentials of this configuration. The signature is `aws-sigv4`'s, the SDK's own.
///
/// # Errors
/// The configuration has no region, no clock or no credentials, or the credentials cannot be had now.
pub async fn sign_address(
    sdk: &SdkConfig,
    service: &str,
    mut url: Url,
) -> Result<SignedAddress, Box<dyn Error + Send + Sync>> {
    let credentials = sdk.credentials_provider().ok_or("no AWS credentials")?.provide_credentials().await?;
    let region = sdk.region().ok_or("no AWS region")?;
    let now = sdk.time_source().ok_or("no clock")?.now();

    let mut settings = SigningSettings::default();
    settings.expires_in = Some(AGE_MAX);
    settings.signature_location = SignatureLocation::QueryParams;
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_ref())
        .name(service)
        .time(now)
        .settings(settings)
        .build()?;

    let request = SignableRequest::new("GET", url.as_str(), std::iter::empty(), SignableBody::empty())?;
    let (signed, _) = sign(request, &parameters.into())?.into_parts();
    url.query_pairs_mut().extend_pairs(signed.params());
    Ok(SignedAddress { url, ends_at: now + AGE_MAX })
}
