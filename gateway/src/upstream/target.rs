//! One endpoint, prepared for requests.

use super::health::Health;
use super::load::Load;
use super::session::{self, Tag};
use ingora_config::{Endpoint, Protocol};
use pingora::protocols::l4::socket::SocketAddr as PeerAddress;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use pingora_load_balancing::{Backend, Extensions};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

/// Requests at a time on one connection to an endpoint that speaks HTTP/2.
pub(super) const STREAMS: usize = 100;

/// One endpoint of a group, the same value for as long as the same Pod stands behind the same address.
#[derive(Debug)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// The address as logs show it.
    pub name: Box<str>,
    /// What stands behind the address, the Pod's UID where it is known.
    pub id: Box<str>,
    /// What it speaks.
    pub protocol: Protocol,
    /// The peer to clone for each try. The timeouts are the settings' and are set then.
    pub peer: HttpPeer,
    /// Whether it answers.
    pub health: Health,
    /// How fast it answers.
    pub load: Load,
    tag: OnceLock<Tag>,
}

impl Target {
    /// Prepares an endpoint.
    pub fn new(protocol: Protocol, endpoint: &Endpoint) -> Self {
        let Endpoint { address, target } = endpoint;
        // A socket address resolves to itself: no name is ever looked up here.
        let mut peer = HttpPeer::new(address, false, String::new());
        peer.group_key = pool_key(protocol, target);
        // Upgrades go through `crate::proxy`'s own tunnel; in the engine's they race.
        peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
        match protocol {
            Protocol::Http1 => peer.options.set_http_version(1, 1),
            Protocol::H2c => {
                peer.options.set_http_version(2, 2);
                peer.options.max_h2_streams = STREAMS;
            }
        }
        Self {
            address: *address,
            name: address.to_string().into(),
            id: target.as_str().into(),
            protocol,
            peer,
            health: Health::default(),
            load: Load::default(),
            tag: OnceLock::new(),
        }
    }

    /// What stands for it in cookies of the group of this name. Where the Pod's UID is known, nobody can find the address by
    /// trying all.
    pub(super) fn tag(&self, group: &str) -> &Tag {
        self.tag.get_or_init(|| session::digest(&[group, &self.name, &self.id]))
    }

    /// The form in which the load balancing traits carry it.
    pub(super) fn into_backend(self: Arc<Self>) -> Backend {
        let mut ext = Extensions::new();
        let addr = PeerAddress::Inet(self.address);
        ext.insert(self);
        Backend { addr, weight: 1, ext }
    }

    /// The target in a backend that [`Target::into_backend`] made.
    pub(super) fn of(backend: &Backend) -> Option<&Arc<Self>> {
        backend.ext.get()
    }
}

/// What must be equal besides the address for two requests to share a connection: an address that is used again by
/// another Pod never inherits connections.
fn pool_key(protocol: Protocol, target: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (protocol, target).hash(&mut hasher);
    hasher.finish()
}

/// A key that differs with `of` as well.
pub(super) fn mix(key: u64, of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, of).hash(&mut hasher);
    hasher.finish()
}
