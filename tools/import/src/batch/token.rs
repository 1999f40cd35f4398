//! The token that requests are sent with, and where a new one comes from.

use std::{
    fmt,
    io::{self, Read},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// How long the command may take that prints a token.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// More than any token has, in bytes.
const TOKEN_BYTES_MAX: u64 = 16 * 1024;

/// A token, and the command that prints a new one.
pub struct Tokens {
    command: Option<String>,
    current: String,
    merchant: String,
}

/// Why there is no token to send.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is neither a command nor a token.
    #[error("there is no token: give --token-command, or the token in the environment variable FLUXO_TOKEN")]
    None,
    /// The command could not be run.
    #[error("--token-command cannot be run: {0}")]
    NotRun(#[from] io::Error),
    /// The command said that it has failed.
    #[error("--token-command has failed ({0})")]
    Failed(std::process::ExitStatus),
    /// The command does not end.
    #[error("--token-command has not ended within {} s", COMMAND_TIMEOUT.as_secs())]
    TooSlow,
    /// What there is instead is no ID token of a merchant.
    #[error("{0} is not an ID token that names a merchant (claim custom:merchant_id)")]
    NotAToken(Source),
    /// The new token would send the rest of the file to somebody else.
    #[error("--token-command now prints a token of merchant {now:?}; the import began for {before:?}")]
    OtherMerchant {
        /// Whose token it was.
        before: String,
        /// Whose it is.
        now: String,
    },
}

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Option `--token-command`.
    Command,
    /// Variable `FLUXO_TOKEN`.
    Environment,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Command => "what --token-command prints",
            Source::Environment => "FLUXO_TOKEN",
        })
    }
}

impl Tokens {
    /// Gets the first token: from the command if there is one, else the one that is given.
    pub fn new(command: Option<String>, given: Option<String>) -> Result<Tokens, TokenError> {
        let (current, source) = match (&command, given) {
            (Some(command), _) => (run(command)?, Source::Command),
            (None, Some(given)) => (given.trim().to_owned(), Source::Environment),
            (None, None) => return Err(TokenError::None),
        };
        let merchant = merchant_of(&current).ok_or(TokenError::NotAToken(source))?;
        Ok(Tokens { command, current, merchant })
    }

    /// The token to send.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Whose token it is, as it says itself. The server verifies it; here it only tells one import from another.
    pub fn merchant(&self) -> &str {
        &self.merchant
    }

    /// Gets a new token of the same merchant. Answers whether there is a command to get one from.
    pub fn renew(&mut self) -> Result<bool, TokenError> {
        let Some(command) = &self.command else { return Ok(false) };
        let token = run(command)?;
        let now = merchant_of(&token).ok_or(TokenError::NotAToken(Source::Command))?;
        if now != self.merchant {
            return Err(TokenError::OtherMerchant { before: self.merchant.clone(), now });
        }
        self.current = token;
        Ok(true)
    }
}

/// Tokens never get into a log or an error.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}

/// Runs the command with the shell, whose language it is written in, and takes what it prints.
fn run(command: &str) -> Result<String, TokenError> {
    let mut child = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || {
            let mut text = String::new();
            let read = output.take(TOKEN_BYTES_MAX).read_to_string(&mut text);
            // Whoever waited may have given up.
            let _ = sender.send(read.map(|_| text));
        });
    }
    let Ok(text) = receiver.recv_timeout(COMMAND_TIMEOUT) else {
        child.kill()?;
        child.wait()?;
        return Err(TokenError::TooSlow);
    };
    let status = child.wait()?;
    if !status.success() {
        return Err(TokenError::Failed(status));
    }
    Ok(text?.trim().to_owned())
}

/// The merchant that an ID token names (RFC 7519, section 3): its second part is JSON in base64url.
fn merchant_of(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        #[serde(rename = "custom:merchant_id")]
        merchant: String,
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice::<Claims>(&claims).ok().map(|claims| claims.merchant)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A token as far as a client reads it.
    pub fn token(merchant: &str, number: u32) -> String {
        let claims = URL_SAFE_NO_PAD.encode(format!("{{\"custom:merchant_id\":\"{merchant}\",\"number\":{number}}}"));
        format!("e30.{claims}.c2lnbmVk")
    }

    #[test]
    fn a_token_names_its_merchant() {
        let given = Tokens::new(None, Some(format!(" {}\n", token("acme", 1)))).unwrap();
        assert_eq!((given.current(), given.merchant()), (token("acme", 1).as_str(), "acme"));
        for text in ["", "abc", "a.b.c", "e30.e30.x", "e30.e30=.x", "a b.c.d", "e30.eyJhIjoxfQ"] {
            let error = Tokens::new(None, Some(text.to_owned())).unwrap_err();
            assert!(matches!(error, TokenError::NotAToken(Source::Environment)), "{text:?}");
        }
        assert!(matches!(Tokens::new(None, None), Err(TokenError::None)));
    }

    #[test]
    fn a_command_is_run_for_each_new_token_and_only_for_the_same_merchant() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let command = format!("cat '{}' 2>/dev/null", file.display());
        std::fs::write(&file, token("acme", 1)).unwrap();
        let mut tokens = Tokens::new(Some(command), Some("unused".to_owned())).unwrap();
        assert_eq!(tokens.current(), token("acme", 1));
        std::fs::write(&file, token("acme", 2)).unwrap();
        assert!(tokens.renew().unwrap());
        assert_eq!(tokens.current(), token("acme", 2));
        std::fs::write(&file, token("other", 3)).unwrap();
        assert!(matches!(tokens.renew(), Err(TokenError::OtherMerchant { .. })));
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(tokens.renew(), Err(TokenError::Failed(_))));
        assert_eq!(tokens.current(), token("acme", 2));
    }

    #[test]
    fn a_given_token_cannot_be_renewed() {
        assert!(!Tokens::new(None, Some(token("acme", 1))).unwrap().renew().unwrap());
    }

    #[test]
    fn tokens_are_not_shown() {
        let tokens = Tokens::new(None, Some(token("acme", 1))).unwrap();
        assert_eq!(format!("{tokens:?}"), "Tokens { merchant: \"acme\", .. }");
    }
}
