use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use telemetry::Causes;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
};
use url::Url;

use crate::TokenConfig;

/// How long reading the key set may take.
const KEYS_TIMEOUT: Duration = Duration::from_secs(3);

/// How soon the key set is read again for a token of an unknown key.
pub const KEYS_PAUSE: Duration = Duration::from_secs(30);

/// How often the key set is read anyway, so that a key that is withdrawn counts no longer.
pub const KEYS_REFRESH: Duration = Duration::from_secs(10 * 60);

/// How soon the key set is read again while there is none.
const KEYS_FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest key set, in bytes. That of a user pool has two keys and some 800.
const KEY_SET_BYTES_MAX: u64 = 64 * 1024;

/// The public keys of the issuer. Those that are known stay while the issuer does not answer.
#[derive(Debug, Clone)]
pub struct KeySet(Arc<Keys>);

#[derive(Debug)]
struct Keys {
    source: KeySource,
    pause: Duration,
    known: RwLock<HashMap<String, Arc<DecodingKey>>>,
    /// When they were last asked for. Held while they are.
    asked: Mutex<Option<Instant>>,
}

/// Where the key set is read.
#[derive(Debug)]
pub struct KeySource {
    agent: Agent,
    url: Url,
}

/// The key set was not read; the keys before it stay.
#[derive(Debug, thiserror::Error)]
enum KeySetError {
    #[error("the key set at {url} gave no answer")]
    NoAnswer { url: Url, source: Box<ureq::Error> },
    #[error("the key set at {url} is not one")]
    Unreadable { url: Url, source: serde_json::Error },
    #[error("the key set at {url} has no RSA key for RS256")]
    Empty { url: Url },
}

impl KeySource {
    /// The key set of this issuer.
    pub fn new(config: &TokenConfig) -> KeySource {
        // The second time in one process there is a provider already, which is this one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let roots: Vec<_> = config.roots.certificates().map(|root| Certificate::from_der(&root).to_owned()).collect();
        let agent = Agent::config_builder()
            .timeout_global(Some(KEYS_TIMEOUT))
            .max_redirects(0)
            // What a proxy takes for this machine is another one.
            .proxy(None)
            .tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build())
            .build()
            .new_agent();
        KeySource { agent, url: config.key_set.clone() }
    }

    /// Reads it; on a thread where that may block.
    fn read(&self) -> Result<HashMap<String, Arc<DecodingKey>>, KeySetError> {
        let url = || self.url.clone();
        let no_answer = |error| KeySetError::NoAnswer { url: url(), source: Box::new(error) };
        let mut response = self.agent.get(self.url.as_str()).call().map_err(no_answer)?;
        let body = response.body_mut().with_config().limit(KEY_SET_BYTES_MAX).read_to_vec().map_err(no_answer)?;
        let set: JwkSet =
            serde_json::from_slice(&body).map_err(|source| KeySetError::Unreadable { url: url(), source })?;
        let keys: HashMap<_, _> = set.keys.iter().filter_map(signing_key).collect();
        if keys.is_empty() { Err(KeySetError::Empty { url: url() }) } else { Ok(keys) }
    }
}

/// A key that may sign tokens with RS256, and its id. Keys for anything else are passed over.
fn signing_key(key: &Jwk) -> Option<(String, Arc<DecodingKey>)> {
    let is_for_signatures = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let is_for_rs256 = matches!(key.common.key_algorithm, None | Some(KeyAlgorithm::RS256));
    let AlgorithmParameters::RSA(_) = key.algorithm else { return None };
    let id = key.common.key_id.clone().filter(|_| is_for_signatures && is_for_rs256)?;
    Some((id, Arc::new(DecodingKey::from_jwk(key).ok()?)))
}

impl KeySet {
    /// Begins to read the key set, and goes on for as long as there are clones: at once and then in each `refresh`, and for tokens of
    /// unknown keys once in each `pause` ([`KEYS_REFRESH`], [`KEYS_PAUSE`]).
    pub fn start(source: KeySource, refresh: Duration, pause: Duration) -> KeySet {
        let keys = Arc::new(Keys { source, pause, known: RwLock::default(), asked: Mutex::default() });
        let weak = Arc::downgrade(&keys);
        tokio::spawn(async move {
            while let Some(keys) = weak.upgrade() {
                let asked = keys.asked.lock().await;
                ask(&keys, asked).await;
                let next = if keys.known().is_empty() { KEYS_FIRST_PAUSE.min(refresh) } else { refresh };
                drop(keys);
                sleep(next).await;
            }
        });
        KeySet(keys)
    }

    /// Whether there are keys, so that tokens can be verified.
    pub fn is_known(&self) -> bool {
        !self.0.known().is_empty()
    }

    /// The key of this id. If it is unknown, the issuer may have a new one; it is asked, unless it was a moment ago.
    pub(crate) async fn key(&self, id: &str) -> Option<Arc<DecodingKey>> {
        if let Some(key) = self.0.get(id) {
            return Some(key);
        }
        let asked = self.0.asked.lock().await;
        // Perhaps it came while this waited.
        let key = self.0.get(id);
        if key.is_some() || asked.is_some_and(|asked| asked.elapsed() < self.0.pause) {
            return key;
        }
        ask(&self.0, asked).await;
        self.0.get(id)
    }
}

/// Reads the key set. It goes on if who asked for it goes away.
async fn ask(keys: &Arc<Keys>, mut asked: tokio::sync::MutexGuard<'_, Option<Instant>>) {
    *asked = Some(Instant::now());
    let reading = Arc::clone(keys);
    let read = tokio::task::spawn_blocking(move || {
        let read = reading.source.read();
        read.map(|read| *reading.known.write().unwrap_or_else(PoisonError::into_inner) = read)
    });
    if let Ok(Err(error)) = read.await {
        tracing::warn!(error = %Causes(&error), "reading the issuer's keys failed; those that are known stay");
    }
}

impl Keys {
    fn known(&self) -> std::sync::RwLockReadGuard<'_, HashMap<String, Arc<DecodingKey>>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &str) -> Option<Arc<DecodingKey>> {
        self.known().get(id).cloned()
    }
}
