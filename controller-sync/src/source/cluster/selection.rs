//! What is asked of the API server: one [`Selection`] for each list and its watch.
//!
//! ```text
//!   everything                        with --watch-namespace shop
//!   Ingress, Service, EndpointSlice   the same, of the namespace shop
//!   IngressClass                      IngressClass, if it may be read
//!   Secret type kubernetes.io/tls     the same, of the namespace shop
//!   the default certificate           by name, whatever its type; likewise the default backend
//!   the ConfigMap of settings         by name
//! ```
//!
//! No two selections of a kind have an object in common, so that each object has one source of news.

use crate::object::endpoint_slice::SERVICE_NAME_LABEL;
use crate::object::{Kind, ObjectKey};
use crate::store;
use ingora_config::NamespacedName;
use std::fmt::Write as _;

/// The only kind of Secret that is read without being named by something.
const TLS_SECRETS: &str = "type=kubernetes.io/tls";
const OTHER_SECRETS: &str = "type!=kubernetes.io/tls";

/// What a selection is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Objects for the store.
    Objects(Kind),
    /// The names of namespaces.
    Namespaces,
}

impl Subject {
    /// The kind as written in objects.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Objects(kind) => kind.as_str(),
            Self::Namespaces => "Namespace",
        }
    }

    const fn api_version(self) -> &'static str {
        match self {
            Self::Objects(kind) => kind.api_version(),
            Self::Namespaces => "v1",
        }
    }

    /// The name in paths and in RBAC rules.
    const fn plural(self) -> &'static str {
        match self {
            Self::Objects(Kind::Ingress) => "ingresses",
            Self::Objects(Kind::IngressClass) => "ingressclasses",
            Self::Objects(Kind::Service) => "services",
            Self::Objects(Kind::EndpointSlice) => "endpointslices",
            Self::Objects(Kind::Secret) => "secrets",
            Self::Objects(Kind::ConfigMap) => "configmaps",
            Self::Namespaces => "namespaces",
        }
    }
}

/// A set of objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) subject: Subject,
    /// `None` is all namespaces.
    pub(super) namespace: Option<String>,
    /// A field selector.
    fields: String,
    /// A label selector.
    labels: String,
    /// Whether publication waits for it. What is not required counts as empty when it may not be read.
    pub(super) required: bool,
}

impl Selection {
    fn of(kind: Kind) -> Self {
        Self {
            subject: Subject::Objects(kind),
            namespace: None,
            fields: String::new(),
            labels: String::new(),
            required: true,
        }
    }

    fn within(self, namespace: Option<&String>) -> Self {
        Self { namespace: namespace.cloned(), ..self }
    }

    fn fields(self, fields: impl Into<String>) -> Self {
        Self { fields: fields.into(), ..self }
    }

    /// One object by its name.
    pub(super) fn named(kind: Kind, id: &NamespacedName) -> Self {
        let by_name = format!("metadata.name={}", id.name);
        Self::of(kind).within(Some(&id.namespace)).fields(by_name)
    }

    /// An object that something names, as far as it is not among [`Self::all`]; `None` when it can only be there.
    pub(super) fn referenced(key: &ObjectKey, options: &store::Options) -> Option<Self> {
        let id = &key.id;
        let elsewhere = options.watch_namespace.as_ref().is_some_and(|watched| *watched != id.namespace);
        let named = Self::named(key.kind, id);
        match key.kind {
            Kind::ConfigMap => return Some(named),
            Kind::Secret => {}
            _ => return None,
        }
        if elsewhere {
            return Some(named);
        }
        let fields = format!("{},{OTHER_SECRETS}", named.fields);
        Some(named.fields(fields))
    }

    /// The namespaces with certain labels.
    pub(super) fn namespaces(labels: &str) -> Self {
        Self { subject: Subject::Namespaces, labels: labels.to_owned(), ..Self::of(Kind::Ingress) }
    }

    /// All that these flags ask for, without `--watch-namespace-selector`.
    pub(super) fn all(options: &store::Options) -> Vec<Self> {
        let watched = options.watch_namespace.as_ref();
        let everywhere = |kind| Self::of(kind).within(watched);
        let mut all = vec![
            Self { required: watched.is_none(), ..Self::of(Kind::IngressClass) },
            everywhere(Kind::Secret).fields(TLS_SECRETS),
            everywhere(Kind::Service),
            everywhere(Kind::EndpointSlice),
            everywhere(Kind::Ingress),
        ];
        let elsewhere = |id: &NamespacedName| watched.is_some_and(|watched| *watched != id.namespace);
        if let Some(id) = &options.default_ssl_certificate {
            all.extend(Self::referenced(&ObjectKey::new(Kind::Secret, id.clone()), options));
        }
        all.extend(options.configmap.as_ref().map(|id| Self::named(Kind::ConfigMap, id)));
        if let Some(id) = options.default_backend_service.as_ref().filter(|id| elsewhere(id)) {
            all.push(Self::named(Kind::Service, id));
            let labels = format!("{SERVICE_NAME_LABEL}={}", id.name);
            all.push(Self { labels, ..Self::of(Kind::EndpointSlice).within(Some(&id.namespace)) });
        }
        all
    }

    /// Whether `--watch-namespace-selector` applies to it.
    pub(super) fn is_of_ingresses(&self) -> bool {
        self.subject == Subject::Objects(Kind::Ingress)
    }

    /// The path of the collection and the part of the query that selects; more of the query can follow.
    pub(super) fn target(&self) -> String {
        let version = self.subject.api_version();
        let mut target = match version.contains('/') {
            true => format!("/apis/{version}"),
            false => format!("/api/{version}"),
        };
        if let Some(namespace) = &self.namespace {
            target.push_str("/namespaces/");
            encode(&mut target, namespace);
        }
        target.push('/');
        target.push_str(self.subject.plural());
        let mut separator = '?';
        for (name, value) in [("fieldSelector", &self.fields), ("labelSelector", &self.labels)] {
            if !value.is_empty() {
                target.push(separator);
                target.push_str(name);
                target.push('=');
                encode(&mut target, value);
                separator = '&';
            }
        }
        target.push(separator);
        target
    }

    /// What it is called where only one like it can be meant.
    pub(super) fn name(&self) -> String {
        let mut name = self.subject.kind().to_owned();
        if let Some(namespace) = &self.namespace {
            let _ = write!(name, " in namespace {namespace}");
        }
        for selector in [&self.fields, &self.labels] {
            if !selector.is_empty() {
                let _ = write!(name, " with {selector}");
            }
        }
        name
    }

    /// The RBAC rule that allows it.
    pub(super) fn rule(&self) -> String {
        let group = self.subject.api_version().rsplit_once('/').map_or("", |(group, _)| group);
        let role = match &self.namespace {
            Some(namespace) => format!("a Role in namespace {namespace}"),
            None => "a ClusterRole".to_owned(),
        };
        let resources = self.subject.plural();
        format!(
            "{role} with {{apiGroups: [\"{group}\"], resources: [\"{resources}\"], verbs: [\"list\", \"watch\"]}}"
        )
    }
}

/// Percent-encodes what stands for itself in neither a path nor a query (RFC 3986, section 2.3).
pub(super) fn encode(target: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            target.push(char::from(byte));
        } else {
            let _ = write!(target, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(options: &store::Options) -> Vec<String> {
        Selection::all(options).iter().map(Selection::target).collect()
    }

    #[test]
    fn only_tls_secrets_are_read_unless_one_is_named() {
        let options = store::Options {
            default_ssl_certificate: Some(NamespacedName::new("edge", "default")),
            default_backend_service: Some(NamespacedName::new("edge", "sorry")),
            ..store::Options::default()
        };
        assert_eq!(
            targets(&options),
            [
                "/apis/networking.k8s.io/v1/ingressclasses?",
                "/api/v1/secrets?fieldSelector=type%3Dkubernetes.io%2Ftls&",
                "/api/v1/services?",
                "/apis/discovery.k8s.io/v1/endpointslices?",
                "/apis/networking.k8s.io/v1/ingresses?",
                "/api/v1/namespaces/edge/secrets?fieldSelector=metadata.name%3Ddefault%2Ctype%21%3Dkubernetes.io%2Ftls&",
            ]
        );
    }

    #[test]
    fn a_watched_namespace_needs_no_more_than_roles_there_and_where_the_flags_point() {
        let options = store::Options {
            watch_namespace: Some("shop".into()),
            default_ssl_certificate: Some(NamespacedName::new("edge", "default")),
            default_backend_service: Some(NamespacedName::new("edge", "sorry")),
            ..store::Options::default()
        };
        let all = Selection::all(&options);
        assert_eq!(all[0].subject, Subject::Objects(Kind::IngressClass));
        assert!(!all[0].required);
        assert!(all[1..].iter().all(|selection| selection.required));
        assert!(all[1..5].iter().all(|selection| selection.namespace.as_deref() == Some("shop")));
        assert_eq!(
            targets(&options)[5..],
            [
                "/api/v1/namespaces/edge/secrets?fieldSelector=metadata.name%3Ddefault&",
                "/api/v1/namespaces/edge/services?fieldSelector=metadata.name%3Dsorry&",
                "/apis/discovery.k8s.io/v1/namespaces/edge/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dsorry&",
            ]
        );
    }

    #[test]
    fn a_refusal_can_be_answered_with_the_rule_that_is_missing() {
        let selection = Selection::of(Kind::EndpointSlice).within(Some(&"shop".to_owned()));
        assert_eq!(
            selection.rule(),
            "a Role in namespace shop with {apiGroups: [\"discovery.k8s.io\"], resources: [\"endpointslices\"], verbs: \
             [\"list\", \"watch\"]}"
        );
        assert!(Selection::of(Kind::Secret).rule().starts_with("a ClusterRole with {apiGroups: [\"\"]"));
    }
}
