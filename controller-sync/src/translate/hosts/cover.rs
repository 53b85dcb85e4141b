//! Which Secret of an Ingress covers a host, for hosts that no tls entry lists.
//!
//! The names of all Secrets of one Ingress are indexed once in a translation, when the first host asks: an Ingress with
//! thousands of hosts and thousands of Secrets must not cost their product.

use super::super::certificate::{State, parent};
use super::super::compile::Compiled;
use super::super::secrets::Secrets;
use ingora_config::{Host, NamespacedName};
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Covers(HashMap<NamespacedName, Cover>);

/// For each name the position of the first Secret that has it.
#[derive(Default)]
struct Cover {
    exact: HashMap<String, usize>,
    wildcards: HashMap<String, usize>,
}

impl Covers {
    /// The first Secret of the Ingress whose certificate covers the host, with its tls entry.
    pub(super) fn find(
        &mut self,
        ingress: &Arc<Compiled>,
        host: &Host,
        secrets: &Secrets,
    ) -> Option<(usize, NamespacedName)> {
        let tls = ingress.tls.as_ref()?;
        let cover = self.0.entry(ingress.id().clone()).or_insert_with(|| Cover::of(ingress, secrets));
        let (id, entry) = tls.secrets().get(cover.find(host)?)?;
        Some((*entry, id.clone()))
    }
}

impl Cover {
    fn of(ingress: &Compiled, secrets: &Secrets) -> Self {
        let mut cover = Self::default();
        for (position, (id, _)) in ingress.tls.iter().flat_map(|tls| tls.secrets()).enumerate() {
            let State::Usable(usable) = secrets.state(id) else { continue };
            for name in &usable.names.exact {
                cover.exact.entry(name.clone()).or_insert(position);
            }
            for name in &usable.names.wildcards {
                cover.wildcards.entry(name.clone()).or_insert(position);
            }
        }
        cover
    }

    fn find(&self, host: &Host) -> Option<usize> {
        match host {
            Host::Exact(name) => {
                let wildcard = parent(name.as_str()).and_then(|parent| self.wildcards.get(parent));
                self.exact.get(name.as_str()).into_iter().chain(wildcard).min().copied()
            }
            Host::Wildcard(parent) => self.wildcards.get(parent.as_str()).copied(),
            Host::CatchAll => None,
        }
    }
}
