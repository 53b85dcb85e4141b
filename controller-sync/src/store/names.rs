//! DNS names of ExternalName Services that are in use, and the answers for them.

use ingora_config::NamespacedName;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// More addresses than a name sensibly has; what goes beyond is dropped.
const MAX_ADDRESSES: usize = 256;

/// What is known about one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// The last good addresses, sorted; empty until there are some.
    pub addresses: Vec<IpAddr>,
    /// Why the last answer had none; `None` before the first answer and after a good one.
    pub error: Option<String>,
}

#[derive(Default)]
struct Name {
    services: BTreeSet<NamespacedName>,
    resolution: Resolution,
}

#[derive(Default)]
pub(super) struct Names {
    names: BTreeMap<String, Name>,
    by_service: HashMap<NamespacedName, String>,
}

impl Names {
    pub(super) fn wanted(&self) -> BTreeSet<String> {
        self.names.keys().cloned().collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Resolution> {
        self.names.get(name).map(|name| &name.resolution)
    }

    pub(super) fn set(&mut self, service: &NamespacedName, name: Option<&str>) {
        if self.by_service.get(service).map(String::as_str) == name {
            return;
        }
        if let Some(old) = self.by_service.remove(service)
            && let Some(state) = self.names.get_mut(&old)
        {
            state.services.remove(service);
        }
        if let Some(name) = name {
            self.by_service.insert(service.clone(), name.to_owned());
            self.names.entry(name.to_owned()).or_default().services.insert(service.clone());
        }
    }

    /// Forgets the names that no Service uses. Only when all Services are set: a name that one Service gives up and
    /// another takes in the same translation keeps its answer, which nobody would give a second time.
    pub(super) fn prune(&mut self) {
        self.names.retain(|_, state| !state.services.is_empty());
    }

    /// Takes an answer and says which Services it changes.
    pub(super) fn resolved(
        &mut self,
        name: &str,
        answer: Result<Vec<IpAddr>, String>,
    ) -> BTreeSet<NamespacedName> {
        let Some(state) = self.names.get_mut(name) else { return BTreeSet::new() };
        let answer = match answer {
            Ok(addresses) if addresses.is_empty() => Err("the name has no address".to_owned()),
            other => other,
        };
        let new = match answer {
            Ok(mut addresses) => {
                addresses.sort_unstable();
                addresses.dedup();
                addresses.truncate(MAX_ADDRESSES);
                Resolution { addresses, error: None }
            }
            Err(error) => Resolution {
                addresses: state.resolution.addresses.clone(),
                error: Some(error.chars().filter(|c| !c.is_control()).take(200).collect()),
            },
        };
        if new == state.resolution {
            return BTreeSet::new();
        }
        state.resolution = new;
        state.services.clone()
    }
}
