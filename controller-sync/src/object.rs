//! Kubernetes objects as Ingora sees them: slim types with only the fields that are read.
//!
//! They keep the JSON shape of the real API, so that a file and a watch decode alike. One file per kind in `object/`;
//! where they come from is `source`, where they go is `store`.

use ingora_config::{NamespacedName, ObjectRef};
use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;

pub mod config_map;
pub mod endpoint_slice;
pub mod ingress;
pub mod ingress_class;
pub mod metadata;
pub mod secret;
pub mod service;

pub use config_map::ConfigMap;
pub use endpoint_slice::EndpointSlice;
pub use ingress::Ingress;
pub use ingress_class::IngressClass;
pub use metadata::Metadata;
pub use secret::Secret;
pub use service::Service;

/// The kinds that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// `networking.k8s.io/v1` IngressClass, cluster-scoped.
    IngressClass,
    /// `v1` Service.
    Service,
    /// `discovery.k8s.io/v1` EndpointSlice.
    EndpointSlice,
    /// `v1` Secret.
    Secret,
    /// `v1` ConfigMap.
    ConfigMap,
}

impl Kind {
    /// All of them, in the order in which a source should deliver them.
    pub const ALL: [Self; 6] = [
        Self::ConfigMap,
        Self::IngressClass,
        Self::Secret,
        Self::Service,
        Self::EndpointSlice,
        Self::Ingress,
    ];

    /// The kind as written in an object.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::IngressClass => "IngressClass",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }

    /// The `apiVersion` that is read.
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Ingress | Self::IngressClass => "networking.k8s.io/v1",
            Self::Service | Self::Secret | Self::ConfigMap => "v1",
            Self::EndpointSlice => "discovery.k8s.io/v1",
        }
    }

    /// Whether objects of this kind live in a namespace.
    pub const fn namespaced(self) -> bool {
        !matches!(self, Self::IngressClass)
    }

    fn of(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == kind && known.api_version() == api_version)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The identity of one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace (empty for cluster-scoped kinds) and name.
    pub id: NamespacedName,
}

impl ObjectKey {
    /// Names one object.
    pub fn new(kind: Kind, id: NamespacedName) -> Self {
        Self { kind, id }
    }

    /// The same as problems name it.
    pub fn to_ref(&self) -> ObjectRef {
        ObjectRef::new(self.kind.as_str(), &self.id)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// One object of any kind that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// An Ingress.
    Ingress(Box<Ingress>),
    /// An IngressClass.
    IngressClass(Box<IngressClass>),
    /// A Service.
    Service(Box<Service>),
    /// An EndpointSlice.
    EndpointSlice(Box<EndpointSlice>),
    /// A Secret; of its content only certificate and key are kept.
    Secret(Box<Secret>),
    /// A ConfigMap.
    ConfigMap(Box<ConfigMap>),
}

/// One document is not the object it claims to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} cannot be read: {}{message}", describe(.object), field_prefix(.field))]
pub struct DecodeError {
    /// The object, as far as it could be read: any of its parts may be empty.
    pub object: ObjectRef,
    /// The field, for example `spec.rules[0].http`; empty when it is the document as a whole.
    pub field: String,
    /// What is wrong with it, one bounded sentence that never quotes a Secret.
    pub message: String,
}

fn describe(object: &ObjectRef) -> String {
    match (object.kind.is_empty(), object.name.is_empty()) {
        (true, _) => "a document".to_owned(),
        (false, true) => format!("an object of kind {} without a name", object.kind),
        (false, false) => object.to_string(),
    }
}

fn field_prefix(field: &str) -> String {
    if field.is_empty() { String::new() } else { format!("{field}: ") }
}

impl Object {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ingress(_) => Kind::Ingress,
            Self::IngressClass(_) => Kind::IngressClass,
            Self::Service(_) => Kind::Service,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::Secret(_) => Kind::Secret,
            Self::ConfigMap(_) => Kind::ConfigMap,
        }
    }

    /// Which object it is.
    pub fn key(&self) -> ObjectKey {
        let (kind, metadata) = match self {
            Self::Ingress(object) => (Kind::Ingress, &object.metadata),
            Self::IngressClass(object) => (Kind::IngressClass, &object.metadata),
            Self::Service(object) => (Kind::Service, &object.metadata),
            Self::EndpointSlice(object) => (Kind::EndpointSlice, &object.metadata),
            Self::Secret(object) => (Kind::Secret, &object.metadata),
            Self::ConfigMap(object) => (Kind::ConfigMap, &object.metadata),
        };
        ObjectKey::new(kind, metadata.id())
    }

    /// Decodes one document. `Ok(None)` is a kind that is not read. The namespace defaults to `default` for
    /// namespaced kinds.
    ///
    /// # Errors
    /// When the document is no Kubernetes object, or not one the API server would accept as far as Ingora reads it.
    pub fn from_value(value: Value) -> Result<Option<Self>, DecodeError> {
        let object = claimed(&value);
        let fail = |field: &str, message: &str| DecodeError {
            object: object.clone(),
            field: field.to_owned(),
            message: message.to_owned(),
        };
        if !value.is_object() {
            return Err(fail("", "it is not a Kubernetes object: expected apiVersion, kind and metadata"));
        }
        let Some(api_version) = value.get("apiVersion").and_then(Value::as_str) else {
            return Err(fail("apiVersion", "it is missing or not a string"));
        };
        let Some(name) = value.get("kind").and_then(Value::as_str) else {
            return Err(fail("kind", "it is missing or not a string"));
        };
        let Some(kind) = Kind::of(api_version, name) else { return Ok(None) };
        Self::decode(kind, value).map(Some).map_err(|(field, message)| fail(&field, &message))
    }

    /// Decodes an object of a kind that is known from where it came, such as a list, whose elements do not say it.
    ///
    /// # Errors
    /// As [`Self::from_value`].
    pub fn from_json(kind: Kind, json: &str) -> Result<Self, DecodeError> {
        Self::decode(kind, &mut serde_json::Deserializer::from_str(json)).map_err(|(field, message)| {
            // Only now is it worth reading a second time.
            let value = serde_json::from_str(json).unwrap_or_default();
            let object = ObjectRef { kind: kind.to_string(), ..claimed(&value) };
            DecodeError { object, field, message }
        })
    }

    fn decode<'de>(kind: Kind, from: impl Deserializer<'de>) -> Result<Self, (String, String)> {
        let mut decoded = match kind {
            Kind::Ingress => decode(from, kind).map(Self::Ingress),
            Kind::IngressClass => decode(from, kind).map(Self::IngressClass),
            Kind::Service => decode(from, kind).map(Self::Service),
            Kind::EndpointSlice => decode(from, kind).map(Self::EndpointSlice),
            Kind::Secret => decode(from, kind).map(Self::Secret),
            Kind::ConfigMap => decode(from, kind).map(Self::ConfigMap),
        }?;
        let own = |(field, message): (&str, String)| (field.to_owned(), message);
        decoded.metadata_mut().normalise(kind).map_err(own)?;
        match &decoded {
            Self::EndpointSlice(slice) => slice.check_size(),
            Self::ConfigMap(map) => map.check_size(),
            _ => Ok(()),
        }
        .map_err(own)?;
        Ok(decoded)
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        match self {
            Self::Ingress(object) => &mut object.metadata,
            Self::IngressClass(object) => &mut object.metadata,
            Self::Service(object) => &mut object.metadata,
            Self::EndpointSlice(object) => &mut object.metadata,
            Self::Secret(object) => &mut object.metadata,
            Self::ConfigMap(object) => &mut object.metadata,
        }
    }
}

/// What the document says it is, for errors; every part bounded.
fn claimed(value: &Value) -> ObjectRef {
    let text = |value: Option<&Value>| -> String {
        value
            .and_then(Value::as_str)
            .unwrap_or_default()
            .chars()
            .filter(|c| !c.is_control())
            .take(253)
            .collect()
    };
    let metadata = value.get("metadata");
    let kind = text(value.get("kind"));
    let mut namespace = text(metadata.and_then(|metadata| metadata.get("namespace")));
    let namespaced = Kind::ALL.into_iter().any(|known| known.namespaced() && known.as_str() == kind);
    if namespace.is_empty() && namespaced {
        namespace = metadata::DEFAULT_NAMESPACE.to_owned();
    }
    let name = text(metadata.and_then(|metadata| metadata.get("name")));
    ObjectRef::new(kind, &NamespacedName::new(namespace, name))
}

fn decode<'de, T: DeserializeOwned>(
    from: impl Deserializer<'de>,
    kind: Kind,
) -> Result<Box<T>, (String, String)> {
    serde_path_to_error::deserialize(from).map(Box::new).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path.chars().take(200).collect() };
        // The decoder quotes what it did not expect, and in a Secret that may be the key.
        let message = match kind {
            Kind::Secret => "it does not have the form that a Secret has there".to_owned(),
            _ => {
                let message = error.inner().to_string();
                // The place in a line of a watch helps nobody.
                let plain = message.split_once(" at line ").map_or(message.as_str(), |(plain, _)| plain);
                plain.chars().filter(|c| !c.is_control()).take(200).collect()
            }
        };
        (field, message)
    })
}

#[cfg(test)]
mod tests;
