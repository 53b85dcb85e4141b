//! References from one object to another, all resolved here, always keyed by the namespace of the object that refers.

use crate::object::metadata::is_name;
use ingora_config::NamespacedName;

/// Who refers to a Service or a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Referrer {
    /// A flag of the operator.
    Options,
    /// `global-auth-url` of this ConfigMap.
    GlobalAuth(NamespacedName),
    /// An Ingress.
    Ingress(NamespacedName),
}

/// Why a reference leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadReference {
    #[error("is not the name of a Kubernetes object")]
    NotAName,
    #[error("names another namespace, which is not allowed")]
    OtherNamespace,
}

/// Reads a reference, `name` or `namespace/name`, made by an object of `referrer_namespace`. Only that namespace can be
/// reached: a tenant must not use what belongs to another one.
pub(super) fn resolve(referrer_namespace: &str, text: &str) -> Result<NamespacedName, BadReference> {
    resolve_in(referrer_namespace, text, false)
}

/// The same, and where `allow-cross-namespace-resources` says so any namespace can be reached.
pub(super) fn resolve_in(
    referrer_namespace: &str,
    text: &str,
    any_namespace: bool,
) -> Result<NamespacedName, BadReference> {
    let (namespace, name) = text.split_once('/').unwrap_or((referrer_namespace, text));
    if !is_name(namespace) || !is_name(name) {
        Err(BadReference::NotAName)
    } else if namespace != referrer_namespace && !any_namespace {
        Err(BadReference::OtherNamespace)
    } else {
        Ok(NamespacedName::new(namespace, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_namespace_can_be_reached() {
        assert_eq!(resolve("shop", "tls"), Ok(NamespacedName::new("shop", "tls")));
        assert_eq!(resolve("shop", "shop/tls"), Ok(NamespacedName::new("shop", "tls")));
        assert_eq!(resolve("shop", "bank/tls"), Err(BadReference::OtherNamespace));
        for text in ["", "/", "shop/", "/tls", "a/b/c", "../bank/tls", "TLS", "a b"] {
            assert_eq!(resolve("shop", text), Err(BadReference::NotAName), "{text:?}");
        }
    }
}
