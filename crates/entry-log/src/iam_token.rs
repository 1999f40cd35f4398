//! The token with which a client signs in to Amazon MSK: an address that is signed as a request of it would be.
//!
//! AWS, "IAM access control" (Amazon MSK Developer Guide) names the mechanism, SASL/OAUTHBEARER, and AWS's libraries for it
//! (`aws-msk-iam-sasl-signer-*`) define the token.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_clients::sign_address;
use aws_config::SdkConfig;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rdkafka::client::OAuthToken;
use telemetry::Causes;
use tokio::{task::JoinHandle, time::sleep};
use url::Url;

/// A token is replaced at this age. The client asks for one when most of the life of its last one is over.
const TOKEN_AGE: Duration = Duration::from_secs(5 * 60);

/// How long to wait after a token could not be signed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// A token of the credentials of this configuration, and when it ends.
///
/// # Errors
/// The configuration has no region, no clock or no credentials, or the credentials cannot be had now.
pub async fn iam_token(sdk: &SdkConfig) -> Result<(String, SystemTime), Box<dyn Error + Send + Sync>> {
    let region = sdk.region().ok_or("no AWS region")?;
    let address = Url::parse(&format!("https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect"))?;
    let mut signed = sign_address(sdk, "kafka-cluster", address).await?;
    // Not signed; AWS's libraries add it in this way, too.
    signed.url.query_pairs_mut().append_pair("User-Agent", "fluxo");
    Ok((URL_SAFE_NO_PAD.encode(signed.url.as_str()), signed.ends_at))
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

#[cfg(test)]
mod tests {
    use aws_config::Region;
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use aws_smithy_async::time::StaticTimeSource;

    use super::*;

    const SIGNED_AT: Duration = Duration::from_secs(1_724_709_600);

    fn sdk(session_token: Option<&str>) -> SdkConfig {
        let credentials = Credentials::new("akid", "secret", session_token.map(str::to_owned), None, "test");
        SdkConfig::builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(Region::new("us-east-1"))
            .time_source(StaticTimeSource::new(UNIX_EPOCH + SIGNED_AT))
            .build()
    }

    /// The parts of the address, in an order of their own.
    fn parts(url: &str) -> Vec<&str> {
        let mut parts: Vec<&str> = url.split(['?', '&']).collect();
        parts.sort_unstable();
        parts
    }

    /// What `MSKAuthTokenProvider` of `aws-msk-iam-sasl-signer-python` 1.0.2 makes of the same, but for the `User-Agent`.
    #[tokio::test]
    async fn a_token_is_the_one_of_the_library_of_aws() {
        let common = "https://kafka.us-east-1.amazonaws.com/?Action=kafka-cluster%3AConnect&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=akid%2F20240826%2Fus-east-1%2Fkafka-cluster%2Faws4_request&X-Amz-Date=20240826T220000Z\
             &X-Amz-Expires=900&X-Amz-SignedHeaders=host&User-Agent=fluxo";
        let cases = [
            (None, "&X-Amz-Signature=33595f885411d3e912123ff1b90639394ecbf86d346d8420231d499c90774eb9"),
            (
                Some("token/with+signs=="),
                "&X-Amz-Security-Token=token%2Fwith%2Bsigns%3D%3D\
                 &X-Amz-Signature=60f6b5e4f6991da0858aa3e1a7e9b61d9a7ea13e43de285c2e5e8ae216c26b79",
            ),
        ];
        for (session_token, signature) in cases {
            let (token, ends_at) = iam_token(&sdk(session_token)).await.expect("a token");
            let url = String::from_utf8(URL_SAFE_NO_PAD.decode(token).expect("base64")).expect("text");
            assert_eq!(parts(&url), parts(&format!("{common}{signature}")));
            assert_eq!(ends_at, UNIX_EPOCH + SIGNED_AT + Duration::from_secs(900));
        }
    }

    /// It reads the authorities and the mechanism then, and connects when it has something to send.
    #[tokio::test]
    async fn a_client_that_signs_in_can_be_made() {
        let security = crate::Security::Iam { sdk: Box::new(sdk(None)), roots: aws_clients::Roots::amazon() };
        let topics = "test".parse().expect("a prefix");
        let kafka = crate::KafkaConfig { brokers: "127.0.0.1:9".to_owned(), security, topics };
        crate::EntryLog::new(&kafka).await.expect("a client");
    }

    #[tokio::test]
    async fn a_client_gets_the_newest_token_and_when_it_ends() {
        let token = TokenSource::start(sdk(None)).await.token().expect("a token");
        assert_eq!(token.lifetime_ms, 1_724_710_500_000);
        let nowhere = sdk(None).to_builder().region(None::<Region>).build();
        let error = TokenSource::start(nowhere).await.token().err().expect("no region");
        assert_eq!(error.to_string(), "no IAM token for Kafka could be signed yet");
    }
}
