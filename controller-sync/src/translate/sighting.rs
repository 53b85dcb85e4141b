//! What the outputs towards the cluster need to know of an Ingress: whose it is, and what its status says.
//!
//! Only objects of an API server are told of, since there is nobody to write to about a file.

use crate::object::Ingress;
use crate::object::ingress::LoadBalancerIngress;
use crate::store::{Standing, Store};
use ingora_config::NamespacedName;

/// One Ingress that changed, in whatever way, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which.
    pub id: NamespacedName,
    /// What became of it.
    pub fate: Fate,
}

/// What became of an Ingress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is ours; `true` when it was translated anew.
    Ours(Live, bool),
    /// It exists and is somebody else's, or names a class that does not exist.
    NotOurs(Live),
    /// It is not there any more.
    Gone,
}

/// What the API server says about the object, as of the last event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`: what a write must name, so that it fails when somebody else was faster.
    pub resource_version: Box<str>,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.loadBalancer.ingress`, sorted.
    pub addresses: Vec<LoadBalancerIngress>,
}

impl Live {
    fn of(ingress: &Ingress) -> Option<Self> {
        let metadata = &ingress.metadata;
        let mut addresses = ingress.status.load_balancer.ingress.clone();
        addresses.sort();
        (!metadata.uid.is_empty()).then(|| Self {
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.0.clone(),
            generation: metadata.generation,
            addresses,
        })
    }
}

/// Sees one Ingress; `None` when it comes from a file.
pub(super) fn see(id: &NamespacedName, store: &Store, translated: bool) -> Option<Sighting> {
    let Some((ingress, _)) = store.ingress(id) else {
        return Some(Sighting { id: id.clone(), fate: Fate::Gone });
    };
    let live = Live::of(ingress)?;
    let fate = match store.standing(ingress) {
        Standing::Ours | Standing::OursByName => Fate::Ours(live, translated),
        Standing::Foreign | Standing::ClassMissing => Fate::NotOurs(live),
    };
    Some(Sighting { id: id.clone(), fate })
}

/// Sees an Ingress that the store let go because it names another class.
pub(super) fn turned_away(id: NamespacedName, ingress: &Ingress) -> Option<Sighting> {
    Live::of(ingress).map(|live| Sighting { id, fate: Fate::NotOurs(live) })
}
