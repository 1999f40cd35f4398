//! Whose tokens count: tokens signed for real, the key set over HTTP, and every forgery that we know.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::Duration;

use http_server::{KEYS_PAUSE, KEYS_REFRESH, KeySet, KeySource, Refusal, Tokens};
use serde_json::json;
use test_tokens::{Issuer, SigningKey, changed, now, token_of_secret, unsigned};
use tokio::time::{sleep, timeout};

/// Far above what anything here takes.
const BOUND: Duration = Duration::from_secs(30);

async fn tokens(issuer: &Issuer, refresh: Duration, pause: Duration) -> Tokens {
    let config = issuer.config();
    let tokens = Tokens::new(&config, KeySet::start(KeySource::new(&config), refresh, pause));
    let ready = async {
        while !tokens.is_ready() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(BOUND, ready).await.expect("the keys are read");
    tokens
}

async fn world() -> (Issuer, Tokens) {
    let issuer = Issuer::start().await;
    let tokens = tokens(&issuer, KEYS_REFRESH, KEYS_PAUSE).await;
    (issuer, tokens)
}

async fn merchant(tokens: &Tokens, authorization: &str) -> Result<String, Refusal> {
    let claims = tokens.claims(authorization).await?;
    Ok(claims["custom:merchant_id"].as_str().unwrap_or_default().to_owned())
}

async fn refused(tokens: &Tokens, token: &str, why: &str) {
    assert_eq!(merchant(tokens, token).await, Err(Refusal::Unauthorized), "{why}");
}

#[tokio::test]
async fn a_token_of_the_issuer_for_one_of_our_clients_counts() {
    let (issuer, tokens) = world().await;
    let token = issuer.token(&json!({}));
    for authorization in [token.clone(), format!("Bearer {token}"), format!("bearer  {token}")] {
        assert_eq!(merchant(&tokens, &authorization).await, Ok("acme".to_owned()), "{authorization}");
    }
    let several = issuer.token(&json!({"aud": ["of-others", test_tokens::CLIENT]}));
    assert_eq!(merchant(&tokens, &several).await, Ok("acme".to_owned()));
}

#[tokio::test]
async fn a_token_with_other_claims_does_not_count() {
    let (issuer, tokens) = world().await;
    let now = now();
    let cases = [
        ("another issuer", json!({"iss": "https://example.com"})),
        ("ours among several issuers", json!({"iss": [issuer.issuer, "https://example.com"]})),
        ("no issuer", json!({"iss": null})),
        ("another client", json!({"aud": "of-others"})),
        ("other clients", json!({"aud": ["of-others"]})),
        ("another client, and ours as client_id", json!({"aud": "of-others", "client_id": test_tokens::CLIENT})),
        ("no client", json!({"aud": null})),
        ("expired", json!({"exp": now - 6})),
        ("expired long ago", json!({"exp": 0})),
        ("never to expire", json!({"exp": null})),
        ("an expiry that is no number", json!({"exp": "tomorrow"})),
        ("not valid yet", json!({"nbf": now + 60})),
        ("a beginning that is no number", json!({"nbf": "yesterday"})),
        ("issued in the future", json!({"iat": now + 60})),
        ("an issue that is no number", json!({"iat": "now"})),
    ];
    for (why, other) in cases {
        refused(&tokens, &issuer.token(&other), why).await;
    }
}

/// The gateway lets access tokens of the client pass; the handlers refuse them with 403.
#[tokio::test]
async fn an_access_token_counts_by_its_client_id() {
    let (issuer, tokens) = world().await;
    let access = json!({"aud": null, "client_id": test_tokens::CLIENT, "token_use": "access"});
    assert_eq!(merchant(&tokens, &issuer.token(&access)).await, Ok("acme".to_owned()));
    refused(&tokens, &issuer.token(&changed(access, &json!({"client_id": "of-others"}))), "another client").await;
}

#[tokio::test]
async fn a_forged_token_does_not_count() {
    let (issuer, tokens) = world().await;
    let (key, claims) = (&issuer.key, issuer.claims());
    let header = |alg: &str| json!({"alg": alg, "kid": key.id});
    let other = SigningKey::generate(&key.id);
    let good = key.token(&claims);
    let (text, signature) = good.rsplit_once('.').unwrap();
    let (first, payload) = text.split_once('.').unwrap();
    let elsewhere = unsigned(&header("RS256"), &changed(claims.clone(), &json!({"custom:merchant_id": "other"})));
    let public = key.public_der();
    let modulus = key.jwk()["n"].as_str().unwrap().to_owned();
    let cases = [
        ("alg none", format!("{}.", unsigned(&header("none"), &claims))),
        ("alg none, signed", key.token_with(&header("none"), &claims)),
        ("alg None", format!("{}.", unsigned(&header("None"), &claims))),
        ("no signature", format!("{text}.")),
        ("HS256 with the public key", token_of_secret(&header("HS256"), &claims, &public)),
        ("HS256 with its modulus", token_of_secret(&header("HS256"), &claims, modulus.as_bytes())),
        ("HS256 with nothing", token_of_secret(&header("HS256"), &claims, b"")),
        ("another algorithm of the same family", key.token_with(&header("RS512"), &claims)),
        ("PS256", key.token_with(&header("PS256"), &claims)),
        ("the key of somebody else under the same id", other.token(&claims)),
        ("an unknown id", key.token_with(&json!({"alg": "RS256", "kid": "unknown"}), &claims)),
        ("no id", key.token_with(&json!({"alg": "RS256"}), &claims)),
        ("a key in the header", other.token_with(&json!({"alg": "RS256", "kid": "x", "jwk": other.jwk()}), &claims)),
        ("more than is understood", key.token_with(&changed(header("RS256"), &json!({"crit": ["b64"]})), &claims)),
        ("claims of another token", format!("{elsewhere}.{signature}")),
        ("two parts", format!("{first}.{payload}")),
        ("four parts", format!("{good}.{signature}")),
        ("a cut signature", good[..good.len() - 1].to_owned()),
        ("claims that are no object", key.token(&json!("acme"))),
        ("nothing", String::new()),
        ("no token", "Bearer".to_owned()),
        ("two tokens", format!("{good},{good}")),
        ("another scheme", format!("Basic {good}")),
    ];
    for (why, token) in cases {
        refused(&tokens, &token, why).await;
    }
}

/// A key for encryption, or for another algorithm, signs nothing.
#[tokio::test]
async fn a_key_that_is_not_for_rs256_signs_nothing() {
    let issuer = Issuer::start().await;
    let (encrypting, other) = (SigningKey::generate("enc"), SigningKey::generate("other"));
    let keys = [
        issuer.key.jwk(),
        changed(encrypting.jwk(), &json!({"use": "enc"})),
        changed(other.jwk(), &json!({"alg": "RS512"})),
        json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}),
    ];
    issuer.publish(&keys);
    let tokens = tokens(&issuer, KEYS_REFRESH, KEYS_PAUSE).await;
    assert_eq!(merchant(&tokens, &issuer.token(&json!({}))).await, Ok("acme".to_owned()));
    refused(&tokens, &encrypting.token(&issuer.claims()), "for encryption").await;
    refused(&tokens, &other.token(&issuer.claims()), "for another algorithm").await;
    let secret = token_of_secret(&json!({"alg": "HS256", "kid": "secret"}), &issuer.claims(), b"secret");
    refused(&tokens, &secret, "a shared secret").await;
}

#[tokio::test]
async fn a_new_key_counts_with_its_first_token() {
    let issuer = Issuer::start().await;
    let tokens = tokens(&issuer, KEYS_REFRESH, Duration::ZERO).await;
    let next = SigningKey::generate("next");
    refused(&tokens, &next.token(&issuer.claims()), "not published").await;
    issuer.publish(&[issuer.key.jwk(), next.jwk()]);
    assert_eq!(merchant(&tokens, &next.token(&issuer.claims())).await, Ok("acme".to_owned()));
    // The key set is read for a key that is unknown, and not for each token.
    let asked = issuer.asked();
    assert_eq!(merchant(&tokens, &next.token(&issuer.claims())).await, Ok("acme".to_owned()));
    assert_eq!(issuer.asked(), asked);
}

#[tokio::test]
async fn unknown_keys_have_the_issuer_asked_once_in_each_pause() {
    let (issuer, tokens) = world().await;
    let asked = issuer.asked();
    for number in 0..50 {
        let key = json!({"alg": "RS256", "kid": format!("made-up-{number}")});
        refused(&tokens, &issuer.key.token_with(&key, &issuer.claims()), "unknown").await;
    }
    assert_eq!(issuer.asked(), asked, "it was asked at the start, a moment ago");
}

#[tokio::test]
async fn a_key_that_is_withdrawn_counts_no_longer() {
    let issuer = Issuer::start().await;
    let tokens = tokens(&issuer, Duration::from_millis(5), KEYS_PAUSE).await;
    issuer.publish(&[SigningKey::generate("next").jwk()]);
    let token = issuer.token(&json!({}));
    let withdrawn = async {
        while merchant(&tokens, &token).await.is_ok() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(BOUND, withdrawn).await.expect("the key set is read again");
}

#[tokio::test]
async fn known_keys_count_while_the_issuer_is_down() {
    let issuer = Issuer::start().await;
    let tokens = tokens(&issuer, Duration::from_millis(5), Duration::ZERO).await;
    issuer.set_down(true);
    let asked = issuer.asked();
    let again = async {
        while issuer.asked() < asked + 3 {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(BOUND, again).await.expect("it is asked again");
    assert_eq!(merchant(&tokens, &issuer.token(&json!({}))).await, Ok("acme".to_owned()));
    issuer.publish(&[]);
    issuer.set_down(false);
    let asked = issuer.asked();
    let again = async {
        while issuer.asked() < asked + 3 {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(BOUND, again).await.expect("it is asked again");
    assert_eq!(merchant(&tokens, &issuer.token(&json!({}))).await, Ok("acme".to_owned()), "an empty set is no set");
}

/// Not 401: the client would sign in again, and that would not help.
#[tokio::test]
async fn without_any_key_nobody_says_that_a_token_is_wrong() {
    let issuer = Issuer::start().await;
    issuer.set_down(true);
    let config = issuer.config();
    let tokens = Tokens::new(&config, KeySet::start(KeySource::new(&config), Duration::from_millis(5), Duration::ZERO));
    let token = issuer.token(&json!({}));
    assert_eq!(merchant(&tokens, &token).await, Err(Refusal::NoKeys));
    refused(&tokens, &format!("{}.", unsigned(&json!({"alg": "none", "kid": "first"}), &issuer.claims())), "none")
        .await;
    issuer.set_down(false);
    let known = async {
        while merchant(&tokens, &token).await.is_err() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(BOUND, known).await.expect("they are known once the issuer is back");
}
