//! The token with which a client signs in to Amazon MSK: an address that is signed as a request of it would be.
//!
//! AWS, "IAM access control" (Amazon MSK Developer Guide) names the mechanism, SASL/OAUTHBEARER, and AWS's libraries for it
//! (`aws-msk-iam-sasl-signer-*`) define the token; `aws-sigv4`, the SDK's own, makes the signature.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rdkafka::client::OAuthToken;
use telemetry::Causes;
use tokio::{task::JoinHandle, time::sleep};
use url::Url;

/// How long MSK takes a token: `DEFAULT_TOKEN_EXPIRY_SECONDS` of AWS's libraries.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(15 * 60);

/// A token is replaced at this age. The client asks for one when most of the life of its last one is over.
const TOKEN_AGE: Duration = Duration::from_secs(5 * 60);

/// How long to wait after a token could not be signed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// A token of the credentials of this configuration, and when it ends.
///
/// # Errors
/// The configuration has no region, no clock or no credentials, or the credentials cannot be had now.
pub async fn iam_token(sdk: &SdkConfig) -> Result<(String, SystemTime), Box<dyn Error + Send + Sync>> {
    let credentials = sdk.credentials_provider().ok_or("no AWS credentials")?.provide_credentials().await?;
    let region = sdk.region().ok_or("no AWS region")?;
    let now = sdk.time_source().ok_or("no clock")?.now();

    let mut settings = SigningSettings::default();
    settings.expires_in = Some(TOKEN_AGE_MAX);
    settings.signature_location = SignatureLocation::QueryParams;
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_ref())
        .name("kafka-cluster")
        .time(now)
        .settings(settings)
        .build()?;

    let mut url = Url::parse(&format!("https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect"))?;
    let request = SignableRequest::new("GET", url.as_str(), std::iter::empty(), SignableBody::empty())?;
    let (signed, _) = sign(request, &parameters.into())?.into_parts();
    url.query_pairs_mut().extend_pairs(signed.params());
    // Not signed; AWS's libraries add it in this way, too.
    url.query_pairs_mut().append_pair("User-Agent", "fluxo");
    Ok((URL_SAFE_NO_PAD.encode(url.as_str()), now + TOKEN_AGE_MAX))
}

/// A token that is always young enough. The Kafka client asks for it in a thread of its own, where nothing can be awaited.
#[derive(Debug, Clone)]
pub(crate) struct TokenSource {
    newest: Arc<Mutex<Option<(String, SystemTime)>>>,
    _renewing: Arc<Renewing>,
}

/// Ends the renewing with the last client that uses it.
#[derive(Debug)]
struct Renewing(JoinHandle<()>);

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl TokenSource {
    /// Signs the first token, if that is possible now, and goes on in the background.
    pub(crate) async fn start(sdk: SdkConfig) -> TokenSource {
        let newest = Arc::new(Mutex::new(None));
        let pause = renew(&sdk, &newest).await;
        let held = newest.clone();
        let renewing = tokio::spawn(async move {
            sleep(pause).await;
            loop {
                let pause = renew(&sdk, &held).await;
                sleep(pause).await;
            }
        });
        TokenSource { newest, _renewing: Arc::new(Renewing(renewing)) }
    }

    /// The token of now. Without one, the client asks again ten seconds later.
    pub(crate) fn token(&self) -> Result<OAuthToken, Box<dyn Error>> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (token, ends_at) = newest.ok_or("no IAM token for Kafka could be signed yet")?;
        let lifetime_ms = i64::try_from(ends_at.duration_since(UNIX_EPOCH)?.as_millis())?;
        Ok(OAuthToken { token, principal_name: String::new(), lifetime_ms })
    }
}

/// Answers how long to wait until the next time.
async fn renew(sdk: &SdkConfig, newest: &Mutex<Option<(String, SystemTime)>>) -> Duration {
    match iam_token(sdk).await {
        Ok(token) => {
            *newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
            TOKEN_AGE
        }
        Err(error) => {
            tracing::error!(error = %Causes(&*error), "signing an IAM token for Kafka failed; trying again");
            PAUSE_AFTER_FAILURE
        }
    }
}
