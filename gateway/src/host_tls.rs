//! What a host asks of handshakes, and of the requests that come over them.
//!
//! ```text
//!   HostTable ──▶ HostTls ─┬─▶ Handshake   shared by all hosts that ask for the same: authorities, depth, ciphers
//!                          └─▶ Check       of the requests of this host
//! ```
//!
//! A handshake that asks for something has a TLS context of its own ([`crate::front::tls`]). Sessions are kept in the context and
//! sealed with its keys: none begun under one is resumed under another.

use crate::auth_tls::authority::Slot;
use crate::auth_tls::{Authorities, Check};
use crate::front::tls::Contexts;
use ingora_config::{NamespacedName, VerifyClient, VirtualHost};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// One host's rule.
#[derive(Debug)]
pub struct HostTls {
    /// What its handshakes ask for; `None` is nothing besides the settings.
    pub handshake: Option<Arc<Handshake>>,
    /// What its requests are asked; `None` is nothing.
    pub check: Option<Check>,
}

/// What handshakes ask for.
#[derive(Debug)]
pub struct Handshake {
    /// The authorities of client certificates, and how far from one of them a client's may be.
    pub authority: Option<(Arc<Slot>, u8)>,
    /// `ssl-ciphers`.
    pub ciphers: Option<String>,
    /// `ssl-prefer-server-ciphers`.
    pub prefer_server: Option<bool>,
    /// What it is done with.
    pub contexts: Contexts,
}

/// What tells two handshakes apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    authority: Option<(NamespacedName, u8)>,
    ciphers: Option<String>,
    prefer_server: Option<bool>,
}

/// The handshakes that hosts ask for, as the writer of the table keeps them.
#[derive(Debug, Default)]
pub struct Handshakes {
    known: HashMap<Kind, Weak<Handshake>>,
    /// At how many the dead ones are looked for.
    limit: usize,
}

impl Handshakes {
    /// The rule of a host; `None` when it asks for nothing.
    pub fn of(&mut self, host: &VirtualHost, authorities: &mut Authorities) -> Option<Arc<HostTls>> {
        let auth = host.auth_tls.as_deref();
        let slot = auth.and_then(|auth| auth.authority.as_ref()).map(|secret| authorities.slot(secret));
        let asks = auth.filter(|auth| auth.verify != VerifyClient::Off);
        let ciphers = host.ciphers.as_deref();
        let kind = Kind {
            authority: asks.and_then(|auth| Some((auth.authority.clone()?, auth.depth))),
            ciphers: ciphers.and_then(|ciphers| ciphers.list.clone()),
            prefer_server: ciphers.and_then(|ciphers| ciphers.prefer_server),
        };
        let plain = kind == Kind { authority: None, ciphers: None, prefer_server: None };
        let handshake = (!plain).then(|| self.intern(kind, slot.as_ref()));
        let check = auth.map(|auth| Check::new(auth.clone(), slot));
        (handshake.is_some() || check.is_some()).then(|| Arc::new(HostTls { handshake, check }))
    }

    fn intern(&mut self, kind: Kind, slot: Option<&Arc<Slot>>) -> Arc<Handshake> {
        if let Some(known) = self.known.get(&kind).and_then(Weak::upgrade) {
            return known;
        }
        if self.known.len() >= self.limit {
            self.known.retain(|_, handshake| handshake.strong_count() > 0);
            self.limit = 2 * self.known.len() + 16;
        }
        let depth = kind.authority.as_ref().map(|(_, depth)| *depth);
        let handshake = Arc::new(Handshake {
            authority: slot.cloned().zip(depth),
            ciphers: kind.ciphers.clone(),
            prefer_server: kind.prefer_server,
            contexts: Contexts::default(),
        });
        self.known.insert(kind, Arc::downgrade(&handshake));
        handshake
    }
}
