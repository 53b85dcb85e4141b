//! Authorities that sign client certificates for one test, the Secrets that carry them, and lists of what they revoked.

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier};
use openssl::x509::{X509, X509NameBuilder};
use std::process::Command;

const DAY: i64 = 24 * 3600;

/// A certificate, its key, and those between it and an authority that the other side knows.
#[derive(Clone)]
pub(crate) struct Identity {
    /// The certificate.
    pub(crate) certificate: X509,
    /// Its key.
    pub(crate) key: PKey<Private>,
    /// What is sent along.
    pub(crate) chain: Vec<X509>,
}

impl Identity {
    /// The certificate in PEM.
    pub(crate) fn pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().unwrap()).unwrap()
    }

    /// Certificates and key in one text, as curl and `openssl s_client` take them.
    pub(crate) fn bundle(&self) -> String {
        let chain: String =
            self.chain.iter().map(|link| String::from_utf8(link.to_pem().unwrap()).unwrap()).collect();
        self.pem() + &chain + &String::from_utf8(self.key.private_key_to_pem_pkcs8().unwrap()).unwrap()
    }
}

/// Something that signs.
#[derive(Clone)]
pub(crate) struct Authority {
    /// Its own certificate.
    pub(crate) identity: Identity,
}

impl Authority {
    /// One that is signed by itself.
    pub(crate) fn root(name: &str) -> Self {
        Self { identity: issue(&[("CN", name)], None, true, 365) }
    }

    /// One that this one signs.
    pub(crate) fn below(&self, name: &str) -> Self {
        Self { identity: issue(&[("CN", name)], Some(self), true, 365) }
    }

    /// A client's certificate, valid for so many days (a negative number: expired).
    pub(crate) fn client(&self, subject: &[(&str, &str)], days: i64) -> Identity {
        issue(subject, Some(self), false, days)
    }

    /// The list of what it revoked, PEM, valid for so many days.
    pub(crate) fn revoke(&self, revoked: &[&Identity], days: u32) -> String {
        let home = tempfile::TempDir::new().unwrap();
        let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
        let serial = |identity: &&&Identity| {
            let serial =
                identity.certificate.serial_number().to_bn().unwrap().to_hex_str().unwrap().to_string();
            format!("R\t400101000000Z\t200101000000Z\t{serial}\tunknown\t/CN=revoked\n")
        };
        write("index.txt", &revoked.iter().map(|identity| serial(&identity)).collect::<String>());
        write("number", "01\n");
        write(
            "ca.cnf",
            "[ca]\ndefault_ca = it\n[it]\ndatabase = index.txt\ncrlnumber = number\ndefault_md = sha256\n",
        );
        write("ca.pem", &self.identity.bundle());
        let output = Command::new("openssl")
            .args(["ca", "-gencrl", "-config", "ca.cnf", "-keyfile", "ca.pem", "-cert", "ca.pem"])
            .args(["-crldays", &days.to_string()])
            .current_dir(home.path())
            .output()
            .expect("the openssl program is installed (Debian package openssl)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A Secret of the namespace `test` with `ca.crt`, and `ca.crl` where there are lists.
pub(crate) fn secret(name: &str, authorities: &[&Authority], lists: &[String]) -> String {
    let encode = |text: &str| openssl::base64::encode_block(text.as_bytes());
    let pem: String = authorities.iter().map(|authority| authority.identity.pem()).collect();
    let mut text = format!(
        "\napiVersion: v1\nkind: Secret\nmetadata: {{ name: {name}, namespace: test }}\ntype: Opaque\ndata:\n  ca.crt: {}\n",
        encode(&pem)
    );
    if !lists.is_empty() {
        text += &format!("  ca.crl: {}\n", encode(&lists.concat()));
    }
    text
}

fn issue(subject: &[(&str, &str)], by: Option<&Authority>, authority: bool, days: i64) -> Identity {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    subject.iter().for_each(|(key, value)| name.append_entry_by_text(key, value).unwrap());
    let name = name.build();
    let issuer = by.map(|by| &by.identity);
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(120, MsbOption::ONE, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(issuer.map_or(&*name, |issuer| issuer.certificate.subject_name())).unwrap();
    builder.set_pubkey(&key).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    builder.set_not_before(&Asn1Time::from_unix(now - 5 * DAY).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now + days * DAY).unwrap()).unwrap();
    if authority {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        let usage = KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap();
        builder.append_extension(usage).unwrap();
        let id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(id).unwrap();
    } else {
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build().unwrap()).unwrap();
    }
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    Identity { certificate: builder.build(), key, chain: Vec::new() }
}
