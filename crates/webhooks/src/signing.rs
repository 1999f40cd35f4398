//! Signatures as "Standard Webhooks" 1.0.0 has them: <https://github.com/standard-webhooks/standard-webhooks>, spec.

use std::{fmt, io};

use aws_lc_rs::{
    hmac,
    rand::{SecureRandom, SystemRandom},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;

/// Of the symmetric secret. The specification asks for 24 to 64.
const SECRET_BYTES: usize = 32;

/// Of what an Ed25519 key pair is made from (RFC 8032).
const SEED_BYTES: usize = 32;

/// What the deliveries of one endpoint are signed with: a secret that the receiver knows, and a key pair of which it knows the public
/// half. Each receiver checks the signature that it prefers.
#[derive(Clone)]
pub struct SigningKeys {
    secret: [u8; SECRET_BYTES],
    seed: [u8; SEED_BYTES],
}

/// The system gave no random bytes, or what was stored are no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeysError {
    /// The system gave none.
    #[error("the system gave no random bytes")]
    Random,
    /// They are not in the form that they are written in.
    #[error("the signing keys that are stored cannot be read")]
    Malformed,
}

impl SigningKeys {
    /// New ones.
    pub fn generate() -> Result<SigningKeys, SigningKeysError> {
        let (mut secret, mut seed) = ([0; SECRET_BYTES], [0; SEED_BYTES]);
        let random = SystemRandom::new();
        random.fill(&mut secret).and_then(|()| random.fill(&mut seed)).map_err(|_| SigningKeysError::Random)?;
        Ok(SigningKeys { secret, seed })
    }

    /// The secret as its owner is shown it.
    pub fn secret(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.secret))
    }

    /// The public key as its owner is shown it.
    pub fn public_key(&self) -> Result<String, SigningKeysError> {
        Ok(format!("whpk_{}", STANDARD.encode(self.key_pair()?.public_key())))
    }

    /// Both as they are stored, encrypted: the secret and, in its serialisation, the secret key, seed and public key together.
    pub(crate) fn write(&self) -> Result<String, SigningKeysError> {
        let secret_key = [&self.seed[..], self.key_pair()?.public_key().as_ref()].concat();
        Ok(format!("{} whsk_{}", self.secret(), STANDARD.encode(secret_key)))
    }

    /// Reads what [`SigningKeys::write`] wrote.
    pub(crate) fn read(text: &str) -> Result<SigningKeys, SigningKeysError> {
        let keys = || {
            let (secret, secret_key) = text.split_once(' ')?;
            let secret = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
            let secret_key = STANDARD.decode(secret_key.strip_prefix("whsk_")?).ok()?;
            let (seed, public_key) = secret_key.split_first_chunk()?;
            let keys = SigningKeys { secret: secret.try_into().ok()?, seed: *seed };
            (keys.key_pair().ok()?.public_key().as_ref() == public_key).then_some(keys)
        };
        keys().ok_or(SigningKeysError::Malformed)
    }

    fn key_pair(&self) -> Result<Ed25519KeyPair, SigningKeysError> {
        Ed25519KeyPair::from_seed_unchecked(&self.seed).map_err(|_| SigningKeysError::Malformed)
    }
}

/// Without the keys.
impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKeys")
    }
}

/// The headers of an attempt that say what it is and that it is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// `webhook-id`: the same for every attempt at an event.
    pub id: String,
    /// `webhook-timestamp`: of the attempt, in seconds.
    pub timestamp: String,
    /// `webhook-signature`: two for each of the keys.
    pub signature: String,
}

impl SignedHeaders {
    /// Signs an attempt with all of these keys: while they are rotated, those before are among them. The id is one of ours and has no
    /// full stop, so no other content has the same signature.
    pub fn sign(keys: &[SigningKeys], id: &str, now: Timestamp, body: &str) -> io::Result<SignedHeaders> {
        let timestamp = now.as_second().to_string();
        let content = format!("{id}.{timestamp}.{body}");
        let mut signatures = Vec::with_capacity(2 * keys.len());
        for keys in keys {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &keys.secret), content.as_bytes());
            signatures.push(format!("v1,{}", STANDARD.encode(tag)));
            let signature = keys.key_pair().map_err(io::Error::other)?.sign(content.as_bytes());
            signatures.push(format!("v1a,{}", STANDARD.encode(signature)));
        }
        Ok(SignedHeaders { id: id.to_owned(), timestamp, signature: signatures.join(" ") })
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    const BODY: &str = r#"{"type":"entry.posted"}"#;
    const ID: &str = "6e7d7e51-3a55-5a6e-9d9b-1f7d5f3a4b10";

    fn now() -> Timestamp {
        "2026-11-22T18:00:00.9Z".parse().unwrap()
    }

    /// The example of the specification's own libraries (`standardwebhooks`, its tests), signed with their secret.
    #[test]
    fn a_signature_is_the_one_of_the_published_libraries() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let content = r#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        let signature = STANDARD.encode(hmac::sign(&key, content.as_bytes()));
        assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let verifier = standardwebhooks::Webhook::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = verifier.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signed, format!("v1,{signature}"));
    }

    #[test]
    fn while_keys_are_rotated_both_sign_in_both_ways() {
        let keys = [SigningKeys::generate().unwrap(), SigningKeys::generate().unwrap()];
        let headers = SignedHeaders::sign(&keys, ID, now(), BODY).unwrap();
        assert_eq!((&*headers.id, &*headers.timestamp), (ID, "1795370400"));
        let signatures: Vec<&str> = headers.signature.split(' ').collect();
        assert_eq!(signatures.len(), 4);
        let content = format!("{ID}.1795370400.{BODY}");
        for (keys, signatures) in keys.iter().zip(signatures.chunks(2)) {
            let verifier = standardwebhooks::Webhook::new(&keys.secret()).unwrap();
            let expected = verifier.sign(ID, 1_795_370_400, BODY.as_bytes()).unwrap();
            assert_eq!(signatures[0], expected);
            let public_key = keys.public_key().unwrap();
            let public_key = STANDARD.decode(public_key.strip_prefix("whpk_").unwrap()).unwrap();
            let signature = STANDARD.decode(signatures[1].strip_prefix("v1a,").unwrap()).unwrap();
            UnparsedPublicKey::new(&ED25519, public_key).verify(content.as_bytes(), &signature).unwrap();
        }
        assert_ne!(signatures[0], signatures[2]);
    }

    #[test]
    fn stored_keys_are_read_again_and_nothing_else_is() {
        let keys = SigningKeys::generate().unwrap();
        let written = keys.write().unwrap();
        let read = SigningKeys::read(&written).unwrap();
        assert_eq!((read.secret, read.seed), (keys.secret, keys.seed));
        assert_eq!(keys.secret().len(), "whsec_".len() + 44);
        let other = SigningKeys::generate().unwrap().write().unwrap();
        let mixed = format!("{}{}", &written[..written.len() - 20], &other[other.len() - 20..]);
        for text in ["", "whsec_ whsk_", &written[1..], &written[..written.len() - 4], &mixed] {
            assert_eq!(SigningKeys::read(text).unwrap_err(), SigningKeysError::Malformed, "{text}");
        }
        assert_eq!(format!("{keys:?}"), "SigningKeys");
    }
}
