use std::time::Duration;

use aws_clients::AwsLimits;
use ledger::{Authentication, LedgerConfig, Login, Rights, SignIn};
use settings::{SettingError, optional, required};

use crate::Owner;

/// Reading one secret.
const SECRETS_MANAGER: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(3), operation_timeout: Duration::from_secs(10), attempts: 3 };

/// What the function works with.
#[derive(Debug)]
pub struct Settings {
    /// Where the ledger is: the server itself, never a proxy, because migrations set what a session is like.
    pub ledger: LedgerConfig,
    /// Whom it belongs to.
    pub owner: Owner,
    /// What the functions sign in as.
    pub logins: [Login; 2],
}

impl Settings {
    /// Reads where the ledger is, as [`LedgerConfig::from_env`]; who signs in to it (`LEDGER_USER` and
    /// `LEDGER_MAINTENANCE_USER`, and with `LEDGER_AUTH=password` their `LEDGER_PASSWORD` and `LEDGER_MAINTENANCE_PASSWORD`);
    /// and its owner: `LEDGER_OWNER_SECRET_ARN`, or `LEDGER_OWNER_USER` and `LEDGER_OWNER_PASSWORD`.
    pub async fn from_env() -> Result<Settings, SettingError> {
        let logins = [
            login("LEDGER_USER", "LEDGER_PASSWORD", Rights::Writer)?,
            login("LEDGER_MAINTENANCE_USER", "LEDGER_MAINTENANCE_PASSWORD", Rights::Maintainer)?,
        ];
        if logins[0].name == logins[1].name {
            let expected = "another user than LEDGER_USER, which must not see all merchants";
            return Err(SettingError::Invalid { name: "LEDGER_MAINTENANCE_USER", expected });
        }
        // Who the owner is, a secret tells only when it is read.
        let nobody = Authentication::Password(String::new());
        let ledger = LedgerConfig::from_env_as(String::new(), nobody)?;
        let owner = match optional("LEDGER_OWNER_SECRET_ARN") {
            Some(secret_arn) => {
                let client = aws_sdk_secretsmanager::Client::new(&SECRETS_MANAGER.load_config().await?);
                Owner::Secret { client, secret_arn }
            }
            None => {
                Owner::Password { user: required("LEDGER_OWNER_USER")?, password: required("LEDGER_OWNER_PASSWORD")? }
            }
        };
        Ok(Settings { ledger, owner, logins })
    }
}

fn login(user: &'static str, password: &'static str, rights: Rights) -> Result<Login, SettingError> {
    let sign_in = match required("LEDGER_AUTH")?.as_str() {
        "iam" => SignIn::Iam,
        "password" => SignIn::Password(required(password)?),
        _ => return Err(SettingError::Invalid { name: "LEDGER_AUTH", expected: "iam or password" }),
    };
    Ok(Login { name: required(user)?, rights, sign_in })
}
