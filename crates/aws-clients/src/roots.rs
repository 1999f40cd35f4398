//! Whom the functions trust over TLS. The authorities' certificates are in this crate, so that what a function accepts does not
//! depend on what its machine happens to have. Where they come from and how to renew them: `certs/README.md`. Nothing here
//! needs the SDK: the clients of PostgreSQL and Redis take their roots from here, too.

use std::{fmt, fs, sync::Arc};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use settings::SettingError;

/// Amazon Trust Services, to which the certificates of RDS Proxy, ElastiCache and the APIs of AWS chain.
const AMAZON: &[u8] = include_bytes!("../certs/amazon.pem");

/// The authorities of RDS, three for each region: instances and clusters themselves.
const RDS: &[u8] = include_bytes!("../certs/rds.pem");

/// Authorities to trust, and nobody else.
#[derive(Clone)]
pub struct Roots {
    pem: Arc<[u8]>,
    store: Arc<RootCertStore>,
}

/// Why a text is no list of authorities.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootsError {
    /// There is no certificate in it.
    #[error("there is no certificate in PEM form")]
    Empty,
    /// One of them cannot be read.
    #[error("certificate {0} cannot be read")]
    Unreadable(usize),
}

impl Roots {
    /// Amazon Trust Services: for RDS Proxy, ElastiCache and the APIs of AWS.
    pub fn amazon() -> Roots {
        Roots::bundled(AMAZON.to_vec())
    }

    /// The authorities of RDS and Amazon Trust Services: for clusters, instances and RDS Proxy.
    pub fn rds() -> Roots {
        Roots::bundled([RDS, AMAZON].concat())
    }

    /// The certificates in this text, in PEM form (RFC 7468).
    ///
    /// # Errors
    /// There is none, or one of them cannot be read: a list that is trusted in part would fail later, and far from its cause.
    pub fn parse(pem: Vec<u8>) -> Result<Roots, RootsError> {
        let mut store = RootCertStore::empty();
        for (index, certificate) in CertificateDer::pem_slice_iter(&pem).enumerate() {
            let unreadable = RootsError::Unreadable(index + 1);
            let Ok(certificate) = certificate else { return Err(unreadable) };
            store.add(certificate).map_err(|_| unreadable)?;
        }
        if store.is_empty() {
            return Err(RootsError::Empty);
        }
        Ok(Roots { pem: pem.into(), store: Arc::new(store) })
    }

    /// The certificates in the file that this environment variable names, instead of the `bundled` ones: for servers with an
    /// authority of their own. Without the variable, the bundled ones.
    pub fn from_env(name: &'static str, bundled: fn() -> Roots) -> Result<Roots, SettingError> {
        let Some(path) = settings::optional(name) else { return Ok(bundled()) };
        let invalid = || SettingError::Invalid { name, expected: "the path of a file with certificates in PEM form" };
        Roots::parse(fs::read(path).map_err(|_| invalid())?).map_err(|_| invalid())
    }

    /// The certificates in PEM form.
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// The certificates in DER form.
    pub fn certificates(&self) -> impl Iterator<Item = CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(&self.pem).filter_map(Result::ok)
    }

    /// The certificates as `rustls` takes them.
    pub fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }

    /// A test reads each of the bundled certificates.
    fn bundled(pem: Vec<u8>) -> Roots {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok));
        Roots { pem: pem.into(), store: Arc::new(store) }
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({})", self.store.len())
    }
}
