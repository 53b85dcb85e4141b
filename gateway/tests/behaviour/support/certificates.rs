//! Certificates made for one test, and the Secrets that carry them.

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use std::net::IpAddr;

/// The kind of key.
#[derive(Clone, Copy)]
pub(crate) enum KeyKind {
    /// RSA with 2048 bits.
    Rsa,
    /// ECDSA over P-256.
    Ecdsa,
}

/// A self-signed certificate with its key, PEM.
pub(crate) struct Pair {
    /// The certificate.
    pub(crate) certificate: String,
    /// The key.
    pub(crate) key: String,
}

/// A certificate for `names` (hosts or IP addresses), valid from yesterday for `days` (a negative number: expired); its Common Name is
/// `common_name`, so that a test can tell two certificates for the same names apart.
pub(crate) fn make(common_name: &str, names: &[&str], kind: KeyKind, days: i64) -> Pair {
    let key = match kind {
        KeyKind::Rsa => PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap(),
        KeyKind::Ecdsa => {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
            PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
        }
    };
    let certificate = self_signed(common_name, names, &key, days);
    Pair {
        certificate: String::from_utf8(certificate.to_pem().unwrap()).unwrap(),
        key: String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap(),
    }
}

fn self_signed(common_name: &str, names: &[&str], key: &PKey<Private>, days: i64) -> X509 {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", common_name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(127, MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_pubkey(key).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let day = 24 * 3600;
    builder.set_not_before(&Asn1Time::from_unix(now - 2 * day).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now + days * day).unwrap()).unwrap();
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
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build()
}

impl Pair {
    /// A `kubernetes.io/tls` Secret in the namespace `test`.
    pub(crate) fn secret(&self, name: &str) -> String {
        let encode = |text: &str| openssl::base64::encode_block(text.as_bytes());
        format!(
            "
apiVersion: v1
kind: Secret
metadata: {{ name: {name}, namespace: test }}
type: kubernetes.io/tls
data:
  tls.crt: {}
  tls.key: {}
",
            encode(&self.certificate),
            encode(&self.key)
        )
    }
}
