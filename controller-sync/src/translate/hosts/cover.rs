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
    /// The first Secrets that cannot be used: one of them may be the one that was meant.
    unusable: Vec<usize>,
}

/// How many unusable Secrets a host without a certificate names.
const MAX_UNUSABLE: usize = 10;

impl Covers {
    /// The first Secret of the Ingress whose certificate covers the host, with its tls entry.
    pub(super) fn find(
        &mut self,
        ingress: &Arc<Compiled>,
        host: &Host,
        secrets: &Secrets,
    ) -> Option<(usize, NamespacedName)> {
        let tls = ingress.tls.as_ref()?;
        let cover = self.of(ingress, secrets);
        let (id, entry) = tls.secrets().get(cover.find(host)?)?;
        Some((*entry, id.clone()))
    }

    /// The Secrets of the Ingress that are missing or cannot be used, bounded, each with its tls entry.
    pub(super) fn unusable(
        &mut self,
        ingress: &Arc<Compiled>,
        secrets: &Secrets,
    ) -> Vec<(usize, NamespacedName)> {
        let Some(tls) = &ingress.tls else { return Vec::new() };
        let positions = self.of(ingress, secrets).unusable.iter();
        positions.filter_map(|at| tls.secrets().get(*at)).map(|(id, entry)| (*entry, id.clone())).collect()
    }

    fn of(&mut self, ingress: &Arc<Compiled>, secrets: &Secrets) -> &Cover {
        self.0.entry(ingress.id().clone()).or_insert_with(|| Cover::of(ingress, secrets))
    }
}

impl Cover {
    fn of(ingress: &Compiled, secrets: &Secrets) -> Self {
        let mut cover = Self::default();
        for (position, (id, _)) in ingress.tls.iter().flat_map(|tls| tls.secrets()).enumerate() {
            let State::Usable(usable) = secrets.state(id) else {
                if cover.unusable.len() < MAX_UNUSABLE {
                    cover.unusable.push(position);
                }
                continue;
            };
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
            Host::Wildcard(parent) | Host::Subdomains(parent) => self.wildcards.get(parent.as_str()).copied(),
            Host::Pattern(_) | Host::CatchAll => None,
        }
    }
}
