use std::{num::NonZero, time::Duration};

use aws_clients::{AwsLimits, load_signing_config};
use ledger::{Authentication, LedgerConfig, Login, Rights, SignIn, Tls};
use settings::{SettingError, optional, required, required_as};

use crate::Owner;

/// Reading one secret.
const SECRETS_MANAGER: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(3), operation_timeout: Duration::from_secs(10), attempts: 3 };

/// How long connecting is tried again and again: longer than RDS takes to change the owner's password.
const CONNECTING: Duration = Duration::from_secs(120);

/// What the function works with.
#[derive(Debug)]
pub struct Settings {
    /// Where the ledger is: the server itself, never a proxy, because migrations set what a session is like.
    pub ledger: LedgerConfig,
    /// Whom it belongs to.
    pub owner: Owner,
    /// How the owner signs in where its password is refused: with IAM tokens. Nothing on a connection in the clear, on which no
    /// token may travel.
    pub owner_tokens: Option<Authentication>,
    /// How long connecting is tried.
    pub patience: Duration,
    /// What the functions sign in as.
    pub logins: [Login; 3],
    /// The epoch that the ledger has at least.
    pub epoch: u32,
}

impl Settings {
    /// Reads where the ledger is, as [`LedgerConfig::from_env`]; who signs in to it (`LEDGER_USER`, `LEDGER_LOOKUP_USER` and
    /// `LEDGER_MAINTENANCE_USER`, and with `LEDGER_AUTH=password` their `LEDGER_PASSWORD`, `LEDGER_LOOKUP_PASSWORD` and
    /// `LEDGER_MAINTENANCE_PASSWORD`); how many connections may look up requests (`LEDGER_LOOKUP_CONNECTIONS`); the epoch that it
    /// has at least (`LEDGER_EPOCH`, 1 if there is none); and its owner: `LEDGER_OWNER_SECRET_ARN`, or `LEDGER_OWNER_USER` and
    /// `LEDGER_OWNER_PASSWORD`.
    pub async fn from_env() -> Result<Settings, SettingError> {
        let lookup = login("LEDGER_LOOKUP_USER", "LEDGER_LOOKUP_PASSWORD", Rights::Lookup)?;
        let connections_max =
            required_as::<NonZero<u16>>("LEDGER_LOOKUP_CONNECTIONS", "a number of connections")?.get();
        let logins = [
            login("LEDGER_USER", "LEDGER_PASSWORD", Rights::Writer)?,
            Login { connections_max: Some(connections_max), ..lookup },
            login("LEDGER_MAINTENANCE_USER", "LEDGER_MAINTENANCE_PASSWORD", Rights::Maintainer)?,
        ];
        if logins[2].name == logins[0].name || logins[2].name == logins[1].name {
            let expected = "a user of its own: the others must not see all merchants";
            return Err(SettingError::Invalid { name: "LEDGER_MAINTENANCE_USER", expected });
        }
        if logins[1].name == logins[0].name {
            let expected = "another user than LEDGER_USER, whose connections must not run out because of it";
            return Err(SettingError::Invalid { name: "LEDGER_LOOKUP_USER", expected });
        }
        let epoch = match optional("LEDGER_EPOCH") {
            Some(_) => required_as::<NonZero<u32>>("LEDGER_EPOCH", "a number from 1 on")?.get(),
            None => 1,
        };
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
        let owner_tokens = match ledger.tls {
            Tls::VerifyFull(_) => Some(Authentication::Iam(Box::new(load_signing_config().await?))),
            Tls::Off => None,
        };
        Ok(Settings { ledger, owner, owner_tokens, patience: CONNECTING, logins, epoch })
    }
}

fn login(user: &'static str, password: &'static str, rights: Rights) -> Result<Login, SettingError> {
    let sign_in = match required("LEDGER_AUTH")?.as_str() {
        "iam" => SignIn::Iam,
        "password" => SignIn::Password(required(password)?),
        _ => return Err(SettingError::Invalid { name: "LEDGER_AUTH", expected: "iam or password" }),
    };
    Ok(Login { name: required(user)?, rights, sign_in, connections_max: None })
}
