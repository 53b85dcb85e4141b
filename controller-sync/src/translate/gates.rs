//! The operator's gates: what no Ingress may carry, whatever it would do (ingress-nginx' behaviour section "validation").

use super::annotations::table::Risk;

/// What the ConfigMap and the flags refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gates {
    /// `annotations-risk-level`: an Ingress with an annotation of a higher risk is not served.
    pub(super) risk_level: Risk,
    /// `annotation-value-word-blocklist`: an Ingress with one of these in any value under our prefix is not served.
    pub(super) word_blocklist: Vec<String>,
    /// `allow-snippet-annotations`: `false` drops snippets and serves the rest, where the risk level lets them come so far.
    /// Snippets are never executed: `true` keeps an Ingress with one from being served.
    pub(super) allow_snippet_annotations: bool,
    /// `unsupported-annotations`, a key of Ingora alone, is `ignore`: an Ingress is served although something that it
    /// counts on for its protection is missing.
    pub(super) ignore_unsupported: bool,
    /// `allow-cross-namespace-resources`: annotations may name Secrets and ConfigMaps of other namespaces.
    pub(super) cross_namespace: bool,
    /// `strict-validate-path-type`: tell of paths that ingress-nginx' admission webhook would refuse.
    pub(super) strict_path_type: bool,
    /// `global-allowed-response-headers`: what `custom-headers` may set, in these letters.
    pub(super) allowed_response_headers: Vec<String>,
    /// `proxy-redirect-from` and `proxy-redirect-to`, for annotations that say only one of them.
    pub(super) proxy_redirect: (Option<String>, Option<String>),
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            risk_level: Risk::High,
            word_blocklist: Vec::new(),
            allow_snippet_annotations: false,
            ignore_unsupported: false,
            cross_namespace: false,
            strict_path_type: true,
            allowed_response_headers: Vec::new(),
            proxy_redirect: (None, None),
        }
    }
}

/// Texts that no host or path needs, and that attacks on nginx are made of (`--deep-inspect`).
const SUSPICIOUS: [&str; 7] = [
    "_by_lua",
    "/var/run/secrets",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/nginx",
    "/etc/ingress-controller",
];

/// Which suspicious text a host or path has, if any.
pub(super) fn suspicious(text: &str) -> Option<&'static str> {
    SUSPICIOUS.into_iter().find(|word| text.contains(word))
}

/// Whether an Exact or Prefix path has only what `strict-validate-path-type` lets pass: letters, digits, `/`, `.`, `_`, `-`.
pub(super) fn is_strict_path(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
}
