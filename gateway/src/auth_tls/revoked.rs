//! Lists of revoked certificates (`ca.crl`; RFC 5280 section 6.3).
//!
//! As nginx has it: with any list there must be one, valid now, of the issuer of every certificate of the chain, the
//! authority at its end included.

use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Public};
use openssl::stack::StackRef;
use openssl::x509::{CrlStatus, X509, X509Crl, X509Ref};
use std::cmp::Ordering;

/// What starts a list.
const START: &str = "-----BEGIN X509 CRL-----";

/// The lists of one Secret.
pub(super) struct Revoked {
    lists: Vec<List>,
}

struct List {
    list: X509Crl,
    /// The key by which it is known to be signed: checking a long list takes time, and its issuer is mostly at hand.
    signed_by: Option<PKey<Public>>,
}

impl Revoked {
    /// Reads lists in PEM; `authorities` stand in the same Secret.
    ///
    /// # Errors
    /// When one is no list.
    pub(super) fn load(pem: &str, authorities: &[X509]) -> Result<Self, ErrorStack> {
        let mut lists = Vec::new();
        let mut starts: Vec<usize> = pem.match_indices(START).map(|(at, _)| at).collect();
        starts.push(pem.len());
        for pair in starts.windows(2) {
            let list = X509Crl::from_pem(&pem.as_bytes()[pair[0]..pair[1]])?;
            let keys = authorities.iter().filter_map(|authority| authority.public_key().ok());
            let signed_by = keys.into_iter().find(|key| list.verify(key).unwrap_or(false));
            lists.push(List { list, signed_by });
        }
        Ok(Self { lists })
    }

    /// What speaks against a chain, that of the client first; in OpenSSL's words.
    pub(super) fn fault(&self, chain: &StackRef<X509>) -> Option<&'static str> {
        let issuers = chain.iter().skip(1).chain(chain.iter().last());
        chain.iter().zip(issuers).find_map(|(certificate, issuer)| self.fault_of(certificate, issuer))
    }

    fn fault_of(&self, certificate: &X509Ref, issuer: &X509Ref) -> Option<&'static str> {
        let name = certificate.issuer_name();
        let same = |list: &&List| matches!(list.list.issuer_name().try_cmp(name), Ok(Ordering::Equal));
        let mut fault = Some("unable to get certificate CRL");
        for list in self.lists.iter().filter(same) {
            let why = list.why_not(issuer);
            if why.is_none() {
                if let CrlStatus::Revoked(_) = list.list.get_by_serial(certificate.serial_number()) {
                    return Some("certificate revoked");
                }
                fault = None;
            } else if fault.is_some() {
                fault = why;
            }
        }
        fault
    }
}

impl List {
    /// Why the list does not count.
    fn why_not(&self, issuer: &X509Ref) -> Option<&'static str> {
        let Ok(key) = issuer.public_key() else { return Some("CRL signature failure") };
        let known = self.signed_by.as_ref().is_some_and(|signer| signer.public_eq(&key));
        if !known && !self.list.verify(&key).unwrap_or(false) {
            return Some("CRL signature failure");
        }
        let Ok(now) = Asn1Time::days_from_now(0) else { return Some("CRL has expired") };
        if *self.list.last_update() > now {
            return Some("CRL is not yet valid");
        }
        // Without an end a list is valid as long as nobody replaces it.
        self.list.next_update().is_some_and(|end| *end < now).then_some("CRL has expired")
    }
}
