//! A route as requests use it: everything they need of it is worked out when it is published.

use crate::filters::Filters;
use crate::filters::canary::{Canaries, CanaryBackend};
use crate::filters::error_pages::ErrorPages;
use crate::telemetry::RouteStats;
use crate::upstream::{Group, Transport};
use ingora_config::policy::{ExternalAuthChoice, HttpsRedirect};
use ingora_config::{
    Backend, Host, NamespacedName, PathKind, PathMatch, PathPattern, PathValue, Policy, Route, RouteKey,
    UpstreamId,
};
use std::sync::{Arc, OnceLock};

/// One route, ready for requests. A route that is published again unchanged stays the same value.
#[derive(Debug)]
pub struct CompiledRoute {
    /// As it came.
    pub route: Route,
    /// Where it sends requests; `None` for [`Backend::NotFound`].
    pub group: Option<Arc<Group>>,
    /// Other groups for some of its requests.
    pub canaries: Option<Box<Canaries>>,
    /// What its annotations say of error pages.
    pub error_pages: Option<Box<ErrorPages>>,
    /// What its annotations do to requests.
    pub filters: Filters,
    /// How its endpoints are spoken to; `None` is as the Service says.
    pub transport: Option<Box<Transport>>,
    /// What [`CompiledRoute::service_port`] says.
    pub service_port: Box<str>,
    /// What [`route_fields`](crate::telemetry::access_log::route_fields) says of it.
    pub log_fields: Box<[u8]>,
    /// Counters, shared with every route that has the same labels.
    pub stats: Arc<RouteStats>,
    /// The path as a regular expression, from the first time it is needed on.
    pub pattern: OnceLock<Arc<PathPattern>>,
}

impl CompiledRoute {
    /// The path as a regular expression. One that is none is taken as it is written: translation has told its owner.
    pub fn pattern(&self) -> &Arc<PathPattern> {
        self.pattern.get_or_init(|| {
            let path = &self.route.key.path.value;
            Arc::new(PathPattern::new(path).unwrap_or_else(|_| PathPattern::literal(path)))
        })
    }

    /// The namespace of the Ingress; empty for `--default-backend-service`.
    pub fn namespace(&self) -> &str {
        &self.route.ingress.namespace
    }

    /// The name of the Ingress; empty for `--default-backend-service`.
    pub fn ingress(&self) -> &str {
        &self.route.ingress.name
    }

    /// Whether the TLS of its host goes to its upstream unopened.
    pub fn takes_tls(&self) -> bool {
        self.route.policy.ssl_passthrough && self.group.is_some() && self.path() == "/"
    }

    /// The path of the rule.
    pub fn path(&self) -> &str {
        self.route.key.path.value.as_str()
    }

    /// The name of the Service; empty when the backend is not a Service.
    pub fn service(&self) -> &str {
        match &self.route.backend {
            Backend::Upstream(id) => &id.service,
            Backend::NotFound => "",
        }
    }

    /// The canary at a place that [`Canaries::choose`] answered.
    pub fn canary(&self, at: Option<usize>) -> Option<&CanaryBackend> {
        self.canaries.as_ref()?.get(at?)
    }

    /// The port of the Service as the Ingress names it; empty when the backend is not a Service, or names none.
    pub fn service_port(&self) -> &str {
        &self.service_port
    }

    /// The name of the upstream, `namespace-service-port`; empty when the backend is not a Service.
    pub fn upstream(&self) -> &str {
        self.group.as_ref().map_or("", |group| group.name())
    }
}

/// The route of `--default-backend-service`, which belongs to no Ingress and, as in ingress-nginx, never redirects to HTTPS.
pub fn default_backend(id: UpstreamId) -> Route {
    let root = PathValue::new("/").expect("the root is a path");
    Route {
        key: RouteKey { host: Host::CatchAll, path: PathMatch { kind: PathKind::Prefix, value: root } },
        ingress: NamespacedName::default(),
        backend: Backend::Upstream(id),
        policy: Arc::new(Policy {
            https_redirect: Some(Box::new(HttpsRedirect::NEVER)),
            // `global-auth-url` is for Ingresses.
            external_auth: Some(Box::new(ExternalAuthChoice::Nobody)),
            ..Policy::default()
        }),
        canaries: Vec::new(),
    }
}
