//! What a client presented in its handshake: made once for each connection, and only where a certificate was asked for.

use super::authority::{LoadedAuthority, Slot};
use super::subject;
use crate::template;
use http::HeaderValue;
use openssl::ssl::SslRef;
use openssl::x509::{X509, X509VerifyResult};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The longest certificate that is passed on, in bytes of its PEM.
const MAX_PEM: usize = 16 * 1024;

/// OpenSSL's codes for a certificate of an authority that is not known: it, or one above it, is signed by itself, or its
/// issuer is not at hand. `optional_no_ca` lets them pass, as in nginx.
const UNKNOWN_AUTHORITY: [i32; 4] = [18, 19, 20, 21];

/// How a certificate was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is none.
    None,
    /// It is valid.
    Success,
    /// It is not.
    Failed {
        /// OpenSSL's code; 0 for what the gateway found itself.
        code: i32,
        /// Why, in OpenSSL's words.
        why: &'static str,
    },
}

impl Verdict {
    /// It could not be judged.
    pub(super) const UNUSABLE: Self = Self::Failed { code: 0, why: "certificate cannot be used" };
    pub(super) const TOO_LONG: Self = Self::Failed { code: 0, why: "certificate chain too long" };

    pub(super) fn failed(result: X509VerifyResult) -> Self {
        Self::Failed { code: result.as_raw(), why: result.error_string() }
    }

    pub(super) fn revoked(why: &'static str) -> Self {
        Self::Failed { code: 0, why }
    }

    /// Whether all that speaks against it is that its authority is not known.
    pub fn is_unknown_authority(self) -> bool {
        matches!(self, Self::Failed { code, .. } if UNKNOWN_AUTHORITY.contains(&code))
    }

    /// As nginx' `$ssl_client_verify` says it.
    pub(super) fn header(self) -> HeaderValue {
        match self {
            Self::None => HeaderValue::from_static("NONE"),
            Self::Success => HeaderValue::from_static("SUCCESS"),
            Self::Failed { why, .. } => HeaderValue::try_from(format!("FAILED:{why}"))
                .unwrap_or(HeaderValue::from_static("FAILED:certificate cannot be used")),
        }
    }
}

/// What the client of a connection presented.
#[derive(Clone, Debug)]
pub struct Presented(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    slot: Arc<Slot>,
    depth: u8,
    /// What it was judged by.
    authority: Arc<LoadedAuthority>,
    verdict: Verdict,
    certificate: Option<Certificate>,
    /// Judged again, when the authorities changed since: by which, and how.
    again: Mutex<Option<(Arc<LoadedAuthority>, Verdict)>>,
}

#[derive(Debug)]
struct Certificate {
    leaf: X509,
    others: Vec<X509>,
    /// Whether `others` is all that the client sent: a session that is resumed has lost it.
    complete: bool,
    subject: HeaderValue,
    issuer: HeaderValue,
    escaped: OnceLock<HeaderValue>,
}

impl Presented {
    /// Reads it from a connection whose handshake is over.
    pub fn read(ssl: &SslRef, slot: &Arc<Slot>, depth: u8, authority: Arc<LoadedAuthority>) -> Self {
        let (certificate, verdict) = match ssl.peer_certificate() {
            None => (None, Verdict::None),
            Some(leaf) => match Certificate::read(leaf, ssl) {
                Some(certificate) => (Some(certificate), verdict(ssl, &authority)),
                None => (None, Verdict::UNUSABLE),
            },
        };
        let again = Mutex::default();
        Self(Arc::new(Inner { slot: Arc::clone(slot), depth, authority, verdict, certificate, again }))
    }

    /// Whether it was asked for under this rule.
    pub fn is_for(&self, slot: &Arc<Slot>, depth: u8) -> bool {
        Arc::ptr_eq(&self.0.slot, slot) && self.0.depth == depth
    }

    /// How it is judged by the authorities of now. `None` when only another handshake can tell.
    pub fn verdict(&self, now: &Arc<LoadedAuthority>) -> Option<Verdict> {
        let inner = &*self.0;
        if Arc::ptr_eq(&inner.authority, now) || inner.verdict == Verdict::None {
            return Some(inner.verdict);
        }
        let Some(certificate) = &inner.certificate else { return Some(inner.verdict) };
        let mut again = inner.again.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = match &*again {
            Some((authority, verdict)) if Arc::ptr_eq(authority, now) => *verdict,
            _ => {
                let verdict = now.verify(&certificate.leaf, &certificate.others, inner.depth);
                *again = Some((Arc::clone(now), verdict));
                verdict
            }
        };
        (verdict == Verdict::Success || certificate.complete).then_some(verdict)
    }

    /// The subject of the certificate, as `CN=client,O=Example`.
    pub fn subject(&self) -> Option<&HeaderValue> {
        self.0.certificate.as_ref().map(|certificate| &certificate.subject)
    }

    /// Who issued it.
    pub fn issuer(&self) -> Option<&HeaderValue> {
        self.0.certificate.as_ref().map(|certificate| &certificate.issuer)
    }

    /// The certificate in PEM, escaped as a part of a URL.
    pub fn escaped(&self) -> Option<&HeaderValue> {
        let certificate = self.0.certificate.as_ref()?;
        Some(certificate.escaped.get_or_init(|| {
            let mut text = Vec::new();
            template::escape(&mut text, &certificate.leaf.to_pem().unwrap_or_default());
            HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
        }))
    }
}

impl Certificate {
    /// `None` when it is larger than any that an authority would sign: its names must be told whole or not at all.
    fn read(leaf: X509, ssl: &SslRef) -> Option<Self> {
        leaf.to_pem().ok().filter(|pem| pem.len() <= MAX_PEM)?;
        let subject = HeaderValue::try_from(subject::text(leaf.subject_name())?).ok()?;
        let issuer = HeaderValue::try_from(subject::text(leaf.issuer_name())?).ok()?;
        let others = ssl.peer_cert_chain().map(|chain| chain.iter().map(|other| other.to_owned()).collect());
        let complete = !ssl.session_reused();
        let others = others.unwrap_or_default();
        Some(Self { leaf, others, complete, subject, issuer, escaped: OnceLock::new() })
    }
}

fn verdict(ssl: &SslRef, authority: &LoadedAuthority) -> Verdict {
    match ssl.verify_result() {
        X509VerifyResult::OK => Verdict::Success,
        X509VerifyResult::APPLICATION_VERIFICATION => {
            let why = ssl.verified_chain().and_then(|chain| authority.revoked(chain));
            Verdict::revoked(why.unwrap_or("certificate revoked"))
        }
        other => Verdict::failed(other),
    }
}

/// What is known of the client of a request.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// What it presented; `None` in clear text, and where nothing was asked for.
    pub presented: Option<Presented>,
    /// How that was judged.
    pub verdict: Verdict,
    /// Whether the host demands a certificate and there was none because the request came in clear text.
    pub missing: bool,
    /// `auth-tls-pass-certificate-to-upstream`.
    pub pass: bool,
}
