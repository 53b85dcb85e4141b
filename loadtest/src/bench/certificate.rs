//! The one certificate of all contenders: ECDSA P-256, made anew for each run, for every host of [`super::site`].

use super::{Doing as _, Result, site};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use std::path::{Path, PathBuf};

/// Where the certificate and its key stand, in the forms that proxies ask for.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM (PKCS#8).
    pub key: PathBuf,
    /// Both in one file, as HAProxy wants it.
    pub both: PathBuf,
}

impl Certificate {
    /// Makes a self-signed certificate, valid for two days, and writes it into `folder`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn make(folder: &Path) -> Result<Self> {
        let (certificate, key) =
            made().map_err(std::io::Error::from).doing(|| "cannot make a certificate".to_owned())?;
        let made = Self {
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
            both: folder.join("both.pem"),
        };
        let both = [certificate.clone(), key.clone()].concat();
        for (path, content) in [(&made.certificate, certificate), (&made.key, key), (&made.both, both)] {
            std::fs::write(path, content).doing(|| format!("cannot write {}", path.display()))?;
        }
        Ok(made)
    }
}

/// The certificate and the key, both PEM.
fn made() -> std::result::Result<(Vec<u8>, Vec<u8>), openssl::error::ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, "ingora bench")?;
    let name = name.build();
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(&key)?;
    let (start, end) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(2)?);
    builder.set_not_before(&start)?;
    builder.set_not_after(&end)?;
    let names = SubjectAlternativeName::new()
        .dns(&format!("*.{}", site::DOMAIN))
        .build(&builder.x509v3_context(None, None))?;
    builder.append_extension(names)?;
    builder.sign(&key, MessageDigest::sha256())?;
    Ok((builder.build().to_pem()?, key.private_key_to_pem_pkcs8()?))
}
