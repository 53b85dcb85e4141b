//! One write: a JSON merge patch of the status, based on a version.

use crate::object::ingress::LoadBalancerIngress;
use ingora_config::NamespacedName;
use k8s_openapi::api::networking::v1::Ingress;
use kube::Client;
use kube::api::{Api, PartialObjectMeta, Patch, PatchParams};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

/// The field manager of what Ingora writes.
pub(crate) const FIELD_MANAGER: &str = "ingora";

/// What a write came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is written; the version of the object now.
    Done(Box<str>),
    /// The object is gone.
    Gone,
    /// Somebody else changed the object; its new version is on its way to us.
    Outdated,
    /// The API server refuses and will go on refusing.
    Refused(String),
    /// It may work later.
    Failed(String),
}

#[derive(Clone)]
pub(super) struct Writer {
    pub(super) client: Client,
    /// How long a write may take.
    pub(super) limit: Duration,
}

impl Writer {
    /// Makes `addresses` the status of the Ingress if it still has this version.
    pub(super) async fn write(
        &self,
        id: &NamespacedName,
        version: &str,
        addresses: &[LoadBalancerIngress],
    ) -> Written {
        let api: Api<PartialObjectMeta<Ingress>> = Api::namespaced(self.client.clone(), &id.namespace);
        // In a merge patch null removes what is there.
        let ingress = (!addresses.is_empty()).then_some(addresses);
        let patch = json!({
            "metadata": {"resourceVersion": version},
            "status": {"loadBalancer": {"ingress": ingress}},
        });
        let (parameters, patch) = (PatchParams::apply(FIELD_MANAGER), Patch::Merge(&patch));
        match timeout(self.limit, api.patch_status(&id.name, &parameters, &patch)).await {
            Ok(Ok(object)) => Written::Done(object.metadata.resource_version.unwrap_or_default().into()),
            Ok(Err(kube::Error::Api(status))) => match status.code {
                404 => Written::Gone,
                409 => Written::Outdated,
                400 | 401 | 403 | 422 => Written::Refused(status.message),
                _ => Written::Failed(status.message),
            },
            Ok(Err(error)) => Written::Failed(error.to_string()),
            Err(_) => Written::Failed("the API server does not answer".to_owned()),
        }
    }
}
