//! The authorities of one Secret, and the slots in which handshakes find them.
//!
//! A renewed list changes one slot, however many hosts use it; the next handshake makes its context anew.

use super::presented::Verdict;
use super::revoked::Revoked;
use arc_swap::ArcSwapOption;
use ingora_config::{Authority, NamespacedName};
use openssl::error::ErrorStack;
use openssl::ssl::{SslContextBuilder, SslVerifyMode};
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509Name, X509PurposeId, X509StoreContext, X509StoreContextRef, X509VerifyResult};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

/// The place of one Secret's authorities.
#[derive(Debug)]
pub struct Slot {
    loaded: ArcSwapOption<LoadedAuthority>,
}

impl Slot {
    /// The authorities; `None` when the Secret is missing or unusable, and then nobody is let in.
    pub fn loaded(&self) -> Option<Arc<LoadedAuthority>> {
        self.loaded.load_full()
    }
}

/// Authorities that were read and can be used.
pub struct LoadedAuthority {
    certificates: Vec<X509>,
    /// For certificates that are looked at again, outside of a handshake.
    store: X509Store,
    revoked: Option<Arc<Revoked>>,
    source: Authority,
}

impl fmt::Debug for LoadedAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedAuthority").field("secret", &self.source.secret).finish_non_exhaustive()
    }
}

impl LoadedAuthority {
    /// Reads the authorities of a Secret.
    ///
    /// # Errors
    /// When the TLS library cannot read or use one.
    pub fn load(source: Authority) -> Result<Self, ErrorStack> {
        let certificates = X509::stack_from_pem(source.certificates.as_bytes())?;
        let revoked = source.revoked.as_deref().map(|pem| Revoked::load(pem, &certificates)).transpose()?;
        let mut store = store(&certificates)?;
        store.set_purpose(X509PurposeId::SSL_CLIENT)?;
        Ok(Self { store: store.build(), certificates, revoked: revoked.map(Arc::new), source })
    }

    /// Makes a context ask for a certificate and judge it by these authorities, whatever the outcome: the request is told.
    ///
    /// # Errors
    /// When the TLS library cannot use an authority.
    pub fn ask(&self, context: &mut SslContextBuilder, depth: u8) -> Result<(), ErrorStack> {
        context.set_cert_store(store(&self.certificates)?.build());
        let mut names: Stack<X509Name> = Stack::new()?;
        for certificate in &self.certificates {
            names.push(certificate.subject_name().to_owned()?)?;
        }
        context.set_client_ca_list(names);
        context.set_verify_depth(depth.into());
        let revoked = self.revoked.clone();
        context.set_verify_callback(SslVerifyMode::PEER, move |valid, judged| {
            look_for_revoked(valid, judged, revoked.as_deref());
            true
        });
        Ok(())
    }

    /// What is wrong with a chain that was judged by these authorities to be on a list of revoked ones.
    pub(super) fn revoked(&self, chain: &openssl::stack::StackRef<X509>) -> Option<&'static str> {
        self.revoked.as_ref()?.fault(chain)
    }

    /// Judges a certificate outside of a handshake.
    pub(super) fn verify(&self, certificate: &X509, others: &[X509], depth: u8) -> Verdict {
        let judge = || -> Result<Verdict, ErrorStack> {
            let mut chain = Stack::new()?;
            for other in others {
                chain.push(other.clone())?;
            }
            X509StoreContext::new()?.init(&self.store, certificate, &chain, |judged| {
                let valid = judged.verify_cert()?;
                if !valid {
                    return Ok(Verdict::failed(judged.error()));
                }
                let Some(chain) = judged.chain() else { return Ok(Verdict::UNUSABLE) };
                if chain.len() > usize::from(depth) + 2 {
                    return Ok(Verdict::TOO_LONG);
                }
                Ok(self.revoked(chain).map_or(Verdict::Success, Verdict::revoked))
            })
        };
        judge().unwrap_or(Verdict::UNUSABLE)
    }
}

/// The library looks at its own lists in a store that cannot be filled from memory: ours are looked at when it is done with the
/// chain, which it says for each certificate, that of the client last. Its code for verdicts of applications stays with the
/// session, so that a session that is resumed has it too.
fn look_for_revoked(valid: bool, judged: &mut X509StoreContextRef, revoked: Option<&Revoked>) {
    let Some(revoked) = revoked else { return };
    if valid
        && judged.error_depth() == 0
        && judged.error() == X509VerifyResult::OK
        && judged.chain().is_none_or(|chain| revoked.fault(chain).is_some())
    {
        judged.set_error(X509VerifyResult::APPLICATION_VERIFICATION);
    }
}

fn store(certificates: &[X509]) -> Result<X509StoreBuilder, ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    for certificate in certificates {
        store.add_cert(certificate.clone())?;
    }
    // What the client sends may be in another order or incomplete; what we have comes first.
    store.set_flags(X509VerifyFlags::TRUSTED_FIRST)?;
    Ok(store)
}

/// All authorities, as the writer of the table keeps them. A slot is there while a host uses it, in whatever order host and
/// authorities come.
#[derive(Debug, Default)]
pub struct Authorities {
    known: HashMap<NamespacedName, Held>,
}

#[derive(Debug, Default)]
struct Held {
    slot: Weak<Slot>,
    loaded: Option<Arc<LoadedAuthority>>,
}

impl Authorities {
    /// Loads a Secret. One that cannot be used takes the place of the one before all the same.
    ///
    /// # Errors
    /// When it cannot be used; its hosts answer 403.
    pub fn set(&mut self, authority: Authority) -> Result<(), ErrorStack> {
        let held = self.known.entry(authority.secret.clone()).or_default();
        if held.loaded.as_ref().is_some_and(|loaded| loaded.source == authority) {
            return Ok(());
        }
        let loaded = LoadedAuthority::load(authority).map(Arc::new);
        held.loaded = loaded.as_ref().ok().cloned();
        held.publish();
        loaded.map(drop)
    }

    /// The Secret is gone.
    pub fn remove(&mut self, secret: &NamespacedName) {
        if let Some(held) = self.known.get_mut(secret) {
            held.loaded = None;
            held.publish();
            if held.slot.strong_count() == 0 {
                self.known.remove(secret);
            }
        }
    }

    /// The slot of a Secret, for a host.
    pub fn slot(&mut self, secret: &NamespacedName) -> Arc<Slot> {
        let held = self.known.entry(secret.clone()).or_default();
        held.slot.upgrade().unwrap_or_else(|| {
            let slot = Arc::new(Slot { loaded: ArcSwapOption::new(held.loaded.clone()) });
            held.slot = Arc::downgrade(&slot);
            slot
        })
    }

    /// The Secrets that are known.
    pub fn keys(&self) -> impl Iterator<Item = &NamespacedName> {
        self.known.iter().filter(|(_, held)| held.loaded.is_some()).map(|(secret, _)| secret)
    }
}

impl Held {
    fn publish(&self) {
        if let Some(slot) = self.slot.upgrade() {
            slot.loaded.store(self.loaded.clone());
        }
    }
}
