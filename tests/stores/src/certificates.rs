use std::sync::Arc;

use aws_clients::Roots;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, crypto,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use uuid::Uuid;

/// A certificate authority of a test's own.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What a server shows over TLS.
pub struct Identity {
    /// Its certificate, in PEM form.
    pub certificate: String,
    /// The private key to it, in PEM form.
    pub key: String,
    /// The certificate of its authority, in PEM form.
    pub authority: String,
}

impl Authority {
    /// Another authority than all before.
    pub fn create() -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        // By its name a client looks for the authority that a server's certificate is of.
        params.distinguished_name.push(DnType::CommonName, format!("Authority {}", Uuid::new_v4()));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a server of this name.
    pub fn issue(&self, name: &str) -> Identity {
        self.issue_until(name, 2100)
    }

    /// A certificate for a server of this name, which was valid before this year.
    pub fn issue_until(&self, name: &str, year: i32) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Identity { certificate, key: key.serialize_pem(), authority: self.pem.clone() }
    }

    /// To trust this authority and no other.
    pub fn roots(&self) -> Roots {
        Roots::parse(self.pem.clone().into_bytes()).expect("a certificate")
    }
}

impl Identity {
    /// What a server takes connections with that shows this.
    pub fn acceptor(&self) -> TlsAcceptor {
        let chain = vec![CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions that there are")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a key to the certificate");
        TlsAcceptor::from(Arc::new(config))
    }
}
