//! All groups, as the writer of the table keeps them.
//!
//! A group is there while a route, an upstream or endpoints name it, in whatever order they come. Changes are gathered
//! and published around the swap of the table, so that no request finds a route before its endpoints:
//!
//! ```text
//!   publish (new endpoints) ─▶ swap of the table ─▶ retire (what is gone)
//! ```

use super::Group;
use ingora_config::{Endpoints, Protocol, Upstream, UpstreamId};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// The groups by Service port.
#[derive(Debug, Default)]
pub struct Groups {
    known: HashMap<UpstreamId, Known>,
    changed: HashSet<UpstreamId>,
}

#[derive(Debug)]
struct Known {
    group: Arc<Group>,
    protocol: Option<Protocol>,
    service_address: Option<SocketAddr>,
    endpoints: Option<Endpoints>,
    /// How many routes of the next table use it.
    routes: usize,
    /// Whether requests do not see the latest protocol and endpoints yet.
    stale: bool,
}

impl Groups {
    /// The group for a route, which has to be given back with [`Groups::release`].
    pub fn acquire(&mut self, id: &UpstreamId) -> Arc<Group> {
        let known = self.known(id);
        known.routes += 1;
        Arc::clone(&known.group)
    }

    /// A route no longer uses the group.
    pub fn release(&mut self, id: &UpstreamId) {
        if let Some(known) = self.known.get_mut(id) {
            known.routes -= 1;
            self.changed.insert(id.clone());
        }
    }

    /// Says how an upstream is spoken to.
    pub fn set_upstream(&mut self, upstream: Upstream) {
        let known = self.known(&upstream.id);
        if known.protocol != Some(upstream.protocol) || known.service_address != upstream.service_address {
            known.protocol = Some(upstream.protocol);
            known.service_address = upstream.service_address;
            known.stale = true;
            self.changed.insert(upstream.id);
        }
    }

    /// Replaces the endpoints of an upstream.
    pub fn set_endpoints(&mut self, endpoints: Endpoints) {
        let known = self.known(&endpoints.upstream);
        if known.endpoints.as_ref() != Some(&endpoints) {
            let id = endpoints.upstream.clone();
            known.endpoints = Some(endpoints);
            known.stale = true;
            self.changed.insert(id);
        }
    }

    /// The upstream is gone; routes that still use it answer 503.
    pub fn remove_upstream(&mut self, id: &UpstreamId) {
        if let Some(known) = self.known.get_mut(id) {
            known.protocol = None;
            known.service_address = None;
            known.stale = true;
            self.changed.insert(id.clone());
        }
    }

    /// The endpoints are gone.
    pub fn remove_endpoints(&mut self, id: &UpstreamId) {
        if let Some(known) = self.known.get_mut(id) {
            known.endpoints = None;
            known.stale = true;
            self.changed.insert(id.clone());
        }
    }

    /// The upstreams and the endpoints that are known, by what they are replaced by.
    pub fn keys(&self) -> impl Iterator<Item = (&UpstreamId, bool, bool)> {
        self.known.iter().map(|(id, known)| (id, known.protocol.is_some(), known.endpoints.is_some()))
    }

    /// Every group.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.known.values().map(|known| &known.group)
    }

    /// Lets requests see new and changed endpoints; call it before the table is swapped.
    pub fn publish(&mut self) {
        for id in &self.changed {
            let Some(known) = self.known.get_mut(id) else { continue };
            if let (true, Some(protocol), Some(endpoints)) = (known.stale, known.protocol, &known.endpoints) {
                known.group.set(protocol, known.service_address, &endpoints.endpoints);
                known.stale = false;
            }
        }
    }

    /// Empties or forgets what is gone; call it after the table was swapped. A group that nothing names any more is
    /// forgotten as it is: requests of earlier tables may still need its endpoints.
    pub fn retire(&mut self) {
        for id in self.changed.drain() {
            let Some(known) = self.known.get_mut(&id) else { continue };
            match (known.protocol, &known.endpoints) {
                (None, None) if known.routes == 0 => {
                    self.known.remove(&id);
                }
                (Some(_), Some(_)) => {}
                (protocol, _) if known.stale => {
                    known.group.set(protocol.unwrap_or_default(), None, &[]);
                    known.stale = false;
                }
                _ => {}
            }
        }
    }

    fn known(&mut self, id: &UpstreamId) -> &mut Known {
        self.known.entry(id.clone()).or_insert_with(|| Known {
            group: Arc::new(Group::new(id.clone())),
            protocol: None,
            service_address: None,
            endpoints: None,
            routes: 0,
            stale: false,
        })
    }
}
