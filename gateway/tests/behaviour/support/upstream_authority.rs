//! Authorities that issue certificates, for tests that verify them.

use super::certificates::Pair;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use std::net::IpAddr;

/// What a certificate may be used for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    /// A server shows it.
    Server,
    /// A client shows it.
    Client,
}

/// A root, or an intermediate below one.
pub(crate) struct Authority {
    certificate: X509,
    key: PKey<Private>,
    /// Itself and those above it but the root, PEM: what a chain has behind the leaf.
    chain: String,
}

impl Authority {
    /// A root.
    pub(crate) fn new(common_name: &str) -> Self {
        let key = key();
        let mut builder = builder(common_name, &key, 365);
        builder.set_issuer_name(&subject(common_name)).unwrap();
        let certificate = sign_authority(builder, &key);
        Self { certificate, key, chain: String::new() }
    }

    /// An intermediate that this one has signed.
    pub(crate) fn below(&self, common_name: &str) -> Self {
        let key = key();
        let mut builder = builder(common_name, &key, 365);
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        let certificate = sign_authority(builder, &self.key);
        let chain = pem(&certificate) + &self.chain;
        Self { certificate, key, chain }
    }

    /// A certificate with its chain, for `names` (hosts or addresses).
    pub(crate) fn issue(&self, common_name: &str, names: &[&str], usage: Usage) -> Pair {
        self.issue_for(common_name, names, usage, 30)
    }

    /// The same for a number of days; a negative number is expired.
    pub(crate) fn issue_for(&self, common_name: &str, names: &[&str], usage: Usage, days: i64) -> Pair {
        let key = key();
        let mut builder = builder(common_name, &key, days);
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        let mut extended = ExtendedKeyUsage::new();
        match usage {
            Usage::Server => extended.server_auth(),
            Usage::Client => extended.client_auth(),
        };
        builder.append_extension(extended.build().unwrap()).unwrap();
        if !names.is_empty() {
            let mut alternative = SubjectAlternativeName::new();
            for name in names {
                match name.parse::<IpAddr>() {
                    Ok(_) => alternative.ip(name),
                    Err(_) => alternative.dns(name),
                };
            }
            let extension = alternative.build(&builder.x509v3_context(None, None)).unwrap();
            builder.append_extension(extension).unwrap();
        }
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        Pair {
            certificate: pem(&builder.build()) + &self.chain,
            key: String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap(),
        }
    }

    /// Its own certificate.
    pub(crate) fn certificate(&self) -> &X509 {
        &self.certificate
    }

    /// The same, PEM.
    pub(crate) fn pem(&self) -> String {
        pem(&self.certificate)
    }
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn pem(certificate: &X509) -> String {
    String::from_utf8(certificate.to_pem().unwrap()).unwrap()
}

fn subject(common_name: &str) -> openssl::x509::X509Name {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", common_name).unwrap();
    subject.build()
}

fn builder(common_name: &str, key: &PKey<Private>, days: i64) -> X509Builder {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(127, MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&subject(common_name)).unwrap();
    builder.set_pubkey(key).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let day = 24 * 3600;
    builder.set_not_before(&Asn1Time::from_unix(now - 60 * day).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now + days * day).unwrap()).unwrap();
    builder
}

fn sign_authority(mut builder: X509Builder, key: &PKey<Private>) -> X509 {
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build()
}

/// A Secret in the namespace `test` with these entries.
pub(crate) fn secret(name: &str, entries: &[(&str, &str)]) -> String {
    let mut text = format!(
        "\napiVersion: v1\nkind: Secret\nmetadata: {{ name: {name}, namespace: test }}\ntype: Opaque\ndata:"
    );
    for (key, value) in entries {
        text += &format!("\n  {key}: {}", openssl::base64::encode_block(value.as_bytes()).replace('\n', ""));
    }
    text + "\n"
}
