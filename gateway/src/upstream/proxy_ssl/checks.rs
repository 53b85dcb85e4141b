//! What is looked at when a handshake with an endpoint is complete.

use ingora_config::policy::{PeerName, Verify};
use ingora_config::settings::TlsVersion;
use openssl::error::ErrorStack;
use openssl::ssl::{SslRef, SslVersion};
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509CheckFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509StoreContext};

/// The security level of OpenSSL's own verification: keys and signatures worth 112 bits.
const SECURITY_LEVEL: i32 = 2;

/// Why a connection to an endpoint is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing looked at it. It cannot happen, and if it did, the connection would not be used.
    #[error("the connection was not checked")]
    Unchecked,
    /// `proxy-ssl-verify`.
    #[error("the certificate is not for proxy-ssl-name, or not signed by ca.crt")]
    Certificate,
    /// `proxy-ssl-protocols`.
    #[error("the TLS version is too old")]
    Version,
    /// `proxy-ssl-ciphers`.
    #[error("the cipher suite is not among proxy-ssl-ciphers")]
    Cipher,
    /// `backend-protocol: GRPCS`.
    #[error("the endpoint does not choose h2 by ALPN")]
    NoHttp2,
}

/// What the checks say of a connection; it stays with the connection.
#[derive(Debug)]
pub(super) struct Verdict(pub(super) Result<(), Refusal>);

/// What a connection must be.
pub(super) struct Checks {
    /// `None` does not look at the certificate.
    pub(super) trust: Option<X509Store>,
    pub(super) oldest: TlsVersion,
    /// Sorted; of TLS 1.2 alone.
    pub(super) ciphers: Option<Vec<u16>>,
    pub(super) http2: bool,
}

impl Checks {
    pub(super) fn look_at(&self, ssl: &SslRef) -> Result<(), Refusal> {
        let version = match ssl.version2() {
            Some(SslVersion::TLS1_3) => TlsVersion::V1_3,
            Some(SslVersion::TLS1_2) => TlsVersion::V1_2,
            _ => return Err(Refusal::Version),
        };
        if version < self.oldest {
            return Err(Refusal::Version);
        }
        let cipher = ssl.current_cipher().map(|cipher| u16::from_be_bytes(cipher.protocol_id()));
        let allowed = |list: &Vec<u16>| cipher.is_some_and(|cipher| list.binary_search(&cipher).is_ok());
        if version == TlsVersion::V1_2 && !self.ciphers.as_ref().is_none_or(allowed) {
            return Err(Refusal::Cipher);
        }
        if !self.trust.as_ref().is_none_or(|trust| is_trusted(ssl, trust).unwrap_or(false)) {
            return Err(Refusal::Certificate);
        }
        if self.http2 && ssl.selected_alpn_protocol() != Some(b"h2") {
            return Err(Refusal::NoHttp2);
        }
        Ok(())
    }
}

/// Whether the chain that the endpoint showed leads to an authority. That it has the key of the leaf, the handshake has
/// proved.
fn is_trusted(ssl: &SslRef, trust: &X509Store) -> Result<bool, ErrorStack> {
    let (Some(leaf), Some(chain)) = (ssl.peer_certificate(), ssl.peer_cert_chain()) else {
        return Ok(false);
    };
    X509StoreContext::new()?.init(trust, &leaf, chain, |context| context.verify_cert())
}

/// What certificates are verified with; `None` when there is no authority.
pub(super) fn trust(authorities: &[X509], verify: &Verify) -> Option<X509Store> {
    if authorities.is_empty() {
        return None;
    }
    store(authorities, verify).ok()
}

fn store(authorities: &[X509], verify: &Verify) -> Result<X509Store, ErrorStack> {
    let mut param = X509VerifyParam::new()?;
    param.set_purpose(X509PurposeId::SSL_SERVER)?;
    param.set_depth(verify.depth.into());
    param.set_auth_level(SECURITY_LEVEL);
    match &verify.name {
        PeerName::Host(name) => {
            // A `*` stands for a whole label (RFC 9525 section 6.3).
            param.set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            param.set_host(name.as_str())?;
        }
        PeerName::Address(address) => param.set_ip(*address)?,
    }
    let mut store = X509StoreBuilder::new()?;
    for authority in authorities {
        store.add_cert(authority.clone())?;
    }
    store.set_param(&param)?;
    Ok(store.build())
}
