//! One Ingress by itself: what it claims, what it refers to, and what is wrong with it whatever else exists.
//!
//! ```text
//!   Ingress ──▶ claims on (host, path)   ──▶ slots
//!           ──▶ hosts, tls section       ──▶ hosts, secrets
//!           ──▶ upstreams                ──▶ upstreams
//!           ──▶ problems of its own
//! ```
//!
//! The result is kept until the Ingress changes; merging it with others is the work of those neighbours.

use super::annotations::{self, HostWishes, Wishes, error_pages};
use super::gates::{self, Gates};
use super::pattern::not_a_regex;
use super::problems::Subject;
use super::quote::quoted;
use super::rank::Rank;
use super::reference::resolve;
use super::references::References;
use super::tls::TlsSection;
use crate::object::Ingress;
use crate::object::ingress::{HttpPath, IngressBackend, IngressRule, ServiceBackendPort};
use crate::store::{Standing, Store};
use ingora_config::policy::{CanaryRule, HttpsRedirect, Rewrite};
use ingora_config::{
    Backend, Host, InvalidPattern, NamespacedName, PathKind, PathMatch, PathValue, Policy, Problem, Reason,
    RouteKey, ServicePort, SourceLocation, UpstreamId,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

/// The most problems of its own that one Ingress is told.
const MAX_PROBLEMS: usize = 100;

/// The most claims on further names of one Ingress: its hosts times its aliases.
const MAX_ALIAS_CLAIMS: usize = 5000;

/// One Ingress, compiled.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) rank: Rank,
    pub(super) subject: Subject,
    /// At most one for each slot.
    pub(super) claims: Vec<Claim>,
    /// Every host of its rules, those without a path included.
    pub(super) hosts: BTreeSet<Host>,
    /// `None` when `spec.tls` is empty.
    pub(super) tls: Option<TlsSection>,
    /// The Service ports it refers to, each with the first place.
    pub(super) upstreams: BTreeMap<UpstreamId, Place>,
    /// `service-upstream`, where an annotation says it.
    pub(super) service_upstream: Option<bool>,
    /// What its annotations ask for its routes.
    pub(super) policy: Arc<Policy>,
    /// What they ask for its hosts.
    pub(super) wishes: HostWishes,
    /// `Some` when it is a canary: it then has no host and no certificate, and its claims are on a share of what others
    /// serve.
    pub(super) canary: Option<Arc<CanaryRule>>,
    /// The Secrets and ConfigMaps its annotations name.
    pub(super) references: References,
    pub(super) problems: Vec<Problem>,
}

impl Compiled {
    pub(super) fn id(&self) -> &NamespacedName {
        &self.rank.id
    }
}

/// A claim on a slot, that is on one host and path.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) key: RouteKey,
    pub(super) strength: Strength,
    pub(super) backend: Backend,
    pub(super) place: Place,
    /// Whether it makes every path of its host a regular expression.
    pub(super) regex: bool,
    /// Why its path is no regular expression, if it is none; only a host in regex mode minds.
    pub(super) not_a_regex: Option<InvalidPattern>,
}

/// What kind of claim it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strength {
    /// A path of a rule.
    Rule,
    /// The default backend of an Ingress without rules: as strong as a rule, and the older one wins.
    CatchAll,
    /// The default backend beside rules: what the hosts of its rules leave over; weaker than any rule.
    Rest,
}

/// Where in the Ingress something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path {
        rule: usize,
        path: usize,
    },
    DefaultBackend,
    /// The annotation of this name behind the prefix.
    Annotation(&'static str),
    /// The service of external authentication.
    AuthUrl,
    /// Who gets copies of requests.
    MirrorTarget,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { rule, path } => write!(f, "spec.rules[{rule}].http.paths[{path}]"),
            Self::DefaultBackend => f.write_str("spec.defaultBackend"),
            Self::Annotation(name) => write!(f, "metadata.annotations[{name}]"),
            Self::AuthUrl => f.write_str("auth-url"),
            Self::MirrorTarget => f.write_str("mirror-target"),
        }
    }
}

/// The problems found so far in one Ingress, bounded.
pub(super) struct Found<'a> {
    subject: &'a Subject,
    problems: Vec<Problem>,
}

impl Found<'_> {
    pub(super) fn error(&mut self, reason: Reason, field: String, message: String, hint: &str) {
        let problem = self.subject.error(reason, field, message, hint);
        self.push(problem);
    }

    pub(super) fn warning(&mut self, reason: Reason, field: String, message: String, hint: &str) {
        let problem = self.subject.warning(reason, field, message, hint);
        self.push(problem);
    }

    fn push(&mut self, mut problem: Problem) {
        if self.problems.len() == MAX_PROBLEMS {
            problem.message =
                format!("more is wrong with this Ingress than the {MAX_PROBLEMS} problems listed");
            problem.field = String::new();
            problem.hint = String::new();
        }
        if self.problems.len() <= MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

/// Compiles an Ingress that is ours.
pub(super) fn compile(
    ingress: &Ingress,
    location: Option<&SourceLocation>,
    standing: Standing,
    store: &Store,
    gates: &Gates,
) -> Compiled {
    let options = store.options();
    let id = ingress.metadata.id();
    let subject = Subject::new("Ingress", &id, location);
    let mut compiler = Compiler {
        found: Found { subject: &subject, problems: Vec::new() },
        namespace: &id.namespace,
        canary: false,
        strict: gates.strict_path_type,
        claims: Vec::new(),
        slots: HashMap::new(),
        hosts: BTreeSet::new(),
        upstreams: BTreeMap::new(),
        use_regex: false,
        rewrite: None,
    };
    let mut tls = None;
    let mut wishes = annotations::read(ingress, store, gates, &mut compiler.found);
    compiler.canary = wishes.canary.is_some();
    if ingress.spec.rules.is_empty() {
        without_redirects(&mut wishes, &mut compiler.found);
    }
    compiler.use_regex = wishes.host.regex;
    compiler.rewrite = wishes.policy.rewrite.clone();
    if standing == Standing::OursByName {
        super::classes::assumed(options, &mut compiler.found);
    }
    if options.disable_catch_all && ingress.spec.default_backend.is_some() {
        compiler.found.error(
            Reason::DefaultBackendConflict,
            "spec.defaultBackend".into(),
            "--disable-catch-all refuses an Ingress with a default backend; nothing of it is served".into(),
            "remove spec.defaultBackend; a rule without a host is allowed",
        );
    } else if !wishes.rejected && !compiler.is_suspicious(ingress) {
        for (index, rule) in ingress.spec.rules.iter().enumerate() {
            compiler.rule(index, rule);
        }
        if let Some(backend) = &ingress.spec.default_backend {
            compiler.default_backend(backend, ingress.spec.rules.is_empty());
        }
        if let Some(spare) = wishes.policy.error_pages.as_ref().and_then(|pages| pages.backend.clone()) {
            compiler.upstreams.insert(spare, Place::Annotation(error_pages::DEFAULT_BACKEND));
        }
        if let Some(id) = wishes.policy.external_auth.as_ref().and_then(|auth| auth.upstream()) {
            compiler.upstreams.entry(id.clone()).or_insert(Place::AuthUrl);
        }
        if let Some(mirror) = &wishes.policy.mirror {
            compiler.upstreams.entry(mirror.upstream.clone()).or_insert(Place::MirrorTarget);
        }
        compiler.bound_aliases(&mut wishes.host);
        if wishes.canary.is_some() {
            compiler.keep_claims_alone(!ingress.spec.tls.is_empty());
        } else {
            tls = TlsSection::read(&ingress.spec.tls, &id.namespace, &mut compiler.found);
        }
    }
    let balance = match &wishes.canary {
        Some(rule) => rule.load_balance.as_deref(),
        None => wishes.policy.load_balance.as_deref(),
    };
    let service_upstream = balance.and_then(|balance| balance.service_upstream);
    if wishes.policy.ssl_passthrough {
        compiler.passthrough_needs_root(&wishes.host);
    }
    let policy = Arc::new(wishes.policy);
    let Compiler { found: Found { problems, .. }, claims, hosts, upstreams, .. } = compiler;
    let rank = Rank { created: ingress.metadata.creation_timestamp, id };
    Compiled {
        rank,
        subject,
        claims,
        hosts,
        tls,
        upstreams,
        service_upstream,
        policy,
        wishes: wishes.host,
        canary: wishes.canary,
        references: wishes.references,
        problems,
    }
}

/// A default backend without rules takes what no host wants: as in ingress-nginx nothing redirects or rewrites there, which
/// would break every host that has no rules.
fn without_redirects(wishes: &mut Wishes, found: &mut Found<'_>) {
    let Wishes { policy, host, .. } = wishes;
    let asked = policy.redirect.is_some() || policy.rewrite.is_some() || policy.https_redirect.is_some();
    if asked || host.regex || host.app_root.is_some() {
        found.warning(
            Reason::AnnotationInvalid,
            "metadata.annotations".into(),
            "an Ingress without rules neither redirects nor rewrites; these annotations have no effect"
                .into(),
            "write a rule without a host for the path /",
        );
    }
    policy.redirect = None;
    policy.rewrite = None;
    policy.https_redirect = Some(Box::new(HttpsRedirect::NEVER));
    host.regex = false;
    host.app_root = None;
}

struct Compiler<'a> {
    found: Found<'a>,
    namespace: &'a str,
    canary: bool,
    /// Whether to tell of paths that ingress-nginx' webhook would refuse.
    strict: bool,
    claims: Vec<Claim>,
    /// The place of the claim on each slot.
    slots: HashMap<RouteKey, Place>,
    hosts: BTreeSet<Host>,
    upstreams: BTreeMap<UpstreamId, Place>,
    use_regex: bool,
    rewrite: Option<Box<Rewrite>>,
}

impl Compiler<'_> {
    /// Whether a host or path looks like an attack on nginx; nothing of such an Ingress is served.
    fn is_suspicious(&mut self, ingress: &Ingress) -> bool {
        let mut found = None;
        for (index, rule) in ingress.spec.rules.iter().enumerate() {
            let host = rule.host.as_deref().unwrap_or_default();
            let host = gates::suspicious(host).map(|word| (format!("spec.rules[{index}].host"), word));
            let paths = rule.http.iter().flat_map(|http| &http.paths).enumerate();
            let path = paths.filter_map(|(path_index, path)| {
                let word = gates::suspicious(path.path.as_deref()?)?;
                Some((format!("{}.path", Place::Path { rule: index, path: path_index }), word))
            });
            found = found.or(host).or(path.min());
        }
        let Some((field, word)) = found else { return false };
        let message = format!("{word} stands in it; nothing of the Ingress is served");
        let hint = "no host or path needs that text; if this one does, use another";
        self.found.error(Reason::AnnotationForbidden, field, message, hint);
        true
    }

    fn rule(&mut self, index: usize, rule: &IngressRule) {
        let text = rule.host.as_deref().unwrap_or_default();
        let Ok(host) = Host::parse(text) else {
            return self.found.error(
                Reason::InvalidHost,
                format!("spec.rules[{index}].host"),
                format!("{} is not a host; the rule is not served", quoted(text)),
                "write a DNS name such as www.example.com or *.example.com, without a port",
            );
        };
        self.hosts.insert(host.clone());
        for (path_index, path) in rule.http.iter().flat_map(|http| &http.paths).enumerate() {
            self.path(&host, Place::Path { rule: index, path: path_index }, path);
        }
    }

    fn path(&mut self, host: &Host, place: Place, path: &HttpPath) {
        let kind = match path.path_type.as_deref() {
            Some("Exact") => PathKind::Exact,
            None | Some("" | "Prefix" | "ImplementationSpecific") => PathKind::Prefix,
            Some(other) => {
                return self.found.error(
                    Reason::InvalidPathType,
                    format!("{place}.pathType"),
                    format!("{} is not a pathType; the path is not served", quoted(other)),
                    "write Exact, Prefix or ImplementationSpecific",
                );
            }
        };
        let text = path.path.as_deref().unwrap_or_default();
        let value = match PathValue::new(text) {
            Ok(value) => value,
            Err(error) => {
                let hint = "write a path such as /shop";
                return self.found.error(
                    Reason::InvalidPath,
                    format!("{place}.path"),
                    error.to_string(),
                    hint,
                );
            }
        };
        let typed = matches!(path.path_type.as_deref(), Some("Exact" | "Prefix"));
        if self.strict && typed && !gates::is_strict_path(value.as_str()) {
            self.found.warning(
                Reason::InvalidPathType,
                format!("{place}.pathType"),
                format!(
                    "a path such as {} is not for pathType Exact or Prefix; it is served all the same",
                    quoted(text)
                ),
                "write ImplementationSpecific if the path is a regular expression",
            );
        }
        let key = RouteKey { host: host.clone(), path: PathMatch { kind, value } };
        if let Some(first) = self.slots.get(&key) {
            let message =
                format!("the same host, path and pathType already stand in {first}; this path is not served");
            let hint = "remove one of the two";
            return self.found.error(Reason::PathConflict, place.to_string(), message, hint);
        }
        if let Some(why) = self.broken_pattern(&key.path.value) {
            let message =
                format!("the path {} {why}; the path is not served", quoted(key.path.value.as_str()));
            let hint = "write it as a regular expression, which rewrite-target and use-regex make of it";
            return self.found.error(Reason::InvalidPath, format!("{place}.path"), message, hint);
        }
        let backend = self.backend(&path.backend, place, &format!("{place}.backend"));
        self.claim(key, Strength::Rule, backend, place);
    }

    fn default_backend(&mut self, backend: &IngressBackend, alone: bool) {
        let place = Place::DefaultBackend;
        let backend = self.backend(backend, place, "spec.defaultBackend");
        let (hosts, strength) = if alone {
            (BTreeSet::from([Host::CatchAll]), Strength::CatchAll)
        } else {
            (self.hosts.clone(), Strength::Rest)
        };
        for host in hosts {
            let value = PathValue::new("/").expect("the root is a path");
            let key = RouteKey { host, path: PathMatch { kind: PathKind::Prefix, value } };
            if !self.slots.contains_key(&key) {
                self.claim(key, strength, backend.clone(), place);
            }
        }
        if alone {
            self.hosts.insert(Host::CatchAll);
        }
    }

    fn claim(&mut self, key: RouteKey, strength: Strength, backend: Backend, place: Place) {
        self.slots.insert(key.clone(), place);
        let regex = self.wants_regex(key.path.value.as_str());
        let not_a_regex = not_a_regex(&key.path.value);
        self.claims.push(Claim { key, strength, backend, place, regex, not_a_regex });
    }

    /// TLS that is not opened has no path: all of it goes where `/` goes.
    fn passthrough_needs_root(&mut self, wishes: &HostWishes) {
        for host in annotations::ssl_passthrough::without_root(&self.hosts, &self.claims) {
            self.found.warning(
                Reason::AnnotationInvalid,
                wishes.field("ssl-passthrough"),
                format!("the Ingress has no path / for {host}; TLS for it is ended at the gateway"),
                "add the path / with the Service that ends TLS",
            );
        }
    }

    /// Every host of the Ingress claims every alias: their product must not grow without bound.
    fn bound_aliases(&mut self, wishes: &mut HostWishes) {
        let (aliases, hosts) = (wishes.aliases.len(), self.hosts.len());
        if aliases * hosts > MAX_ALIAS_CLAIMS {
            wishes.aliases = Vec::new();
            self.found.error(
                Reason::AnnotationInvalid,
                wishes.field("server-alias"),
                format!("{aliases} aliases of {hosts} hosts are too many; none is served"),
                "put the hosts that need aliases into an Ingress of their own",
            );
        }
    }

    /// Whether the Ingress itself makes this path a regular expression, and with it all of the host (ingress-nginx).
    fn wants_regex(&self, path: &str) -> bool {
        self.use_regex || self.rewrite.as_ref().is_some_and(|rewrite| rewrite.applies_to(path))
    }

    /// Why a path that its own Ingress wants to be a regular expression is none. Nobody could say what it should match.
    fn broken_pattern(&self, path: &PathValue) -> Option<InvalidPattern> {
        self.wants_regex(path.as_str()).then(|| not_a_regex(path)).flatten()
    }

    /// A canary has no host, no certificate, and nothing to offer without a Service.
    fn keep_claims_alone(&mut self, tls: bool) {
        self.hosts.clear();
        self.claims.retain(|claim| claim.backend != Backend::NotFound);
        if tls {
            let message = "a canary takes the certificate from its primary; spec.tls is not read here".into();
            let hint = "set it on the primary Ingress";
            self.found.warning(Reason::AnnotationConflict, "spec.tls".into(), message, hint);
        }
    }

    fn backend(&mut self, backend: &IngressBackend, place: Place, field: &str) -> Backend {
        let then = if self.canary { "it takes no requests" } else { "requests get 404" };
        let Some(service) = backend.service.as_ref().filter(|service| !service.name.is_empty()) else {
            self.found.error(
                Reason::BackendUnsupported,
                field.to_owned(),
                format!("the backend is not a Service; {then}"),
                "name a Service; resource backends are not served",
            );
            return Backend::NotFound;
        };
        match resolve(self.namespace, &service.name) {
            Ok(id) => {
                let port = service_port(&service.port);
                let id = UpstreamId { namespace: id.namespace, service: id.name, port };
                self.upstreams.entry(id.clone()).or_insert(place);
                Backend::Upstream(id)
            }
            Err(why) => {
                let message = format!("{} {why}; {then}", quoted(&service.name));
                let hint = "name a Service of the Ingress' own namespace";
                self.found.error(Reason::BackendUnsupported, format!("{field}.service.name"), message, hint);
                Backend::NotFound
            }
        }
    }
}

/// The port as written. What cannot be a port becomes a name that no Service port has, so that the path answers 503 and
/// the problem shows it.
fn service_port(port: &ServiceBackendPort) -> ServicePort {
    let name = port.name.as_deref().unwrap_or_default();
    match port.number {
        Some(number) if name.is_empty() => match u16::try_from(number) {
            Ok(number) if number != 0 => ServicePort::Number(number),
            _ => ServicePort::Name(number.to_string()),
        },
        _ => ServicePort::Name(name.chars().take(64).collect()),
    }
}
