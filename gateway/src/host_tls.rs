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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{Batch, Live};
    use ingora_config::policy::Policy;
    use ingora_config::{
        AuthTls, Backend, Host, HostCiphers, NamespacedName, PathKind, PathMatch, PathValue, Resource, Route,
        RouteKey, ServicePort, UpstreamId,
    };

    fn host(name: &str, depth: u8, list: Option<&str>) -> VirtualHost {
        let auth_tls = (depth > 0).then(|| {
            Box::new(AuthTls {
                authority: Some(NamespacedName::new("shop", "clients")),
                verify: VerifyClient::On,
                depth,
                error_page: None,
                pass_certificate: false,
                match_cn: None,
            })
        });
        let list = list.map(str::to_owned);
        let ciphers = list.map(|list| Box::new(HostCiphers { list: Some(list), prefer_server: None }));
        VirtualHost { auth_tls, ciphers, ..VirtualHost::new(Host::parse(name).unwrap(), None) }
    }

    fn apply(live: &Live, hosts: &[VirtualHost]) {
        live.apply(Batch::full(1, hosts.iter().cloned().map(Resource::VirtualHost)));
    }

    #[test]
    fn hosts_that_ask_for_the_same_share_a_handshake_and_no_others() {
        let live = Live::new().unwrap();
        apply(
            &live,
            &[
                host("a.test", 1, None),
                host("b.test", 1, None),
                host("c.test", 2, None),
                host("d.test", 1, Some("AES256")),
                host("e.test", 0, None),
            ],
        );
        let table = live.table();
        let of = |name: &str| table.host_tls(table.host(name)).and_then(|host| host.handshake.clone());
        let a = of("a.test").unwrap();
        assert!(Arc::ptr_eq(&a, &of("b.test").unwrap()));
        assert!(!Arc::ptr_eq(&a, &of("c.test").unwrap()) && !Arc::ptr_eq(&a, &of("d.test").unwrap()));
        assert!(of("e.test").is_none() && of("unknown.test").is_none());
    }

    #[test]
    fn names_are_read_only_while_something_depends_on_them() {
        let live = Live::new().unwrap();
        for (asks, hosts) in [
            (false, vec![host("a.test", 0, None)]),
            (true, vec![host("a.test", 1, None), host("b.test", 0, Some("AES256"))]),
            (true, vec![host("a.test", 0, None), host("b.test", 0, Some("AES128"))]),
            (false, vec![host("a.test", 0, None)]),
            (false, vec![]),
        ] {
            apply(&live, &hosts);
            assert_eq!(live.table().asks_by_name(), asks, "{hosts:?}");
        }
    }

    #[test]
    fn tls_passes_to_the_route_of_the_root_alone() {
        let live = Live::new().unwrap();
        let upstream =
            UpstreamId { namespace: "shop".into(), service: "web".into(), port: ServicePort::Number(443) };
        let route = |path: &str, kind, ssl_passthrough| {
            let path = PathMatch { kind, value: PathValue::new(path).unwrap() };
            let key = RouteKey { host: Host::parse("a.test").unwrap(), path };
            let policy = Arc::new(Policy { ssl_passthrough, ..Policy::default() });
            let backend = Backend::Upstream(upstream.clone());
            Resource::Route(Route { policy, ..Route::new(key, NamespacedName::new("shop", "web"), backend) })
        };
        for (passes, routes) in [
            (false, vec![route("/", PathKind::Prefix, false), route("/deep", PathKind::Prefix, true)]),
            (true, vec![route("/", PathKind::Prefix, true), route("/deep", PathKind::Prefix, false)]),
            (true, vec![route("/", PathKind::Exact, true)]),
            (false, vec![]),
        ] {
            let host = Resource::VirtualHost(host("a.test", 0, None));
            live.apply(Batch::full(1, routes.into_iter().chain([host])));
            let table = live.table();
            assert_eq!(table.passthrough("a.test").is_some(), passes);
            assert_eq!(table.asks_by_name(), passes, "a rule below / takes no TLS");
        }
    }
}
