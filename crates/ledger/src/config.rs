use aws_clients::Roots;
use settings::{SettingError, required, required_as};

/// Where the ledger is and how to get in.
#[derive(Debug, Clone)]
pub struct LedgerConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Name of the database.
    pub database: String,
    /// The login role.
    pub user: String,
    /// How the role proves itself.
    pub authentication: Authentication,
    /// Whether the connection is encrypted.
    pub tls: Tls,
}

/// How the login role proves itself.
#[derive(Clone)]
pub enum Authentication {
    /// An IAM token of RDS, valid for 15 minutes and signed anew for every connection.
    Iam(Box<aws_config::SdkConfig>),
    /// A fixed password, for databases outside RDS.
    Password(String),
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone)]
pub enum Tls {
    /// Encrypted, the server's certificate and name verified against these roots. Never in the clear, whatever the server says.
    VerifyFull(Roots),
    /// In the clear: for a server on the same machine.
    Off,
}

impl LedgerConfig {
    /// Reads `LEDGER_HOST`, `LEDGER_PORT`, `LEDGER_DATABASE`, `LEDGER_USER`, `LEDGER_AUTH` (`iam` or `password`),
    /// `LEDGER_PASSWORD` (with `password`), `LEDGER_TLS` (`verify-full` or `off`) and, where the server's authority is neither
    /// RDS's nor Amazon's, `LEDGER_TLS_ROOTS` (a file with certificates in PEM form).
    pub async fn from_env() -> Result<LedgerConfig, SettingError> {
        let authentication = match required("LEDGER_AUTH")?.as_str() {
            "iam" => Authentication::Iam(Box::new(aws_clients::load_signing_config().await?)),
            "password" => Authentication::Password(required("LEDGER_PASSWORD")?),
            _ => return Err(SettingError::Invalid { name: "LEDGER_AUTH", expected: "iam or password" }),
        };
        let config = LedgerConfig::from_env_as(required("LEDGER_USER")?, authentication)?;
        match (&config.authentication, &config.tls) {
            (Authentication::Iam(_), Tls::Off) => {
                Err(SettingError::Invalid { name: "LEDGER_TLS", expected: "verify-full when LEDGER_AUTH is iam" })
            }
            _ => Ok(config),
        }
    }

    /// As [`LedgerConfig::from_env`], for a user that is not the environment's: reads where the ledger is, and not who signs in.
    pub fn from_env_as(user: String, authentication: Authentication) -> Result<LedgerConfig, SettingError> {
        let tls = match required("LEDGER_TLS")?.as_str() {
            "verify-full" => Tls::VerifyFull(Roots::from_env("LEDGER_TLS_ROOTS", Roots::rds)?),
            "off" => Tls::Off,
            _ => return Err(SettingError::Invalid { name: "LEDGER_TLS", expected: "verify-full or off" }),
        };
        Ok(LedgerConfig {
            host: required("LEDGER_HOST")?,
            port: required_as("LEDGER_PORT", "a port number")?,
            database: required("LEDGER_DATABASE")?,
            user,
            authentication,
            tls,
        })
    }
}

impl std::fmt::Debug for Authentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Authentication::Iam(_) => "Iam",
            Authentication::Password(_) => "Password",
        })
    }
}
