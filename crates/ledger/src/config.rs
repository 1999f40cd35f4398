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
    /// An IAM token of RDS, signed anew for every connection: it outlives its 15 minutes nowhere.
    Iam(Box<aws_config::SdkConfig>),
    /// A fixed password, for databases outside RDS.
    Password(String),
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Encrypted, the server's certificate and name verified against the system's roots.
    VerifyFull,
    /// In the clear: for a server on the same machine.
    Off,
}

impl LedgerConfig {
    /// Reads `LEDGER_HOST`, `LEDGER_PORT`, `LEDGER_DATABASE`, `LEDGER_USER`, `LEDGER_AUTH` (`iam` or `password`),
    /// `LEDGER_PASSWORD` (with `password`) and `LEDGER_TLS` (`verify-full` or `off`).
    pub async fn from_env() -> Result<LedgerConfig, SettingError> {
        let port = required_as("LEDGER_PORT", "a port number")?;
        let tls = match required("LEDGER_TLS")?.as_str() {
            "verify-full" => Tls::VerifyFull,
            "off" => Tls::Off,
            _ => return Err(SettingError::Invalid { name: "LEDGER_TLS", expected: "verify-full or off" }),
        };
        let authentication = match (required("LEDGER_AUTH")?.as_str(), tls) {
            ("iam", Tls::VerifyFull) => Authentication::Iam(Box::new(aws_config::load_from_env().await)),
            ("iam", Tls::Off) => {
                return Err(SettingError::Invalid {
                    name: "LEDGER_TLS",
                    expected: "verify-full when LEDGER_AUTH is iam",
                });
            }
            ("password", _) => Authentication::Password(required("LEDGER_PASSWORD")?),
            _ => return Err(SettingError::Invalid { name: "LEDGER_AUTH", expected: "iam or password" }),
        };
        Ok(LedgerConfig {
            host: required("LEDGER_HOST")?,
            port,
            database: required("LEDGER_DATABASE")?,
            user: required("LEDGER_USER")?,
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
