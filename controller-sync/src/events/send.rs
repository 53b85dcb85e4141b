//! Sending one Event: creating it, or patching the series of the one that is there.

use super::tale::{Tale, kind_of};
use crate::object::metadata::is_name;
use crate::status::FIELD_MANAGER;
use ingora_config::ObjectRef;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::api::{Api, ListParams, ObjectMeta, PartialObjectMeta, Patch, PatchParams, PostParams};
use kube::core::Status;
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

/// Who tells, as Events name it.
const CONTROLLER: &str = "ingora";

/// What was done when it was noticed; Events must say something.
const ACTION: &str = "Translate";

/// How an Event is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// For the first time, as far as we know. If it is there already, it goes on.
    First,
    /// If it is there already, somebody told it for us.
    Once,
    /// It is there, as far as we know, and was told so often.
    Again(i32),
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is there and was told so often.
    Told(i32),
    /// It cannot be told, now or later.
    Refused(String),
    /// Our role does not allow it.
    Forbidden(String),
    /// It may work later.
    Failed(String),
}

pub(super) struct Sender {
    client: Client,
    instance: String,
    limit: Duration,
}

impl Sender {
    pub(super) fn new(client: Client, instance: String, limit: Duration) -> Self {
        // The API server takes 128 bytes of it.
        Self { client, instance: instance.chars().filter(char::is_ascii).take(128).collect(), limit }
    }

    /// The UID of an object that translation does not know: one that cannot be decoded, or of another kind.
    pub(super) async fn identify(&self, object: &ObjectRef) -> Option<String> {
        // Listed, because that is what RBAC lets us do with these kinds anyway.
        macro_rules! uid {
            ($kind:ty) => {{
                let api: Api<$kind> = Api::namespaced(self.client.clone(), &object.namespace);
                let by_name = ListParams::default().fields(&format!("metadata.name={}", object.name));
                let found = timeout(self.limit, api.list_metadata(&by_name)).await;
                found.ok()?.ok()?.items.pop()?.metadata.uid
            }};
        }
        if object.namespace.is_empty() || !is_name(&object.name) {
            return None;
        }
        match object.kind.as_str() {
            "Ingress" => uid!(Ingress),
            "Service" => uid!(Service),
            "Secret" => uid!(Secret),
            "ConfigMap" => uid!(ConfigMap),
            "EndpointSlice" => uid!(EndpointSlice),
            _ => None,
        }
    }

    pub(super) async fn send(&self, tale: &Tale, uid: &str, manner: Manner) -> Sent {
        match timeout(self.limit, self.tell(tale, uid, manner)).await {
            Ok(Ok(count)) => Sent::Told(count),
            Ok(Err(kube::Error::Api(status))) => match status.code {
                403 if !is_terminating(&status) => Sent::Forbidden(status.message),
                // A namespace that is going refuses with 403, one that is gone with 404.
                400 | 401 | 403 | 404 | 409 | 422 => Sent::Refused(status.message),
                _ => Sent::Failed(status.message),
            },
            Ok(Err(error)) => Sent::Failed(error.to_string()),
            Err(_) => Sent::Failed("the API server does not answer".to_owned()),
        }
    }

    async fn tell(&self, tale: &Tale, uid: &str, manner: Manner) -> kube::Result<i32> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &tale.object.namespace);
        let name = tale.name(uid);
        if let Manner::Again(count) = manner {
            match self.go_on(tale, &name, count + 1).await {
                // Events live for an hour.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                other => return other,
            }
        }
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        match api.create(&parameters, &self.event(tale, uid, name.clone())).await {
            Ok(_) => Ok(1),
            Err(kube::Error::Api(status)) if status.code == 409 && status.reason == "AlreadyExists" => {
                if manner == Manner::Once {
                    Ok(1)
                } else {
                    self.go_on(tale, &name, 2).await
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Tells an Event that is there once more.
    async fn go_on(&self, tale: &Tale, name: &str, count: i32) -> kube::Result<i32> {
        let api: Api<PartialObjectMeta<Event>> = Api::namespaced(self.client.clone(), &tale.object.namespace);
        let series = json!({"series": {"count": count, "lastObservedTime": MicroTime(Timestamp::now())}});
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        api.patch(name, &parameters, &Patch::Merge(&series)).await.map(|_| count)
    }

    fn event(&self, tale: &Tale, uid: &str, name: String) -> Event {
        let object = &tale.object;
        let (api_version, kind) = (api_version(&object.kind).to_owned(), object.kind.clone());
        Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(object.namespace.clone()),
                ..ObjectMeta::default()
            },
            regarding: Some(ObjectReference {
                api_version: Some(api_version),
                kind: Some(kind),
                namespace: Some(object.namespace.clone()),
                name: Some(object.name.clone()),
                uid: Some(uid.to_owned()),
                ..ObjectReference::default()
            }),
            type_: Some(kind_of(tale.warning).to_owned()),
            reason: Some(tale.reason.clone()),
            note: Some(tale.note.clone()),
            action: Some(ACTION.to_owned()),
            event_time: Some(MicroTime(Timestamp::now())),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }
}

/// Whether the reason is that the namespace is being deleted.
fn is_terminating(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

fn api_version(kind: &str) -> &'static str {
    match kind {
        "Ingress" => "networking.k8s.io/v1",
        "EndpointSlice" => "discovery.k8s.io/v1",
        _ => "v1",
    }
}
