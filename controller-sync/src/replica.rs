//! Who this process is in the cluster, and which other replicas there are.
//!
//! Kubernetes tells a Pod its name and namespace when its manifest asks for it (variables `POD_NAME`, `POD_NAMESPACE`). Replicas
//! find each other by the labels of their Pod, without those that the owner of the Pods adds.

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use std::collections::BTreeMap;
use std::path::Path;

/// Where Kubernetes puts the namespace of a Pod's service account.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Labels that differ between Pods of one Deployment or DaemonSet while it is updated.
const OF_THE_OWNER: [&str; 3] = ["pod-template-hash", "controller-revision-hash", "pod-template-generation"];

/// This process in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The name of our Pod; `None` outside of one.
    pub pod: Option<String>,
    /// Where our Pod is, and the Lease.
    pub namespace: String,
    /// The Pod, or the machine.
    pub name: String,
}

impl Replica {
    /// Asks the environment. `namespace` is the flag, `fallback` what the kubeconfig says.
    pub fn find(namespace: Option<String>, fallback: &str) -> Self {
        let variable = |name| std::env::var(name).ok();
        let file = || std::fs::read_to_string(Path::new(NAMESPACE_FILE)).ok();
        let filled = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let namespace = namespace
            .and_then(filled)
            .or_else(|| variable("POD_NAMESPACE").and_then(filled))
            .or_else(|| file().and_then(filled))
            .unwrap_or_else(|| fallback.to_owned());
        let pod = variable("POD_NAME").and_then(filled);
        let machine = || {
            let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().and_then(filled);
            name.unwrap_or_else(|| "ingora".to_owned())
        };
        let name = pod.clone().unwrap_or_else(machine);
        Self { pod, namespace, name }
    }

    /// All replicas, ourselves included. Outside of a Pod we are the only one that can be known of, and there is none.
    ///
    /// # Errors
    /// When the API server does not say.
    pub(crate) async fn all(&self, client: &Client) -> kube::Result<Vec<Pod>> {
        let Some(name) = &self.pod else { return Ok(Vec::new()) };
        let pods: Api<Pod> = Api::namespaced(client.clone(), &self.namespace);
        let own = pods.get(name).await?;
        let selector = selector(own.metadata.labels.as_ref());
        if selector.is_empty() {
            // Without a label of ours every Pod of the namespace would be a replica.
            return Ok(vec![own]);
        }
        Ok(pods.list(&ListParams::default().labels(&selector)).await?.items)
    }

    /// Whether another replica serves, and so will lead.
    ///
    /// # Errors
    /// When the API server does not say.
    pub(crate) async fn others_serve(&self, client: &Client) -> kube::Result<bool> {
        let pods = self.all(client).await?;
        Ok(pods.iter().any(|pod| pod.metadata.name != self.pod && serves(pod)))
    }
}

fn selector(labels: Option<&BTreeMap<String, String>>) -> String {
    let labels = labels.into_iter().flatten().filter(|(key, _)| !OF_THE_OWNER.contains(&key.as_str()));
    labels.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Whether a Pod takes traffic: running, ready, and not on its way out.
pub(crate) fn serves(pod: &Pod) -> bool {
    let Some(status) = &pod.status else { return false };
    let ready = |condition: &k8s_openapi::api::core::v1::PodCondition| {
        condition.type_ == "Ready" && condition.status == "True"
    };
    pod.metadata.deletion_timestamp.is_none()
        && status.phase.as_deref() == Some("Running")
        && status.conditions.iter().flatten().any(ready)
}
