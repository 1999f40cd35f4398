use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_clients::{AwsError, AwsLimits};
use aws_sdk_kms::{Client, primitives::Blob};
use cashflow::MerchantId;
use settings::SettingError;
use tokio::time::Instant;

use crate::{EndpointId, SealedKeys, SigningKeys, SigningKeysError};

/// Three attempts and their pauses.
const KMS: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(2), operation_timeout: Duration::from_secs(5), attempts: 3 };

/// For how long decrypted keys are kept in memory: an endpoint that is busy costs a call now and then instead of one for each wake.
const KEPT_FOR: Duration = Duration::from_secs(5 * 60);

/// Of how many endpoints.
const KEPT_MAX: usize = 500;

/// Encrypts signing keys, each for one endpoint of one merchant: under another name it cannot be decrypted ("Encryption context", AWS
/// KMS Developer Guide).
pub struct KeyService {
    client: Client,
    key_id: String,
    kept: Mutex<HashMap<SealedKeys, (SigningKeys, Instant)>>,
}

/// Encrypting or decrypting failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyServiceError {
    /// KMS did not answer, or refused.
    #[error("{0} of signing keys failed")]
    Unavailable(&'static str, #[source] AwsError),
    /// They are in another form.
    #[error(transparent)]
    Keys(#[from] SigningKeysError),
}

impl KeyService {
    /// With the key of this id.
    pub fn new(client: Client, key_id: impl Into<String>) -> KeyService {
        KeyService { client, key_id: key_id.into(), kept: Mutex::default() }
    }

    /// From `WEBHOOK_KEY_ID`.
    pub async fn from_env() -> Result<KeyService, SettingError> {
        let key_id = settings::required("WEBHOOK_KEY_ID")?;
        Ok(KeyService::new(Client::new(&KMS.load_config().await?), key_id))
    }

    /// Encrypts the keys of an endpoint.
    pub async fn seal(
        &self,
        merchant: &MerchantId,
        endpoint: EndpointId,
        keys: &SigningKeys,
    ) -> Result<SealedKeys, KeyServiceError> {
        let encrypt = self
            .client
            .encrypt()
            .key_id(&self.key_id)
            .plaintext(Blob::new(keys.write()?))
            .encryption_context("merchant", merchant.as_str())
            .encryption_context("endpoint", endpoint.to_string());
        let output =
            encrypt.send().await.map_err(|error| KeyServiceError::Unavailable("encryption", AwsError::new(&error)))?;
        let sealed = output.ciphertext_blob.ok_or(SigningKeysError::Malformed)?;
        Ok(SealedKeys(sealed.into_inner()))
    }

    /// Decrypts the keys of an endpoint, or finds them in memory.
    pub async fn open(
        &self,
        merchant: &MerchantId,
        endpoint: EndpointId,
        sealed: &SealedKeys,
    ) -> Result<SigningKeys, KeyServiceError> {
        if let Some(keys) = self.kept(sealed) {
            return Ok(keys);
        }
        let decrypt = self
            .client
            .decrypt()
            .key_id(&self.key_id)
            .ciphertext_blob(Blob::new(sealed.0.clone()))
            .encryption_context("merchant", merchant.as_str())
            .encryption_context("endpoint", endpoint.to_string());
        let output =
            decrypt.send().await.map_err(|error| KeyServiceError::Unavailable("decryption", AwsError::new(&error)))?;
        let plaintext = output.plaintext.ok_or(SigningKeysError::Malformed)?.into_inner();
        let keys = SigningKeys::read(&String::from_utf8(plaintext).map_err(|_| SigningKeysError::Malformed)?)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(sealed.clone(), (keys.clone(), Instant::now()));
        Ok(keys)
    }

    /// The ciphertext is a key of its own: it was made for one endpoint.
    fn kept(&self, sealed: &SealedKeys) -> Option<SigningKeys> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(sealed).filter(|(_, since)| since.elapsed() < KEPT_FOR).map(|(keys, _)| keys.clone())
    }
}

/// Without the keys.
impl fmt::Debug for KeyService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyService({})", self.key_id)
    }
}
