use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cashflow::{BalanceToken, Currency, MerchantId, TotalsVersion, parse_date};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

/// Names the form of the token, so that no other form can be taken for this one.
const FORM: &str = "2";

const MAC_BYTES: usize = 32;

/// The shortest secret, in bytes: as long as what HMAC-SHA-256 answers (RFC 2104, section 3).
const SECRET_BYTES_MIN: usize = 32;

/// What balance tokens are signed with: a secret that the functions share which give them out and which take them.
#[derive(Clone)]
pub struct TokenKey(Hmac<Sha256>);

/// The secret is shorter than 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretTooShort;

/// A token that was given out to this merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenToken {
    /// What the read model must have reached.
    pub token: BalanceToken,
    /// When the entry was posted, in whole seconds. The token is as old as that: looking the entry up again does not renew it.
    pub posted_at: Timestamp,
}

impl FromStr for TokenKey {
    type Err = SecretTooShort;

    fn from_str(secret: &str) -> Result<TokenKey, SecretTooShort> {
        match Hmac::new_from_slice(secret.as_bytes()) {
            Ok(mac) if secret.len() >= SECRET_BYTES_MIN => Ok(TokenKey(mac)),
            Ok(_) | Err(_) => Err(SecretTooShort),
        }
    }
}

impl TokenKey {
    /// Writes a token. It is opaque to clients, and counts for this merchant only.
    pub(crate) fn write(&self, merchant: &MerchantId, given: &GivenToken) -> String {
        let payload = payload(given);
        let mut bytes = self.mac(merchant, payload.as_bytes()).finalize().into_bytes().to_vec();
        bytes.extend(payload.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`TokenKey::write`] wrote for this merchant, and nothing else. Whether the signature is right is compared in a
    /// time that does not depend on how much of it is.
    pub(crate) fn read(&self, merchant: &MerchantId, text: &str) -> Option<GivenToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (mac, payload) = bytes.split_at_checked(MAC_BYTES)?;
        self.mac(merchant, payload).verify_slice(mac).ok()?;
        read_payload(std::str::from_utf8(payload).ok()?)
    }

    /// What is signed names its purpose and its owner, too.
    fn mac(&self, merchant: &MerchantId, payload: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(format!("balance-token\n{merchant}\n")).chain_update(payload)
    }
}

fn payload(given: &GivenToken) -> String {
    let GivenToken { token: BalanceToken { currency, date, day, month }, posted_at } = given;
    let numbers =
        [day.epoch.to_string(), day.entry_count.to_string(), month.epoch.to_string(), month.entry_count.to_string()];
    format!("{FORM} {currency} {date} {} {}", numbers.join(" "), posted_at.as_second())
}

fn read_payload(payload: &str) -> Option<GivenToken> {
    let parts: Vec<&str> = payload.split(' ').collect();
    let [FORM, currency, date, day_epoch, day_count, month_epoch, month_count, posted_at_s] = parts[..] else {
        return None;
    };
    let version =
        |epoch: &str, count: &str| Some(TotalsVersion { epoch: epoch.parse().ok()?, entry_count: count.parse().ok()? });
    let token = BalanceToken {
        currency: Currency::parse(currency).ok()?,
        date: parse_date(date).ok()?,
        day: version(day_epoch, day_count)?,
        month: version(month_epoch, month_count)?,
    };
    let given = GivenToken { token, posted_at: Timestamp::from_second(posted_at_s.parse().ok()?).ok()? };
    // Numbers have other spellings, such as `+1` and `01`.
    (self::payload(&given) == payload).then_some(given)
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey")
    }
}

#[cfg(test)]
mod tests {
    use test_builders::{acme, merchant};

    use super::*;

    fn key(secret: &str) -> TokenKey {
        secret.repeat(32).parse().unwrap()
    }

    fn given() -> GivenToken {
        let token = BalanceToken {
            currency: Currency::BRL,
            date: parse_date("2026-11-22").unwrap(),
            day: TotalsVersion { epoch: 1, entry_count: 3 },
            month: TotalsVersion { epoch: 1, entry_count: u64::MAX },
        };
        GivenToken { token, posted_at: "2026-11-22T18:00:00Z".parse().unwrap() }
    }

    #[test]
    fn a_token_is_read_as_it_is_written() {
        let text = key("k").write(&acme(), &given());
        assert_eq!(key("k").read(&acme(), &text), Some(given()));
    }

    #[test]
    fn a_token_is_none_for_another_merchant_or_key() {
        let text = key("k").write(&acme(), &given());
        assert_eq!(key("k").read(&merchant("emca"), &text), None);
        assert_eq!(key("l").read(&acme(), &text), None);
    }

    #[test]
    fn no_character_of_a_token_can_be_changed_removed_or_added() {
        let (key, acme) = (key("k"), acme());
        let text = key.write(&acme, &given());
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(key.read(&acme, std::str::from_utf8(&changed).unwrap()), None, "{index}");
        }
        for other in [&text[1..], &text[..text.len() - 1], &format!("{text}A"), &format!("{text}="), "", "x"] {
            assert_eq!(key.read(&acme, other), None, "{other}");
        }
    }

    #[test]
    fn what_anybody_could_write_is_no_token() {
        let payload = payload(&given());
        let of_before = "1 BRL 2026-11-22 1 3 1 9";
        for text in [&payload, of_before, &format!("{}{payload}", "\0".repeat(MAC_BYTES))] {
            assert_eq!(key("k").read(&acme(), &URL_SAFE_NO_PAD.encode(text)), None, "{text:?}");
        }
    }

    #[test]
    fn a_secret_is_not_too_short() {
        assert_eq!("k".repeat(31).parse::<TokenKey>().map(drop), Err(SecretTooShort));
        assert!("k".repeat(32).parse::<TokenKey>().is_ok());
    }
}
