use postgres_protocol::{
    escape::{escape_identifier, escape_literal},
    password::scram_sha_256,
};
use tokio_postgres::{Client, Transaction};

use crate::{PostgresError, migrate::locked};

/// The role of RDS whose members sign in with IAM tokens, and with nothing else.
const RDS_IAM: &str = "rds_iam";

/// A role that functions sign in as. It owns nothing, and may do what [`Rights`] says.
#[derive(Debug, Clone)]
pub struct Login {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub rights: Rights,
    /// How it authenticates.
    pub sign_in: SignIn,
    /// How many connections it may have at once; `None` for no limit of its own.
    pub connections_max: Option<u16>,
}

/// What a role may do. It never has rights on tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Look up whether requests are recorded, and nothing else.
    Lookup,
    /// Call what works for one merchant.
    Writer,
    /// Call what looks at all merchants, too.
    Maintainer,
}

/// How a role authenticates.
#[derive(Clone)]
pub enum SignIn {
    /// With IAM tokens, on RDS.
    Iam,
    /// With this password.
    Password(String),
}

/// Why a role did not get access. The role's changes are rolled back.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// It would have the rights of the tables' owner.
    #[error("role {0} cannot be used by functions: it has the rights of the tables' owner; name another role")]
    IsOwner(String),
    /// PostgreSQL refused.
    #[error("granting access to role {name} failed")]
    Refused {
        /// The role.
        name: String,
        /// What PostgreSQL said.
        source: PostgresError,
    },
    /// The lock could not be taken or given back.
    #[error("taking or releasing the migration lock failed")]
    Lock(#[source] PostgresError),
}

impl Rights {
    /// The role that has these rights; the migrations make it.
    pub fn role(self) -> &'static str {
        match self {
            Rights::Lookup => "ledger_lookup",
            Rights::Writer => "ledger_writer",
            Rights::Maintainer => "ledger_maintainer",
        }
    }
}

/// Grants these roles access: creates those that are missing, lets them sign in as stated and in no other way, and gives them
/// the stated rights on the ledger and no others. The client is that of the tables' owner, after the migrations.
///
/// Safe to run again and at the same time as another run.
pub async fn grant_access(client: &mut Client, logins: &[Login]) -> Result<(), GrantError> {
    let granting = async |client: &mut Client| {
        for login in logins {
            grant_to(client, login).await?;
        }
        Ok(())
    };
    locked(client, granting).await
}

async fn grant_to(client: &mut Client, login: &Login) -> Result<(), GrantError> {
    let refused = |error: tokio_postgres::Error| GrantError::Refused { name: login.name.clone(), source: error.into() };
    let transaction = client.transaction().await.map_err(refused)?;
    if has_owners_rights(&transaction, &login.name).await.map_err(refused)? {
        return Err(GrantError::IsOwner(login.name.clone()));
    }
    let statements = statements(&transaction, login).await.map_err(refused)?;
    transaction.batch_execute(&statements).await.map_err(refused)?;
    transaction.commit().await.map_err(refused)
}

impl From<tokio_postgres::Error> for GrantError {
    fn from(error: tokio_postgres::Error) -> GrantError {
        GrantError::Lock(error.into())
    }
}

/// Whether the role is the owner, one of its members, or a superuser.
async fn has_owners_rights(transaction: &Transaction<'_>, name: &str) -> Result<bool, tokio_postgres::Error> {
    let question = "SELECT FROM pg_roles WHERE rolname = $1 AND pg_has_role(oid, current_user, 'MEMBER')";
    Ok(transaction.query_opt(question, &[&name]).await?.is_some())
}

/// What is to be done for a role to be as said.
async fn statements(transaction: &Transaction<'_>, login: &Login) -> Result<String, tokio_postgres::Error> {
    let exists = transaction.query_opt("SELECT FROM pg_roles WHERE rolname = $1", &[&login.name]).await?.is_some();
    let name = escape_identifier(&login.name);
    let mut statements = String::new();
    if !exists {
        statements.push_str(&format!("CREATE ROLE {name};\n"));
    }
    statements.push_str(&format!("ALTER ROLE {name} LOGIN PASSWORD {};\n", login.sign_in.verifier()));
    let has = memberships(transaction, &login.name).await?;
    let connections_max = login.connections_max.map_or_else(|| "-1".to_owned(), |max| max.to_string());
    statements.push_str(&format!("ALTER ROLE {name} CONNECTION LIMIT {connections_max};\n"));
    let managed = [Rights::Lookup.role(), Rights::Writer.role(), Rights::Maintainer.role(), RDS_IAM];
    for role in managed {
        let needs = role == login.rights.role() || (role == RDS_IAM && matches!(login.sign_in, SignIn::Iam));
        match (needs, has.iter().any(|other| other == role)) {
            (true, false) => statements.push_str(&format!("GRANT {role} TO {name};\n")),
            (false, true) => statements.push_str(&format!("REVOKE {role} FROM {name};\n")),
            (true, true) | (false, false) => {}
        }
    }
    Ok(statements)
}

/// The roles that this one is a member of by itself.
async fn memberships(transaction: &Transaction<'_>, name: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let question = "
        SELECT DISTINCT granted.rolname::text
        FROM pg_auth_members
        JOIN pg_roles AS granted ON granted.oid = pg_auth_members.roleid
        JOIN pg_roles AS member ON member.oid = pg_auth_members.member
        WHERE member.rolname = $1";
    Ok(transaction.query(question, &[&name]).await?.iter().map(|row| row.get(0)).collect())
}

impl SignIn {
    /// The password as `ALTER ROLE` takes it: hashed here (SCRAM-SHA-256, RFC 5803), because the server may log statements.
    fn verifier(&self) -> String {
        match self {
            SignIn::Iam => "NULL".to_owned(),
            SignIn::Password(password) => escape_literal(&scram_sha_256(password.as_bytes())),
        }
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SignIn::Iam => "Iam",
            SignIn::Password(_) => "Password",
        })
    }
}
