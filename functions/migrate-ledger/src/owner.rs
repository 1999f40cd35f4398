use std::fmt;

use aws_clients::AwsError;
use aws_sdk_secretsmanager::Client;
use serde::Deserialize;

/// How the owner of the ledger's tables signs in. On RDS this is the cluster's master user.
pub enum Owner {
    /// With what a secret says: the one that RDS keeps and rotates for the master user, or one of the same form.
    Secret {
        /// A client of Secrets Manager.
        client: Client,
        /// The secret.
        secret_arn: String,
    },
    /// With this password.
    Password {
        /// The role.
        user: String,
        /// Its password.
        password: String,
    },
}

/// Why it is not known how the owner signs in. Never says what the secret holds.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// Secrets Manager did not answer, or refused.
    #[error("reading the owner's secret failed")]
    Unreadable(#[source] AwsError),
    /// The secret is not a JSON object with `username` and `password`.
    #[error("the owner's secret is not a JSON object with username and password")]
    Malformed,
}

/// The form of the secrets that RDS keeps.
#[derive(Deserialize)]
struct Secret {
    username: String,
    password: String,
}

impl Owner {
    /// Whether what it signs in with may be another in a moment: while RDS changes the password, which it does every week, the
    /// secret may still say the one before. That [typically takes less than a minute][managed].
    ///
    /// [managed]: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_managed.html
    pub(crate) fn may_change(&self) -> bool {
        matches!(self, Owner::Secret { .. })
    }

    /// User and password, read anew each time.
    pub async fn sign_in(&self) -> Result<(String, String), OwnerError> {
        match self {
            Owner::Password { user, password } => Ok((user.clone(), password.clone())),
            Owner::Secret { client, secret_arn } => {
                let answer = client.get_secret_value().secret_id(secret_arn).send().await;
                let answer = answer.map_err(|error| OwnerError::Unreadable(AwsError::new(&error)))?;
                let text = answer.secret_string().unwrap_or_default();
                let secret: Secret = serde_json::from_str(text).map_err(|_| OwnerError::Malformed)?;
                Ok((secret.username, secret.password))
            }
        }
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Secret { secret_arn, .. } => write!(f, "Secret({secret_arn})"),
            Owner::Password { user, .. } => write!(f, "Password({user})"),
        }
    }
}
