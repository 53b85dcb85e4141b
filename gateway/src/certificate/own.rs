//! The certificate of last resort, made when the gateway starts.
//!
//! It is what a client sees whose host has no certificate of its own while no `--default-ssl-certificate` is set; its
//! names say so.

use super::{CertificateError, LoadedCertificate};
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

/// Two years: a gateway that runs longer than that without an update has other problems.
const DAYS: u32 = 730;

/// Makes a key and a certificate for it, signed by itself.
///
/// # Errors
/// When the TLS library cannot, for example for lack of randomness.
pub fn make() -> Result<LoadedCertificate, CertificateError> {
    self_signed().map_err(CertificateError::Own)
}

fn self_signed() -> Result<LoadedCertificate, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, "Ingora Default Certificate")?;
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, "Ingora")?;
    name.append_entry_by_nid(
        Nid::ORGANIZATIONALUNITNAME,
        "made by the gateway, no certificate is set for this host",
    )?;
    let name = name.build();

    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(&key)?;
    // A client's clock may be late.
    builder.set_not_before(&*Asn1Time::from_unix(now() - 86_400)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(DAYS)?)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    let names =
        SubjectAlternativeName::new().dns("ingora.invalid").build(&builder.x509v3_context(None, None))?;
    builder.append_extension(names)?;
    builder.sign(&key, MessageDigest::sha256())?;
    Ok(LoadedCertificate { leaf: builder.build(), chain: Vec::new(), key })
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(86_400)
}
