//! An issuer of tokens, as Amazon Cognito is one: its tokens are signed for real, and its key set is served over HTTP.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use aws_clients::Roots;
use aws_lc_rs::{
    encoding::AsDer,
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use axum::{Router, http::StatusCode, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http_server::TokenConfig;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// The client id that the tokens are for.
pub const CLIENT: &str = "4f8k2m1q9example";

/// A key that signs tokens.
pub struct SigningKey {
    /// Its id in the key set.
    pub id: String,
    pair: RsaKeyPair,
}

impl SigningKey {
    /// A new key of this id.
    pub fn generate(id: &str) -> SigningKey {
        SigningKey { id: id.to_owned(), pair: RsaKeyPair::generate(KeySize::Rsa2048).expect("a key pair") }
    }

    /// Its public half as it stands in a key set.
    pub fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        let modulus = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let exponent = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.id, "n": modulus, "e": exponent})
    }

    /// Its public half in DER form, which everybody knows.
    pub fn public_der(&self) -> Vec<u8> {
        let der = self.pair.public_key().as_der().expect("a public key");
        der.as_ref().to_vec()
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({"alg": "RS256", "kid": self.id}), claims)
    }

    /// A token with this header, signed with RS256 whatever that says.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).expect("a signature");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Header and claims of a token, without a signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// A token that is signed with HS256 and this secret.
pub fn token_of_secret(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let text = unsigned(header, claims);
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Now, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}

/// Serves the keys of tokens.
pub struct Issuer {
    /// The claim `iss` of its tokens.
    pub issuer: String,
    /// The key that it begins with.
    pub key: SigningKey,
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
    server: JoinHandle<()>,
}

impl Issuer {
    /// Starts to serve one key.
    pub async fn start() -> Issuer {
        let key = SigningKey::generate("first");
        let keys = Arc::new(Mutex::new(vec![key.jwk()]));
        let (asked, is_down) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let answer = {
            let (keys, asked, is_down) = (Arc::clone(&keys), Arc::clone(&asked), Arc::clone(&is_down));
            async move || {
                asked.fetch_add(1, Ordering::SeqCst);
                if is_down.load(Ordering::SeqCst) {
                    return Err(StatusCode::SERVICE_UNAVAILABLE);
                }
                let keys = keys.lock().expect("no test fails while it publishes").clone();
                Ok(json!({"keys": keys}).to_string())
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let router = Router::new().route("/.well-known/jwks.json", get(answer));
        let server = tokio::spawn(async { axum::serve(listener, router).await.expect("it serves") });
        Issuer { issuer: format!("http://{address}"), key, keys, asked, is_down, server }
    }

    /// What a service has to know of it.
    pub fn config(&self) -> TokenConfig {
        TokenConfig {
            issuer: self.issuer.clone(),
            audience: vec!["another-client".to_owned(), CLIENT.to_owned()],
            key_set: format!("{}/.well-known/jwks.json", self.issuer).parse().expect("a URL"),
            roots: Roots::amazon(),
        }
    }

    /// Replaces the key set.
    pub fn publish(&self, keys: &[Value]) {
        *self.keys.lock().expect("no test fails while it publishes") = keys.to_vec();
    }

    /// Whether it answers nothing but failures from now on.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// How often it was asked for its keys.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The claims of an ID token of a clerk of acme's, as Cognito makes them.
    pub fn claims(&self) -> Value {
        let now = now();
        json!({
            "iss": self.issuer, "aud": CLIENT, "token_use": "id", "sub": "108c12f2-cc65-455a-83b0-de7c9062f956",
            "custom:merchant_id": "acme", "cognito:groups": ["clerk"], "cognito:username": "acme-till-1",
            "auth_time": now, "iat": now, "exp": now + 3600
        })
    }

    /// An ID token with these claims instead, or without those that are null.
    pub fn token(&self, other: &Value) -> String {
        self.key.token(&changed(self.claims(), other))
    }
}

/// Claims with others in their place, and without those that are null there.
pub fn changed(mut claims: Value, other: &Value) -> Value {
    let members = claims.as_object_mut().expect("an object");
    for (name, value) in other.as_object().expect("an object") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}
