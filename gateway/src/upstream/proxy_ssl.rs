//! `proxy-ssl-*`: TLS towards endpoints.
//!
//! ```text
//!   Secret ──▶ Slot ──ArcSwap──▶ Loaded ─┐
//!   annotations of the route ────────────┴─▶ Prepared (pool key, checks) ──▶ peer
//!   handshake ends ──▶ checks look at it ──▶ Verdict stays with the connection ──▶ asked before every request
//! ```
//!
//! The engine verifies only against the name that it sends as SNI, and not at all when it sends none; it knows neither
//! depth, versions nor ciphers of one peer. So it verifies nothing here: `checks` do, when the handshake is complete and
//! before anything is sent, and a connection without their verdict is never used.

mod checks;
mod secrets;

pub use checks::Refusal;
pub use secrets::{BadSecret, Loaded, Secrets};

use super::target::mix;
use arc_swap::ArcSwapOption;
use checks::{Checks, Verdict};
use ingora_config::policy::ProxySsl;
use ingora_config::settings::TlsVersion;
use pingora::protocols::tls::{HandshakeCompleteHook, SslDigest};
use pingora::upstreams::peer::{HttpPeer, Scheme};
use secrets::Slot;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The Secret of `proxy-ssl-secret` is not there, or cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unready;

/// TLS towards the endpoints of one route.
pub struct Tls {
    wanted: Option<ProxySsl>,
    http2: bool,
    slot: Option<Arc<Slot>>,
    /// Of the Secret as it was last; made anew by the first try after it changed.
    prepared: ArcSwapOption<Prepared>,
    /// How many connections were refused. The engine may put such a connection back into its pool: under the next key
    /// nobody finds it there.
    refused: AtomicU64,
}

struct Prepared {
    of: Option<Arc<Loaded>>,
    /// Whatever makes connections differ.
    key: u64,
    hook: HandshakeCompleteHook,
}

impl Tls {
    pub(super) fn compile(wanted: Option<&ProxySsl>, http2: bool, secrets: &mut Secrets) -> Self {
        let slot = wanted.map(|wanted| secrets.acquire(&wanted.secret));
        let (prepared, refused) = (ArcSwapOption::empty(), AtomicU64::new(0));
        let tls = Self { wanted: wanted.cloned(), http2, slot, prepared, refused };
        // Most often the Secret is there already, and no request has to do it.
        let _ = tls.prepared();
        tls
    }

    pub(super) fn apply(&self, peer: &mut HttpPeer) -> Result<(), Unready> {
        let prepared = self.prepared().ok_or(Unready)?;
        peer.scheme = Scheme::HTTPS;
        peer.group_key = mix(peer.group_key, &(prepared.key, self.refused.load(Ordering::Relaxed)));
        // See the head of this module.
        peer.options.verify_cert = false;
        peer.options.verify_hostname = false;
        peer.options.upstream_tls_handshake_complete_hook = Some(Arc::clone(&prepared.hook));
        if let Some(name) = self.wanted.as_ref().and_then(|wanted| wanted.server_name.as_ref()) {
            name.as_str().clone_into(&mut peer.sni);
        }
        peer.client_cert_key = prepared.of.as_ref().and_then(|loaded| loaded.certificate.clone());
        Ok(())
    }

    pub(super) fn check(&self, connection: Option<&SslDigest>) -> Result<(), Refusal> {
        let verdict = connection.and_then(|digest| digest.extension.get::<Verdict>());
        let result = verdict.map_or(Err(Refusal::Unchecked), |verdict| verdict.0);
        if result.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    fn prepared(&self) -> Option<Arc<Prepared>> {
        let loaded = match &self.slot {
            Some(slot) => Some(slot.loaded()?),
            None => None,
        };
        let known = self.prepared.load_full();
        let same = |known: &Arc<Prepared>| match (&known.of, &loaded) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (before, now) => before.is_none() && now.is_none(),
        };
        if let Some(known) = known.filter(same) {
            return Some(known);
        }
        let prepared = Arc::new(self.prepare(loaded)?);
        self.prepared.store(Some(Arc::clone(&prepared)));
        Some(prepared)
    }

    /// `None` when verification is wanted and cannot be had.
    fn prepare(&self, loaded: Option<Arc<Loaded>>) -> Option<Prepared> {
        let wanted = self.wanted.as_ref();
        let verify = wanted.and_then(|wanted| wanted.verify.as_ref());
        let trust = match (verify, &loaded) {
            (Some(verify), Some(loaded)) => Some(checks::trust(&loaded.authorities, verify)?),
            (Some(_), None) => return None,
            (None, _) => None,
        };
        let digest = loaded.as_ref().map(|loaded| loaded.digest);
        let checks = Checks {
            trust,
            oldest: wanted.map_or(TlsVersion::V1_2, |wanted| wanted.oldest),
            ciphers: wanted.and_then(|wanted| wanted.ciphers.clone()),
            http2: self.http2,
        };
        let hook: HandshakeCompleteHook = Arc::new(move |ssl| Some(Arc::new(Verdict(checks.look_at(ssl)))));
        Some(Prepared { of: loaded, key: mix(0, &(wanted, self.http2, digest)), hook })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("wanted", &self.wanted)
            .field("http2", &self.http2)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
