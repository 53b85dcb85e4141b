//! Annotations under our prefix.
//!
//! ```text
//!   Ingress ──reader──▶ one file per feature ──▶ Policy (its routes), HostWishes (its hosts); of a canary CanaryRule alone
//!                 └───▶ problems; rejected, denied
//! ```
//!
//! [`table`] says of every name what Ingora does about it; none is ignored in silence. Annotations of other prefixes
//! (cert-manager, external-dns, …) belong to others and are left alone.

use super::compile::Found;
use super::gates::Gates;
use super::quote::quoted;
use super::references::References;
use super::value;
use crate::object::Ingress;
use crate::store::Store;
use ingora_config::policy::CanaryRule;
use ingora_config::{AuthTls, Host, HostCiphers, Policy, Reason};
use reader::Reader;
use std::sync::Arc;
use table::{Guards, Risk, Row, Support};

mod access_log;
mod affinity;
mod app_root;
mod auth_tls;
mod backend_protocol;
mod basic_auth;
mod buffers;
mod canary;
pub(super) mod charset;
mod cors;
mod custom_headers;
pub(super) mod error_pages;
mod external_auth;
mod from_to_www_redirect;
mod https_redirect;
mod load_balance;
mod mirror;
mod proxy_cookie;
mod proxy_http;
mod proxy_redirect;
mod proxy_ssl;
mod rate_limit;
mod reader;
mod redirect;
mod refused;
mod retry;
mod rewrite;
mod satisfy;
mod server_alias;
pub(super) mod snippet;
mod source_range;
pub(super) mod ssl_passthrough;
pub mod table;
mod timeouts;
mod tls;
mod upstream_vhost;
mod use_regex;

pub(super) use external_auth::KEEPALIVE;

/// What the annotations of one Ingress ask for.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// Nothing of the Ingress is served.
    pub(super) rejected: bool,
    /// For its routes.
    pub(super) policy: Policy,
    /// For its hosts.
    pub(super) host: HostWishes,
    /// `Some` when it is a canary, which by itself serves nothing.
    pub(super) canary: Option<Arc<CanaryRule>>,
    /// The Secrets and ConfigMaps that they name.
    pub(super) references: References,
}

/// What an Ingress asks of its hosts as a whole.
#[derive(Debug, Default)]
pub(super) struct HostWishes {
    /// `use-regex`.
    pub(super) regex: bool,
    /// `app-root`.
    pub(super) app_root: Option<String>,
    /// `server-alias`.
    pub(super) aliases: Vec<Host>,
    /// `from-to-www-redirect`.
    pub(super) from_to_www: bool,
    /// `auth-tls-*`.
    pub(super) auth_tls: Option<AuthTls>,
    /// `ssl-ciphers`, `ssl-prefer-server-ciphers`.
    pub(super) ciphers: HostCiphers,
    /// What the names of annotations start with, for problems.
    prefix: String,
}

impl HostWishes {
    /// Whether there is anything that the hosts have to know.
    pub(super) fn concern_the_host(&self) -> bool {
        self.app_root.is_some()
            || !self.aliases.is_empty()
            || self.from_to_www
            || self.auth_tls.is_some()
            || self.ciphers != HostCiphers::default()
    }

    /// The field of an annotation.
    pub(super) fn field(&self, name: &str) -> String {
        field(&format!("{}/{name}", self.prefix))
    }
}

/// Reads all of them.
pub(super) fn read(ingress: &Ingress, store: &Store, gates: &Gates, found: &mut Found<'_>) -> Wishes {
    let prefix = &*store.options().annotations_prefix;
    let mut rejected = false;
    let mut any = false;
    for (annotation, name, value) in ours(ingress, prefix) {
        any = true;
        rejected |= match table::row(name) {
            Some(row) => {
                not_acted_on(annotation, row, value, gates, found)
                    || forbidden(annotation, row, value, gates, found)
            }
            None => unknown(annotation, name, found),
        };
    }
    if !any {
        return Wishes::default();
    }
    let mut reader = Reader::new(ingress, prefix, store, gates, found);
    if let Some(rule) = canary::read(&mut reader) {
        let rejected = rejected || reader.rejected;
        return Wishes { rejected, canary: Some(Arc::new(rule)), ..Wishes::default() };
    }
    let mut policy = Policy {
        denied: false,
        rewrite: rewrite::read(&mut reader).map(Box::new),
        upstream_vhost: upstream_vhost::read(&mut reader).map(Box::new),
        redirect: redirect::read(&mut reader).map(Box::new),
        https_redirect: https_redirect::read(&mut reader).map(Box::new),
        cors: cors::read(&mut reader).map(Box::new),
        rate_limit: rate_limit::read(&mut reader).map(Box::new),
        source_range: source_range::read(&mut reader).map(Box::new),
        load_balance: load_balance::read(&mut reader).map(Box::new),
        affinity: affinity::read(&mut reader).map(Box::new),
        error_pages: error_pages::read(&mut reader).map(Box::new),
        custom_headers: custom_headers::read(&mut reader).map(Box::new),
        proxy_cookie: proxy_cookie::read(&mut reader).map(Box::new),
        proxy_redirect: proxy_redirect::read(&mut reader).map(Box::new),
        ssl_passthrough: ssl_passthrough::read(&mut reader),
        backend_protocol: backend_protocol::read(&mut reader),
        proxy_ssl: None,
        basic_auth: basic_auth::read(&mut reader).map(Box::new),
        satisfy_any: satisfy::read(&mut reader),
        timeouts: timeouts::read(&mut reader).map(Box::new),
        retry: retry::read(&mut reader).map(Box::new),
        buffers: buffers::read(&mut reader).map(Box::new),
        proxy_http: proxy_http::read(&mut reader).map(Box::new),
        access_log: access_log::read(&mut reader).map(Box::new),
        mirror: mirror::read(&mut reader).map(Box::new),
        external_auth: external_auth::read(&mut reader).map(Box::new),
    };
    policy.proxy_ssl = proxy_ssl::read(&mut reader, policy.backend_protocol).map(Box::new);
    let host = HostWishes {
        regex: use_regex::read(&mut reader),
        app_root: app_root::read(&mut reader),
        aliases: server_alias::read(&mut reader),
        from_to_www: from_to_www_redirect::read(&mut reader),
        auth_tls: auth_tls::read(&mut reader),
        ciphers: tls::read(&mut reader),
        prefix: prefix.to_owned(),
    };
    policy.denied = reader.denied;
    let rejected = rejected || reader.rejected;
    Wishes { rejected, policy, host, canary: None, references: reader.references }
}

/// Tells of an annotation that Ingora does not act on; `true` when the Ingress must not be served without it.
fn not_acted_on(annotation: &str, row: &Row, value: &str, gates: &Gates, found: &mut Found<'_>) -> bool {
    let (guards, why, hint) = match row.support {
        Support::Full | Support::Differs(_) => return false,
        Support::Refused { guards, why, instead } => (guards, why, instead),
    };
    let advice = (row.feature == "snippet").then(|| snippet::advice(value)).flatten();
    let hint = advice.as_deref().unwrap_or(hint);
    // ingress-nginx drops snippets that the risk level lets pass, unless they are allowed.
    let dropped =
        row.risk == Risk::Critical && gates.risk_level == Risk::Critical && !gates.allow_snippet_annotations;
    let guards = match guards {
        Guards::Whole if dropped || gates.ignore_unsupported => Guards::Part,
        guards => guards,
    };
    let (reason, field) = (Reason::AnnotationUnsupported, field(annotation));
    match guards {
        Guards::Nothing => {
            let message = format!("{why}; the Ingress is served as if it were not there");
            found.warning(reason, field, message, hint);
        }
        Guards::Part => {
            let message = format!("{why}; requests are NOT protected by it");
            found.error(reason, field, message, hint);
        }
        Guards::Whole => {
            let message =
                format!("{why}, and requests would NOT be protected by it; nothing of the Ingress is served");
            found.error(reason, field, message, hint);
        }
    }
    guards == Guards::Whole
}

/// Tells of an annotation that the operator's gates refuse; `true` when one does, and the Ingress must not be served.
fn forbidden(annotation: &str, row: &Row, value: &str, gates: &Gates, found: &mut Found<'_>) -> bool {
    let dropped = matches!(row.support, Support::Refused { .. });
    let message = if row.risk > gates.risk_level && !dropped {
        format!(
            "its risk is {:?} and annotations-risk-level allows {:?}; nothing of the Ingress is served",
            row.risk, gates.risk_level
        )
    } else if let Some(word) = gates.word_blocklist.iter().find(|word| value.contains(&***word)) {
        format!(
            "annotation-value-word-blocklist forbids {} in it; nothing of the Ingress is served",
            quoted(word)
        )
    } else {
        return false;
    };
    let hint = "remove it, or ask whoever runs the gateway to allow it in the ConfigMap";
    found.error(Reason::AnnotationForbidden, field(annotation), message, hint);
    true
}

/// Tells of a name that nobody knows, which keeps nothing from being served.
fn unknown(annotation: &str, name: &str, found: &mut Found<'_>) -> bool {
    let near = value::nearest(name, table::rows().map(|row| row.name));
    let hint = near.map(|near| format!("did you mean {near}?"));
    found.warning(
        Reason::AnnotationUnknown,
        field(annotation),
        "there is no such annotation; the Ingress is served as if it were not there".into(),
        hint.as_deref().unwrap_or("correct its name, or remove it"),
    );
    false
}

/// The annotations under the prefix, each with its name behind it and its value.
fn ours<'a>(ingress: &'a Ingress, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let name = move |annotation: &'a str| annotation.strip_prefix(prefix)?.strip_prefix('/');
    let annotations = ingress.metadata.annotations.iter();
    annotations.filter_map(move |(key, value)| Some((key.as_str(), name(key)?, value.as_str())))
}

fn field(annotation: &str) -> String {
    format!("metadata.annotations[{}]", quoted(annotation))
}
