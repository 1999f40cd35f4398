//! Texts that a client hands back as they are, and that tell it nothing: encrypted and authenticated with AES-SIV (RFC 5297), which
//! needs no nonce. The same content gives the same text under the same key.

use aes_siv::{KeyInit, siv::Aes256Siv};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// How many characters [`write()`] makes of so many bytes.
pub(crate) const fn length(bytes: usize) -> usize {
    const TAG_BYTES: usize = 16;
    ((bytes + TAG_BYTES) * 4).div_ceil(3)
}

/// Writes a payload, which only the same key and context read again.
pub(crate) fn write(key: &[u8; 64], context: &str, payload: &[u8]) -> String {
    // Fails only with more than a hundred contexts or more bytes than memory has.
    let bytes = Aes256Siv::new(key.into()).encrypt([context], payload).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads what [`write()`] wrote of so many bytes under this key and context, and nothing else.
pub(crate) fn read<const BYTES: usize>(key: &[u8; 64], context: &str, text: &str) -> Option<[u8; BYTES]> {
    if text.len() != length(BYTES) {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Aes256Siv::new(key.into()).decrypt([context], &bytes).ok()?.try_into().ok()
}
