//! Looking up where this gateway can be reached, in the order of ingress-nginx: what the flag says; a Service; the nodes
//! that run our Pods.

use super::address::addresses;
use crate::object::ingress::LoadBalancerIngress;
use crate::replica::{Replica, serves};
use ingora_config::NamespacedName;
use k8s_openapi::api::core::v1::{Node, Service};
use kube::api::ListParams;
use kube::{Api, Client};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// How long the addresses of a node are believed.
const NODE_KEPT: Duration = Duration::from_secs(300);

/// Where the addresses come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `--publish-status-address`.
    Fixed(Vec<LoadBalancerIngress>),
    /// `--publish-service`.
    Service(NamespacedName),
    /// The nodes of our own ready Pods.
    Nodes,
}

/// One look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) addresses: Vec<LoadBalancerIngress>,
    /// Whether an address that is missing may only be missing for the moment, as while Pods are replaced.
    pub(super) restless: bool,
}

pub(super) struct Lookup {
    pub(super) client: Client,
    pub(super) replica: Replica,
    pub(super) origin: Origin,
    /// `--report-node-internal-ip-address`.
    pub(super) internal: bool,
    pub(super) nodes: HashMap<String, (Instant, Option<String>)>,
}

impl Lookup {
    pub(super) async fn look(&mut self) -> kube::Result<Look> {
        match self.origin.clone() {
            Origin::Fixed(addresses) => Ok(Look { addresses, restless: false }),
            Origin::Service(id) => self.service(&id).await,
            Origin::Nodes => self.of_nodes().await,
        }
    }

    async fn service(&mut self, id: &NamespacedName) -> kube::Result<Look> {
        let services: Api<Service> = Api::namespaced(self.client.clone(), &id.namespace);
        // Listed, because that is what RBAC lets us do with Services anyway.
        let by_name = ListParams::default().fields(&format!("metadata.name={}", id.name));
        let Some(service) = services.list(&by_name).await?.items.pop() else {
            return Ok(Look { addresses: Vec::new(), restless: true });
        };
        let spec = service.spec.unwrap_or_default();
        let external = spec.external_ips.unwrap_or_default();
        let mut texts = external.clone();
        match spec.type_.as_deref() {
            Some("ExternalName") => texts = spec.external_name.into_iter().collect(),
            Some("LoadBalancer") => {
                let status = service.status.and_then(|status| status.load_balancer);
                let given = status.and_then(|balancer| balancer.ingress).into_iter().flatten();
                texts.extend(given.filter_map(|one| one.ip.filter(|ip| !ip.is_empty()).or(one.hostname)));
            }
            Some("NodePort") if external.is_empty() => return self.of_nodes().await,
            Some("NodePort") => {}
            _ => texts = spec.cluster_ip.filter(|ip| ip != "None").into_iter().collect(),
        }
        Ok(Look { addresses: addresses(texts.iter().map(String::as_str)), restless: false })
    }

    async fn of_nodes(&mut self) -> kube::Result<Look> {
        let pods = self.replica.all(&self.client).await?;
        let names: BTreeSet<String> =
            pods.into_iter().filter(serves).filter_map(|pod| pod.spec?.node_name).collect();
        self.nodes.retain(|name, (at, _)| names.contains(name) && at.elapsed() < NODE_KEPT);
        let mut texts = Vec::new();
        for name in names {
            if let Some((_, known)) = self.nodes.get(&name) {
                texts.extend(known.clone());
                continue;
            }
            let nodes: Api<Node> = Api::all(self.client.clone());
            let address = nodes.get_opt(&name).await?.and_then(|node| address_of(&node, self.internal));
            texts.extend(address.clone());
            if address.is_some() {
                self.nodes.insert(name, (Instant::now(), address));
            }
        }
        Ok(Look { addresses: addresses(texts.iter().map(String::as_str)), restless: true })
    }
}

/// The external address of a node, or the internal one when that is asked for or there is no other.
fn address_of(node: &Node, internal: bool) -> Option<String> {
    let all = node.status.as_ref()?.addresses.as_ref()?;
    let of = |kind: &str| all.iter().find(|one| one.type_ == kind && !one.address.is_empty());
    let external = of("ExternalIP").filter(|_| !internal);
    external.or_else(|| of("InternalIP")).map(|one| one.address.clone())
}
