//! The certificates in this crate are what they say they are, and will be for a while.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use aws_clients::{Roots, RootsError};
use sha2::{Digest, Sha256};
use x509_cert::{Certificate, der::Decode};

const AMAZON: &str = include_str!("../certs/amazon.pem");
const RDS: &str = include_str!("../certs/rds.pem");

/// Long enough to notice, decide and deploy.
const NOTICE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What the two lines above each certificate say: its name and last day, and its digest.
fn described(file: &str) -> Vec<(String, String)> {
    let comments: Vec<&str> = file.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    comments.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].strip_prefix("SHA-256 ").unwrap().to_owned())).collect()
}

fn names(certificate: &Certificate) -> (String, String) {
    let certificate = &certificate.tbs_certificate;
    (certificate.subject.to_string(), certificate.issuer.to_string())
}

#[test]
fn every_certificate_is_a_root_with_the_name_last_day_and_digest_above_it() {
    let described: Vec<_> = [described(RDS), described(AMAZON)].concat();
    let certificates: Vec<_> = Roots::rds().certificates().collect();
    assert_eq!(certificates.len(), described.len());
    assert_eq!(Roots::rds().store().len(), described.len());
    for (der, (name, digest)) in certificates.iter().zip(described) {
        let certificate = Certificate::from_der(der).unwrap();
        let (subject, issuer) = names(&certificate);
        assert_eq!(subject, issuer, "{name}");
        let last_day = certificate.tbs_certificate.validity.not_after.to_date_time();
        let (common_name, until) = name.split_once(", until ").unwrap();
        assert!(subject.split(',').any(|part| part == format!("CN={common_name}")), "{subject}: {common_name}");
        assert_eq!(until, last_day.to_string().split('T').next().unwrap(), "{name}");
        let actual: Vec<String> = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(actual.join(":"), digest, "{name}");
    }
}

#[test]
fn none_expires_within_a_year() {
    for der in Roots::rds().certificates() {
        let certificate = Certificate::from_der(&der).unwrap();
        let validity = &certificate.tbs_certificate.validity;
        let (subject, _) = names(&certificate);
        assert!(validity.not_before.to_system_time() < SystemTime::now(), "{subject} is not valid yet");
        let needed = SystemTime::now() + NOTICE;
        assert!(validity.not_after.to_system_time() > needed, "{subject} expires: see certs/README.md");
    }
}

#[test]
fn each_region_has_its_three_authorities() {
    let regions: BTreeSet<&str> =
        RDS.lines().filter_map(|line| line.strip_prefix("# Amazon RDS ")?.split(' ').next()).collect();
    assert!(regions.contains("sa-east-1") && regions.contains("us-east-1"), "{regions:?}");
    for region in regions {
        for kind in ["RSA2048", "RSA4096", "ECC384"] {
            assert!(RDS.contains(&format!("# Amazon RDS {region} Root CA {kind} G1,")), "{region} {kind}");
        }
    }
}

#[test]
fn a_list_is_trusted_as_a_whole_or_not_at_all() {
    let count = |pem: &str| Roots::parse(pem.as_bytes().to_vec()).map(|roots| roots.store().len());
    assert_eq!(count(AMAZON), Ok(5));
    assert_eq!(count(""), Err(RootsError::Empty));
    assert_eq!(count("certificates"), Err(RootsError::Empty));
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(count(&format!("{AMAZON}{no_certificate}")), Err(RootsError::Unreadable(6)));
}
