use std::{
    collections::HashSet,
    sync::Mutex,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_smithy_async::time::StaticTimeSource;
use jiff::{civil::DateTime, tz::TimeZone};
use ledger::iam_token;

/// How long RDS takes a token.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(15 * 60);

/// What RDS makes of IAM tokens.
pub(crate) struct Tokens {
    /// What tokens are signed with that it takes.
    pub(crate) sdk: SdkConfig,
    /// The host and the port that they must be for.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The users for whom that identity has the right `rds-db:connect`.
    pub(crate) rights: Mutex<HashSet<String>>,
}

impl Tokens {
    /// Whether this lets the user in: signing again for it, at the token's time, must give the same.
    pub(crate) async fn lets_in(&self, user: &str, token: &str) -> bool {
        let Some(signed_at) = signed_at(token) else { return false };
        let age = SystemTime::now().duration_since(signed_at);
        let has_right = self.rights.lock().expect("nothing panics while it is locked").contains(user);
        if !has_right || age.is_ok_and(|age| age > TOKEN_AGE_MAX) {
            return false;
        }
        let then = self.sdk.to_builder().time_source(StaticTimeSource::new(signed_at)).build();
        iam_token(&then, &self.host, self.port, user).await.expect("a token") == token
    }
}

fn signed_at(token: &str) -> Option<SystemTime> {
    let (_, rest) = token.split_once("X-Amz-Date=")?;
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", rest.split('&').next()?).ok()?;
    TimeZone::UTC.to_timestamp(date).ok()?.try_into().ok()
}
