//! IngressClass (`networking.k8s.io/v1`), cluster-scoped.

use super::metadata::{Metadata, null_is_default};
use serde::Deserialize;

const IS_DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";

/// An IngressClass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct IngressClass {
    /// Name and annotations.
    pub metadata: Metadata,
    /// Whose class it is.
    #[serde(default, deserialize_with = "null_is_default")]
    pub spec: IngressClassSpec,
}

/// `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct IngressClassSpec {
    /// The controller that serves this class.
    #[serde(default, deserialize_with = "null_is_default")]
    pub controller: String,
}

impl IngressClass {
    /// Whether Ingresses that name no class at all belong to this one.
    pub fn is_default(&self) -> bool {
        self.metadata.annotations.get(IS_DEFAULT).is_some_and(|value| value == "true")
    }
}
